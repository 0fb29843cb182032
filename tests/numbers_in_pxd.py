"""Reads the numbers that compiled code has for the rows of our tables."""

from __future__ import annotations

import re
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent / "handshake_inspect"


def numbers(name: str, prefix: str = "") -> dict[str, int]:
    """Return the constants of a .pxd below handshake_inspect/ whose names begin with `prefix`, without it."""
    text = (PACKAGE / name).read_text()
    return {
        constant.removeprefix(prefix): int(value, 0)
        for constant, value in re.findall(r"^    (\w+) = (0x[0-9a-fA-F]+|-?\d+)\b", text, re.MULTILINE)
        if constant.startswith(prefix)
    }


def as_constants(words: tuple[str, ...]) -> dict[str, int]:
    """Return the words as names of constants, with their places."""
    return {word.upper().replace("-", "_").replace(" ", "_"): number for number, word in enumerate(words)}
