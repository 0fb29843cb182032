"""Colour and folded lines, for everything that is drawn for people."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator

from handshake_inspect.render import Style

Paint = Callable[[str, str], str]

COLOURS: dict[str, dict[str, object]] = {
    "error": {"fg": "red", "bold": True},
    "warning": {"fg": "yellow"},
    "note": {"fg": "cyan"},
    "ok": {"fg": "green"},
    "title": {"bold": True},
    "state": {"bold": True},
    "aside": {"dim": True},
}
TEXT_ROOM_MIN = 40
"""A sentence with less room than this beside its row goes on a line of its own."""


def painter(style: Style) -> Paint:
    """The function that gives a text one of COLOURS, or leaves it as it is."""

    if not style.colour:
        return lambda text, what: text
    import click

    return lambda text, what: click.style(text, **COLOURS[what])  # type: ignore[arg-type]


def wrapped(left: str, indent: str, text: str, width: int, left_width: int | None = None) -> Iterator[str]:
    """`left` and the text, folded at words to the width; `left_width` is the width of `left` without its colour."""
    taken = len(left) if left_width is None else left_width
    if width - taken < TEXT_ROOM_MIN and taken > 12:
        yield left
        yield from textwrap.wrap(text, max(width, 20), initial_indent="    ", subsequent_indent="    ")
        return
    # Words are never cut, so that an address or a path can be copied whole.
    lines = textwrap.wrap(
        text, max(width, 20), initial_indent=" " * taken, subsequent_indent=indent, break_long_words=False,
        break_on_hyphens=False,
    )  # fmt: skip
    yield left + (lines[0][taken:] if lines else "")
    yield from lines[1:]
