"""`handshake-inspect report`, the default command."""

from __future__ import annotations

import click

from handshake_inspect.cli import options
from handshake_inspect.cli.show import show


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
@options.names_option
@options.look_options
@options.progress_option
def report(
    captures: tuple[str, ...],
    expression: str | None,
    streams: tuple[int, ...],
    format: str | None,
    output: str,
    two_msl: str,
    names: bool,
    utc: bool,
    colour: bool | None,
    progress: bool | None,
) -> int:
    """How each TCP connection opened and closed, and what is wrong (the default).

    Several captures are the rotated files of one tap: they are read in time order as one capture.  `-` is
    standard input.

    With --format ndjson a connection is written when it is over: both ends closed, and then silence for --two-msl.  The
    lines come in that order, and memory holds only the connections that are not over.
    """
    return show(
        captures, expression, streams, format=format, output=output, two_msl=two_msl, names=names, utc=utc,
        colour=colour, progress=progress,
    )  # fmt: skip
