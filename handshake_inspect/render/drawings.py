"""Ladders as text: DRAWINGS is the table of a walk's formats.

To add one: a module with a function `write(ladder, out, look)`, a row here, a golden file.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple, TextIO

from handshake_inspect.render import Style

if TYPE_CHECKING:
    from handshake_inspect.looks.ladder import Ladder

LANGUAGES = ("en", "ko")


class Look(NamedTuple):
    """How a walk looks: width and colour, whether lines are drawn with box characters, the lesson's language if any."""

    style: Style = Style()
    box: bool = True
    lang: str | None = None


class Drawing(NamedTuple):
    """One format: its module, whether it always holds the lesson, the file names that ask for it, what it is."""

    name: str
    module: str
    teaches: bool
    suffixes: tuple[str, ...]
    what: str

    def load(self) -> Callable[[Ladder, TextIO, Look], None]:
        """The function that draws a ladder on a text stream."""
        write: Callable[[Ladder, TextIO, Look], None] = import_module(f"handshake_inspect.render.{self.module}").write
        return write


# fmt: off
DRAWINGS = {row.name: row for row in (
    #       name        module             teaches, files that end in, what it is
    Drawing("table",    "ladder",          False, (".txt",),          "a ladder for the terminal"),
    Drawing("json",     "ladder_json",     False, (".json",),         "rows for programs, a stable contract"),
    Drawing("markdown", "ladder_markdown", False, (".md",),           "a table for a ticket or a pull request"),
    Drawing("mermaid",  "ladder_mermaid",  False, (".mmd",),          "a sequence diagram for a wiki"),
    Drawing("svg",      "ladder_svg",      False, (".svg",),          "a picture, light and dark"),
    Drawing("html",     "ladder_html",     True,  (".html", ".htm"),  "a page with the picture and the lesson"),
)}
# fmt: on


def drawing_of(path: str) -> str:
    """The format that a file name asks for by its ending; `table` for any other."""
    lower = path.lower()
    return next((row.name for row in DRAWINGS.values() if lower.endswith(row.suffixes)), "table")
