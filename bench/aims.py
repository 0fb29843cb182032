"""What the figures are to show: to add an aim, add a row to AIMS."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from measure import typical
from peers import OURS, REFERENCE
from results import Costs, beside, table

SHORT, LARGE, FLOOD, SMALL, FORMATS = "handshake-heavy", "bulk", "syn-flood", "small", "formats"
ONE_MILLION, TWENTY_MILLION = "1 million segments", "20 million segments"


@dataclass
class Measured:
    """All that was measured: the costs of each set of runs, and what is in its capture."""

    costs: dict[str, Costs] = field(default_factory=dict)
    counts: dict[str, dict[str, int]] = field(default_factory=dict)

    def add(self, name: str, costs: Costs, counts: dict[str, int]) -> None:
        """Keep a set of runs under a name."""
        self.costs[name], self.counts[name] = costs, counts

    def wall_s(self, name: str, program: str = OURS) -> float:
        """The program's seconds on the clock; KeyError where it was not measured."""
        return typical(self.costs[name][program]).wall_s

    def each_bytes(self) -> float:
        """What a connection more takes, from the peaks of two captures of the same kind."""
        more = self.counts[TWENTY_MILLION]["connections"] - self.counts[ONE_MILLION]["connections"]
        return (self._peak(TWENTY_MILLION) - self._peak(ONE_MILLION)) / more

    def rest_bytes(self) -> float:
        """What is not a connection's, from the same two captures; or the peak on large downloads, if that is more."""
        rest = self._peak(ONE_MILLION) - self.counts[ONE_MILLION]["connections"] * self.each_bytes()
        return max(rest, self._peak(LARGE))

    def for_each_segment(self, name: str) -> float:
        """Seconds on the clock for each segment."""
        return self.wall_s(name) / self.counts[name]["frames"]

    def _peak(self, name: str) -> float:
        return typical(self.costs[name][OURS]).peak_bytes


@dataclass(frozen=True)
class Aim:
    """A bound, and how the figure for it comes about; `least`: it is a lower bound."""

    what: str
    bound: float
    figure: Callable[[Measured], float]
    unit: str = ""
    least: bool = False

    def row(self, measured: Measured) -> tuple[str, str, str, str]:
        """The aim, its bound, the figure, and whether it holds."""
        found = self.figure(measured)
        holds = found >= self.bound if self.least else found <= self.bound
        bound = f"at {'least' if self.least else 'most'} {self.bound:g}{self.unit}"
        return self.what, bound, f"{found:.2f}" if found < 10 else f"{found:,.0f}", "yes" if holds else "no"


def _to_tcpdump(what: str, name: str, figure: str = "wall_s") -> Aim:
    return Aim(f"time beside tcpdump's, {what}", 1.0, lambda m: beside(m.costs[name], OURS, REFERENCE, figure))


def _faster(than: str, times: float) -> Aim:
    return Aim(
        f"faster than {than}, many short connections", times,
        lambda m: beside(m.costs[SHORT], than, OURS, "wall_s"), " times", least=True,
    )  # fmt: skip


def _adds(form: str, seconds: float) -> Aim:
    return Aim(
        f"{form} of 100,000 connections adds", seconds,
        lambda m: m.wall_s(FORMATS, form) - m.wall_s(FORMATS, "table"), " s",
    )  # fmt: skip


AIMS = (
    _to_tcpdump("many short connections", SHORT),
    _to_tcpdump("the same, first run of a turn", SHORT, "first_wall_s"),
    _to_tcpdump("large downloads", LARGE),
    _to_tcpdump("the same, first run of a turn", LARGE, "first_wall_s"),
    _to_tcpdump("a SYN flood", FLOOD),
    _to_tcpdump("the same, first run of a turn", FLOOD, "first_wall_s"),
    _to_tcpdump("20 million segments", TWENTY_MILLION),
    _faster("softflowd", 5), _faster("argus", 5), _faster("tcptrace", 5),
    _faster("tshark completeness", 100), _faster("scapy", 1000),
    Aim("time for each segment, 20 million beside 1 million", 1.2,
        lambda m: m.for_each_segment(TWENTY_MILLION) / m.for_each_segment(ONE_MILLION)),
    _adds("ndjson", 3), _adds("html", 5),
    Aim("ten frames: time beside tshark's", 0.5,
        lambda m: beside(m.costs[SMALL], OURS, "tshark conversations", "wall_s")),
    Aim("bytes a connection, with its transitions", 600, Measured.each_bytes),
    Aim("MB beyond that, whatever the size", 64, lambda m: m.rest_bytes() / 1e6),
)  # fmt: skip
"""In the order of the page."""


def aims_table(measured: Measured) -> str:
    """Every aim whose programs were measured; at most 0.6 times tcpdump's time is what is worked towards."""
    rows = []
    for aim in AIMS:
        try:
            rows.append(aim.row(measured))
        except KeyError:
            continue
    return table(("aim", "bound", "measured", "holds"), rows)
