"""The language of `--filter`: which connections to show, after the analysis.

    expression = both { ("or" | "||") both }
    both       = one { ("and" | "&&") one }
    one        = ("not" | "!") one | "(" expression ")" | test
    test       = [ "client" | "server" ] field ( [ comparison ] value | "in" "(" value { "," value } ")" )
    comparison = "==" | "!=" | "<" | "<=" | ">" | ">="          (left out: "==")

FIELDS is the whole vocabulary.  A field that each end has (`port`) is true of a connection when it is true of
either end, or of the one that is named (`server port 443`).  `!=` is `not ... ==`, for both ends together.
What is not known satisfies no comparison: `handshake > 50ms` and `handshake <= 50ms` are both false for a
connection that never opened.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from difflib import get_close_matches
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

from handshake_inspect.errors import FilterError

if TYPE_CHECKING:
    from handshake_inspect.report import Connection, Endpoint

Predicate = Callable[["Connection"], bool]

UNITS_NS = {"ns": 1, "us": 1_000, "ms": 1_000_000, "s": 10**9, "m": 60 * 10**9, "min": 60 * 10**9, "h": 3600 * 10**9}
UNITS_BYTES = {"": 1, "B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
RANKS = {"none": 0, "note": 1, "warning": 2, "error": 3}
DEPTH_MAX = 100
"""Parentheses and nots inside each other; deeper than this is no human's expression."""


# --- values: each kind reads its spelling, or raises ValueError with what it takes ---------------------------------


def duration_ns(text: str) -> int:
    """Nanoseconds of `250ms`, `1.5s`, `2min`; ValueError says what a duration looks like."""
    return _with_unit(text, UNITS_NS, "a duration such as 250ms, 1.5s or 2min")


def _byte_count(text: str) -> int:
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


def _network(text: str) -> Any:
    from ipaddress import ip_network

    try:
        return ip_network(text)
    except ValueError as problem:
        detail = f" ({problem})" if "host bits" in str(problem) else ""
        raise ValueError(f"needs a network such as 10.0.0.0/8 or 2001:db8::/32, not '{text}'{detail}") from None


def _text(text: str) -> str:
    return text


def word_of(vocabulary: Callable[[], tuple[str, ...]]) -> Callable[[str], str]:
    """A reader of one of a few words; case and `-` or `_` do not matter."""

    def read(text: str) -> str:
        words = vocabulary()
        for word in words:
            if word.lower().replace("_", "-") == text.lower().replace("_", "-"):
                return word
        close = get_close_matches(text.lower(), [word.lower() for word in words], 1)
        meant = next((word for word in words if close and word.lower() == close[0]), None)
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


# --- the vocabulary ------------------------------------------------------------------------------------------------


class Kind(NamedTuple):
    """A kind of value: how it is called, how it is read, and whether `<` means something."""

    name: str
    read: Callable[[str], Any]
    ordered: bool = False


ADDRESS = Kind("address", _address)
NETWORK = Kind("network", _network)
PORT = Kind("port", _port, ordered=True)
COUNT = Kind("number", _count, ordered=True)
BYTES = Kind("bytes", _byte_count, ordered=True)
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
    Field("host", ADDRESS, "an end has this address", "host 10.0.0.1", of_end=lambda e: _ip(e.address)),
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


# --- the tree; str() of a node is an expression that parses to the same node ----------------------------------------


class Test(NamedTuple):
    """One comparison; `values` are as written, several only for `in`."""

    end: str | None
    field: str
    comparison: str
    values: tuple[str, ...]

    def __str__(self) -> str:
        words = " ".join(word for word in (self.end, self.field, self.comparison) if word)
        quoted = [value if re.fullmatch(WORD, value) else f'"{value}"' for value in self.values]
        return f"{words} ({', '.join(quoted)})" if self.comparison == "in" else f"{words} {quoted[0]}"

    def predicate(self) -> Predicate:
        field = FIELDS[self.field]
        wanted = [_ordered(field, field.kind.read(value)) for value in self.values]
        values = _values(field, self.end)
        if field.kind is NETWORK:
            holds: Callable[[Any], bool] = lambda have: any(have in want for want in wanted)  # noqa: E731
        elif self.comparison in ("in", "==", "!="):
            holds = lambda have: have in wanted  # noqa: E731
        else:
            compare, (want,) = COMPARISONS[self.comparison], wanted
            holds = lambda have: compare(have, want)  # noqa: E731
        unwanted = self.comparison == "!="
        return lambda c: any(have is not None and holds(have) for have in values(c)) is not unwanted


