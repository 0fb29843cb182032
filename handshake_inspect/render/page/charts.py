"""What the page's charts show, counted over every chosen connection in one walk and in constant memory."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from math import floor, log10
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from handshake_inspect.report import Connection, Endpoint

INSTANTS = 200
"""Points of a chart over time."""
BINS_A_DECADE = 5
STATES = (
    "SYN_SENT", "SYN_RECEIVED", "ESTABLISHED", "FIN_WAIT_1", "FIN_WAIT_2", "CLOSE_WAIT", "CLOSING", "LAST_ACK",
    "TIME_WAIT",
)  # fmt: skip
"""The states that an endpoint can be counted in: LISTEN and CLOSED belong to no connection."""
OPENED = ("three-way", "simultaneous", "split", "mid-stream")
RESET = ("reset", "fin-then-reset")
CLOSED = ("four-way", "three-segment", "simultaneous")
SECOND_NS = 1_000_000_000


class Charts:
    """Counts connections; `first_ns` and `last_ns` are the times of the capture's first and last frames."""

    def __init__(self, first_ns: int, last_ns: int) -> None:
        self.first_ns = first_ns
        self.span_ns = max(last_ns - first_ns, 1)
        self._per_interval = {name: [0] * INSTANTS for name in ("opened", "failed", "closed", "reset")}
        self._steps = {state: [0] * (INSTANTS + 1) for state in STATES}
        self._at_least = [0] * (INSTANTS + 1)
        self._at_most = [0] * (INSTANTS + 1)
        self._handshakes: dict[int, int] = {}

    def add(self, connection: Connection) -> None:
        """Count one connection."""
        kind = connection.opening.kind
        self._count("opened" if kind in OPENED else "failed", connection.first_time_ns)
        if connection.closing.kind in CLOSED + RESET:
            self._count("reset" if connection.closing.kind in RESET else "closed", connection.last_time_ns)
        for end in (connection.client, connection.server):
            for state, start_ns, end_ns in _stays(end):
                if state in self._steps:
                    self._stay(self._steps[state], start_ns, end_ns)
        for wait in connection.time_wait:
            least, most = wait.at_least_ns, wait.at_most_ns
            if least is not None:
                self._stay(self._at_least, wait.start_ns, wait.start_ns + least)
            self._stay(self._at_most, wait.start_ns, None if most is None else wait.start_ns + most)
        if connection.opening.rtt_ns:
            place = floor(log10(connection.opening.rtt_ns) * BINS_A_DECADE)
            self._handshakes[place] = self._handshakes.get(place, 0) + 1

    def data(self) -> dict[str, Any]:
        """Return the series: times in seconds since the first frame, one number an instant."""
        step = self.span_ns / INSTANTS / SECOND_NS
        states = {name: list(accumulate(steps))[:INSTANTS] for name, steps in self._steps.items()}
        bins = range(min(self._handshakes), max(self._handshakes) + 1) if self._handshakes else ()
        return {
            "seconds": [round(step * place, 9) for place in range(INSTANTS)],
            "step": step,
            "traffic": self._per_interval,
            "states": {name: numbers for name, numbers in states.items() if any(numbers)},
            "time_wait": {
                "at_least": list(accumulate(self._at_least))[:INSTANTS],
                "at_most": list(accumulate(self._at_most))[:INSTANTS],
            },
            "handshakes": [[10 ** (place / BINS_A_DECADE), self._handshakes.get(place, 0)] for place in bins],
        }

    def _place(self, time_ns: int) -> int:
        """The interval that a time falls into; times beyond an end belong to the last or the first one."""
        return min(max((time_ns - self.first_ns) * INSTANTS // self.span_ns, 0), INSTANTS - 1)

    def _count(self, name: str, time_ns: int) -> None:
        self._per_interval[name][self._place(time_ns)] += 1

    def _stay(self, steps: list[int], start_ns: int, end_ns: int | None) -> None:
        """Count a stay in every interval that it touches; without an end it lasts as long as the capture."""
        steps[self._place(start_ns)] += 1
        beyond = end_ns is None or end_ns > self.first_ns + self.span_ns
        steps[INSTANTS if beyond or end_ns is None else self._place(end_ns) + 1] -= 1


def _stays(end: Endpoint) -> Iterator[tuple[str, int, int | None]]:
    """Yield each state of an endpoint with when it began and ended; the last one has no end."""
    steps = end.transitions
    for place, step in enumerate(steps):
        yield step.to, step.time_ns, steps[place + 1].time_ns if place + 1 < len(steps) else None
