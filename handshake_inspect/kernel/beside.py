"""The wire and the kernel side by side: each end of this host's connections, with the state that each of them gives it.

The two are never asked at one instant, and a segment is captured before the kernel has acted on it, or after.  So a
difference counts only when it lasts; one that goes away by itself is counted apart.
"""

from __future__ import annotations

import socket
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from handshake_inspect.kernel.differences import reason_for
from handshake_inspect.kernel.netlink import own_addresses
from handshake_inspect.kernel.sockets import Sockets

LASTING_S = 1.0
LASTING_POLLS = 3
"""For how long, and how often in a row, both must have said the same before a difference between them counts."""

ENDS_MOST = 100_000
"""Ends that are compared at once; those beyond are counted."""
SHOWN_MOST = 1000
"""Lasting disagreements that are kept; all are counted."""
SHARE = 20
"""A poll is followed by a pause of so many times its own length, at least."""

NO_CONNECTION = ("CLOSED", "LISTEN")
"""States in which the kernel keeps no socket of a connection."""

End = tuple[str, int, str, int]
"""Local address and port, remote address and port."""
Step = tuple[str, str, str]
"""The state before, the state after, and how certain it is, as in a Transition."""


class Disagreement(NamedTuple):
    """A difference that lasts and that nothing explains.  `kernel` is None where the kernel has no socket."""

    connection: int
    role: str
    end: End
    wire: str
    kernel: str | None
    lasted_s: float


class Row(NamedTuple):
    """One end as it is now.  `polls` in a row found the kernel's state as it is; 0: it has not been asked since.

    `verdict` is "agrees", "explained", "lasting", or "" for a difference that may still go away.
    """

    connection: int
    role: str
    end: End
    wire: str
    kernel: str | None
    polls: int
    verdict: str


class _End:
    """What is known of one end; the pair of its states is the same since `since_s`."""

    __slots__ = ("connection", "had_socket", "kernel", "key", "polls", "role", "since_s", "unproved", "verdict", "wire")

    def __init__(self, connection: int, role: str, key: tuple[bytes, int, bytes, int]) -> None:
        self.connection = connection
        self.role = role
        self.key = key
        self.wire = "CLOSED"
        self.unproved: tuple[str, ...] = ()
        self.kernel: str | None = None
        self.had_socket = False
        self.since_s = 0.0
        self.polls = 0
        self.verdict = ""

    @property
    def agrees(self) -> bool:
        return self.kernel == self.wire or (self.kernel is None and self.wire in NO_CONNECTION)


