"""What the commands that show connections begin and end with: analyse, choose, and say what could not be read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from handshake_inspect.cli import DONE, UNREADABLE
from handshake_inspect.cli.output import complain
from handshake_inspect.cli.progress import progress_bar
from handshake_inspect.cli.signals import SIGNALS, stoppable

if TYPE_CHECKING:
    from handshake_inspect.errors import CaptureError
    from handshake_inspect.render.selection import Report, Selection


class Choice(NamedTuple):
    """The connections that --filter and --stream chose, and the options' own words."""

    report: Report
    selection: Selection
    expression: str | None
    streams: Sequence[int]
    faults: Sequence[CaptureError]

    def tell_if_empty(self) -> bool:
        """A line on standard error when the options chose nothing; say whether that is so."""
        empty = not self.selection.everything and not len(self.selection)
        if empty:
            complain(self.nothing_chosen())
        return empty

    def nothing_chosen(self) -> str:
        """`none of 4 connections matches --filter 'port 1'`."""
        return nothing_of(self.selection.total, self.expression, self.streams)

    def status(self) -> int:
        """Each fault of the inputs as a line on standard error; the exit status."""
        for fault in self.faults:
            complain(str(fault))
        return SIGNALS.status or (UNREADABLE if self.faults else DONE)


def nothing_of(total: int, expression: str | None, streams: Sequence[int]) -> str:
    """The sentence for options that chose none of so many connections."""
    asked = [f"--stream {stream}" for stream in streams]
    if expression is not None:
        asked.append(f"--filter '{expression}'")
    if total == 1:
        return f"the only connection does not match {' '.join(asked)}"
    return f"none of {total:,} connections matches {' '.join(asked)}"


def choose(
    captures: Sequence[str],
    expression: str | None,
    streams: Sequence[int],
    *,
    two_msl: str,
    progress: bool | None,
    names: bool = False,
) -> Choice:
    """Analyse the captures and choose connections; with `names`, addresses get the names that the captures tell."""
    # The filter is understood before a capture is read: a slip in it must not cost a minute.
    keep = None
    if expression is not None:
        from handshake_inspect.select import compile_filter

        keep = compile_filter(expression, names=names)
    from handshake_inspect.analysis import analyse
    from handshake_inspect.render.selection import Selection

    if names:
        from handshake_inspect.names import Named, names_of, refuse_standard_input

        refuse_standard_input(captures)
    with progress_bar(progress) as tell, stoppable():
        analysis = analyse(captures, two_msl=two_msl, progress=tell)
    report: Report = Named(analysis, names_of(captures)) if names else analysis
    return Choice(report, Selection(report, streams=streams, keep=keep), expression, streams, analysis.faults)