class Not(NamedTuple):
    """The opposite."""

    of: Node

    def __str__(self) -> str:
        return f"not {self.of}" if isinstance(self.of, Test | Not) else f"not ({self.of})"

    def predicate(self) -> Predicate:
        inner = self.of.predicate()
        return lambda c: not inner(c)


class Both(NamedTuple):
    """All of `parts` (two or more)."""

    parts: tuple[Node, ...]

    def __str__(self) -> str:
        return " and ".join(str(part) if isinstance(part, Test | Not) else f"({part})" for part in self.parts)

    def predicate(self) -> Predicate:
        inner = [part.predicate() for part in self.parts]
        return lambda c: all(part(c) for part in inner)


class Either(NamedTuple):
    """One of `parts` (two or more)."""

    parts: tuple[Node, ...]

    def __str__(self) -> str:
        return " or ".join(f"({part})" if isinstance(part, Either) else str(part) for part in self.parts)

    def predicate(self) -> Predicate:
        inner = [part.predicate() for part in self.parts]
        return lambda c: any(part(c) for part in inner)


Node = Test | Not | Both | Either


def _ordered(field: Field, value: Any) -> Any:
    return RANKS[value] if field.kind is SEVERITY else value


def _values(field: Field, end: str | None) -> Callable[[Connection], tuple[Any, ...]]:
    of_end = field.of_end
    if of_end is None:
        assert field.get is not None
        get = field.get
        return (lambda c: (RANKS[get(c)[0]],)) if field.kind is SEVERITY else get
    if end is not None:
        return lambda c: (of_end(getattr(c, end)),)
    if field.add:
        return lambda c: (of_end(c.client) + of_end(c.server),)
    return lambda c: (of_end(c.client), of_end(c.server))


# --- words and the parser -------------------------------------------------------------------------------------------

WORD = r"[A-Za-z0-9_.:/%+\-\[\]]+"
TOKEN = re.compile(rf'\s*(?:(?P<mark>&&|\|\||==|!=|<=|>=|[<>!(),])|(?P<quoted>"[^"]*")|(?P<word>{WORD}))', re.ASCII)
MARKS = {"&&": "and", "||": "or", "!": "not"}
RESERVED = ("and", "or", "not", "in")


class Token(NamedTuple):
    """A "word", a "quoted" text or a "mark", and where it stands; an "end" is after the last."""

    kind: str
    text: str
    position: int


def _tokens(expression: str) -> list[Token]:
    found, place = [], 0
    text = expression.rstrip()
    while place < len(text):
        match = TOKEN.match(text, place)
        if match is None:
            start = place + len(text[place:]) - len(text[place:].lstrip())
            raise FilterError(expression, start, f"a filter cannot hold {text[start]!r} here")
        kind = match.lastgroup or ""
        word = match[kind]
        start, place = match.start(kind), match.end()
        if word in MARKS or (kind == "word" and word.lower() in RESERVED):
            found.append(Token("mark", MARKS.get(word, word.lower()), start))
        else:
            found.append(Token(kind, word[1:-1] if kind == "quoted" else word, start))
    return [*found, Token("end", "the end", len(text))]


def parse(expression: str) -> Node:
    """The tree of an expression; FilterError names the place and what could stand there."""
    return _Parser(expression).whole()


def compile_filter(expression: str) -> Predicate:
    """The expression as a function of a connection; FilterError when it cannot be understood."""
    return parse(expression).predicate()


