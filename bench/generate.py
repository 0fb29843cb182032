"""Writes the benchmark's captures: the same seed and the same NumPy give the same bytes.

    python bench/generate.py                              all captures, in full, into bench/captures/
    python bench/generate.py handshake-heavy --scale 0.1
    python bench/generate.py handshake-heavy --segments 20000000

Every capture is a classic pcap file, little-endian, with microseconds; every frame is Ethernet,
IPv4 and TCP with right checksums.  Beside each NAME.pcap stands NAME.json with its counts.
"""

from __future__ import annotations

import argparse
import json
import struct
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from capture_files import CAPTURES, NAMES, file_name

from conversations import ACK, CLIENT, MIX, RST, SYN, Conversation, Said, download, only_a_syn, ordinary

START_US = 1_704_067_200_000_000
"""2024-01-01 00:00:00 UTC, when every capture begins."""
ROWS_A_BLOCK = 16_384
CONNECTIONS_A_CHUNK = 50_000
FILE_HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)

Array = np.ndarray[Any, Any]

HEAD = np.dtype(
    [
        ("seconds", "<u4"), ("microseconds", "<u4"), ("captured", "<u4"), ("wire", "<u4"),
        ("ethernet", "u1", 14),
        ("version_tos", ">u2"), ("total_length", ">u2"), ("identification", ">u2"), ("fragment", ">u2"),
        ("ttl_protocol", ">u2"), ("ip_checksum", ">u2"), ("source", ">u4"), ("destination", ">u4"),
        ("source_port", ">u2"), ("destination_port", ">u2"), ("seq", ">u4"), ("ack", ">u4"),
        ("offset_flags", ">u2"), ("window", ">u2"), ("tcp_checksum", ">u2"), ("urgent", ">u2"),
    ]
)  # fmt: skip
"""A pcap record header and the headers up to TCP's options, as they lie in the file."""
IP_AT = 16 + 14
TCP_AT = IP_AT + 20
OPTIONS_AT = TCP_AT + 20

CONNECTION = np.dtype(
    [
        ("start_us", "i8"), ("round_trip_us", "i8"), ("script", "i4"), ("address", "u4", 2), ("port", "u2", 2),
        ("isn", "u4", 2), ("clock_ms", "u4", 2), ("identification", "u2", 2),
    ]
)  # fmt: skip
"""One row a connection; pairs are client and server."""

SEGMENT = np.dtype(
    [
        ("time_us", "i8"), ("template", "i4"), ("source", "u4"), ("destination", "u4"), ("source_port", "u2"),
        ("destination_port", "u2"), ("identification", "u2"), ("seq", "u4"), ("ack", "u4"), ("ts_value", "u4"),
        ("ts_echo", "u4"),
    ]
)  # fmt: skip
"""One row a segment: all that differs between segments of the same template."""


def words(data: bytes) -> int:
    """The sum of the 16-bit words of `data`, as a checksum takes it (RFC 1071)."""
    return int(np.frombuffer(data + bytes(len(data) % 2), ">u2").sum(dtype=np.uint64))


class Templates:
    """One row a segment of a conversation: its bytes, and what its numbers and times are relative to."""

    def __init__(self, conversations: Iterable[Conversation]) -> None:
        scripts = [talk.segments for talk in conversations]
        said = [segment for script in scripts for segment in script]
        self.count = np.array([len(script) for script in scripts])
        self.first = np.cumsum(self.count) - self.count
        known: dict[bytes, bytes] = {}
        self.frames = [known.setdefault(frame, frame) for frame in map(frame_of, said)]
        self.size = np.array([len(frame) for frame in self.frames])
        self.head = np.frombuffer(b"".join(frame[:OPTIONS_AT] for frame in self.frames), HEAD)
        sums = {frame: (words(frame[IP_AT:TCP_AT]), tcp_words(frame)) for frame in known}
        self.ip_sum, self.tcp_sum = np.array([sums[frame] for frame in self.frames], np.uint64).T
        self.side = np.array([segment.side for segment in said])
        self.order = np.concatenate([np.arange(len(script)) for script in scripts])
        self.seq = np.array([segment.seq for segment in said], np.uint32)
        self.ack = np.array([segment.ack for segment in said], np.uint32)
        self.numbered = np.array([segment.numbered for segment in said], np.uint32)
        self.acks = np.array([bool(segment.flags & ACK) for segment in said], np.uint32)
        self.timestamps_at = np.array(
            [0 if segment.timestamps_at is None else OPTIONS_AT + segment.timestamps_at for segment in said]
        )
        self.echoes = np.array([segment.echo is not None for segment in said], np.uint32)
        clocks = [(segment.at, segment.echo or segment.at) for segment in said]
        self.at_trips, self.echo_trips = np.array([[one.round_trips for one in pair] for pair in clocks]).T
        self.at_us, self.echo_us = np.array([[one.us for one in pair] for pair in clocks]).T


