"""How values are read from a file of expectations, and spelled in a sentence."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from handshake_inspect.expect.measures import Unit
from handshake_inspect.select.words import BYTES, closest, duration_ns
from handshake_inspect.spelling import duration

Read = Callable[[Any], Any]
"""From what TOML gives to what a rule wants; ValueError says what is allowed."""


def toml(value: Any) -> str:
    """A value as TOML would write it, cut when it is long."""
    if isinstance(value, bool):
        return str(value).lower()
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def listed(words: Iterable[str], last: str = "or") -> str:
    """`a`, `a or b`, `a, b or c`."""
    *first, end = words
    return f"{', '.join(first)} {last} {end}" if first else end


def one_word(words: Sequence[str]) -> Callable[[Any], str]:
    """A reader of one of these words; case and `-` or `_` do not matter."""

    def read(value: Any) -> str:
        if isinstance(value, str):
            plain = value.lower().replace("_", "-")
            for word in words:
                if word.lower().replace("_", "-") == plain:
                    return word
            meant = closest(value, words)
            if meant:
                raise ValueError(f"does not know {toml(value)}; did you mean {toml(meant)}?")
        raise ValueError(f"does not know {toml(value)}; it is one of: {', '.join(words)}")

    return read


def words_of(words: Sequence[str], *, none: bool = False) -> Callable[[Any], tuple[str, ...]]:
    """A reader of one of these words or a list of them; an empty list only with `none`."""
    read_one = one_word(words)

    def read(value: Any) -> tuple[str, ...]:
        if not isinstance(value, list):
            return (read_one(value),)
        if not value and not none:
            raise ValueError(f"has an empty list, which nothing satisfies; it is one of: {', '.join(words)}")
        return tuple(read_one(word) for word in value)

    return read


def path_of(states: Sequence[str]) -> Callable[[Any], tuple[tuple[str, ...], ...]]:
    """A reader of a list of states in their order, or of several such lists."""
    read_one = one_word(states)

    def read(value: Any) -> tuple[tuple[str, ...], ...]:
        if not isinstance(value, list) or not value:
            raise ValueError(f'needs the states in their order, such as ["CLOSED", "SYN_SENT"], not {toml(value)}')
        paths = value if all(isinstance(path, list) for path in value) else [value]
        if not all(paths):
            raise ValueError("has an empty list, which nothing satisfies")
        return tuple(tuple(read_one(state) for state in path) for path in paths)

    return read


def whole_number(value: Any) -> int:
    """A count, from 0."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"needs a whole number from 0, not {toml(value)}")
    return value


def truth(value: Any) -> bool:
    """true or false."""
    if not isinstance(value, bool):
        raise ValueError(f"is true or false, not {toml(value)}")
    return value


def time(value: Any) -> int:
    """A duration with its unit, in nanoseconds."""
    if isinstance(value, str):
        try:
            return duration_ns("".join(value.split()))
        except ValueError:
            pass
    unit = ", and its unit" if isinstance(value, int) and not isinstance(value, bool) else ""
    raise ValueError(f'needs a duration such as "50 ms", "1.5 s" or "2 min"{unit}, not {toml(value)}')


def amount(value: Any) -> int:
    """A number of bytes, plain or with a unit."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    if isinstance(value, str):
        try:
            read: int = BYTES.read("".join(value.split()))
            return read
        except ValueError:
            pass
    raise ValueError(f'needs a number of bytes such as 1460, "10 kB" or "1 MiB", not {toml(value)}')


READ: dict[Unit, Read] = {"duration": time, "count": whole_number, "bytes": amount}


def number(unit: Unit, value: int) -> str:
    """A measured value for people."""
    return duration(value) if unit == "duration" else f"{value:,}" + (" B" if unit == "bytes" else "")


def exact(unit: Unit, value: int) -> str:
    """A measured value to its last figure, for one that is too near to a limit to be rounded."""
    return f"{value:,} ns" if unit == "duration" else number(unit, value)


def path(states: Iterable[str]) -> str:
    """`CLOSED > SYN_SENT > ESTABLISHED`."""
    return " > ".join(states)
