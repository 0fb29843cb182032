"""One connection without what differs from run to run: addresses, the client's port, ISNs, clocks, frame numbers.

FACTS are compared to the letter, times within a tolerance.  To add a fact: one row.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple, cast, get_args

from handshake_inspect.expect import spell
from handshake_inspect.expect.doubts import Aspect
from handshake_inspect.expect.rules import NOBODY, UNKNOWN, closing_text, parting, path_of
from handshake_inspect.report import Check, Connection, Endpoint, Frame, Options, Plain, Retransmissions, Role

ENDLESS = ("CLOSED", "LISTEN")
TIME_ASPECTS: frozenset[Aspect] = frozenset(("opening", "closing", "client", "server", "data", "time"))


class Entry(Plain, frozen=True, kw_only=True):
    """One connection in a baseline: `facts` by the names of FACTS, `times_ns` in nanoseconds."""

    server_port: int
    facts: dict[str, str]
    times_ns: dict[str, int]


Where = Callable[[Connection, str], tuple[Frame, ...]]
"""The frames to look at when a fact of a connection is not the recorded one, which is the second argument."""


class Fact(NamedTuple):
    """Something about a connection that is the same in every run: its words, and what must not be in doubt."""

    name: str
    sentence: str
    aspects: frozenset[Aspect]
    of: Callable[[Connection], str]
    where: Where


def _only(*aspects: Aspect) -> frozenset[Aspect]:
    return frozenset(aspects)


def _kinds(again: Retransmissions) -> str:
    numbers = (("SYN", again.syn), ("SYN-ACK", again.syn_ack), ("FIN", again.fin), ("data", again.data))
    return ", ".join(f"{number} {name}" for name, number in numbers if number) or "none"


def _offered(options: Options) -> str:
    words = []
    if options.mss is not None:
        words.append(f"MSS {options.mss}")
    if options.window_scale is not None:
        words.append(f"window scale {options.window_scale}")
    named = (("SACK", options.sack_permitted), ("timestamps", options.timestamps), ("MPTCP", options.mptcp),
             ("ECN", options.ecn))  # fmt: skip
    words += [name for name, offered in named if offered]
    if options.fast_open is not None:
        words.append(f"Fast Open {options.fast_open}")
    return ", ".join(words) or "none"


def _sum(check: Check) -> str:
    """A check without its numbers: by how much it is off."""
    if check.ok:
        return check.name
    off = (check.seen - check.expected + 2**31) % 2**32 - 2**31
    return f"{check.name} (off by {off:+,})"


def _findings(connection: Connection) -> str:
    words = {
        f"{finding.id} ({finding.endpoint})" if finding.endpoint else finding.id for finding in connection.findings
    }
    return ", ".join(sorted(words)) or "none"


def _opening(connection: Connection, recorded: str) -> tuple[Frame, ...]:
    return connection.opening.frames


def _closing(connection: Connection, recorded: str) -> tuple[Frame, ...]:
    return connection.closing.frames


def _whole(connection: Connection, recorded: str) -> tuple[Frame, ...]:
    return connection.first_frame, connection.last_frame


def _noted(connection: Connection, recorded: str) -> tuple[Frame, ...]:
    return tuple(frame for finding in connection.findings for frame in finding.frames)


def _repeated(connection: Connection, recorded: str) -> tuple[Frame, ...]:
    found = [finding for finding in connection.findings if finding.id.endswith("-retransmitted")]
    return tuple(frame for finding in found for frame in finding.frames)


def _summed(connection: Connection, recorded: str) -> tuple[Frame, ...]:
    wrong = tuple(check.frame for check in connection.checks if not check.ok)
    return wrong or tuple(check.frame for check in connection.checks)


def _waited(connection: Connection, recorded: str) -> tuple[Frame, ...]:
    return tuple(stay.frame for stay in connection.time_wait)


def _last_step(end: Endpoint, recorded: str) -> tuple[Frame, ...]:
    return tuple(step.frame for step in end.transitions[-1:] if step.frame is not None)


def _parted(end: Endpoint, recorded: str) -> tuple[Frame, ...]:
    return parting(end, path_of(end), (tuple(recorded.split(" > ")),))


def _of_end(
    name: str,
    sentence: str,
    aspect: Aspect | None,
    of: Callable[[Endpoint], str],
    where: Where | Callable[[Endpoint, str], tuple[Frame, ...]],
    *,
    at_end: bool = False,
) -> list[Fact]:
    """A fact that both ends have; with `at_end`, `where` asks the end and not the connection."""
    rows = []
    for role in cast("tuple[Role, ...]", get_args(Role)):
        rows.append(
            Fact(
                f"{name}.{role}",
                sentence.format(role=role),
                _only(aspect or role, "roles"),
                partial(_fact_of_end, of, role),
                partial(_at_end, where, role) if at_end else cast(Where, where),
            )
        )
    return rows


def _fact_of_end(of: Callable[[Endpoint], str], role: Role, connection: Connection) -> str:
    return of(getattr(connection, role))


def _at_end(where: Callable[..., tuple[Frame, ...]], role: Role, connection: Connection, recorded: str) -> tuple[
    Frame, ...
]:  # fmt: skip
    return where(getattr(connection, role), recorded)


# fmt: off
FACTS = {row.name: row for row in (
    Fact("roles", "who is client was seen, or guessed", _only(), lambda c: c.roles, _whole),
    Fact("opening", "how it opened", _only("opening"), lambda c: c.opening.kind, _opening),
    Fact("closing", "how it closed", _only("closing"), closing_text, _closing),
    Fact("closed_by", "who closed first", _only("closing", "roles"), lambda c: c.closing.first or NOBODY,
         lambda c, recorded: c.closing.frames[:1]),
    *_of_end("state", "the {role}'s state at the end", None, lambda end: end.state or UNKNOWN, _last_step,
             at_end=True),
    *_of_end("path", "the states of the {role}, in order", None, lambda end: spell.path(path_of(end)) or "none",
             _parted, at_end=True),
    *_of_end("bytes", "payload bytes that the {role} sent", "data", lambda end: str(end.bytes), _whole),
    *_of_end("retransmissions", "what the {role} sent again", "data", lambda end: _kinds(end.retransmissions),
             _repeated),
    *_of_end("options", "what the {role}'s SYN or SYN-ACK offers", "opening", lambda end: _offered(end.options),
             _opening),
    Fact("half_close", "payload bytes after the first FIN", _only("closing", "data"),
         lambda c: f"client {c.closing.bytes_after_first_fin.client}, server {c.closing.bytes_after_first_fin.server}",
         _closing),
    Fact("sums", "the SEQ + 1 checks", _only("opening", "closing"), lambda c: ", ".join(map(_sum, c.checks)) or "none",
         _summed),
    Fact("time_wait", "who holds TIME_WAIT, and how it ends", _only("client", "server", "roles"),
         lambda c: ", ".join(f"{stay.holder} until {stay.end}" for stay in c.time_wait) or "nobody", _waited),
    Fact("findings", "its findings, and whose they are", _only(), _findings, _noted),
)}
# fmt: on


def times_of(connection: Connection) -> dict[str, int]:
    """The times that are over: of the handshake, of the connection, and in each state that an end has left."""
    times = {"duration": connection.last_time_ns - connection.first_time_ns}
    if connection.opening.rtt_ns is not None:
        times["handshake"] = connection.opening.rtt_ns
    for role, end in (("client", connection.client), ("server", connection.server)):
        for state, nanoseconds in end.time_in_state_ns.items():
            if state not in ENDLESS and state != end.state and state != "TIME_WAIT":
                times[f"time_in.{state}.{role}"] = nanoseconds
    return times


def entry_of(connection: Connection) -> Entry:
    """A connection as a baseline holds it."""
    return Entry(
        server_port=connection.server.port,
        facts={fact.name: fact.of(connection) for fact in FACTS.values()},
        times_ns=times_of(connection),
    )
