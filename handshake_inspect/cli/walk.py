"""`handshake-inspect walk`: one connection, segment by segment."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, TextIO

import click

from handshake_inspect.cli import options
from handshake_inspect.cli.choice import choose
from handshake_inspect.cli.output import complain, deliver, style_of
from handshake_inspect.errors import UsageError
from handshake_inspect.render.drawings import DRAWINGS, LANGUAGES, Look, drawing_of

if TYPE_CHECKING:
    from handshake_inspect.render.selection import Selection

FORMATS = "; ".join(f"{row.name}: {row.what}" for row in DRAWINGS.values())


@click.command(
    cls=options.FilteringCommand,
    epilog="\b\nExamples:\n  handshake-inspect walk web.pcap\n  handshake-inspect walk web.pcap --stream 3 --explain\n"
    "  handshake-inspect walk web.pcap --filter 'closing == reset' --output ladder.svg",
)
@options.captures_argument
@click.option("--stream", metavar="N", type=click.IntRange(min=0), help="Walk through the connection with this id.")
@click.option("--filter", "expression", metavar="EXPR", help="Walk through the worst connection of those for which "
              "this is true; see below.")  # fmt: skip
@click.option("--all", "unfolded", is_flag=True, help="A row for each segment of plain data, too.")
@click.option("--explain", is_flag=True, help="Say at each step which side is where, and why, with the RFC's section.")
@click.option("--lang", type=click.Choice(LANGUAGES), default="en", show_default=True,
              help="The language of --explain, and of an HTML page.")  # fmt: skip
@click.option("--format", "-f", "format", type=click.Choice(tuple(DRAWINGS)),
              help=f"{FORMATS}. Default: by the ending of --output, else table.")  # fmt: skip
@click.option("--output", "-o", metavar="FILE", default="-", type=click.Path(allow_dash=True, dir_okay=False),
              help="Write here instead of standard output (-).")  # fmt: skip
@options.two_msl_option
@options.names_option
@options.look_options
@options.progress_option
def walk(
    captures: tuple[str, ...],
    stream: int | None,
    expression: str | None,
    unfolded: bool,
    explain: bool,
    lang: str,
    format: str | None,
    output: str,
    two_msl: str,
    names: bool,
    utc: bool,
    colour: bool | None,
    progress: bool | None,
) -> int:
    """One connection, segment by segment: both ends' states and the SEQ + 1 sums.

    Without --stream it is the only connection, or the one with the worst findings.
    """
    if "-" in captures:
        raise UsageError(
            "walk reads a capture twice, and standard input can be read only once: save it to a file first"
        )
    from handshake_inspect.looks.climb import ladder
    from handshake_inspect.segments import segments_of

    streams = () if stream is None else (stream,)
    choice = choose(captures, expression, streams, two_msl=two_msl, progress=progress, names=names)
    selection = choice.selection
    chosen = worst_of(selection)
    if chosen is None:
        complain(choice.nothing_chosen() if selection.total else "the capture holds no TCP connection")
        return choice.status()
    drawn = ladder(selection[chosen], segments_of(captures, [chosen]), selection.captures, unfolded=unfolded)
    drawing = DRAWINGS[format or drawing_of(output)]
    write = drawing.load()
    style = style_of(output, utc=utc, colour=colour)
    look = Look(style, box=output != "-" or has_box_characters(), lang=lang if explain or drawing.teaches else None)

    def write_walk(out: TextIO) -> None:
        write(drawn, out, look)

    deliver(output, captures, write_walk)
    return choice.status()


def worst_of(selection: Selection) -> int | None:
    """The id of the connection to walk through; when there are several, which one is said on standard error."""
    if not len(selection):
        return None
    chosen = selection.worst(1)[0]
    if len(selection) > 1:
        complain(f"connection {chosen}, the worst of {len(selection):,}; --stream N shows another one")
    return chosen


def has_box_characters() -> bool:
    """Tell whether standard output can show them: only where its encoding is a Unicode one."""
    return (sys.stdout.encoding or "").lower().replace("-", "").startswith("utf")