def frame_of(said: Said) -> bytes:
    """The record of one segment, with zeros where connections differ; what the client receives is padded to 60."""
    head = np.zeros((), HEAD)
    tcp_length = 20 + len(said.options) + len(said.payload)
    wire = 34 + tcp_length
    padding = 0 if said.side == CLIENT else max(0, 60 - wire)
    client_mac, server_mac = bytes.fromhex("020000000001"), bytes.fromhex("020000000002")
    macs = server_mac + client_mac if said.side == CLIENT else client_mac + server_mac
    head["captured"] = head["wire"] = wire + padding
    head["ethernet"] = list(macs + b"\x08\x00")
    head["version_tos"], head["total_length"], head["fragment"] = 0x4500, 20 + tcp_length, 0x4000
    head["ttl_protocol"] = 64 << 8 | 6
    head["offset_flags"] = (20 + len(said.options)) // 4 << 12 | said.flags
    head["window"] = 0 if said.flags & RST else 64240 if said.flags & SYN else 502
    return head.tobytes() + said.options + said.payload + bytes(padding)


def tcp_words(frame: bytes) -> int:
    """The part of TCP's checksum, with its pseudo-header, that is the same for every use of a template."""
    tcp_length = int(np.frombuffer(frame[:OPTIONS_AT], HEAD)["total_length"][0]) - 20
    return words(frame[TCP_AT : TCP_AT + tcp_length]) + 6 + tcp_length


def fold(total: Array) -> Array:
    """The Internet checksum of sums of words (RFC 1071)."""
    for _ in range(3):
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def halves(numbers: Array) -> Array:
    """The sum of the two 16-bit words of each number."""
    wide = numbers.astype(np.uint64)
    return (wide >> 16) + (wide & 0xFFFF)


