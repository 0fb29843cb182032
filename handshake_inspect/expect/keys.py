"""Every key that an expectation can have, with a sentence: for the help, the README and formats that describe rules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from handshake_inspect.expect.limits import PEAK
from handshake_inspect.expect.measures import MEASURES
from handshake_inspect.expect.rules import RULES

COUNT = "how many connections match"


class Key(NamedTuple):
    """One key: an example of its use, and what it asks."""

    name: str
    example: str
    sentence: str


# fmt: off
SETTINGS = (
    Key("match", 'match = "server port 443"', "which connections, in the language of --filter; left out: all of them"),
    Key("name", 'name = "drain"', "what results call it, instead of its match"),
    Key("optional", "optional = true", "no connection need match; without it one must"),
    Key("grade", 'grade = "weak"', "judge what rests on inferred steps as well (doctor tells them); without it: firm"),
    Key("count", "count = { min = 1, max = 3 }", COUNT + "; a number alone: exactly so many"),
)
LIMITS = (
    Key("max", 'max.handshake = "50 ms"', "what a measure may be at most, on each connection"),
    Key("min", 'min.bytes = "1 kB"', "what a measure must be at least, on each connection"),
    Key("percentile", 'max.handshake.p95 = "20 ms"', "a percentile, p1 to p100, of a measure over all that match"),
    Key(PEAK, f"max.{PEAK} = 100", "the most at once in TIME_WAIT on one host, of all that match"),
)
# fmt: on


def keys() -> Iterator[Key]:
    """Every key, in the order in which a person reads of them."""
    yield from SETTINGS
    yield from (Key(row.name, row.example, row.sentence) for row in RULES.values())
    yield from LIMITS


def measures() -> Iterator[tuple[str, str]]:
    """Each measure with its sentence; those that differ only in the end or the state are one."""
    states = [name for name in MEASURES if name.startswith("time_in.")]
    for name, measure in MEASURES.items():
        if name == states[0]:
            yield "time_in.STATE", f"the longer time that an end spent in one state: {', '.join(states)}"
        elif "." not in name and f"{name}.client" in MEASURES:
            yield name, f"{measure.sentence}; {name}.client and {name}.server: by one"
        elif "." not in name:
            yield name, measure.sentence


def sentence_of(key: str) -> str:
    """What a key of a result asks, in words: `opening`, `max.handshake.p95`, `count`."""
    if key in RULES:
        return RULES[key].sentence
    bound, _, name = key.partition(".")
    if bound not in ("max", "min"):
        return COUNT if key == "count" else f"{key} is as the baseline has it"
    words = "at most" if bound == "max" else "at least"
    if name == PEAK:
        return f"{LIMITS[-1].sentence}, {words}"
    whole, _, percentile = name.rpartition(".")
    if name in MEASURES:
        return f"{MEASURES[name].sentence}, {words}"
    return f"{MEASURES[whole].sentence}, {words}, at {percentile}"
