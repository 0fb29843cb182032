"""The words of --filter: FIELDS, and how the value of each is read.

To add a field: one row.  The help and the reference are made from the table.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

if TYPE_CHECKING:
    from handshake_inspect.report import Connection, Endpoint

UNITS_NS = {"ns": 1, "us": 1_000, "ms": 1_000_000, "s": 10**9, "m": 60 * 10**9, "min": 60 * 10**9, "h": 3600 * 10**9}
UNITS_BYTES = {"": 1, "B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
RANKS = {"none": 0, "note": 1, "warning": 2, "error": 3}


def duration_ns(text: str) -> int:
    """Nanoseconds of `250ms`, `1.5s`, `2min`; ValueError says what a duration looks like."""
    return _with_unit(text, UNITS_NS, "a duration such as 250ms, 1.5s or 2min")


def byte_count(text: str) -> int:
    """Bytes of `1460`, `10kB`, `1MiB`; ValueError says what a size looks like."""
    return _with_unit(text, UNITS_BYTES, "a number of bytes such as 1460, 10kB, 1MB or 1MiB")


def _with_unit(text: str, units: dict[str, int], what: str) -> int:
    match = re.fullmatch(r"([0-9]{1,18})(?:\.([0-9]{1,18}))?([A-Za-z]*)", text, re.ASCII)
    by_lower = {unit.lower(): factor for unit, factor in units.items()}
    factor = by_lower.get(match[3].lower()) if match else None
    if match is None or factor is None:
        raise ValueError(f"needs {what}, not '{text}'")
    part = match[2] or ""
    scale: int = 10 ** len(part)
    return int(match[1] + part) * factor // scale


def _count(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,18}", text, re.ASCII):
        raise ValueError(f"needs a whole number, not '{text}'")
    return int(text)


def _port(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", text, re.ASCII) or int(text) > 65535:
        raise ValueError(f"needs a port from 0 to 65535, not '{text}'")
    return int(text)


@lru_cache(maxsize=4096)
def _ip(text: str) -> Any:
    from ipaddress import ip_address

    return ip_address(text)


def _address(text: str) -> Any:
    try:
        return _ip(text)
    except ValueError:
        hint = f"; a network is: net {text}" if "/" in text else ""
        raise ValueError(f"needs an IPv4 or IPv6 address, not '{text}'{hint}") from None


def _host(text: str) -> Any:
    """An address, or the name of a host in lower case."""
    if re.fullmatch(r"[A-Za-z0-9_*-]+(\.[A-Za-z0-9_*-]+)*\.?", text) and re.search(r"[A-Za-z_*]", text):
        return text.lower().removesuffix(".")
    return _address(text)


def _network(text: str) -> Any:
    from ipaddress import ip_network

    try:
        return ip_network(text)
    except ValueError as problem:
        detail = f" ({problem})" if "host bits" in str(problem) else ""
        raise ValueError(f"needs a network such as 10.0.0.0/8 or 2001:db8::/32, not '{text}'{detail}") from None


def _text(text: str) -> str:
    return text


def closest(word: str, words: Iterable[str]) -> str | None:
    """The one of `words` that `word` may have been meant for, without regard to case."""
    from difflib import get_close_matches

    by_lower = {known.lower(): known for known in words}
    close = get_close_matches(word.lower(), by_lower, 1)
    return by_lower[close[0]] if close else None


def word_of(vocabulary: Callable[[], tuple[str, ...]]) -> Callable[[str], str]:
    """A reader of one of a few words; case and `-` or `_` do not matter."""

    def read(text: str) -> str:
        words = vocabulary()
        for word in words:
            if word.lower().replace("_", "-") == text.lower().replace("_", "-"):
                return word
        meant = closest(text, words)
        hint = f"did you mean {meant}?" if meant else f"one of: {', '.join(words)}"
        raise ValueError(f"does not know '{text}'; {hint}")

    return read


def _literal(name: str) -> Callable[[], tuple[str, ...]]:
    def words() -> tuple[str, ...]:
        from handshake_inspect import report

        return get_args(getattr(report, name))

    return words


def _finding_ids() -> tuple[str, ...]:
    from handshake_inspect.verdict.findings import FINDINGS

    return tuple(row.id for row in FINDINGS)


class Kind(NamedTuple):
    """A kind of value: how it is called, how it is read, and whether `<` means something."""

    name: str
    read: Callable[[str], Any]
    ordered: bool = False


HOST = Kind("address or name", _host)
NETWORK = Kind("network", _network)
PORT = Kind("port", _port, ordered=True)
COUNT = Kind("number", _count, ordered=True)
BYTES = Kind("bytes", byte_count, ordered=True)
DURATION = Kind("duration", duration_ns, ordered=True)
TEXT = Kind("text", _text)
ROLE = Kind("client or server", word_of(_literal("Role")))
STATE = Kind("state", word_of(_literal("State")))
OPENING = Kind("opening", word_of(_literal("OpeningKind")))
CLOSING = Kind("closing", word_of(_literal("ClosingKind")))
CERTAINTY = Kind("certainty", word_of(_literal("Certainty")))
TIME_WAIT_END = Kind("end of TIME_WAIT", word_of(_literal("TimeWaitEnd")))
ROLES = Kind("seen or guessed", word_of(lambda: ("seen", "guessed")))
FINDING = Kind("finding", word_of(_finding_ids))
SEVERITY = Kind("severity", word_of(lambda: tuple(RANKS)), ordered=True)


class Field(NamedTuple):
    """One word of the language.

    `get` gives all values that the connection has under this name: a test holds when one of them satisfies it.
    `of_end`, where both ends have one, gives the value of one end; `add` says that without `client` or `server`
    the two are added up.
    """

    name: str
    kind: Kind
    sentence: str
    example: str
    get: Callable[[Connection], tuple[Any, ...]] | None = None
    of_end: Callable[[Endpoint], Any] | None = None
    add: bool = False


def _repeats(end: Endpoint) -> int:
    repeats = end.retransmissions
    return repeats.syn + repeats.syn_ack + repeats.fin + repeats.data


def _severity(connection: Connection) -> str:
    return max((finding.severity for finding in connection.findings), key=RANKS.__getitem__, default="none")


# fmt: off
FIELDS = {row.name: row for row in (
    Field("host", HOST, "an end has this address or, with --names, this name", "host 10.0.0.1",
          of_end=lambda e: (_ip(e.address), *e.names)),
    Field("net", NETWORK, "an end's address lies in this network", "net 10.0.0.0/8", of_end=lambda e: _ip(e.address)),
    Field("port", PORT, "an end has this port", "server port 443", of_end=lambda e: e.port),
    Field("stream", COUNT, "the connection's id, as in the report", "stream 3", lambda c: (c.id,)),
    Field("incarnation", COUNT, "which connection on its 4-tuple, from 1", "incarnation > 1",
          lambda c: (c.incarnation,)),
    Field("roles", ROLES, "who is client was seen, or guessed", "roles guessed", lambda c: (c.roles,)),
    Field("opening", OPENING, "how it opened", "opening == refused", lambda c: (c.opening.kind,)),
    Field("certainty", CERTAINTY, "how sure the opening is", "certainty != confirmed",
          lambda c: (c.opening.certainty,)),
    Field("handshake", DURATION, "time from the SYN to the last ACK of the opening", "handshake > 50ms",
          lambda c: (c.opening.rtt_ns,)),
    Field("closing", CLOSING, "how it closed", "closing in (reset, fin-then-reset)", lambda c: (c.closing.kind,)),
    Field("closed-by", ROLE, "who closed first", "closed-by server", lambda c: (c.closing.first,)),
    Field("reset-by", ROLE, "who sent the RST that ended it", "reset-by client", lambda c: (c.closing.reset_by,)),
    Field("state", STATE, "an end's state at the end of the capture", "state CLOSE_WAIT", of_end=lambda e: e.state),
    Field("time-wait", TIME_WAIT_END, "how a stay in TIME_WAIT ended", "time-wait reuse",
          lambda c: tuple(stay.end for stay in c.time_wait)),
    Field("finding", FINDING, "it has this finding", "finding rst-ignored", lambda c: tuple(f.id for f in c.findings)),
    Field("severity", SEVERITY, "its worst finding: none, note, warning, error", "severity >= warning",
          lambda c: (_severity(c),)),
    Field("duration", DURATION, "time from its first frame to its last", "duration >= 2s",
          lambda c: (c.last_time_ns - c.first_time_ns,)),
    Field("bytes", BYTES, "payload bytes sent", "server bytes > 1MB", of_end=lambda e: e.bytes, add=True),
    Field("segments", COUNT, "segments sent", "segments <= 3", of_end=lambda e: e.segments, add=True),
    Field("retransmissions", COUNT, "segments sent again", "retransmissions > 0", of_end=_repeats, add=True),
    Field("missing", BYTES, "bytes sent but not captured", "missing > 0", of_end=lambda e: e.missing_bytes, add=True),
    Field("community-id", TEXT, "the flow's Community ID", 'community-id "1:LQU9qZlK+B5F3KDmev6m5PMibrg="',
          lambda c: (c.interop.community_id,)),
)}
# fmt: on

COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda have, want: have == want,
    "!=": lambda have, want: have != want,
    "<": lambda have, want: have < want,
    "<=": lambda have, want: have <= want,
    ">": lambda have, want: have > want,
    ">=": lambda have, want: have >= want,
}
ENDS = ("client", "server")
