"""Why a connection failed or ended badly, in one sentence with its evidence frames.

RULES is the table: to add a reason, one row in openings.py, closings.py or oddities.py, and a test that it speaks.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from handshake_inspect.looks.why.case import Case, Said
from handshake_inspect.looks.why.closings import RULES as CLOSING_RULES
from handshake_inspect.looks.why.oddities import RULES as ODDITY_RULES
from handshake_inspect.looks.why.openings import RULES as OPENING_RULES
from handshake_inspect.report import Connection, Frame, Plain, Severity
from handshake_inspect.spelling import counted

SCHEMA: Literal["handshake-inspect/why/1"] = "handshake-inspect/why/1"
RULES = (*OPENING_RULES, *CLOSING_RULES, *ODDITY_RULES)
SINGLE = ("opening", "closing")
WIRE_MAX = 1000
"""So many connections that were reset are looked at segment by segment; of others less is known."""


class Reason(Plain, frozen=True, kw_only=True):
    """One sentence: `rule` names its row of RULES, `frames` are the evidence."""

    rule: str
    severity: Severity
    text: str
    frames: tuple[Frame, ...]


class Explanation(Plain, frozen=True, kw_only=True, omit_defaults=True):
    """One connection's reasons, the most telling first; `good` says that nothing went wrong.

    Names are there when they were asked for.
    """

    connection: int
    client_address: str
    client_port: int
    server_address: str
    server_port: int
    good: bool
    reasons: tuple[Reason, ...]
    client_names: tuple[str, ...] = ()
    server_names: tuple[str, ...] = ()


class Document(Plain, frozen=True, kw_only=True):
    """What `why --format json` writes; `rules` counts how often each reason holds."""

    schema: Literal["handshake-inspect/why/1"]
    connections: int
    explanations: tuple[Explanation, ...]
    rules: dict[str, int]


def reasons(case: Case) -> list[Reason]:
    """Return what went wrong, in the order of RULES: one reason for the opening, one for the closing, every oddity."""
    found: list[Reason] = []
    spoken: set[str] = set()
    for rule in RULES:
        if rule.about in spoken or not rule.holds(case):
            continue
        if rule.about in SINGLE:
            spoken.add(rule.about)
        said = rule.says(case)
        found.append(Reason(rule=rule.name, severity=rule.severity, text=said.text, frames=said.frames))
    return found


def explain(case: Case) -> Explanation:
    """Return the reasons of one connection; of a good one, how it went."""
    found = reasons(case)
    connection = case.connection
    good = not found
    if good:
        said = went_well(connection)
        found = [Reason(rule="good", severity="note", text=said.text, frames=said.frames)]
    return Explanation(
        connection=connection.id,
        client_address=connection.client.address,
        client_port=connection.client.port,
        server_address=connection.server.address,
        server_port=connection.server.port,
        good=good,
        reasons=tuple(found),
        client_names=connection.client.names,
        server_names=connection.server.names,
    )


# fmt: off
CLOSED = {
    "four-way":      "closed in order, in four segments",
    "three-segment": "closed in order, in three segments",
    "simultaneous":  "closed in order, both at once",
    "open":          "in order, and still open when the capture ends",
}
# fmt: on


def went_well(connection: Connection) -> Said:
    """Return how a connection went of which nothing bad is known."""
    closing = connection.closing
    text = CLOSED.get(closing.kind, f"nothing wrong was found ({closing.kind})")
    if closing.first is not None and closing.kind != "simultaneous":
        text += f": the {closing.first} first"
    after = closing.bytes_after_first_fin
    sent = after.client + after.server
    if sent:
        text += f"; {counted(sent, 'byte')} came after the first FIN, a half-close in use"
    holders = [stay.holder for stay in connection.time_wait]
    if holders:
        text += f"; TIME_WAIT on the {' and the '.join(holders)}"
    return Said(text, closing.frames or connection.opening.frames)


def needs_wire(connections: Iterable[Connection]) -> list[Connection]:
    """Return the connections, WIRE_MAX at most, whose RST has to be looked at."""
    found: list[Connection] = []
    for connection in connections:
        if connection.closing.kind in ("reset", "fin-then-reset"):
            found.append(connection)
            if len(found) == WIRE_MAX:
                break
    return found
