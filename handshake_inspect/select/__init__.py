"""The language of `--filter`: which connections to show, after the analysis.

    expression = both { ("or" | "||") both }
    both       = one { ("and" | "&&") one }
    one        = ("not" | "!") one | "(" expression ")" | test
    test       = [ "client" | "server" ] field ( [ comparison ] value | "in" "(" value { "," value } ")" )
    comparison = "==" | "!=" | "<" | "<=" | ">" | ">="          (left out: "==")

FIELDS (words.py) is the whole vocabulary.  A field that each end has (`port`) is true of a connection when it is true
of either end, or of the one that is named (`server port 443`).  `!=` is `not ... ==`, for both ends together.
What is not known satisfies no comparison: `handshake > 50ms` and `handshake <= 50ms` are both false for a
connection that never opened.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from handshake_inspect.errors import FilterError
from handshake_inspect.select.tree import WORD, Both, Comparison, Either, Node, Not, Predicate
from handshake_inspect.select.words import COMPARISONS, ENDS, FIELDS, HOST, Field, closest

DEPTH_MAX = 100
"""Parentheses and nots inside each other; deeper than this is no human's expression."""

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


def parse(expression: str, *, names: bool = False) -> Node:
    """The tree of an expression; FilterError names the place and what could stand there.

    `names` allows the name of a host where an address may stand: it holds only for endpoints that carry names.
    """
    return _Parser(expression, names).whole()


def compile_filter(expression: str, *, names: bool = False) -> Predicate:
    """The expression as a function of a connection; FilterError when it cannot be understood."""
    return parse(expression, names=names).predicate()


class _Parser:
    def __init__(self, expression: str, names: bool) -> None:
        self.expression = expression
        self.names = names
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

    def test(self) -> Comparison:
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
            return Comparison(end, field.name, "in", self.listed(field))
        comparison = self.next.text if self.next.kind == "mark" and self.next.text in COMPARISONS else ""
        if comparison:
            token = self.take()
            if comparison not in ("==", "!=") and not field.kind.ordered:
                raise self.error(token, f"'{field.name}' has no order; compare it with == or != or in (...)")
        return Comparison(end, field.name, comparison or "==", (self.value(field),))

    def unknown(self, name: Token) -> str:
        if name.kind != "word":
            return f"needs a field before {self.named(name)}; for example: opening == refused"
        close = closest(name.text, (*FIELDS, *ENDS))
        hint = f"did you mean {close}?" if close else f"there are: {', '.join(FIELDS)}"
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
            value = field.kind.read(token.text)
            if field.kind is HOST and isinstance(value, str) and not self.names:
                raise ValueError(f"needs an IPv4 or IPv6 address, not '{token.text}'; names come with --names")
        except ValueError as problem:
            raise self.error(token, f"'{field.name}' {problem}") from None
        return token.text
