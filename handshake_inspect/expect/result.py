"""What judging gives: frozen, typed, and the JSON of `check --format json` field by field."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from handshake_inspect.errors import CaptureError
from handshake_inspect.report import Connection, Frame, Plain

SCHEMA: Literal["handshake-inspect/check/1"] = "handshake-inspect/check/1"
CASES_MAX = 100
"""So many cases of one broken expectation are kept; all of them are counted."""

Outcome = Literal["held", "broken", "unjudged"]
CaptureOutcome = Literal["held", "broken", "unreadable", "unjudged"]
WORST_FIRST: tuple[CaptureOutcome, ...] = ("broken", "unreadable", "unjudged", "held")
"""A broken expectation is a fact, whatever else could not be read or judged."""


class Which(Plain, frozen=True, kw_only=True):
    """The connection that a case is about."""

    id: int
    client_address: str
    client_port: int
    server_address: str
    server_port: int


class Case(Plain, frozen=True, kw_only=True):
    """One way in which an expectation did not hold.

    `connection` is None where all the connections that match were judged together.  `because` says why it cannot be
    judged: what the capture lacks.
    """

    outcome: Literal["broken", "unjudged"]
    connection: Which | None
    frames: tuple[Frame, ...]
    expected: str
    seen: str
    because: str | None = None


class Result(Plain, frozen=True, kw_only=True):
    """One expectation, judged over one capture.

    `rule` is the name of its `[[expect]]` or what that matches, `key` a name of RULES; `file` and `line` are where it
    stands, `line` None for a baseline.  `connections` is how many it was judged over; `broken` and `unjudged` count
    cases, of which at most CASES_MAX are in `cases`.
    """

    rule: str
    key: str
    expected: str
    file: str
    line: int | None
    outcome: Outcome
    connections: int
    broken: int
    unjudged: int
    cases: tuple[Case, ...]


class Verdict(Plain, frozen=True, kw_only=True):
    """One capture: the worst of its results, or `unreadable`; `faults` say what could not be read."""

    capture: str
    outcome: CaptureOutcome
    first_time_ns: int | None
    connections: int
    results: tuple[Result, ...]
    faults: tuple[str, ...]

    def count(self, outcome: Outcome) -> int:
        """How many of the results are so."""
        return sum(result.outcome == outcome for result in self.results)


class Document(Plain, frozen=True, kw_only=True):
    """What `check --format json` writes."""

    schema: Literal["handshake-inspect/check/1"]
    outcome: CaptureOutcome
    captures: tuple[Verdict, ...]


def encodable(text: str) -> str:
    """A text in valid Unicode: a path may hold any bytes, JSON and XML may not."""
    return text.encode("utf-8", "backslashreplace").decode()


def worst(outcomes: Iterable[CaptureOutcome]) -> CaptureOutcome:
    """The worst of several outcomes; `held` of none."""
    return min(outcomes, key=WORST_FIRST.index, default="held")


def unreadable(capture: str, fault: CaptureError) -> Verdict:
    """The verdict on what is no capture."""
    return Verdict(
        capture=encodable(capture),
        outcome="unreadable",
        first_time_ns=None,
        connections=0,
        results=(),
        faults=(encodable(str(fault)),),
    )


def which(connection: Connection) -> Which:
    """Name a connection."""
    client, server = connection.client, connection.server
    return Which(
        id=connection.id,
        client_address=client.address,
        client_port=client.port,
        server_address=server.address,
        server_port=server.port,
    )
