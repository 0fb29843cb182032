"""The kernel's record of a socket's states, and the report's endpoints to hold against it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from handshake_inspect import Report
from handshake_inspect.report import Connection, Endpoint, Transition

STATES = {
    "SYN_RECV": "SYN_RECEIVED",
    "FIN_WAIT1": "FIN_WAIT_1",
    "FIN_WAIT2": "FIN_WAIT_2",
    "CLOSE": "CLOSED",
}
"""Linux's spelling, where it is another."""

POINTS = ("client", "middle", "server")

SLACK_NS = 100_000
POLL_NS = 1_000_000
"""A poll is stamped when it is done; with hundreds of sockets it began up to a millisecond before."""

Key = tuple[str, int, str, int]


class Difference(NamedTuple):
    """Where the wire cannot decide: what follows the common states in our path and in the kernel's."""

    scenario: str
    points: tuple[str, ...]
    side: str
    ours: str
    kernel: str
    reason: str

    def at_each_point(self) -> Iterator[tuple[str, str, str, str, str]]:
        """Yield (scenario, point, side, ours, the kernel's) for each capture point."""
        for point in self.points:
            yield self.scenario, point, self.side, self.ours, self.kernel


@dataclass(frozen=True)
class Change:
    """One change of state of one socket; `earliest_ns` to `latest_ns` brackets the time of a polled one."""

    state: str
    time_ns: int
    earliest_ns: int
    latest_ns: int
    polled: bool

    def includes(self, time_ns: int) -> bool:
        """Whether a transition at this time can be this change."""
        slack = POLL_NS if self.polled else SLACK_NS
        return self.earliest_ns - slack <= time_ns <= self.latest_ns + slack


@dataclass
class Socket:
    """One socket's life: local and remote address and port, whose it is, its states in order."""

    side: str
    key: Key
    changes: list[Change] = field(default_factory=list)

    def changes_once(self) -> list[Change]:
        """The changes without those that lead to the same state again (a restarted TIME_WAIT)."""
        return [after for before, after in pairwise([None, *self.changes]) if not before or before.state != after.state]

    @property
    def path(self) -> list[str]:
        """The states that it went to, a repeated one once."""
        return [change.state for change in self.changes_once()]


def endpoints(report: Report) -> dict[Key, list[tuple[Connection, Endpoint]]]:
    """Return both ends of every connection, by local and remote address and port."""
    found = defaultdict(list)
    for connection in report.connections:
        for end, other in ((connection.client, connection.server), (connection.server, connection.client)):
            found[end.address, end.port, other.address, other.port].append((connection, end))
    return found


def matches(report: Report, lives: Iterable[Socket]) -> Iterator[tuple[Socket, Endpoint]]:
    """Yield each socket with the endpoint that it is in the report: the incarnation that began nearest in time.

    A socket of which this capture has no segment is left out.
    """
    by_key = endpoints(report)
    for life in lives:
        began = life.changes[0].time_ns
        if by_key[life.key]:
            yield life, min(by_key[life.key], key=lambda pair: abs(pair[0].first_time_ns - began))[1]


def shown(end: Endpoint) -> list[Transition]:
    """Return the transitions that the wire shows; the assumed end of 2MSL is none of them."""
    return [step for step in end.transitions if step.event != "2MSL timeout"]


def path_of(end: Endpoint) -> list[str]:
    """Return the states that the wire shows."""
    return [step.to for step in shown(end)]


def after_the_common_part(ours: list[str], kernel: list[str]) -> tuple[str, str]:
    """Return what follows the states that both begin with, as words."""
    common = 0
    while common < min(len(ours), len(kernel)) and ours[common] == kernel[common]:
        common += 1
    return " ".join(ours[common:]), " ".join(kernel[common:])


def at_the_same_step(end: Endpoint, life: Socket) -> Iterator[tuple[Transition, Change]]:
    """Yield the transitions and the changes that have the same place in the path and lead to the same state."""
    for step, change in zip(shown(end), life.changes_once(), strict=False):
        if step.to == change.state:
            yield step, change
