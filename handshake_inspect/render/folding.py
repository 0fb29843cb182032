"""Folding text to a width in terminal columns, where Korean, Chinese and Japanese characters take two."""

from __future__ import annotations

import unicodedata


def wide(text: str) -> int:
    """How many columns a text takes."""
    if text.isascii():
        return len(text)
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def padded(text: str, width: int) -> str:
    """The text with spaces after it up to `width` columns."""
    return text + " " * (width - wide(text))


def wrap(text: str, width: int, *, indent: str = "") -> list[str]:
    """The text folded at spaces; lines after the first begin with `indent`.  The spaces that it begins with stay.

    A word that is longer than the width keeps a line of its own, uncut, so that it can be copied.
    """
    start = text[: len(text) - len(text.lstrip(" "))]
    lines: list[str] = []
    line, room = start, start
    for word in text.split(" "):
        if not word and line.strip() == "":
            continue
        joined = word if line == room else f" {word}"
        if line != room and wide(line) + wide(joined) > width:
            lines.append(line)
            line = room = indent
            joined = word
        line += joined
    return [*lines, line]
