"""bench/generate.py: the captures are what the benchmark's page says they are."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

GENERATE = Path(__file__).parent.parent / "bench" / "generate.py"
SCALE = 0.01
FIN, SYN, RST, ACK = 0x01, 0x02, 0x04, 0x10


@dataclass(frozen=True)
class Frame:
    """One record of a capture, as far as these tests look at it."""

    time_us: int
    data: bytes

    @property
    def ip(self) -> bytes:
        return self.data[14 : 14 + struct.unpack_from(">H", self.data, 16)[0]]

    @property
    def tcp(self) -> bytes:
        return self.ip[20:]

    @property
    def flags(self) -> int:
        return self.tcp[13]

    @property
    def payload(self) -> bytes:
        return self.tcp[(self.tcp[12] >> 4) * 4 :]

    @property
    def sender(self) -> tuple[bytes, int]:
        return self.ip[12:16], int.from_bytes(self.tcp[:2])

    @property
    def receiver(self) -> tuple[bytes, int]:
        return self.ip[16:20], int.from_bytes(self.tcp[2:4])

    @property
    def connection(self) -> frozenset[tuple[bytes, int]]:
        return frozenset((self.sender, self.receiver))


def generate(folder: Path, *arguments: str) -> None:
    subprocess.run([sys.executable, str(GENERATE), "--output", str(folder), *arguments], check=True)


def frames_of(path: Path) -> list[Frame]:
    data = path.read_bytes()
    assert data[:24] == struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    frames, at = [], 24
    while at < len(data):
        seconds, us, captured, wire = struct.unpack_from("<IIII", data, at)
        assert captured == wire
        frames.append(Frame(seconds * 1_000_000 + us, data[at + 16 : at + 16 + captured]))
        at += 16 + captured
    assert at == len(data)
    return frames


def internet_checksum(data: bytes) -> int:
    """Zero over bytes that hold their own right checksum (RFC 1071)."""
    even = data + bytes(len(data) % 2)
    total = sum(struct.unpack(f">{len(even) // 2}H", even))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


@pytest.fixture(scope="module")
def captures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("captures")
    generate(folder, "--scale", str(SCALE))
    return folder


def files(folder: Path) -> list[Path]:
    found = sorted(folder.glob("*.pcap"))
    assert [path.name for path in found] == [
        "bulk-x0.01.pcap", "handshake-heavy-x0.01.pcap", "small.pcap", "syn-flood-x0.01.pcap",
    ]  # fmt: skip
    return found


def test_every_checksum_is_right(captures: Path) -> None:
    for path in files(captures):
        for number, frame in enumerate(frames_of(path), start=1):
            pseudo = frame.ip[12:20] + struct.pack(">HH", 6, len(frame.tcp))
            assert (path.name, number, internet_checksum(frame.ip[:20])) == (path.name, number, 0)
            assert (path.name, number, internet_checksum(pseudo + frame.tcp)) == (path.name, number, 0)


def test_frames_are_in_time_order_and_counted_beside_the_file(captures: Path) -> None:
    for path in files(captures):
        frames = frames_of(path)
        times = [frame.time_us for frame in frames]
        assert times == sorted(times)
        assert json.loads(path.with_suffix(".json").read_text()) == {
            "frames": len(frames),
            "connections": len({frame.connection for frame in frames}),
            "bytes": path.stat().st_size,
        }


def test_handshake_heavy_holds_what_it_promises(captures: Path) -> None:
    frames = frames_of(captures / "handshake-heavy-x0.01.pcap")
    talks: dict[frozenset[tuple[bytes, int]], list[Frame]] = {}
    for frame in frames:
        talks.setdefault(frame.connection, []).append(frame)
    kinds: Counter[str] = Counter()
    for talk in talks.values():
        flags = [frame.flags for frame in talk]
        numbered = [frame for frame in talk if frame.flags & (SYN | FIN) or frame.payload]
        numbers = [(frame.sender, frame.flags, frame.tcp[4:8]) for frame in numbered]
        kinds["again"] += len(set(numbers)) < len(numbers) and flags.count(SYN) != 4
        kinds["refused"] += flags == [SYN, RST | ACK]
        kinds["unanswered"] += flags == [SYN] * 4
        kinds["reset"] += len(flags) > 2 and bool(flags[-1] & RST)
        kinds["closed"] += len({frame.sender for frame in talk if frame.flags & FIN}) == 2
        kinds["handshake"] += SYN | ACK in flags
    assert (len(talks), len(frames)) == (1000, 17_000)
    assert kinds == {"handshake": 994, "closed": 990, "again": 20, "reset": 4, "refused": 3, "unanswered": 3}
    spans = [(talk[0].time_us, talk[-1].time_us) for talk in talks.values()]
    assert max(sum(first <= now <= last for first, last in spans) for now, _ in spans[::50]) > 200


def test_each_side_acknowledges_what_it_was_sent(captures: Path) -> None:
    frames = frames_of(captures / "handshake-heavy-x0.01.pcap") + frames_of(captures / "bulk-x0.01.pcap")
    expected: dict[tuple[tuple[bytes, int], tuple[bytes, int]], int] = {}
    for frame in frames:
        way, back = (frame.sender, frame.receiver), (frame.receiver, frame.sender)
        seq, ack = struct.unpack_from(">II", frame.tcp, 4)
        after = (seq + len(frame.payload) + bool(frame.flags & SYN) + bool(frame.flags & FIN)) % 2**32
        if frame.flags & ACK:
            assert ack == expected[back]
        else:
            assert (frame.flags, ack) == (SYN, 0)
        assert way not in expected or seq == expected[way] or after == expected[way]
        expected[way] = after


def test_bulk_is_full_size_segments_with_an_ack_for_every_second_one(captures: Path) -> None:
    frames = frames_of(captures / "bulk-x0.01.pcap")
    sizes = Counter(len(frame.data) for frame in frames)
    assert sizes[1514] == 100 * 150
    assert sum(bool(frame.flags & SYN) for frame in frames) == 200
    assert sum(bool(frame.flags & FIN) for frame in frames) == 200
    assert len(frames) == 100 * (3 + 1 + 150 + 75 + 4)


def test_every_syn_of_the_flood_comes_from_elsewhere_and_has_options(captures: Path) -> None:
    frames = frames_of(captures / "syn-flood-x0.01.pcap")
    assert {(len(frame.data), frame.flags, frame.receiver) for frame in frames} == {
        (74, SYN, (bytes([192, 168, 10, 1]), 80)),
    }
    assert len({frame.sender for frame in frames}) == len(frames) == 10_000
    assert {(frame.tcp[20:28].hex(" "), frame.tcp[32:].hex(" ")) for frame in frames} == {
        ("02 04 05 b4 04 02 08 0a", "00 00 00 00 01 03 03 07"),
    }


def test_small_is_one_request_in_ten_frames(captures: Path) -> None:
    frames = frames_of(captures / "small.pcap")
    assert [frame.flags for frame in frames] == [0x02, 0x12, 0x10, 0x18, 0x10, 0x18, 0x10, 0x11, 0x11, 0x10]
    assert frames[3].payload.startswith(b"GET /item HTTP/1.1\r\n")
    assert frames[5].payload.startswith(b"HTTP/1.1 200 OK\r\n")


def test_the_same_seed_gives_the_same_bytes_and_another_gives_others(captures: Path, tmp_path: Path) -> None:
    name = "handshake-heavy-x0.01.pcap"
    generate(tmp_path / "same", "handshake-heavy", "--scale", str(SCALE))
    generate(tmp_path / "other", "handshake-heavy", "--scale", str(SCALE), "--seed", "1")
    assert (tmp_path / "same" / name).read_bytes() == (captures / name).read_bytes()
    assert (tmp_path / "other" / name).read_bytes() != (captures / name).read_bytes()


def test_segments_sets_the_size_of_handshake_heavy(tmp_path: Path) -> None:
    generate(tmp_path, "handshake-heavy", "--segments", "51000")
    assert json.loads((tmp_path / "handshake-heavy-51000-segments.json").read_text())["frames"] == 51_000


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_tshark_finds_no_malformed_frame(captures: Path) -> None:
    for path in files(captures):
        wrong = "_ws.malformed || ip.checksum.status != 1 || tcp.checksum.status != 1"
        asked = ["-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE", "-Y", wrong]
        said = subprocess.run(["tshark", "-n", "-r", str(path), *asked], capture_output=True, text=True, check=True)
        assert (path.name, said.stdout) == (path.name, "")