class _Parser:
    def __init__(self, expression: str) -> None:
        self.expression = expression
        self.tokens = _tokens(expression)
        self.at = 0

    def whole(self) -> Node:
        if self.tokens[0].kind == "end":
            raise self.error(self.tokens[0], "the filter is empty; for example: opening == refused")
        node = self.either(0)
        if self.next.kind != "end":
            raise self.error(self.next, f"needs 'and' or 'or' before {self.named(self.next)}")
        return node

    @property
    def next(self) -> Token:
        return self.tokens[self.at]

    def take(self) -> Token:
        token = self.next
        self.at += 1
        return token

    def has(self, *marks: str) -> bool:
        """Whether the next token is one of these marks; it is taken when it is."""
        there = self.next.kind == "mark" and self.next.text in marks
        self.at += there
        return there

    def named(self, token: Token) -> str:
        return "the end" if token.kind == "end" else f"'{token.text}'"

    def error(self, token: Token, problem: str) -> FilterError:
        return FilterError(self.expression, token.position, problem)

    def either(self, depth: int) -> Node:
        parts = [self.both(depth)]
        while self.has("or"):
            parts.append(self.both(depth))
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def both(self, depth: int) -> Node:
        parts = [self.one(depth)]
        while self.has("and"):
            parts.append(self.one(depth))
        return parts[0] if len(parts) == 1 else Both(tuple(parts))

    def one(self, depth: int) -> Node:
        if depth > DEPTH_MAX:
            raise self.error(self.next, f"nested more than {DEPTH_MAX} deep")
        if self.has("not"):
            return Not(self.one(depth + 1))
        opened = self.next
        if self.has("("):
            node = self.either(depth + 1)
            if not self.has(")"):
                raise self.error(opened, "this '(' is never closed" if self.next.kind == "end" else "needs ')' before "
                                 f"{self.named(self.next)}")  # fmt: skip
            return node
        return self.test()

    def test(self) -> Test:
        end = None
        if self.next.kind == "word" and self.next.text.lower() in ENDS:
            end_token = self.take()
            end = end_token.text.lower()
        name = self.take()
        field = FIELDS.get(name.text.lower()) if name.kind == "word" else None
        if field is None:
            raise self.error(name, self.unknown(name))
        if end is not None and field.of_end is None:
            sided = ", ".join(row.name for row in FIELDS.values() if row.of_end)
            problem = f"'{field.name}' belongs to the connection, not to one end; those of an end: {sided}"
            raise self.error(end_token, problem)
        if self.has("in"):
            return Test(end, field.name, "in", self.listed(field))
        comparison = self.next.text if self.next.kind == "mark" and self.next.text in COMPARISONS else ""
        if comparison:
            token = self.take()
            if comparison not in ("==", "!=") and not field.kind.ordered:
                raise self.error(token, f"'{field.name}' has no order; compare it with == or != or in (...)")
        return Test(end, field.name, comparison or "==", (self.value(field),))

    def unknown(self, name: Token) -> str:
        if name.kind != "word":
            return f"needs a field before {self.named(name)}; for example: opening == refused"
        close = get_close_matches(name.text.lower(), [*FIELDS, *ENDS], 1)
        hint = f"did you mean {close[0]}?" if close else f"there are: {', '.join(FIELDS)}"
        return f"there is no field '{name.text}'; {hint}"

    def listed(self, field: Field) -> tuple[str, ...]:
        if not self.has("("):
            raise self.error(self.next, f"needs '(' and a list after 'in', not {self.named(self.next)}")
        values = [self.value(field)]
        while self.has(","):
            values.append(self.value(field))
        if not self.has(")"):
            raise self.error(self.next, f"needs ',' or ')' in the list, not {self.named(self.next)}")
        return tuple(values)

    def value(self, field: Field) -> str:
        token = self.take()
        if token.kind not in ("word", "quoted"):
            problem = f"'{field.name}' needs a value, not {self.named(token)}; for example: {field.example}"
            raise self.error(token, problem)
        try:
            field.kind.read(token.text)
        except ValueError as problem:
            raise self.error(token, f"'{field.name}' {problem}") from None
        return token.text
