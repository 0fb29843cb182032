"""Connections written one by one while the captures are read: what `--format ndjson` is for."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, TextIO

from handshake_inspect.cli import DONE, UNREADABLE
from handshake_inspect.cli.choice import nothing_of
from handshake_inspect.cli.output import complain, deliver
from handshake_inspect.cli.progress import progress_bar

if TYPE_CHECKING:
    from handshake_inspect import Connection
    from handshake_inspect.stream import Passing


def pass_on(
    captures: Sequence[str],
    expression: str | None,
    streams: Sequence[int],
    output: str,
    *,
    two_msl: str,
    progress: bool | None,
) -> int:
    """Write the chosen connections of the captures as they end, one a line; return the exit status."""
    # The filter is understood before a capture is read: a slip in it must not cost a minute.
    keep = None
    if expression is not None:
        from handshake_inspect.select import compile_filter

        keep = compile_filter(expression)
    from handshake_inspect.render.ndjson import write_connections
    from handshake_inspect.stream import Passing

    if output == "-" and sys.stdout.isatty() and progress is None:
        # A bar would stand among the lines.
        progress = False
    with progress_bar(progress) as tell:
        passing = Passing(captures, two_msl=two_msl, progress=tell)
        chosen = Chosen(passing, streams, keep)

        def write(out: TextIO) -> None:
            write_connections(chosen, out)

        whole = deliver(output, captures, write)
    if whole and not chosen.everything and not chosen.count:
        complain(nothing_of(passing.count, expression, streams))
    if passing.late:
        complain(late_sentence(passing.late))
    for fault in passing.faults:
        complain(str(fault))
    return UNREADABLE if passing.faults else DONE


class Chosen:
    """The connections that --filter and --stream choose, counted while they pass."""

    def __init__(self, passing: Passing, streams: Sequence[int], keep: Callable[[Connection], bool] | None) -> None:
        self.everything = not streams and keep is None
        self.count = 0
        self._passing = passing
        self._streams = frozenset(streams)
        self._keep = keep

    def __iter__(self) -> Iterator[Connection]:
        for connection in self._passing:
            if self._streams and connection.id not in self._streams:
                continue
            if self._keep is None or self._keep(connection):
                self.count += 1
                yield connection


def late_sentence(late: int) -> str:
    """`1 segment came more than 2MSL after its connection had ended, and is not in its line`."""
    if late == 1:
        return "1 segment came more than 2MSL after its connection had ended, and is not in its line"
    return f"{late:,} segments came more than 2MSL after their connections had ended, and are not in their lines"
