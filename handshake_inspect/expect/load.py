"""Reads a file of expectations: what means nothing is refused, with its line and what is allowed."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

from handshake_inspect.errors import ExpectationError, FilterError
from handshake_inspect.expect import spell
from handshake_inspect.expect.doubts import Aspect
from handshake_inspect.expect.limits import BOUNDS, Bound, Limit, judge_limit, names, read_limit
from handshake_inspect.expect.members import Count, aspects_of
from handshake_inspect.expect.places import Place, lines_of
from handshake_inspect.expect.rules import RULES, Answer, Subject
from handshake_inspect.select import parse
from handshake_inspect.select.tree import Predicate
from handshake_inspect.select.words import closest

SIZE_MAX = 4_000_000
"""Bytes of a file of expectations; nobody writes a longer one."""
TOML_PLACE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")
GRADES = ("firm", "weak")
SETTINGS = ("name", "match", "optional", "grade", "count")
"""The keys of an expectation that are no rule: what it is about."""


class Demand(NamedTuple):
    """One key of an expectation: what it wants, and who judges one connection; a limit may be judged together."""

    key: str
    expected: str
    line: int | None
    judge: Callable[[Subject], Answer | None] | None
    limit: Limit | None = None


class Expectation(NamedTuple):
    """One `[[expect]]`.

    `keep` tells the connections that it is about, by the `aspects` that the filter reads.  `weak` says that weak
    verdicts are judged as well; `optional` that no connection need match.
    """

    title: str
    keep: Predicate | None
    aspects: frozenset[Aspect]
    optional: bool
    weak: bool
    number: Count | None
    number_line: int | None
    demands: tuple[Demand, ...]
    file: str
    line: int | None


def load(path: str) -> tuple[Expectation, ...]:
    """The expectations of a TOML file.  Raises ExpectationError for anything that it cannot mean."""
    try:
        with open(path, "rb") as file:
            data = file.read(SIZE_MAX + 1)
    except OSError as problem:
        raise ExpectationError(path, None, f"cannot be read: {problem.strerror or problem}") from problem
    if len(data) > SIZE_MAX:
        raise ExpectationError(path, None, f"is longer than {SIZE_MAX:,} bytes, which no file of expectations is")
    try:
        return loads(data.decode("utf-8").removeprefix("\ufeff").replace("\r\n", "\n"), path)
    except UnicodeDecodeError as problem:
        line = data.count(b"\n", 0, problem.start) + 1
        raise ExpectationError(path, line, f"byte {data[problem.start]:#04x} is no UTF-8") from problem


def loads(text: str, path: str = "expect.toml") -> tuple[Expectation, ...]:
    """The expectations of a text; `path` is the name that errors and results give it."""
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as problem:
        raise _no_toml(path, text, str(problem)) from None
    return _Reader(path, lines_of(text)).expectations(document)


def _no_toml(path: str, text: str, problem: str) -> ExpectationError:
    place = TOML_PLACE.search(problem)
    line = int(place[1]) if place and place[1] else text.count("\n") + 1
    column = f", column {place[2]}" if place and place[2] else ""
    said = TOML_PLACE.sub("", problem)
    return ExpectationError(path, line, f"this is no TOML: {said[:1].lower()}{said[1:]}{column}")


class _Reader:
    """Turns a document into expectations; knows the line of everything."""

    def __init__(self, path: str, lines: Mapping[Place, int]) -> None:
        self.path = path
        self.lines = lines

    def refuse(self, place: Place, problem: str) -> ExpectationError:
        return ExpectationError(self.path, self.line(place), problem)

    def line(self, place: Place) -> int | None:
        """The line of a key, or of what it stands in."""
        while place and place not in self.lines and (*place, 0) not in self.lines:
            place = place[:-1]
        return self.lines.get(place, self.lines.get((*place, 0)))

    def expectations(self, document: dict[str, Any]) -> tuple[Expectation, ...]:
        for key in document:
            if key != "expect":
                hint = "; did you mean [[expect]]?" if closest(key, ("expect",)) or key in _all_keys() else ""
                problem = f"there is no '{key}' here: a file of expectations has [[expect]] alone{hint}"
                raise self.refuse((key,), problem)
        tables = document.get("expect", [])
        if isinstance(tables, dict):
            raise self.refuse(("expect",), "an expectation begins with [[expect]], in two brackets")
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            raise self.refuse(("expect",), "expect is no value: an expectation begins with [[expect]]")
        if not tables:
            raise ExpectationError(self.path, None, "holds no expectation: each begins with [[expect]]")
        return tuple(self.expectation(table, ("expect", number)) for number, table in enumerate(tables))

    def expectation(self, table: dict[str, Any], place: Place) -> Expectation:
        match = self.setting(table, place, "match", _string("match"), None)
        keep, aspects = self.match(match, (*place, "match"))
        name = self.setting(table, place, "name", _string("name"), None)
        grade = self.setting(table, place, "grade", spell.one_word(GRADES), "firm")
        return Expectation(
            title=name or match or "every connection",
            keep=keep,
            aspects=aspects,
            optional=self.setting(table, place, "optional", spell.truth, False),
            weak=grade == "weak",
            number=self.setting(table, place, "count", Count.read, None),
            number_line=self.line((*place, "count")),
            demands=tuple(self.demands(table, place)),
            file=self.path,
            line=self.line(place),
        )

    def setting(self, table: dict[str, Any], place: Place, key: str, read: spell.Read, default: Any) -> Any:
        return self.value((*place, key), key, read, table[key]) if key in table else default

    def value(self, place: Place, key: str, read: spell.Read, value: Any) -> Any:
        try:
            return read(value)
        except ValueError as problem:
            raise self.refuse(place, f"{key} {problem}") from None

    def match(self, expression: str | None, place: Place) -> tuple[Predicate | None, frozenset[Aspect]]:
        if expression is None:
            return None, frozenset()
        try:
            tree = parse(expression)
        except FilterError as problem:
            raise self.refuse(place, f"match: {problem.problem} (character {problem.position + 1})") from None
        return tree.predicate(), aspects_of(tree)

    def demands(self, table: dict[str, Any], place: Place) -> Iterator[Demand]:
        for key, value in table.items():
            if key in BOUNDS:
                if not isinstance(value, dict):
                    raise self.refuse((*place, key), f'{key} needs a measure, such as {key}.handshake = "50 ms"')
                yield from self.limits(key, value, (*place, key))
            elif key not in SETTINGS:
                yield from self.rules(key, value, (*place, key))

    def rules(self, key: str, value: Any, place: Place) -> Iterator[Demand]:
        rule = RULES.get(key)
        if rule is None and isinstance(value, dict) and any(name.startswith(f"{key}.") for name in RULES):
            for inner, wanted in value.items():
                yield from self.rules(f"{key}.{inner}", wanted, (*place, inner))
            return
        if rule is None:
            raise self.refuse(place, self.unknown(key))
        wanted = self.value(place, key, rule.read, value)
        judge = rule.judge
        yield Demand(key, rule.spell(wanted), self.line(place), lambda subject: judge(subject, wanted))

    def unknown(self, key: str) -> str:
        inner = [name for name in RULES if name.startswith(f"{key}.")]
        if inner:
            return f"{key} is of one end: {spell.listed(inner)}"
        if key in names():
            return f"there is no key '{key}'; did you mean max.{key} or min.{key}?"
        meant = closest(key, _all_keys())
        hint = f"did you mean {meant}?" if meant else f"there are: {', '.join(_all_keys())}"
        return f"there is no key '{key}'; {hint}"

    def limits(self, bound: Bound, value: dict[str, Any], place: Place, before: str = "") -> Iterator[Demand]:
        for inner, wanted in value.items():
            name, here = f"{before}{inner}", (*place, inner)
            if isinstance(wanted, dict):
                yield from self.limits(bound, wanted, here, f"{name}.")
                continue
            limit = self.value(here, f"{bound}.{name}", partial(read_limit, bound, name), wanted)
            if limit is None:
                raise self.refuse(here, _no_measure(bound, name))
            yield self.limit(bound, name, limit, here)

    def limit(self, bound: Bound, name: str, limit: Limit, place: Place) -> Demand:
        judge = None if limit.together else lambda subject: judge_limit(subject, limit)
        return Demand(f"{bound}.{name}", str(limit), self.line(place), judge, limit)


def _all_keys() -> tuple[str, ...]:
    return (*SETTINGS, *RULES, *BOUNDS)


def _no_measure(bound: str, name: str) -> str:
    whole, _, last = name.rpartition(".")
    if whole in names() and re.fullmatch(r"p.*", last):
        return f"{bound}.{name}: a percentile is p1 to p100, such as {whole}.p95"
    meant = closest(name, names())
    hint = f"did you mean {meant}?" if meant else f"there are: {', '.join(names())}"
    return f"{bound} knows no '{name}'; {hint}"


def _string(key: str) -> spell.Read:
    def read(value: Any) -> str:
        if not isinstance(value, str) or not value.strip():
            raise ValueError(f"needs a text, not {spell.toml(value)}")
        return value

    return read
