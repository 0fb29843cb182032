#!/usr/bin/env python3
"""Fuzz one target, guided by coverage: of the compiled stages (clang's) and of the Python around them (atheris').

    fuzz/run.py whole|decode [LIBFUZZER OPTION...] [CORPUS FOLDER...]

`make fuzz` builds what this needs, and calls it.  An input that breaks a promise is left in the current folder as
`crash-...`; `tests/test_fuzz_saved.py` is where it goes once it is mended.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import struct
import sys
import tempfile
import time
import zlib
from contextlib import suppress
from pathlib import Path
from random import Random

import atheris

SECONDS_MOST = float(os.environ.get("FUZZ_SECONDS", "6"))
"""Processor time for one input: three times what is promised, for sanitizers and coverage cost as much."""

with atheris.instrument_imports(include=["handshake_inspect"], enable_loader_override=False):
    import handshake_inspect

    for module in pkgutil.walk_packages(handshake_inspect.__path__, "handshake_inspect."):
        if not module.name.endswith("__main__"):
            with suppress(ImportError):  # it needs an extra that is not installed
                importlib.import_module(module.name)

from hostile import mutate  # noqa: E402
from promises import COMMANDS, Broken, decodes, every_look, holds  # noqa: E402

SAMPLE = Path(__file__).parent.parent / "sample_pcaps" / "http_walkthrough" / "capture.pcap"
FOLDER = Path(tempfile.mkdtemp(prefix="fuzz-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None))
CAPTURE = FOLDER / "capture"
WAYS = 8


def decode(data: bytes) -> None:
    """Read and decode."""
    timed(data, lambda: decodes(str(CAPTURE)))


def whole(data: bytes) -> None:
    """The whole journey; for every fourth input the JSON and one of the looks, too."""

    def journey() -> None:
        report = holds(str(CAPTURE))
        chosen = zlib.crc32(data) % (len(COMMANDS) * 4)
        if chosen < len(COMMANDS):
            every_look(str(CAPTURE), report, COMMANDS[chosen : chosen + 1])

    timed(data, journey)


def timed(data: bytes, journey) -> None:  # type: ignore[no-untyped-def]
    """Make a journey with a capture; Broken when it takes too long."""
    CAPTURE.write_bytes(data)
    began = time.process_time()
    journey()
    took = time.process_time() - began
    if took > SECONDS_MOST:
        raise Broken(f"{took:.1f} s for {len(data)} bytes")


TARGETS = {"whole": whole, "decode": decode}
recent: list[bytes] = [b""] * WAYS


def mutator(data: bytes, most: int, seed: int) -> bytes:
    """Mutate by structure, mostly; frames of inputs that came before may be mixed in."""
    random = Random(seed)
    recent[random.randrange(WAYS)] = data
    if random.random() < 0.15:
        mutated: bytes = atheris.Mutate(data, most)
        return mutated
    return mutate(data, random, most, random.choice(recent))


def warm_up() -> None:
    """Load what is loaded when it is first used, so that no input is blamed for it."""
    radio = struct.pack("<IHHiIIIIIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 127, 0, 0, 12, 12) + bytes(12)
    for data in (radio, SAMPLE.read_bytes()):
        CAPTURE.write_bytes(data)
        every_look(str(CAPTURE), holds(str(CAPTURE)))


if __name__ == "__main__":
    warm_up()
    target = TARGETS[sys.argv.pop(1)]
    atheris.Setup(sys.argv, target, custom_mutator=mutator)
    atheris.Fuzz()
