"""`handshake-inspect report`, the default command."""

from __future__ import annotations

from typing import TextIO

import click

from handshake_inspect.cli import options
from handshake_inspect.cli.choice import choose
from handshake_inspect.cli.output import deliver, style_of
from handshake_inspect.render import RENDERERS, format_of


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
    """
    chosen = choose(captures, expression, streams, two_msl=two_msl, progress=progress, names=names)
    selection = chosen.selection
    write = RENDERERS[format or format_of(output)].load()
    style = style_of(output, utc=utc, colour=colour)

    def write_report(out: TextIO) -> None:
        write(selection, out, style)

    if deliver(output, captures, write_report):
        chosen.tell_if_empty()
    return chosen.status()
