"""What is told while a capture goes on: the lines of `live --format ndjson`, as frozen structs.

A verdict looks ahead, and live there is nothing ahead yet: what was told of an endpoint can change when the next
segments come.  Then all its transitions are told anew, in a Revision, which replaces what was told of it.
"""

from __future__ import annotations

from handshake_inspect.report import Connection, Plain, Role, Transition


class Side(Plain, frozen=True, kw_only=True):
    """One end of a connection."""

    address: str
    port: int


class Moved(Plain, frozen=True, kw_only=True, tag_field="type", tag="transition"):
    """One endpoint changed its state: `transition` follows those told of it before."""

    id: int
    client: Side
    server: Side
    endpoint: Role
    transition: Transition


class Revision(Plain, frozen=True, kw_only=True, tag_field="type", tag="revision"):
    """What was told of one endpoint was not all true: `transitions` are those of now, in place of all told before.

    `kept` of them, from the first one on, are as they were told.
    """

    id: int
    client: Side
    server: Side
    endpoint: Role
    kept: int
    transitions: tuple[Transition, ...]


class Ended(Plain, frozen=True, kw_only=True, tag_field="type", tag="connection"):
    """A connection as it is at its end, or at the end of the run; the last one told of an id counts."""

    connection: Connection


class Lost(Plain, frozen=True, kw_only=True, tag_field="type", tag="lost"):
    """The kernel dropped `frames` frames since the last such line: they came faster than they were taken."""

    time_ns: int
    frames: int


Event = Moved | Revision | Ended | Lost
"""A line of `live --format ndjson`."""
