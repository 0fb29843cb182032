"""TIME_WAIT: who holds it, within which bounds, how many at once, and the ports that it costs (RFC 9293 section 3.6.1).

Its end sends nothing, so whatever is counted here is counted twice: at least (until the last sign of each stay) and
at most (until its latest possible end).
"""

from __future__ import annotations

from array import array
from collections import Counter
from typing import Literal, TypeVar

from handshake_inspect.report import Connection, Frame, Plain, Role, TimeWait, TimeWaitEnd

SCHEMA: Literal["handshake-inspect/time-wait/1"] = "handshake-inspect/time-wait/1"
PORTS = 28_232
"""Ephemeral ports of a default Linux: ip_local_port_range 32768 to 60999."""
SECOND_NS = 1_000_000_000
Key = TypeVar("Key")
REOPENED = "65537"
MANY = 0.5
"""A peak rate from this share of what the ports allow on is worth changing something."""


class Stay(Plain, frozen=True, kw_only=True, omit_defaults=True):
    """One stay in TIME_WAIT, as in the report, with its addresses; `proof` is what shows the state beyond doubt.

    `late` tells the segments that came after the close, which TIME_WAIT keeps from the next connection.
    Names, here and below, are there when they were asked for.
    """

    connection: int
    holder: Role
    address: str
    port: int
    peer_address: str
    peer_port: int
    frame: Frame
    start_ns: int
    restarts: tuple[Frame, ...]
    end: TimeWaitEnd
    end_frame: Frame | None
    at_least_ns: int | None
    at_most_ns: int | None
    proof: str | None
    late: str | None
    names: tuple[str, ...] = ()
    peer_names: tuple[str, ...] = ()


class Bounds(Plain, frozen=True, kw_only=True):
    """How many at once: no fewer than `at_least` at their peak, no more than `at_most`."""

    at_least: int
    at_most: int


class Host(Plain, frozen=True, kw_only=True, omit_defaults=True):
    """One host's stays."""

    address: str
    stays: int
    peak: Bounds
    names: tuple[str, ...] = ()


class Budget(Plain, frozen=True, kw_only=True, omit_defaults=True):
    """What a client's stays cost it towards one server's port: each keeps one ephemeral port.

    `possible_per_s` is ports / 2MSL, the connections a second that can go on for ever; `peak_per_s` the most stays that
    began within one second of the capture.
    """

    address: str
    peer_address: str
    peer_port: int
    stays: int
    peak: Bounds
    possible_per_s: float
    peak_per_s: int
    names: tuple[str, ...] = ()
    peer_names: tuple[str, ...] = ()


class Totals(Plain, frozen=True, kw_only=True):
    """Everything but the stays themselves; hosts and budgets with the most stays first."""

    two_msl_ns: int
    profile: str
    ports: int
    holders: dict[str, int]
    ends: dict[str, int]
    hosts: tuple[Host, ...]
    budgets: tuple[Budget, ...]
    advice: str


class Document(Totals, frozen=True, kw_only=True):
    """What `time-wait --format json` writes."""

    schema: Literal["handshake-inspect/time-wait/1"]
    stays: tuple[Stay, ...]


class Times:
    """When the stays of one host, or of one budget, began and ended: three numbers a stay.

    `first` is the first of them, which has the names.
    """

    __slots__ = ("earliest_ends", "first", "latest_ends", "starts")

    def __init__(self, first: Stay) -> None:
        self.first = first
        self.starts = array("q")
        self.earliest_ends = array("q")
        self.latest_ends = array("q")

    def add(self, stay: TimeWait, capture_end_ns: int) -> None:
        """Take one stay into account, within the capture."""
        self.starts.append(stay.start_ns)
        self.earliest_ends.append(stay.start_ns + (stay.at_least_ns or 0))
        latest = capture_end_ns if stay.at_most_ns is None else stay.start_ns + stay.at_most_ns
        self.latest_ends.append(max(min(latest, capture_end_ns), stay.start_ns))

    def peak(self) -> Bounds:
        """The bounds of the largest number at once."""
        return Bounds(at_least=most(self.starts, self.earliest_ends), at_most=most(self.starts, self.latest_ends))

    def peak_per_s(self) -> int:
        """The most that began within one second."""
        starts = sorted(self.starts)
        first = found = 0
        for place, start in enumerate(starts):
            while start - starts[first] >= SECOND_NS:
                first += 1
            found = max(found, place - first + 1)
        return found


def most(starts: array[int], ends: array[int]) -> int:
    """Return the largest number of intervals that hold one instant, their ends included."""
    closing = sorted(ends)
    closed = found = 0
    for opened, start in enumerate(sorted(starts), 1):
        while closing[closed] < start:
            closed += 1
        found = max(found, opened - closed)
    return found


