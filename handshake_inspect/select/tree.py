"""An expression as a tree: str() of a node is an expression that parses to the same node."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from handshake_inspect.select.words import COMPARISONS, FIELDS, HOST, NETWORK, RANKS, SEVERITY, Field

if TYPE_CHECKING:
    from handshake_inspect.report import Connection

Predicate = Callable[["Connection"], bool]

WORD = r"[A-Za-z0-9_.:/%+\-\[\]]+"
"""A value that needs no quotation marks."""


class Comparison(NamedTuple):
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
        elif field.kind is HOST:
            holds = lambda have: any(want in have for want in wanted)  # noqa: E731
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
        return f"not {self.of}" if isinstance(self.of, Comparison | Not) else f"not ({self.of})"

    def predicate(self) -> Predicate:
        inner = self.of.predicate()
        return lambda c: not inner(c)


class Both(NamedTuple):
    """All of `parts` (two or more)."""

    parts: tuple[Node, ...]

    def __str__(self) -> str:
        return " and ".join(str(part) if isinstance(part, Comparison | Not) else f"({part})" for part in self.parts)

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


Node = Comparison | Not | Both | Either


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
