"""The lesson that goes with a ladder, in the reader's language: LANGUAGES has one table of sentences for each.

To add a language: a module here with SENTENCES (every key of looks/lesson.py) and NAMES, and its name in LANGUAGES
of render/drawings.py.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

from handshake_inspect.looks import lesson
from handshake_inspect.render.text import frame_number
from handshake_inspect.report import FrameOf

if TYPE_CHECKING:
    from handshake_inspect.looks.ladder import Ladder, Row


class Said(NamedTuple):
    """A paragraph; `tool` for what another program prints."""

    text: str
    tool: bool = False


def before(ladder: Ladder, lang: str) -> list[Said]:
    """The paragraphs above the first row."""
    return [Said(told(point, lang), point.key in lesson.TOOLS) for point in lesson.before(ladder)]


def of_row(row: Row, ladder: Ladder, lang: str) -> list[Said]:
    """The paragraphs under a row."""
    return [Said(told(point, lang), point.key in lesson.TOOLS) for point in lesson.of_row(row, ladder)]


def after(ladder: Ladder, lang: str) -> list[Said]:
    """The paragraphs below the last row."""
    return [Said(told(point, lang), point.key in lesson.TOOLS) for point in lesson.after(ladder)]


def told(point: lesson.Point, lang: str) -> str:
    """One point as a sentence of the language."""
    language = import_module(f"{__name__}.{lang}")
    names: dict[str, str] = language.NAMES
    sentences: dict[str, str] = language.SENTENCES
    values = {
        name: names["nothing"] if value is None else frame_number(value) if isinstance(value, FrameOf) else value
        for name, value in point.values.items()
    }  # fmt: skip
    who = point.who or "client"
    text = sentences[point.key].format(who=names[who], Who=capital(names[who]), **values)
    return capital(text)


def capital(text: str) -> str:
    """The text with its first letter as a capital; a command's name at the start stays as it is."""
    return text if text.startswith(("tcpdump", "ss ")) else text[:1].upper() + text[1:]
