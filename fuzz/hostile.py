"""Captures made hostile: by what a frame says, by what a record says of it, by what the file says of the records.

    python fuzz/hostile.py CAPTURE [SEED] > hostile.pcap

`mutate` is what the fuzzer uses.  MUTATIONS is the table; each changes an Anatomy in place.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from random import Random

from anatomy import INTERFACE, OLD_PACKET, PACKINGS, SECTION, SIMPLE, Anatomy, Record, compose, parse
from surgery import OPERATIONS

LENGTHS = (0, 1, 3, 4, 8, 11, 12, 15, 16, 27, 28, 31, 32, 60, 65535, 65536, 262144, 2**26, 2**26 + 4, 2**31, 2**32 - 1)
LINK_TYPES = (
    0, 1, 6, 7, 8, 9, 10, 12, 50, 51, 101, 104, 105, 107, 108, 109, 113, 117, 119, 127, 163, 192, 228, 229, 239, 258,
    273, 274, 276, 280, 65535,
)  # fmt: skip
CODES = (0, 1, 2, 3, 4, 9, 11, 13, 14, 15, 2988, 0x8000, 65535)
TEXTS = (b"\x1b[31mred\x1b[0m", "\u202eevil\u2066".encode(), b"=1+1", b"<script>alert(1)</script>", b"|`*", b"\xff\xfe")


def operate(a: Anatomy, random: Random) -> None:
    """Do something to some frames."""
    for _ in range(random.choice((1, 1, 2, 4))):
        places = [at for at, record in enumerate(a.records) if record.is_frame]
        if not places:
            return
        at = random.choice(places)
        record = a.records[at]
        made = random.choice(OPERATIONS)(record.data, random)
        told = random.random() < 0.9
        a.records[at : at + 1] = [
            Record(frame, record.ticks, record.interface, record.options, wire=None if told else record.wire)
            for frame in made
        ]


def repeat(a: Anatomy, random: Random) -> None:
    """A frame twice, or very often."""
    if a.records:
        at = random.randrange(len(a.records))
        times = random.choice((1, 1, 2, 10, 70, 300))
        if len(a.records[at].data) * times < 40_000:
            a.records[at:at] = [deepcopy(a.records[at]) for _ in range(times)]


def drop(a: Anatomy, random: Random) -> None:
    if a.records:
        at = random.randrange(len(a.records))
        del a.records[at : at + random.choice((1, 1, 2, 8, 1000))]


def reorder(a: Anatomy, random: Random) -> None:
    """Two swapped, a run moved, a run turned round, or all shuffled."""
    if len(a.records) < 2:
        return
    one, other = sorted(random.sample(range(len(a.records)), 2))
    kind = random.randrange(4)
    if kind == 0:
        a.records[one], a.records[other] = a.records[other], a.records[one]
    elif kind == 1:
        run = a.records[one:other]
        del a.records[one:other]
        at = random.randrange(len(a.records) + 1)
        a.records[at:at] = run
    elif kind == 2:
        a.records[one:other] = a.records[one:other][::-1]
    else:
        random.shuffle(a.records)


def time_lies(a: Anatomy, random: Random) -> None:
    """A frame, or all from one on, at a time that cannot be."""
    frames = a.frames
    if not frames:
        return
    second = 10**9 // a.unit_ns
    at = random.randrange(len(frames))
    step = random.choice((1, -1)) * random.choice((1, second // 1000, second, 61 * second, 86_400 * second, 2**40))
    if random.random() < 0.3:
        frames[at].ticks = random.choice((0, 1, 2**31, 2**32 - 1, 2**63 - 1, 2**63, 2**64 - 1, second * (2**32 - 1)))
    elif random.random() < 0.5:
        frames[at].ticks = max(0, frames[at].ticks + step)
    else:
        for frame in frames[at:]:
            frame.ticks = max(0, frame.ticks + step)


def record_lies(a: Anatomy, random: Random) -> None:
    """A record that says it is longer or shorter than it is."""
    if not a.records:
        return
    record = random.choice(a.records)
    told = random.choice((*LENGTHS, len(record.data) + 1, max(len(record.data) - 1, 0), len(record.data) + 16))
    setattr(record, random.choice(("captured", "wire", "length", "trailer")), told)


def snap(a: Anatomy, random: Random) -> None:
    """All frames cut, as a snapshot length does."""
    length = random.choice((14, 34, 54, 60, 66, 68, 96))
    for record in a.frames:
        record.wire = len(record.data) if record.wire is None else record.wire
        record.data = record.data[:length]


def head_lies(a: Anatomy, random: Random) -> None:
    """A field of the file's or the section's header."""
    if a.form == "pcap":
        at = random.choice((0, 4, 6, 8, 12, 16, 20, 22))
        value = random.choice((0, 1, 2, 0xFFFF, random.getrandbits(16)))
        a.head = a.head[:at] + struct.pack(a.mark + "H", value) + a.head[at + 2 :]
        return
    heads = [record for record in a.records if record.kind in (SECTION, INTERFACE) and len(record.data) >= 8]
    if heads:
        record = random.choice(heads)
        at = random.randrange(0, min(len(record.data) - 1, 40))
        record.data = record.data[:at] + random.randbytes(2) + record.data[at + 2 :]


def link_type(a: Anatomy, random: Random) -> None:
    a.set_link_type(random.choice(LINK_TYPES))


def option(code: int, value: bytes, mark: str, length: int | None = None) -> bytes:
    """An option of pcapng, its length as told."""
    return struct.pack(mark + "HH", code, len(value) if length is None else length) + value + bytes(-len(value) % 4)


def options(a: Anatomy, random: Random) -> None:
    """Options of pcapng: many, giant, with lengths that lie or with texts that act."""
    if a.form != "pcapng" or not a.records:
        return
    made = b""
    for _ in range(random.choice((1, 2, 5, 500))):
        value = random.choice((*TEXTS, random.randbytes(1), random.randbytes(8), bytes(random.choice((0, 4, 4000)))))
        length = random.choice((None, None, None, random.choice(LENGTHS) & 0xFFFF))
        made += option(random.choice(CODES), value, a.mark, length)
        if len(made) > 20_000:
            break
    record = random.choice(a.records)
    if record.is_frame:
        record.options += made
    else:
        record.data = record.data + bytes(-len(record.data) % 4) + made


def blocks(a: Anatomy, random: Random) -> None:
    """Blocks of pcapng that were not there: sections, interfaces, simple and obsolete packets, unknown ones."""
    if a.form != "pcapng":
        return
    frame = random.choice(a.frames).data if a.frames else bytes(60)
    kind = random.choice((SECTION, INTERFACE, INTERFACE, SIMPLE, OLD_PACKET, 4, 5, 0xBAD, 10, 0x80000001))
    if kind == SECTION:
        magic = random.choice((0x1A2B3C4D, 0x1A2B3C4D, 0x4D3C2B1A, 0))
        length = random.choice((2**64 - 1, 0, 24))
        body = struct.pack(a.mark + "IHHQ", magic, random.choice((1, 1, 2)), 0, length)
    elif kind == INTERFACE:
        body = struct.pack(a.mark + "HHI", random.choice(LINK_TYPES), 0, random.choice((0, 60, 65535)))
        if random.random() < 0.5:
            body += option(9, bytes((random.randrange(256),)), a.mark) + option(14, random.randbytes(8), a.mark)
    elif kind == SIMPLE:
        body = struct.pack(a.mark + "I", random.choice((len(frame), len(frame) + 1, 2**32 - 1))) + frame
    elif kind == OLD_PACKET:
        body = struct.pack(a.mark + "HHIIII", random.choice((0, 0, 7)), 0, 0, 5, len(frame), len(frame)) + frame
    else:
        body = bytes(random.choice((0, 4, 100, 5000)))
    a.records.insert(random.randrange(len(a.records) + 1), Record(body, kind=kind))


def interfaces(a: Anatomy, random: Random) -> None:
    """Frames of other interfaces, described or not."""
    for record in a.frames:
        if random.random() < 0.3:
            record.interface = random.choice((0, 1, 2, 65535, 65536, 2**32 - 1))


def form(a: Anatomy, random: Random) -> None:
    """The same frames in the other format or the other byte order."""
    if a.form == "raw":
        return
    number = a.link_type
    frames = a.frames
    a.mark = random.choice("<>")
    a.head, a.tail = b"", b""
    if random.random() < 0.5:
        magic, a.unit_ns = random.choice(((0xA1B2C3D4, 1_000), (0xA1B23C4D, 1), (0xA1B2CD34, 1_000)))
        a.form, a.records = "pcap", frames
        a.head = struct.pack(a.mark + "IHHiIII", magic, 2, random.choice((4, 4, 3, 2)), 0, 0, 262144, number)
    else:
        section = Record(struct.pack(a.mark + "IHHQ", 0x1A2B3C4D, 1, 0, 2**64 - 1), kind=SECTION)
        interface = Record(struct.pack(a.mark + "HHI", number, 0, 0), kind=INTERFACE)
        a.form, a.records, a.unit_ns = "pcapng", [section, interface, *frames], 1_000


def tail(a: Anatomy, random: Random) -> None:
    """Something behind the last record."""
    a.tail += random.choice((b"\0", bytes(15), bytes(16), random.randbytes(7), random.randbytes(40)))


def pack(a: Anatomy, random: Random) -> None:
    a.packing = random.choice((None, *PACKINGS))


def bomb(a: Anatomy, random: Random) -> None:
    """Megabytes of nothing behind the last record, compressed to almost none."""
    a.packing = random.choice(tuple(PACKINGS))
    a.tail += bytes(random.choice((1, 4, 8)) << 20)


Mutation = Callable[[Anatomy, Random], None]

# fmt: off
MUTATIONS: tuple[tuple[int, Mutation], ...] = (
    (50, operate), (8, repeat), (6, drop), (10, reorder), (8, time_lies), (6, record_lies), (3, snap), (3, head_lies),
    (3, link_type), (3, options), (4, blocks), (2, interfaces), (3, form), (1, tail), (1, pack),
)
"""How often, and what."""
# fmt: on
WEIGHTS = [weight for weight, _ in MUTATIONS]
CHANGES = [change for _, change in MUTATIONS]


def mutate(data: bytes, random: Random, most: int | None = None, other: bytes | None = None) -> bytes:
    """Return a hostile version of a capture, of at most `most` bytes; frames of `other` may be mixed in."""
    a = parse(data)
    if other is not None and random.random() < 0.1:
        mixed = parse(other).frames
        at = random.randrange(len(a.records) + 1)
        a.records[at:at] = mixed[: random.choice((1, 4, 40))]
    for change in random.choices(CHANGES, WEIGHTS, k=random.choice((1, 1, 2, 3, 6))):
        change(a, random)
    if random.random() < 0.002:
        bomb(a, random)
    made = compose(a)
    if random.random() < 0.1 and made:
        made = scribble(made, random)
    return made if most is None else made[:most]


def scribble(data: bytes, random: Random) -> bytes:
    """Change bytes of the file as it is on disk, or cut it."""
    changed = bytearray(data)
    for _ in range(random.choice((1, 2, 8))):
        changed[random.randrange(len(changed))] = random.randrange(256)
    return bytes(changed[: random.randrange(len(changed) + 1)] if random.random() < 0.3 else changed)


if __name__ == "__main__":
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    sys.stdout.buffer.write(mutate(Path(sys.argv[1]).read_bytes(), Random(seed)))
