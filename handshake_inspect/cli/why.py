"""`handshake-inspect why`: what went wrong with each connection, in one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, TextIO

import click

from handshake_inspect.cli import options
from handshake_inspect.cli.looking import Look, format_by_ending, write_json
from handshake_inspect.cli.output import style_of
from handshake_inspect.errors import UsageError
from handshake_inspect.render import Style

if TYPE_CHECKING:
    from handshake_inspect.looks.why import Explanation

FORMATS = ("table", "json", "csv")
RESETS = ("reset", "fin-then-reset")


@click.command(
    cls=options.FilteringCommand,
    epilog="\b\nExamples:\n  handshake-inspect why web.pcap\n  handshake-inspect why web.pcap --stream 7\n"
    "  handshake-inspect why web.pcap --isn",
)
@options.captures_argument
@click.option(
    "--isn", is_flag=True, help="How each host's initial sequence numbers move over the connections that opened."
)
@options.selection_options
@options.document_options(*FORMATS)
@options.two_msl_option
@options.names_option
@options.look_options
@options.progress_option
def why(
    captures: tuple[str, ...], isn: bool, expression: str | None, streams: tuple[int, ...], format: str | None,
    output: str, two_msl: str, names: bool, utc: bool, colour: bool | None, progress: bool | None,
) -> int:  # fmt: skip
    """Each connection that failed or ended badly, in one sentence with its evidence.

    Good connections say nothing, unless --stream asks for them. Where a program's reason cannot be told apart on the
    wire (data unread, linger 0), all that fit are named. A RST is read a second time for its TTL and for what it
    answers, which standard input does not allow.
    """
    kind = format_by_ending(format, output, FORMATS)
    if isn and kind == "csv":
        raise UsageError("--isn has no csv: use --format json")
    look = Look(captures, expression=expression, streams=streams, two_msl=two_msl, progress=progress, names=names)
    style = style_of(output, utc=utc, colour=colour)
    if isn:
        return look.deliver(output, lambda out: _write_isns(look, kind, out, style))

    def write(out: TextIO) -> None:
        from handshake_inspect.render import why as drawn

        told = explanations(look)
        if kind == "json":
            drawn.write_json(told, out, len(look.selection), bool(streams))
        elif kind == "csv":
            drawn.write_csv(told, out, bool(streams))
        else:
            drawn.write_table(told, out, style, len(look.selection), bool(streams))

    return look.deliver(output, write)


def explanations(look: Look) -> Iterator[Explanation]:
    """Explain the chosen connections, those with a RST after a second pass over the captures."""
    from handshake_inspect.looks.why import explain, needs_wire
    from handshake_inspect.looks.why.case import Case
    from handshake_inspect.looks.wire import read

    wires = {}
    if "-" not in look.captures and any(look.report.summary.closings.get(kind) for kind in RESETS):
        wires = read(look.captures, needs_wire(look.selection))
    for connection in look.selection:
        yield explain(Case(connection, look.last_ns, wires.get(connection.id)))


def _write_isns(look: Look, kind: str, out: TextIO, style: Style) -> None:
    from handshake_inspect.looks.isn import isns_of_hosts
    from handshake_inspect.render.why import write_isns

    document = isns_of_hosts(look.selection)
    if kind == "json":
        write_json(document, out)
    else:
        write_isns(document, out, style)
