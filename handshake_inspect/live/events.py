"""What is told while a capture goes on: the lines of `live --format ndjson`, as frozen structs.

A verdict looks ahead, and live there is nothing ahead yet: what was told of an endpoint can change when the next
segments come.  Then all its transitions are told anew, in a Revision, which replaces what was told of it.
"""

from __future__ import annotations

from handshake_inspect.report import Connection, Finding, Plain, Role, State, Transition


class Side(Plain, frozen=True, kw_only=True):
    """One end of a connection."""

    address: str
    port: int


class About(Plain, frozen=True, kw_only=True):
    """Which connection it is about; `id` is that of the report at the end."""

    id: int
    client: Side
    server: Side


class Moved(About, frozen=True, kw_only=True, tag_field="type", tag="transition"):
    """One endpoint changed its state: `transition` follows those told of it before."""

    endpoint: Role
    transition: Transition


class Revision(About, frozen=True, kw_only=True, tag_field="type", tag="revision"):
    """What was told of one endpoint is not all true: `transitions` are those of now, in place of all told before.

    The first `kept` of them were told just so.  With `only_proof` the same happened as was told, but more is known of
    the proof: a certainty rose, a frame confirms.
    """

    endpoint: Role
    kept: int
    only_proof: bool
    transitions: tuple[Transition, ...]


class Noticed(About, frozen=True, kw_only=True, tag_field="type", tag="finding"):
    """Something about the connection is worth a sentence; it may turn out otherwise until the connection ends."""

    finding: Finding


class Ended(Plain, frozen=True, kw_only=True, tag_field="type", tag="connection"):
    """A connection that has ended, or the run has; the last one of an id counts."""

    connection: Connection


class Lost(Plain, frozen=True, kw_only=True, tag_field="type", tag="lost"):
    """The kernel dropped `frames` frames since the last such line: they came faster than they were taken."""

    time_ns: int
    frames: int


class Disagreed(About, frozen=True, kw_only=True, tag_field="type", tag="disagreement"):
    """The wire and the kernel have differed about one endpoint for `lasted_ns`, and nothing known explains it.

    `kernel` is None where the kernel has no socket.
    """

    endpoint: Role
    wire: State
    kernel: State | None
    lasted_ns: int


class Compared(Plain, frozen=True, kw_only=True, tag_field="type", tag="kernel"):
    """How the wire and the kernel compared until the end of the run, in `polls` of the kernel's sockets.

    `states` counts endpoints of this host times polls, `agreed` those that agreed.  Differences are counted once each:
    those that went away by themselves, those that last and have a reason (by reason), those that have none.
    `left_out` counts changes of endpoints that were too many.
    """

    polls: int
    states: int
    agreed: int
    passing: int
    explained: dict[str, int]
    lasting: int
    left_out: int


Event = Moved | Revision | Noticed | Ended | Lost | Disagreed | Compared
"""A line of `live --format ndjson`."""
