"""The inputs that fuzzing found worth keeping, and captures made hostile from the samples: every promise holds.

FUZZ_SHARE=4 takes every fourth of them, as `make asan` does.
"""

from __future__ import annotations

import os
import tempfile
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from random import Random

import msgspec
import pytest

import handshake_inspect
import saved
from anatomy import compose, parse
from hostile import mutate
from promises import COMMANDS, Broken, decodes, every_look, holds, holds_together, is_tame

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = [path.read_bytes() for path in sorted((ROOT / "sample_pcaps").glob("*/capture.pcap"))]
SHARE = int(os.environ.get("FUZZ_SHARE", "1"))
SHARDS = 8
HOSTILE = 160
SECONDS_MOST = 2.0 * (3 if "asan" in handshake_inspect.__path__[0] else 1)
"""Of the processor's time for one input; with a sanitizer it takes longer."""


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    shm = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shm if shm.is_dir() else None) as folder:
        yield Path(folder, "capture")


def keeps_every_promise(place: Path, name: str, data: bytes, look: bool) -> None:
    """Read an input in every way, and look at it in one."""
    place.write_bytes(data)
    began = time.process_time()
    try:
        decodes(str(place))
        report = holds(str(place))
        if look:
            number = zlib.crc32(data) % len(COMMANDS)
            every_look(str(place), report, COMMANDS[number : number + 1])
    except Exception as problem:
        problem.add_note(f"input {name}, {len(data)} bytes")
        raise
    took = time.process_time() - began
    assert took < SECONDS_MOST, f"{took:.1f} s for input {name}, {len(data)} bytes"


@pytest.mark.parametrize("shard", range(SHARDS))
def test_a_saved_input_keeps_every_promise(place, shard):
    for number, (name, data) in enumerate(saved.inputs("whole")):
        if number % SHARDS == shard and number % SHARE == 0:
            keeps_every_promise(place, name, data, look=number // SHARDS % 4 == 0)


def test_a_saved_input_of_the_decoder_keeps_every_promise(place):
    for number, (name, data) in enumerate(saved.inputs("decode")):
        if number % SHARE == 0:
            place.write_bytes(data)
            try:
                decodes(str(place))
            except Exception as problem:
                problem.add_note(f"input {name}")
                raise


@pytest.mark.parametrize("shard", range(SHARDS))
def test_a_sample_made_hostile_keeps_every_promise(place, shard):
    for seed in range(shard, HOSTILE // SHARE, SHARDS):
        random = Random(seed)
        data = random.choice(SAMPLES)
        for _ in range(random.choice((1, 2, 4))):
            data = mutate(data, random, 60_000, random.choice(SAMPLES))
        keeps_every_promise(place, f"of seed {seed}", data, look=True)


def test_a_capture_taken_apart_and_put_together_is_the_same():
    for data in SAMPLES:
        assert compose(parse(data)) == data


@pytest.fixture(scope="module")
def connection():
    (one,) = handshake_inspect.analyse(str(ROOT / "sample_pcaps/http_walkthrough/capture.pcap")).connections
    return one


def lied(connection, **changes):
    """The connection, with its client or itself changed."""
    client = {name: changes.pop(name) for name in ("transitions", "state", "time_in_state_ns") if name in changes}
    return msgspec.structs.replace(connection, client=msgspec.structs.replace(connection.client, **client), **changes)


def test_a_promise_that_is_broken_is_seen(connection):
    frames = connection.last_frame
    holds_together(connection, frames)
    steps = connection.client.transitions
    backwards = dict.fromkeys(connection.client.time_in_state_ns, -1)
    elsewhere = (msgspec.structs.replace(steps[0], to="LAST_ACK"), *steps[1:])
    for lie, words in (
        (lied(connection, first_frame=0), "frames in range"),
        (lied(connection, last_frame=frames + 1), "frames in range"),
        (lied(connection, transitions=(steps[0], *steps[2:])), "states follow each other"),
        (lied(connection, transitions=elsewhere), "states are legal"),
        (lied(connection, state="LISTEN"), "the last step leads to the state"),
        (lied(connection, time_in_state_ns=backwards), "no time runs back"),
        (lied(connection, last_time_ns=0), "first before last"),
    ):
        with pytest.raises(Broken, match=words):
            holds_together(lie, frames)


@pytest.mark.parametrize("text", ["\x1b[31m", "a\u202eb", "a\tb", "\x9b0m", "\u2028"])
def test_text_that_acts_is_seen(text):
    is_tame("plain caf\u00e9\n", "report")
    with pytest.raises(Broken):
        is_tame(text, "report")
