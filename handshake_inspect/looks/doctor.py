"""Can a capture be believed: where it was taken, what is missing from it, and how firm the verdicts are."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from statistics import median_low
from typing import Literal

from handshake_inspect.looks.frames import FrameSizes
from handshake_inspect.looks.grade import GRADES, Grade, grade
from handshake_inspect.report import CaptureInfo, Connection, Plain

SCHEMA: Literal["handshake-inspect/doctor/1"] = "handshake-inspect/doctor/1"
NEAR = 10
"""An end is near the capture point when its side of the handshake took less than a tenth of the whole."""
TOO_FAST_NS = 100_000
"""A handshake as fast as this does not tell where it was captured: one host, or two that stand side by side."""
MAJORITY = 80
"""Per cent of the connections that must agree on the capture point."""
EXAMPLES_MAX = 5

Point = Literal["client", "server", "middle", "near-both", "mixed", "unknown"]


class Vantage(Plain, frozen=True, kw_only=True, omit_defaults=True):
    """Where the capture was taken, from the two halves of the handshakes.

    `server_side_ns` (SYN to SYN-ACK) and `client_side_ns` (SYN-ACK to ACK) are medians over the `judged` connections
    whose handshake has both; `points` counts where each of these says it was.  `host` is the address that nearly all
    of them share at the near end, `host_names` what the capture calls it, when that was asked for.
    """

    point: Point
    host: str | None
    judged: int
    server_side_ns: int | None
    client_side_ns: int | None
    points: dict[str, int]
    host_names: tuple[str, ...] = ()


class Snaplen(Plain, frozen=True, kw_only=True):
    """Frames that the capture holds less of than the wire had; `kept` is the most bytes of one of them."""

    cut: int
    kept: int
    largest: int


class Doubt(Plain, frozen=True, kw_only=True):
    """A reason of looks.grade, how many connections it holds for, and the first of them."""

    reason: str
    connections: int
    examples: tuple[int, ...]


class Totals(Plain, frozen=True, kw_only=True):
    """Everything but the connections' own grades.  Counts are of connections, unless they say otherwise.

    `snaplen` is None where the capture cannot be read twice.  `order` counts SYN-ACKs captured before their SYN and
    clocks that go back; `offload` ends that sent segments larger than the MSS.
    """

    captures: tuple[CaptureInfo, ...]
    connections: int
    vantage: Vantage
    segments: int
    mirrored_segments: int
    one_sided: int
    mid_stream: int
    gaps: int
    missing_bytes: int
    order: dict[str, int]
    bad_checksums: int
    offload: int
    snaplen: Snaplen | None
    grades: dict[str, int]
    doubts: tuple[Doubt, ...]


class Document(Totals, frozen=True, kw_only=True):
    """What `doctor --format json` writes."""

    schema: Literal["handshake-inspect/doctor/1"]
    graded: tuple[Grade, ...]


class Examination:
    """Counts over connections; memory: two numbers for each handshake, and one for each reason and address."""

    def __init__(self, captures: tuple[CaptureInfo, ...], capture_end_ns: int) -> None:
        self.captures = captures
        self.capture_end_ns = capture_end_ns
        self.connections = self.segments = self.mirrored = self.gaps = self.missing = self.offload = 0
        self.grades: Counter[str] = Counter(dict.fromkeys(GRADES, 0))
        self.order: Counter[str] = Counter()
        self.findings: Counter[str] = Counter()
        self.doubts: dict[str, list[int]] = {}
        self.doubt_counts: Counter[str] = Counter()
        self.points: Counter[Point] = Counter()
        self.near: Counter[str] = Counter()
        self.names: dict[str, tuple[str, ...]] = {}
        self.server_sides = array("q")
        self.client_sides = array("q")

    def examine(self, connections: Iterable[Connection]) -> Iterator[Grade]:
        """Count each connection and yield its grade."""
        for connection in connections:
            self._count(connection)
            graded = grade(connection, self.capture_end_ns)
            self.grades[graded.grade] += 1
            for reason in graded.reasons:
                self.doubt_counts[reason] += 1
                examples = self.doubts.setdefault(reason, [])
                if len(examples) < EXAMPLES_MAX:
                    examples.append(connection.id)
            yield graded

    def _count(self, connection: Connection) -> None:
        self.connections += 1
        for end in (connection.client, connection.server):
            self.segments += end.segments
            self.mirrored += end.duplicates
            self.missing += end.missing_bytes
            self.offload += end.larger_than_mss
        self.gaps += bool(connection.client.missing_bytes or connection.server.missing_bytes)
        for finding in connection.findings:
            if finding.id == "out-of-order-capture":
                self.order["syn-ack before syn" if finding.frames else "clock goes back"] += 1
        self.findings.update({finding.id for finding in connection.findings})
        self._locate(connection)

    def _locate(self, connection: Connection) -> None:
        """Where one handshake says that it was captured."""
        server_side, client_side = connection.opening.server_side_ns, connection.opening.client_side_ns
        if server_side is None or client_side is None:
            return
        self.server_sides.append(server_side)
        self.client_sides.append(client_side)
        point = point_of(server_side, client_side)
        self.points[point] += 1
        if point in ("client", "server"):
            end = connection.client if point == "client" else connection.server
            self.near[end.address] += 1
            self.names.setdefault(end.address, end.names)

    def totals(self, sizes: FrameSizes | None) -> Totals:
        """Everything that was counted; `sizes` from a second pass."""
        snaplen = None if sizes is None else Snaplen(cut=sizes.cut, kept=sizes.kept, largest=sizes.largest)
        return Totals(
            captures=self.captures,
            connections=self.connections,
            vantage=self._vantage(),
            segments=self.segments,
            mirrored_segments=self.mirrored,
            one_sided=self.findings["one-sided"],
            mid_stream=self.findings["mid-stream"],
            gaps=self.gaps,
            missing_bytes=self.missing,
            order=dict(self.order),
            bad_checksums=self.findings["bad-checksum"],
            offload=self.offload,
            snaplen=snaplen,
            grades=dict(self.grades),
            doubts=tuple(
                Doubt(reason=reason, connections=number, examples=tuple(self.doubts[reason]))
                for reason, number in self.doubt_counts.most_common()
            ),
        )

    def _vantage(self) -> Vantage:
        judged = len(self.server_sides)
        point: Point = "unknown"
        host = None
        if judged:
            most, number = self.points.most_common(1)[0]
            point = most if number * 100 >= MAJORITY * judged else "mixed"
        if self.near:
            address, number = self.near.most_common(1)[0]
            if number * 100 >= MAJORITY * judged:
                host = address
        return Vantage(
            point=point,
            host=host,
            judged=judged,
            server_side_ns=median_low(self.server_sides) if judged else None,
            client_side_ns=median_low(self.client_sides) if judged else None,
            points={str(point): number for point, number in self.points.items()},
            host_names=() if host is None else self.names[host],
        )


def point_of(server_side_ns: int, client_side_ns: int) -> Point:
    """Where the capture point of one handshake was, from the time that each side of it took to answer."""
    whole = server_side_ns + client_side_ns
    if whole < TOO_FAST_NS:
        return "near-both"
    if client_side_ns * NEAR < whole:
        return "client"
    return "server" if server_side_ns * NEAR < whole else "middle"