def segments(templates: Templates, connections: Array) -> Array:
    """The SEGMENT rows of all connections, connection after connection."""
    count = templates.count[connections["script"]]
    row = np.repeat(np.arange(len(connections)), count)
    template = (templates.first[connections["script"]] - (np.cumsum(count) - count))[row] + np.arange(len(row))
    side = templates.side[template]
    start_us, round_trip_us = connections["start_us"][row], connections["round_trip_us"][row]
    at_us = (templates.at_trips[template] * round_trip_us).astype("i8") + templates.at_us[template]
    echo_us = (templates.echo_trips[template] * round_trip_us).astype("i8") + templates.echo_us[template]
    rows = np.zeros(len(row), SEGMENT)
    rows["time_us"], rows["template"] = start_us + at_us, template
    for column, pair in (("source", "address"), ("source_port", "port")):
        rows[column] = connections[pair][row, side]
        rows[column.replace("source", "destination")] = connections[pair][row, 1 - side]
    rows["identification"] = connections["identification"][row, side] + templates.order[template].astype("u2")
    rows["seq"] = connections["isn"][row, side] * templates.numbered[template] + templates.seq[template]
    rows["ack"] = (connections["isn"][row, 1 - side] + templates.ack[template]) * templates.acks[template]
    clock_ms = connections["clock_ms"][row]
    each = np.arange(len(row))
    rows["ts_value"] = clock_ms[each, side] + (at_us // 1000).astype("u4")
    rows["ts_echo"] = (clock_ms[each, 1 - side] + (echo_us // 1000).astype("u4")) * templates.echoes[template]
    return rows


def in_time_order(templates: Templates, chunks: Iterable[Array]) -> Iterator[Array]:
    """The rows of all chunks, sorted by time; no connection starts before those of an earlier chunk."""
    waiting = np.zeros(0, SEGMENT)
    for connections in chunks:
        ready = waiting["time_us"] < connections["start_us"].min()
        yield waiting[ready]
        rows = np.concatenate([waiting[~ready], segments(templates, connections)])
        waiting = rows[np.argsort(rows["time_us"], kind="stable")]
    yield waiting


def records(templates: Templates, rows: Array) -> bytearray:
    """The bytes of the pcap records of SEGMENT rows, checksums included."""
    template = rows["template"]
    head = templates.head[template]
    head["seconds"], head["microseconds"] = rows["time_us"] // 1_000_000, rows["time_us"] % 1_000_000
    for column in ("identification", "source", "destination", "source_port", "destination_port", "seq", "ack"):
        head[column] = rows[column]
    addresses = halves(rows["source"]) + halves(rows["destination"])
    head["ip_checksum"] = fold(templates.ip_sum[template] + addresses + rows["identification"])
    stamped = templates.timestamps_at[template] > 0
    stamps = (halves(rows["ts_value"]) + halves(rows["ts_echo"])) * stamped
    ports = rows["source_port"].astype("u8") + rows["destination_port"]
    numbers = halves(rows["seq"]) + halves(rows["ack"])
    head["tcp_checksum"] = fold(templates.tcp_sum[template] + addresses + ports + numbers + stamps)

    out = bytearray().join([templates.frames[number] for number in template.tolist()])
    view = np.frombuffer(out, np.uint8)
    size = templates.size[template]
    start = np.cumsum(size) - size
    view[start[:, None] + np.arange(OPTIONS_AT)] = head.view(np.uint8).reshape(len(rows), OPTIONS_AT)
    options = np.stack([rows["ts_value"], rows["ts_echo"]], axis=1)[stamped].astype(">u4").view(np.uint8)
    view[(start + templates.timestamps_at[template])[stamped][:, None] + np.arange(8)] = options
    return out


def numbered(rng: np.random.Generator, start_us: Array, script: Array) -> Array:
    """Connections with random round trips, ISNs and clocks, but no addresses yet."""
    count = len(start_us)
    connections = np.zeros(count, CONNECTION)
    connections["start_us"], connections["script"] = start_us, script
    connections["round_trip_us"] = np.clip(rng.lognormal(10.3, 0.7, count), 2_000, 400_000)
    connections["isn"] = rng.integers(0, 2**32, (count, 2), np.uint32)
    connections["clock_ms"] = rng.integers(0, 2**32, (count, 2), np.uint32)
    connections["identification"] = rng.integers(0, 2**16, (count, 2), np.uint16)
    return connections


def handshake_heavy(rng: np.random.Generator, count: int) -> Iterator[Array]:
    """`count` connections of the MIX, 2,000 new ones a second, from 4,096 clients to 8 servers' port 80."""
    slots = np.repeat(np.arange(len(MIX)), [weight for weight, _ in MIX])
    client = 0x0A000000 + rng.permutation(2**16)[:4096]
    first_port = rng.integers(0, 28_232, 4096)
    for first in range(0, count, CONNECTIONS_A_CHUNK):
        here = np.arange(first, min(first + CONNECTIONS_A_CHUNK, count))
        script = np.concatenate([rng.permutation(slots) for _ in range(0, len(here), len(slots))])[: len(here)]
        starts = START_US + first * 500 + np.sort(rng.integers(0, len(here) * 500, len(here)))
        connections = numbered(rng, starts, script)
        connections["address"][:, 0] = client[here % 4096]
        connections["address"][:, 1] = 0xC0A80A01 + here % 8
        connections["port"][:, 0] = 32_768 + (first_port[here % 4096] + here // 4096) % 28_232
        connections["port"][:, 1] = 80
        yield connections


def bulk(rng: np.random.Generator) -> Iterator[Array]:
    """100 connections that are open at the same time, each a download from port 9, which no peer dissects."""
    connections = numbered(rng, START_US + np.sort(rng.integers(0, 500_000, 100)), np.zeros(100, "i4"))
    connections["address"] = np.stack([0x0A000001 + np.arange(100), 0xC0A80A01 + np.arange(100) % 8], axis=1)
    connections["port"] = np.stack([rng.permutation(28_232)[:100] + 32_768, np.full(100, 9)], axis=1)
    yield connections


def syn_flood(rng: np.random.Generator, count: int) -> Iterator[Array]:
    """`count` SYNs, 100,000 a second, from random sources, no two the same, to one port of one server."""
    ports = 2**16 - 1024
    drawn = rng.integers(0x01000000 * ports, 0x7F000000 * ports, count + count // 50 + 1000)
    sources = rng.permutation(np.unique(drawn))[:count]
    for first in range(0, count, CONNECTIONS_A_CHUNK):
        here = sources[first : first + CONNECTIONS_A_CHUNK]
        starts = START_US + first * 10 + np.sort(rng.integers(0, len(here) * 10, len(here)))
        connections = numbered(rng, starts, np.zeros(len(here), "i4"))
        connections["address"] = np.stack([here // ports, np.full(len(here), 0xC0A80A01)], axis=1)
        connections["port"] = np.stack([1024 + here % ports, np.full(len(here), 80)], axis=1)
        yield connections


@dataclass(frozen=True)
class Capture:
    """What a capture file is made of."""

    conversations: list[Conversation]
    chunks: Iterator[Array]


def capture(name: str, rng: np.random.Generator, scale: float, wanted_segments: int | None) -> Capture:
    """The capture of that name; `scale` makes it smaller, `wanted_segments` sets the size of handshake-heavy."""
    if name == "handshake-heavy":
        a_thousand = sum(weight * len(talk.segments) for weight, talk in MIX)
        count = round(100_000 * scale) if wanted_segments is None else round(1000 * wanted_segments / a_thousand)
        return Capture([talk for _, talk in MIX], handshake_heavy(rng, count))
    if name == "bulk":
        return Capture([download(round(15_000 * scale))], bulk(rng))
    if name == "syn-flood":
        return Capture([only_a_syn()], syn_flood(rng, round(1_000_000 * scale)))
    assert name == "small", name
    connections = numbered(rng, np.array([START_US]), np.array([0]))
    connections["address"], connections["port"] = (0x0A000001, 0xC0A80A01), (40_000, 80)
    return Capture([ordinary(1, 300, CLIENT, 3)], iter([connections]))


def write(path: Path, made_of: Capture) -> dict[str, int]:
    """Writes a capture, and beside it its counts, which are returned."""
    templates = Templates(made_of.conversations)
    counts = {"frames": 0, "connections": 0, "bytes": len(FILE_HEADER)}

    def counted(chunks: Iterable[Array]) -> Iterator[Array]:
        for chunk in chunks:
            counts["connections"] += len(chunk)
            yield chunk

    unfinished = path.with_suffix(".part")
    with unfinished.open("wb") as file:
        file.write(FILE_HEADER)
        for rows in in_time_order(templates, counted(made_of.chunks)):
            for first in range(0, len(rows), ROWS_A_BLOCK):
                block = rows[first : first + ROWS_A_BLOCK]
                counts["frames"] += len(block)
                counts["bytes"] += file.write(records(templates, block))
    path.with_suffix(".json").write_text(json.dumps(counts) + "\n")
    unfinished.rename(path)
    return counts


def main() -> None:
    """Writes the captures named on the command line, or all of them."""
    parser = argparse.ArgumentParser(description="Write the benchmark's captures.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which ones, of: {', '.join(NAMES)} (default: all)")
    parser.add_argument("--scale", type=float, default=1.0, help="a fraction of the full size")
    parser.add_argument("--segments", type=int, help="about so many segments (handshake-heavy only)")
    parser.add_argument("--seed", type=int, default=9293)
    parser.add_argument("--output", type=Path, default=CAPTURES, help="the folder to write to")
    options = parser.parse_args()
    if unknown := set(options.names) - set(NAMES):
        parser.error(f"no capture is called {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    if options.segments is not None and options.names != ["handshake-heavy"]:
        parser.error("--segments is for handshake-heavy alone")
    options.output.mkdir(parents=True, exist_ok=True)
    for name in options.names or NAMES:
        started = time.perf_counter()
        rng = np.random.default_rng([options.seed, NAMES.index(name)])
        path = options.output / file_name(name, options.scale, options.segments)
        counts = write(path, capture(name, rng, options.scale, options.segments))
        print(
            f"{path.name}: {counts['connections']:,} connections, {counts['frames']:,} frames, "
            f"{counts['bytes']:,} bytes in {time.perf_counter() - started:.1f} s",
            file=sys.stderr,
        )


if __name__ == "__main__":
    main()
