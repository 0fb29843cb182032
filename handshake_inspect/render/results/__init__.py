"""What `check` found, as text and for the machines that run it: RESULTS is the table of formats.

To add a format: one module with a function `write(verdicts, out, style)`, one row here, one test against its schema.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple, TextIO

from handshake_inspect.render import Style

if TYPE_CHECKING:
    from handshake_inspect.expect.result import Verdict

Write = Callable[[Sequence["Verdict"], TextIO, Style], None]


class Format(NamedTuple):
    """One format of results: its module in this folder, and what the files that hold it end in."""

    name: str
    suffixes: tuple[str, ...]
    what: str

    def load(self) -> Write:
        """The function that writes verdicts to a text stream."""
        write: Write = import_module(f"{__name__}.{self.name}").write
        return write


# fmt: off
RESULTS = {row.name: row for row in (
    #      name      files that end in  what it is
    Format("text",   (".txt",),         "each broken expectation with what was expected and what was seen"),
    Format("json",   (".json",),        "all of it; handshake-inspect schema --of check"),
    Format("junit",  (".xml",),         "JUnit XML: a suite for each capture, a case for each expectation"),
    Format("sarif",  (".sarif",),       "SARIF 2.1.0, for code scanning"),
    Format("github", (),                "annotations of GitHub Actions"),
)}
# fmt: on


def format_of(path: str) -> str | None:
    """The format that a file name asks for by its ending; None for any other."""
    lower = path.lower()
    return next((row.name for row in RESULTS.values() if row.suffixes and lower.endswith(row.suffixes)), None)
