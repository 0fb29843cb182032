"""How many sockets were in each state, at instants a fixed step apart."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable
from typing import Literal

from handshake_inspect.errors import UsageError
from handshake_inspect.looks.timeline import NO_SOCKET, ends, spans
from handshake_inspect.report import Connection, Plain
from handshake_inspect.rfc9293.states import State as StateNumber

SCHEMA: Literal["handshake-inspect/census/1"] = "handshake-inspect/census/1"
SAMPLES_MAX = 1_000_000
STATES = tuple(state.name for state in StateNumber if state.name not in NO_SOCKET)
BELOW_A_SECOND_NS = tuple(digit * 10**power for power in range(9) for digit in (1, 2, 5))
SECONDS = (1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 86400)
STEPS_NS: tuple[int, ...] = (*BELOW_A_SECOND_NS, *(seconds * 10**9 for seconds in SECONDS))
"""Steps that people count in, from a nanosecond to a day."""

Key = tuple[str, int, str, int]


class Census(Plain, frozen=True, kw_only=True):
    """What `ss --census --format json` writes: sample n is the instant `start_ns + n * every_ns`.

    `states` has a list of as many counts as there are samples for each state that occurs.  Listeners are not counted.
    """

    schema: Literal["handshake-inspect/census/1"]
    start_ns: int
    every_ns: int
    samples: int
    states: dict[str, list[int]]


def step_for(length_ns: int, samples: int) -> int:
    """Return the smallest of STEPS_NS that needs at most `samples` instants for `length_ns`."""
    return next((step for step in STEPS_NS if length_ns // step < samples), STEPS_NS[-1])


def census(
    connections: Iterable[Connection], start_ns: int, end_ns: int, every_ns: int, host: Callable[[str], bool]
) -> Census:
    """Count the sockets of the hosts for which `host` is true, from `start_ns` until `end_ns`.

    Memory: a number for each sample and state, and one entry for each socket that is open at the end.  Raises
    UsageError for more than SAMPLES_MAX samples.
    """
    samples = max(end_ns - start_ns, 0) // every_ns + 1
    if samples > SAMPLES_MAX:
        raise UsageError(f"--every {every_ns} ns asks for {samples:,} samples, {SAMPLES_MAX:,} are possible")
    changes = {state: array("q", bytes(8 * (samples + 1))) for state in STATES}
    left_open: dict[Key, tuple[str, int]] = {}

    def first_sample(time_ns: int | None) -> int:
        """The first instant at or after a time."""
        if time_ns is None:
            return 0
        return min(max(-(-(time_ns - start_ns) // every_ns), 0), samples)

    for connection in connections:
        for _, end, peer in ends(connection):
            if not host(end.address):
                continue
            key = (end.address, end.port, peer.address, peer.port)
            for span in spans(end):
                if span.state in NO_SOCKET:
                    continue
                begin = first_sample(span.start_ns)
                older = left_open.pop(key, None)
                if older is not None:
                    # One socket a 4-tuple: this incarnation takes the place of the one that nothing ended.
                    state, since = older
                    changes[state][max(begin, since)] -= 1
                    changes[state][samples] += 1
                changes[span.state][begin] += 1
                if span.end_ns is None:
                    changes[span.state][samples] -= 1
                    left_open[key] = (span.state, begin)
                else:
                    changes[span.state][max(first_sample(span.end_ns), begin)] -= 1
    return Census(
        schema=SCHEMA, start_ns=start_ns, every_ns=every_ns, samples=samples, states=_counts(changes, samples)
    )


def _counts(changes: dict[str, array[int]], samples: int) -> dict[str, list[int]]:
    """Add the changes up; a state that never occurs is left out."""
    counts: dict[str, list[int]] = {}
    for state, column in changes.items():
        now, row = 0, []
        for change in column[:samples]:
            now += change
            row.append(now)
        if any(row):
            counts[state] = row
    return counts
