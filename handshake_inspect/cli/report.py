"""`handshake-inspect report`, the default command."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

import click

from handshake_inspect.cli import DONE, UNREADABLE, options
from handshake_inspect.cli.output import complain, deliver, style_of
from handshake_inspect.cli.progress import progress_bar
from handshake_inspect.errors import CaptureError
from handshake_inspect.render import RENDERERS, format_of

if TYPE_CHECKING:
    from handshake_inspect.render.selection import Selection


@click.command(
    cls=options.FilteringCommand,
    epilog="\b\nExamples:\n  handshake-inspect report web.pcap\n  handshake-inspect report web.pcap --stream 3\n"
    "  handshake-inspect report web.pcap --filter 'server port 443 and opening == refused'\n"
    "  handshake-inspect report rotated.pcap* --format ndjson --output web.ndjson",
)
@options.captures_argument
@options.selection_options
@options.output_options
@options.two_msl_option
@options.look_options
@options.progress_option
def report(
    captures: tuple[str, ...],
    expression: str | None,
    streams: tuple[int, ...],
    format: str | None,
    output: str,
    two_msl: str,
    utc: bool,
    colour: bool | None,
    progress: bool | None,
) -> int:
    """How each TCP connection opened and closed, and what is wrong (the default).

    Several captures are the rotated files of one tap: they are read in time order as one capture.  `-` is
    standard input.
    """
    # The filter is understood before a capture is read: a slip in it must not cost a minute.
    keep = None
    if expression is not None:
        from handshake_inspect.select import compile_filter

        keep = compile_filter(expression)
    from handshake_inspect.analyse import analyse
    from handshake_inspect.render.selection import Selection

    with progress_bar(progress) as tell:
        analysis = analyse(captures, two_msl=two_msl, progress=tell)
    selection = Selection(analysis, streams=streams, keep=keep)
    write = RENDERERS[format or format_of(output)].load()
    style = style_of(output, utc=utc, colour=colour)

    def write_report(out: TextIO) -> None:
        write(selection, out, style)

    if deliver(output, captures, write_report) and not selection.everything and not len(selection):
        complain(nothing_chosen(selection, expression, streams))
    return tell_faults(selection)


def nothing_chosen(selection: Selection, expression: str | None, streams: tuple[int, ...]) -> str:
    """`none of 4 connections matches --filter 'port 1'`."""
    asked = [f"--stream {stream}" for stream in streams]
    if expression is not None:
        asked.append(f"--filter '{expression}'")
    if selection.total == 1:
        return f"the only connection does not match {' '.join(asked)}"
    return f"none of {selection.total:,} connections matches {' '.join(asked)}"


def tell_faults(selection: Selection) -> int:
    """Each fault of the inputs as a line on standard error; the exit status."""
    faults = [(capture.path, fault) for capture in selection.captures for fault in capture.faults]
    for path, fault in faults:
        complain(str(CaptureError(path, fault.problem, offset=fault.offset, frame=fault.frame)))
    return UNREADABLE if faults else DONE
