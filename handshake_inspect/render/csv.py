"""One flat row a connection, for spreadsheets and databases."""

from __future__ import annotations

import csv
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, TextIO

from handshake_inspect.render import Style
from handshake_inspect.render.selection import SEVERITIES, Selection, rank
from handshake_inspect.render.text import clean, frame_number

if TYPE_CHECKING:
    from handshake_inspect.report import Connection, Endpoint

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""What makes a spreadsheet take a cell for a formula."""


class Column(NamedTuple):
    """One column: an unknown value is an empty cell."""

    name: str
    value: Callable[[Connection], str | int | None]


def _repeats(endpoint: Endpoint) -> int:
    repeats = endpoint.retransmissions
    return repeats.syn + repeats.syn_ack + repeats.fin + repeats.data


def _worst(connection: Connection) -> str:
    worst = rank(connection)
    return SEVERITIES[worst] if worst < len(SEVERITIES) else ""


# fmt: off
COLUMNS = (
    Column("id",                     lambda c: c.id),
    Column("incarnation",            lambda c: c.incarnation),
    Column("roles",                  lambda c: c.roles),
    Column("client_address",         lambda c: c.client.address),
    Column("client_port",            lambda c: c.client.port),
    Column("server_address",         lambda c: c.server.address),
    Column("server_port",            lambda c: c.server.port),
    Column("first_frame",            lambda c: frame_number(c.first_frame)),
    Column("last_frame",             lambda c: frame_number(c.last_frame)),
    Column("first_time_ns",          lambda c: c.first_time_ns),
    Column("last_time_ns",           lambda c: c.last_time_ns),
    Column("opening",                lambda c: c.opening.kind),
    Column("opening_certainty",      lambda c: c.opening.certainty),
    Column("handshake_ns",           lambda c: c.opening.rtt_ns),
    Column("server_side_ns",         lambda c: c.opening.server_side_ns),
    Column("client_side_ns",         lambda c: c.opening.client_side_ns),
    Column("closing",                lambda c: c.closing.kind),
    Column("closed_first",           lambda c: c.closing.first),
    Column("reset_by",               lambda c: c.closing.reset_by),
    Column("client_state",           lambda c: c.client.state),
    Column("server_state",           lambda c: c.server.state),
    Column("client_isn",             lambda c: c.client.isn),
    Column("server_isn",             lambda c: c.server.isn),
    Column("client_segments",        lambda c: c.client.segments),
    Column("server_segments",        lambda c: c.server.segments),
    Column("client_bytes",           lambda c: c.client.bytes),
    Column("server_bytes",           lambda c: c.server.bytes),
    Column("client_retransmissions", lambda c: _repeats(c.client)),
    Column("server_retransmissions", lambda c: _repeats(c.server)),
    Column("failed_checks",          lambda c: sum(not check.ok for check in c.checks)),
    Column("worst",                  _worst),
    Column("findings",               lambda c: ";".join(finding.id for finding in c.findings)),
    Column("community_id",           lambda c: c.interop.community_id),
    Column("client_names",           lambda c: ";".join(c.client.names)),
    Column("server_names",           lambda c: ";".join(c.server.names)),
)
# fmt: on


def cell(value: str | int | None) -> str | int:
    """The value as it may stand in a spreadsheet: text that would be a formula gets an apostrophe before it."""
    if value is None:
        return ""
    if isinstance(value, int):
        return value
    return "'" + clean(value) if value.startswith(FORMULA_STARTS) else clean(value)


def write(selection: Selection, out: TextIO, style: Style) -> None:
    """A line of names, then one line a connection; lines end in a bare newline, as other tools of a pipe expect."""
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(column.name for column in COLUMNS)
    for connection in selection:
        writer.writerow([cell(column.value(connection)) for column in COLUMNS])
