"""Reports as text: RENDERERS is the table of output formats.

To add a format: one module with a function `write(selection, out, style)`, one row here, one golden file.
A module is imported when its format is asked for, so that `--format ndjson` never pays for a table.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple, TextIO

if TYPE_CHECKING:
    from handshake_inspect.render.selection import Selection


class Style(NamedTuple):
    """How a report for people looks: columns of the terminal, colour, and whether clocks show UTC or local time."""

    width: int = 100
    colour: bool = False
    utc: bool = False


class Renderer(NamedTuple):
    """One output format: `streaming` says that each connection is written before the next one is looked at."""

    name: str
    what: str
    module: str
    streaming: bool
    suffixes: tuple[str, ...]

    def load(self) -> Callable[[Selection, TextIO, Style], None]:
        """The function that writes a selection to a text stream."""
        write: Callable[[Selection, TextIO, Style], None] = import_module(self.module).write
        return write


def _renderer(name: str, module: str, streaming: bool, suffixes: tuple[str, ...], what: str) -> Renderer:
    return Renderer(name, what, f"handshake_inspect.render.{module}", streaming, suffixes)


# fmt: off
RENDERERS = {row.name: row for row in (
    #         name        module      streaming, files that end in, what it is
    _renderer("table",    "table",    False, (".txt",),               "one screen; or one connection step by step"),
    _renderer("json",     "json",     True,  (".json",),              "the whole report, a stable contract"),
    _renderer("ndjson",   "ndjson",   True,  (".ndjson", ".jsonl"),   "one connection a line, as in json"),
    _renderer("csv",      "csv",      True,  (".csv",),               "one row a connection, safe in a spreadsheet"),
    _renderer("markdown", "markdown", False, (".md",),                "the report for a ticket or a pull request"),
)}
# fmt: on


def format_of(path: str) -> str:
    """The format that a file name asks for by its ending; `table` for any other."""
    lower = path.lower()
    return next((row.name for row in RENDERERS.values() if lower.endswith(row.suffixes)), "table")
