"""`handshake-inspect time-wait`: TIME_WAIT, its bounds and its price."""

from __future__ import annotations

from typing import TextIO

import click

from handshake_inspect.cli import options
from handshake_inspect.cli.looking import Look, format_by_ending
from handshake_inspect.cli.output import style_of

FORMATS = ("table", "json", "csv")


@click.command(
    "time-wait",
    cls=options.FilteringCommand,
    epilog="\b\nExamples:\n  handshake-inspect time-wait web.pcap\n"
    "  handshake-inspect time-wait web.pcap --two-msl windows --format csv",
)
@options.captures_argument
@options.selection_options
@options.document_options(*FORMATS)
@options.two_msl_option
@options.names_option
@options.look_options
@options.progress_option
def time_wait(
    captures: tuple[str, ...], expression: str | None, streams: tuple[int, ...], format: str | None, output: str,
    two_msl: str, names: bool, utc: bool, colour: bool | None, progress: bool | None,
) -> int:  # fmt: skip
    """Who holds TIME_WAIT, since when, how it ended, and the ports it costs.

    The end of TIME_WAIT sends nothing, so everything is given in bounds. The end that closes first holds it, for 2MSL
    from its last ACK: on Linux 60 s, fixed when the kernel is compiled. A common error: tcp_fin_timeout is not
    TIME_WAIT; it limits how long an orphan stays in FIN_WAIT_2.
    """
    look = Look(captures, expression=expression, streams=streams, two_msl=two_msl, progress=progress, names=names)
    style = style_of(output, utc=utc, colour=colour)
    kind = format_by_ending(format, output, FORMATS)

    def write(out: TextIO) -> None:
        from handshake_inspect.analysis import two_msl_ns
        from handshake_inspect.looks.time_wait import Tally
        from handshake_inspect.render import time_wait as drawn

        tally = Tally(capture_end_ns=look.last_ns, two_msl_ns=two_msl_ns(two_msl), profile=two_msl)
        if kind == "json":
            drawn.write_json(look.selection, tally, out)
        elif kind == "csv":
            drawn.write_csv(look.selection, tally, out)
        else:
            drawn.write_table(look.selection, tally, out, style, look.first_ns)

    return look.deliver(output, write)