class Beside:
    """Compares the ends of this host's connections with the kernel's sockets.

    Tell it each change (`moved`, `anew`) and let it `poll`; times are seconds of one clock that never goes back.
    `compared` counts ends times polls, and `agreed` those of them that agreed; `passing` differences that went away by
    themselves; `explained` those that last and have a reason, by reason; `lasting` those that have none.
    """

    def __init__(self, ask: Callable[[], Sockets], own: Callable[[], frozenset[bytes]] = own_addresses) -> None:
        self.polls = self.compared = self.agreed = self.passing = self.lasting = self.left_out = 0
        self.explained: Counter[str] = Counter()
        self.disagreements: deque[Disagreement] = deque(maxlen=SHOWN_MOST)
        self._ask = ask
        self._own = own
        self._addresses = own()
        self._not_before_s = 0.0
        self._ends: dict[End, _End] = {}

    def moved(self, connection: int, role: str, end: End, step: Step) -> None:
        """Take one more step of an end into account."""
        known = self._find(connection, role, end)
        if known is not None:
            before, after, certainty = step
            self._set(known, after, (*known.unproved, before) if certainty == "inferred" else ())

    def anew(self, connection: int, role: str, end: End, steps: Sequence[Step]) -> None:
        """Take all steps of an end into account, in place of those told before."""
        known = self._find(connection, role, end)
        if known is not None and steps:
            unproved: list[str] = []
            for before, _, certainty in steps:
                unproved = [*unproved, before] if certainty == "inferred" else []
            self._set(known, steps[-1][1], tuple(unproved))

    def row(self, end: End) -> Row | None:
        """Return what is known of one end, None where it is not this host's or is over."""
        known = self._ends.get(end)
        return None if known is None else _row(end, known)

    def rows(self) -> Iterator[Row]:
        """Yield the ends that are not over, oldest first."""
        return (_row(end, known) for end, known in self._ends.items())

    def poll(self, clock: Callable[[], float]) -> list[Disagreement]:
        """Ask the kernel and compare, unless it was asked just before; return the new lasting disagreements.

        Raises OSError when the kernel does not answer.
        """
        now_s = clock()
        if now_s < self._not_before_s:
            return []
        sockets = self._ask()
        self._addresses = self._own()
        self.polls += 1
        found = []
        over = []
        for end, known in self._ends.items():
            disagreement = self._compare(end, known, sockets, now_s)
            if disagreement is not None:
                found.append(disagreement)
            if known.kernel is None and known.verdict in ("agrees", "explained"):
                over.append(end)
        for end in over:
            del self._ends[end]
        self.disagreements += found
        self._not_before_s = now_s + SHARE * (clock() - now_s)
        return found

    def finish(self) -> None:
        """Count the differences that have not lasted yet: there is no more to come."""
        self.passing += sum(bool(known.polls) and not known.verdict for known in self._ends.values())

    def _find(self, connection: int, role: str, end: End) -> _End | None:
        """Return the end that a change is of, a new one if need be; None where it is no end of this host."""
        known = self._ends.get(end)
        if end[:2] == end[2:] or (known is not None and known.connection > connection):
            # A socket that is connected to itself has two ends on the wire; an older connection has no socket.
            return None
        if known is not None and known.connection == connection:
            known.role = role
            return known
        local, peer = _packed(end[0]), _packed(end[2])
        if not (local in self._addresses or _is_loopback(local)):
            return None
        if known is not None:
            self._pair_ends(known)
        elif len(self._ends) >= ENDS_MOST:
            self.left_out += 1
            return None
        self._ends[end] = made = _End(connection, role, (local, end[1], peer, end[3]))
        return made

    def _set(self, known: _End, wire: str, unproved: tuple[str, ...]) -> None:
        known.unproved = unproved
        if wire != known.wire:
            self._pair_ends(known)
            known.wire = wire

    def _pair_ends(self, known: _End) -> None:
        """The two states are no longer what they were."""
        if known.polls and not known.verdict:
            self.passing += 1
        known.polls = 0
        known.verdict = ""

    def _compare(self, end: End, known: _End, sockets: Sockets, now_s: float) -> Disagreement | None:
        kernel = sockets.state(*known.key)
        self.compared += 1
        if kernel != known.kernel:
            self._pair_ends(known)
            known.kernel = kernel
            known.had_socket = known.had_socket or kernel is not None
        if not known.polls:
            known.since_s = now_s
        known.polls += 1
        if known.agrees:
            known.verdict = "agrees"
            self.agreed += 1
            return None
        lasted_s = now_s - known.since_s
        if known.verdict or known.polls < LASTING_POLLS or lasted_s < LASTING_S:
            return None
        reason = reason_for(known.wire, kernel, known.unproved, known.had_socket)
        if reason is not None:
            known.verdict = "explained"
            self.explained[reason] += 1
            return None
        known.verdict = "lasting"
        self.lasting += 1
        return Disagreement(known.connection, known.role, end, known.wire, kernel, lasted_s)


def _row(end: End, known: _End) -> Row:
    return Row(known.connection, known.role, end, known.wire, known.kernel, known.polls, known.verdict)


def _packed(address: str) -> bytes:
    return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)


def _is_loopback(address: bytes) -> bool:
    return len(address) == 4 and address[0] == 127
