"""A program as a user writes it: mypy --strict must find nothing in it, and it must run."""

from __future__ import annotations

import sys
from collections import Counter

from handshake_inspect import CaptureError, Connection, Endpoint, Report, State, analyse, finding_bit
from handshake_inspect.testing import Handshakes


def last_state(end: Endpoint) -> State | None:
    return end.transitions[-1].to if end.transitions else end.state


def slowest(report: Report) -> Connection:
    return max(report.connections, key=lambda connection: connection.opening.rtt_ns or 0)


def main(path: str) -> None:
    try:
        report = analyse(path, two_msl="30s")
    except CaptureError as fault:
        sys.exit(f"{fault.path}: {fault.problem}")
    states: Counter[State | None] = Counter(last_state(connection.server) for connection in report.connections)
    connection = slowest(report)
    rtt_ns: int | None = connection.opening.rtt_ns
    table = report.to_numpy()
    refused: int = int((table["findings"] & finding_bit("refused") != 0).sum())
    print(dict(states), rtt_ns, connection.closing.kind, refused, report.summary.connections)
    Handshakes(path).only().opened("three-way").closed("four-way", by="client")


if __name__ == "__main__":
    main(sys.argv[1])
