"""`handshake-inspect html`: one page for a browser."""

from __future__ import annotations

from typing import TextIO

import click

from handshake_inspect.cli import options
from handshake_inspect.cli.choice import choose
from handshake_inspect.cli.output import deliver, style_of

MOST = 10_000


@click.command(
    cls=options.FilteringCommand,
    epilog="\b\nExamples:\n  handshake-inspect html web.pcap -o web.html\n"
    "  handshake-inspect html rotated.pcap* --names --filter 'severity >= warning' -o trouble.html",
)
@options.captures_argument
@options.selection_options
@click.option("--output", "-o", metavar="FILE", required=True, type=click.Path(allow_dash=True, dir_okay=False),
              help="Write the page here; - is standard output.")  # fmt: skip
@click.option("--most", metavar="N", type=click.IntRange(min=1), default=MOST, show_default=True,
              help="So many connections in the table, the worst; the summary and the charts count all.")  # fmt: skip
@options.two_msl_option
@options.names_option
@options.utc_option
@options.progress_option
def html(
    captures: tuple[str, ...],
    expression: str | None,
    streams: tuple[int, ...],
    output: str,
    most: int,
    two_msl: str,
    names: bool,
    utc: bool,
    progress: bool | None,
) -> int:
    """Write one page with charts, a table and ladders that opens without a network.

    The page is one file: it holds its data, its charts and its script, and asks for nothing.  The table sorts and
    filters; each connection opens as a ladder with the states of both ends and the SEQ + 1 arithmetic.
    """
    chosen = choose(captures, expression, streams, two_msl=two_msl, progress=progress, names=names)
    style = style_of(output, utc=utc, colour=False)

    def write_page(out: TextIO) -> None:
        from handshake_inspect.render.page import write

        write(chosen.selection, out, style, most)

    if deliver(output, captures, write_page):
        chosen.tell_if_empty()
    return chosen.status()