class Tally:
    """Counts stays connection by connection; memory is a few numbers a stay.

    `capture_end_ns` is the time of the last frame, `two_msl_ns` what TIME_WAIT is taken to last and `profile` its name.
    """

    def __init__(self, *, capture_end_ns: int, two_msl_ns: int, profile: str) -> None:
        self.capture_end_ns = capture_end_ns
        self.two_msl_ns = two_msl_ns
        self.profile = profile
        self.holders: Counter[str] = Counter()
        self.ends: Counter[str] = Counter()
        self._hosts: dict[str, Times] = {}
        self._budgets: dict[tuple[str, str, int], Times] = {}

    def add(self, connection: Connection) -> list[Stay]:
        """Count one connection's stays, and return them."""
        found = []
        for stay in connection.time_wait:
            row = stay_of(connection, stay)
            self.holders[stay.holder] += 1
            self.ends[stay.end] += 1
            _times(self._hosts, row.address, row).add(stay, self.capture_end_ns)
            if stay.holder == "client":
                # A server's stays all lie on its one port: they cost memory, and no ports.
                budget = (row.address, row.peer_address, row.peer_port)
                _times(self._budgets, budget, row).add(stay, self.capture_end_ns)
            found.append(row)
        return found

    def totals(self) -> Totals:
        """Everything that was counted."""
        hosts = [
            Host(address=host, stays=len(times.starts), peak=times.peak(), names=times.first.names)
            for host, times in self._hosts.items()
        ]
        budgets = [
            Budget(
                address=address,
                peer_address=peer,
                peer_port=port,
                stays=len(times.starts),
                peak=times.peak(),
                possible_per_s=PORTS * SECOND_NS / self.two_msl_ns if self.two_msl_ns else float(PORTS),
                peak_per_s=times.peak_per_s(),
                names=times.first.names,
                peer_names=times.first.peer_names,
            )
            for (address, peer, port), times in self._budgets.items()
        ]
        hosts.sort(key=lambda host: -host.stays)
        budgets.sort(key=lambda budget: -budget.stays)
        return Totals(
            two_msl_ns=self.two_msl_ns,
            profile=self.profile,
            ports=PORTS,
            holders=dict(self.holders),
            ends=dict(self.ends),
            hosts=tuple(hosts),
            budgets=tuple(budgets),
            advice=advice(self.holders, budgets),
        )


def _times(by: dict[Key, Times], key: Key, stay: Stay) -> Times:
    """The times under a key, begun with this stay where there are none."""
    times = by.get(key)
    if times is None:
        times = by[key] = Times(stay)
    return times


def stay_of(connection: Connection, stay: TimeWait) -> Stay:
    """Return a connection's stay with its addresses and its proof."""
    ends = connection.client, connection.server
    own, peer = ends if stay.holder == "client" else ends[::-1]
    return Stay(
        connection=connection.id,
        holder=stay.holder,
        address=own.address,
        port=own.port,
        peer_address=peer.address,
        peer_port=peer.port,
        frame=stay.frame,
        start_ns=stay.start_ns,
        restarts=stay.restarts,
        end=stay.end,
        end_frame=stay.end_frame,
        at_least_ns=stay.at_least_ns,
        at_most_ns=stay.at_most_ns,
        proof=_proof(connection, stay),
        late=next((finding.text for finding in connection.findings if finding.id == "late-segment"), None),
        names=own.names,
        peer_names=peer.names,
    )


def _proof(connection: Connection, stay: TimeWait) -> str | None:
    """Linux reopens a TIME_WAIT socket with the old SND.NXT + 65535 + 2 as ISN; the finding has compared them."""
    for finding in connection.findings:
        if finding.id == "time-wait-reused" and finding.endpoint == stay.holder and REOPENED in finding.text:
            return finding.text.partition("; ")[2]
    return None


def advice(holders: Counter[str], budgets: list[Budget]) -> str:
    """One sentence on what to do about it, if anything."""
    total = holders.total()
    if not total:
        return "no connection reached TIME_WAIT: nothing to do"
    share = 100 * holders["client"] // total
    if not budgets or share == 0:
        return "the servers close first and hold TIME_WAIT: it costs them memory, and no ports"
    busiest = max(budgets, key=lambda budget: budget.peak_per_s)
    used = busiest.peak_per_s / busiest.possible_per_s
    closers = f"the clients hold {share} % of the stays"
    if used < MANY and busiest.peak.at_most < MANY * PORTS:
        return f"{closers}, well within their ports: nothing to do"
    return f"{closers} and run low on ports: let the server close first, keep connections open, or use tcp_tw_reuse"
