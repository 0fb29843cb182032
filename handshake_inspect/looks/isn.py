"""How each host's initial sequence numbers move over its connections (RFC 6528).

An ISN that can be predicted lets somebody who does not see the traffic forge a segment that the peer accepts.  A good
host adds a secret that differs for each 4-tuple to a clock, so ISNs on different 4-tuples have nothing in common, and
only those on one 4-tuple follow the clock.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple, cast

from handshake_inspect.report import Connection, Finding, Frame, Plain, Severity
from handshake_inspect.rfc9293.seq import seq_distance
from handshake_inspect.spelling import called
from handshake_inspect.verdict.findings import FINDINGS, NUMBERS

SCHEMA: Literal["handshake-inspect/isn/1"] = "handshake-inspect/isn/1"
PAIRS_MIN = 3
"""Steps between ISNs of different 4-tuples that a judgement needs: three small ones come by chance once in 2**21."""
SMALL = 1 << 24
"""A step below this (in either direction) is small: random ones are once in 128."""
KEPT_MAX = 10_000
"""So many ISNs of a host are kept; more would not change the judgement."""
REOPENED = 65_537

Move = Literal["random", "constant", "constant-step", "small-steps", "clock", "repeating", "too-few"]


class Clock(NamedTuple):
    """A clock that ISNs are known to follow."""

    name: str
    per_s: int


CLOCKS = (Clock("RFC 6528's clock, one each 4 us", 250_000), Clock("Linux's clock, one each 64 ns", 15_625_000))


class HostIsns(Plain, frozen=True, kw_only=True, omit_defaults=True):
    """One host: how its ISNs move from 4-tuple to 4-tuple, and on one that it used again (`same_tuple`)."""

    address: str
    isns: int
    move: Move
    text: str
    same_tuple: str | None
    finding: Finding | None
    names: tuple[str, ...] = ()


class Document(Plain, frozen=True, kw_only=True):
    """What `why --isn --format json` writes; hosts with a finding first, then by how many ISNs are known."""

    schema: Literal["handshake-inspect/isn/1"]
    hosts: tuple[HostIsns, ...]


class Isns:
    """What one host has sent: times, ISNs and which 4-tuple each was for, in the order of the capture."""

    __slots__ = ("first_frame", "isns", "names", "times_ns", "tuples")

    def __init__(self, first_frame: Frame, names: tuple[str, ...] = ()) -> None:
        self.first_frame = first_frame
        self.names = names
        self.times_ns = array("q")
        self.isns = array("L")
        self.tuples = array("q")


class Step(NamedTuple):
    """From one ISN of a host to its next."""

    same_tuple: bool
    by: int
    after_ns: int


def isns_of_hosts(connections: Iterable[Connection]) -> Document:
    """Judge every host that sent a SYN or SYN-ACK.  Memory: three numbers for each of KEPT_MAX ISNs a host."""
    found: dict[str, Isns] = {}
    for connection in connections:
        waited = connection.opening.server_side_ns or 0
        for end, peer, time_ns in (
            (connection.client, connection.server, connection.first_time_ns),
            (connection.server, connection.client, connection.first_time_ns + waited),
        ):
            if end.isn is None:
                continue
            host = found.setdefault(end.address, Isns(connection.first_frame, end.names))
            if len(host.isns) < KEPT_MAX:
                host.times_ns.append(time_ns)
                host.isns.append(end.isn)
                host.tuples.append(hash((end.port, peer.address, peer.port)))
    hosts = [judged(address, host) for address, host in found.items()]
    hosts.sort(key=lambda host: (host.finding is None, -host.isns))
    return Document(schema=SCHEMA, hosts=tuple(hosts))


def steps(host: Isns) -> Iterator[Step]:
    """Yield the step from each ISN to the next in time, and to the next on the same 4-tuple."""
    order = sorted(range(len(host.isns)), key=host.times_ns.__getitem__)
    last: dict[int, int] = {}
    for before, place in zip([None, *order], order, strict=False):
        key = host.tuples[place]
        for earlier, same in ((last.get(key), True), (before, False)):
            if earlier is None or (not same and host.tuples[earlier] == key):
                continue
            by = seq_distance(host.isns[earlier], host.isns[place])
            yield Step(same, by, host.times_ns[place] - host.times_ns[earlier])
        last[key] = place


def follows(step: Step, clock: Clock) -> bool:
    """Whether the ISN moved as the clock did, with a hundredth and 5 ms to spare."""
    ticks = step.after_ns * clock.per_s // 10**9
    spare = ticks // 100 + clock.per_s // 200
    return spare < 1 << 30 and abs(seq_distance(ticks & 0xFFFFFFFF, step.by & 0xFFFFFFFF)) <= spare


def judged(address: str, host: Isns) -> HostIsns:
    """Return the judgement on one host."""
    all_steps = list(steps(host))
    across = [step for step in all_steps if not step.same_tuple]
    move, text = _moves(across, len(set(host.isns)), len(host.isns))
    kind = FINDINGS[NUMBERS["isn-predictable"]]
    finding = None
    if move not in ("random", "too-few"):
        finding = Finding(
            id=kind.id, severity=cast(Severity, kind.severity), endpoint=None, frames=(host.first_frame,),
            text=f"the ISNs of {called(address, host.names)} can be predicted: {text}",
        )  # fmt: skip
    return HostIsns(
        address=address,
        isns=len(host.isns),
        move=move,
        text=text,
        same_tuple=_on_one_tuple([step for step in all_steps if step.same_tuple]),
        finding=finding,
        names=host.names,
    )


def _moves(across: list[Step], distinct: int, count: int) -> tuple[Move, str]:
    """Say how ISNs move from one 4-tuple to another."""
    if len(across) < PAIRS_MIN:
        return "too-few", f"{count} known, {PAIRS_MIN + 1} on different 4-tuples are needed"
    sizes = {step.by for step in across}
    if sizes == {0}:
        return "constant", "every connection begins with the same number"
    if len(sizes) == 1:
        return "constant-step", f"each is {sizes.pop()} after the one before"
    # A clock alone: what follows it on different 4-tuples has no secret in it.
    for clock in CLOCKS:
        if sum(follows(step, clock) for step in across) >= 0.9 * len(across):
            return "clock", f"they follow {clock.name}, without a secret that differs for each 4-tuple"
    largest = max(abs(step.by) for step in across)
    if largest < SMALL:
        return "small-steps", f"each lies within {largest:,} of the one before"
    if distinct * 2 <= count:
        return "repeating", f"{count} connections share {distinct} numbers"
    return "random", "nothing in common from one 4-tuple to another"


def _on_one_tuple(same: list[Step]) -> str | None:
    """Say how ISNs move on a 4-tuple that came again; None where none did."""
    if not same:
        return None
    for clock in CLOCKS:
        if all(follows(step, clock) for step in same):
            return f"they follow {clock.name}, as RFC 6528 asks"
    return "they follow no clock that is known here"
