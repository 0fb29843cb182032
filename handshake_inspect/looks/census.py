"""How many sockets were in each state, at instants a fixed step apart."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from typing import Literal

from handshake_inspect.errors import UsageError
from handshake_inspect.looks.timeline import NO_SOCKET, Wanted, ends, spans
from handshake_inspect.report import Connection, Plain
from handshake_inspect.rfc9293.states import State as StateNumber

SCHEMA: Literal["handshake-inspect/census/1"] = "handshake-inspect/census/1"
SAMPLES_MAX = 1_000_000
STATES = tuple(state.name for state in StateNumber if state.name not in NO_SOCKET)
BELOW_A_SECOND_NS = tuple(digit * 10**power for power in range(9) for digit in (1, 2, 5))
SECONDS = (1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 86400)
DAYS = (2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
STEPS_NS: tuple[int, ...] = (
    *BELOW_A_SECOND_NS,
    *(seconds * 10**9 for seconds in SECONDS),
    *(days * 86400 * 10**9 for days in DAYS),
)
"""Steps that people count in, from a nanosecond to a day; and longer ones, for a clock that was wrong by centuries."""

Key = tuple[str, int, str, int]
Stretch = tuple[str, int, int]
"""A state, its first sample, and the first sample after it."""


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


def census(connections: Iterable[Connection], start_ns: int, end_ns: int, every_ns: int, host: Wanted) -> Census:
    """Count the sockets of the ends for which `host` is true, from `start_ns` until `end_ns`.

    Memory: a number for each sample and state, and the states of the sockets that are open at once.  Raises
    UsageError for more than SAMPLES_MAX samples.
    """
    samples = max(end_ns - start_ns, 0) // every_ns + 1
    if samples > SAMPLES_MAX:
        raise UsageError(f"--every {every_ns} ns asks for {samples:,} samples, {SAMPLES_MAX:,} are possible")
    counter = Counter(samples)

    def first_sample(time_ns: int | None) -> int:
        """The first instant at or after a time; None is before the capture."""
        return 0 if time_ns is None else min(max(-(-(time_ns - start_ns) // every_ns), 0), samples)

    for connection in connections:
        counter.forget_before(first_sample(connection.first_time_ns))
        for _, end, peer in ends(connection):
            if not host(end):
                continue
            stretches = [
                (span.state, first_sample(span.start_ns), samples if span.end_ns is None else first_sample(span.end_ns))
                for span in spans(end)
                if span.state not in NO_SOCKET
            ]
            if stretches:
                counter.add((end.address, end.port, peer.address, peer.port), stretches)
    return Census(
        schema=SCHEMA, start_ns=start_ns, every_ns=every_ns, samples=samples, states=_counts(counter.changes, samples)
    )


class Counter:
    """The changes of each count from sample to sample, and the sockets that a newer incarnation may replace."""

    def __init__(self, samples: int) -> None:
        self.changes = {state: array("q", bytes(8 * (samples + 1))) for state in STATES}
        self._latest: dict[Key, Sequence[Stretch]] = {}
        self._crowded = 1000

    def add(self, key: Key, stretches: Sequence[Stretch]) -> None:
        """Count a socket; a host has one on a 4-tuple, so it ends an older one that is still there."""
        begin = stretches[0][1]
        for state, since, until in self._latest.get(key, ()):
            if until > begin:
                self._change(state, max(since, begin), until, -1)
        for state, since, until in stretches:
            self._change(state, since, until, 1)
        self._latest[key] = stretches

    def _change(self, state: str, since: int, until: int, by: int) -> None:
        self.changes[state][since] += by
        self.changes[state][until] -= by

    def forget_before(self, sample: int) -> None:
        """Let go of sockets that ended before: connections come in the order of their first segments."""
        if len(self._latest) > self._crowded:
            self._latest = {key: latest for key, latest in self._latest.items() if latest[-1][2] >= sample}
            self._crowded = max(2 * len(self._latest), 1000)


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
