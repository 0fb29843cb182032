"""How each host's initial sequence numbers move over its connections (RFC 6528).

An ISN that can be predicted lets somebody who does not see the traffic forge a segment that the peer accepts.  A good
host adds a secret that differs for each 4-tuple to a clock, so ISNs on different 4-tuples have nothing in common, and
only those on one 4-tuple follow the clock.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, cast

from handshake_inspect.report import Connection, Finding, Frame, Plain, Severity
from handshake_inspect.rfc9293.seq import seq_distance
from handshake_inspect.spelling import called
from handshake_inspect.verdict.findings import FINDINGS, NUMBERS
from handshake_inspect.verdict.isns import Isns, follows
from handshake_inspect.verdict.words import CLOCKS, MOVES
from handshake_inspect.views.sentences import isn_moves

SCHEMA: Literal["handshake-inspect/isn/1"] = "handshake-inspect/isn/1"
OPENED = ("three-way", "simultaneous", "split")
TUPLES_MAX = 10_000
"""So many 4-tuples of a host are remembered, to see how its ISNs move on one that comes again."""

Move = Literal["random", "constant", "constant-step", "small-steps", "clock", "too-few"]


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


class Host:
    """What is remembered of one host: its number in Isns, and the last ISN, with its time, of each 4-tuple."""

    __slots__ = ("clocks", "first_frame", "isns", "last", "names", "number")

    def __init__(self, number: int, first_frame: Frame, names: tuple[str, ...]) -> None:
        self.number = number
        self.first_frame = first_frame
        self.names = names
        self.isns = 0
        self.last: dict[int, tuple[int, int]] = {}
        self.clocks: list[set[int]] = [set() for _ in CLOCKS]

    def again(self, key: int, isn: int, time_ns: int) -> None:
        """Compare an ISN with the last one on its 4-tuple."""
        before = self.last.get(key)
        if before is not None:
            by = seq_distance(before[0], isn)
            for number, clock in enumerate(self.clocks):
                clock.add(follows(by, time_ns - before[1], number))
        if before is not None or len(self.last) < TUPLES_MAX:
            self.last[key] = isn, time_ns


def isns_of_hosts(connections: Iterable[Connection]) -> Document:
    """Judge every host that opened a connection, by the rules of the finding `isn-predictable`.

    Memory: a row for each host, and one for each of TUPLES_MAX 4-tuples of it.
    """
    isns = Isns()
    hosts: dict[str, Host] = {}
    for connection in connections:
        if connection.opening.kind not in OPENED:
            continue
        if connection.client.isn is None or connection.server.isn is None:
            continue
        answered_ns = connection.first_time_ns + (connection.opening.server_side_ns or 0)
        for end, peer, time_ns in (
            (connection.client, connection.server, connection.first_time_ns),
            (connection.server, connection.client, answered_ns),
        ):
            assert end.isn is not None
            host = hosts.get(end.address)
            if host is None:
                host = hosts[end.address] = Host(len(hosts) + 1, connection.first_frame, end.names)
            key = hash((end.port, peer.address, peer.port)) & 0xFFFFFFFFFFFFFFFF
            host.isns += 1
            host.again(key, end.isn, time_ns)
            isns.add(host.number, key, end.isn, time_ns)
    found = [judged(address, host, isns) for address, host in hosts.items()]
    found.sort(key=lambda host: (host.finding is None, -host.isns))
    return Document(schema=SCHEMA, hosts=tuple(found))


def judged(address: str, host: Host, isns: Isns) -> HostIsns:
    """Return the judgement on one host."""
    number, detail = isns.move(host.number)
    move = cast(Move, MOVES[number])
    text = isn_moves(move, detail) if move != "too-few" else f"{host.isns} known, 4 on different 4-tuples are needed"
    kind = FINDINGS[NUMBERS["isn-predictable"]]
    finding = None
    if move not in ("random", "too-few"):
        finding = Finding(
            id=kind.id, severity=cast(Severity, kind.severity), endpoint=None, frames=(host.first_frame,),
            text=f"the ISNs of {called(address, host.names)} can be predicted: {text}",
        )  # fmt: skip
    return HostIsns(
        address=address,
        isns=host.isns,
        move=move,
        text=text,
        same_tuple=_on_one_tuple(host.clocks),
        finding=finding,
        names=host.names,
    )


def _on_one_tuple(clocks: list[set[int]]) -> str | None:
    """Say how ISNs move on a 4-tuple that came again; None where none did, or not at a time that tells."""
    told = [seen - {-1} for seen in clocks]
    if not any(told):
        return None
    for (clock, _), seen in zip(CLOCKS, told, strict=True):
        if seen == {1}:
            return f"they follow {clock}, as RFC 6528 asks"
    return "they follow no clock that is known here"
