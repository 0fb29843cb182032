"""Where each key of a TOML file stands, which tomllib does not tell.

A statement of TOML (`key = value`, `[table]`, `[[array]]`) begins on a line of its own, and is itself a whole TOML
document: the shortest run of lines that tomllib takes.  So the file is cut into statements with tomllib alone, and
each tells its key.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

LINES_MAX = 200
"""After a value of more lines than this no line is known any more, and nothing else is lost."""
ENDS = ("]", "}", '"""', "'''")
"""A value of several lines ends in a line with one of these."""

Place = tuple[str | int, ...]
"""A key as a path: ("expect", 0, "max", "handshake")."""


def statements(text: str) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """Yield (line from 1, text, what it says) of each statement of a document that tomllib has read."""
    lines = text.split("\n")
    first = 0
    while first < len(lines):
        for after in range(first + 1, min(first + LINES_MAX, len(lines)) + 1):
            if after > first + 1 and not any(end in lines[after - 1] for end in ENDS):
                continue
            statement = "\n".join(lines[first:after]).strip()
            try:
                said = tomllib.loads(statement)
            except tomllib.TOMLDecodeError:
                continue
            if said:
                yield first + 1, statement, said
            first = after
            break
        else:
            return


def lines_of(text: str) -> dict[Place, int]:
    """The line of every key; of a table or an array of tables, the line of its header."""
    found: dict[Place, int] = {}
    header: Place = ()
    counts: dict[Place, int] = {}
    for line, statement, said in statements(text):
        if statement.startswith("["):
            header = _header(said, counts, again=statement.startswith("[["))
            found.setdefault(header, line)
        else:
            _keys(header, said, line, found)
    return found


def _header(said: dict[str, Any], counts: dict[Place, int], *, again: bool) -> Place:
    """The place of a table header; each array of tables on the way is meant by its last table."""
    place: Place = ()
    inner: Any = said
    while isinstance(inner, dict) and inner:
        ((key, inner),) = inner.items()
        place = (*place, key)
        if isinstance(inner, list):
            counts[place] = counts.get(place, -1) + 1
            inner = inner[0]
            place = (*place, counts[place])
        elif place in counts:
            place = (*place, counts[place])
    return place


def _keys(header: Place, said: dict[str, Any], line: int, found: dict[Place, int]) -> None:
    for key, value in said.items():
        place = (*header, key)
        found.setdefault(place, line)
        if isinstance(value, dict):
            _keys(place, value, line, found)
