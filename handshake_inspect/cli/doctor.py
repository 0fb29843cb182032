"""`handshake-inspect doctor`: can this capture be believed."""

from __future__ import annotations

from typing import TextIO

import click

from handshake_inspect.cli import options
from handshake_inspect.cli.looking import Look, format_by_ending
from handshake_inspect.cli.output import style_of

FORMATS = ("table", "json", "csv")


@click.command(
    cls=options.FilteringCommand,
    epilog="\b\nExamples:\n  handshake-inspect doctor web.pcap\n  handshake-inspect doctor web.pcap --format json",
)
@options.captures_argument
@options.selection_options
@options.document_options(*FORMATS)
@options.two_msl_option
@options.names_option
@options.look_options
@options.progress_option
def doctor(
    captures: tuple[str, ...], expression: str | None, streams: tuple[int, ...], format: str | None, output: str,
    two_msl: str, names: bool, utc: bool, colour: bool | None, progress: bool | None,
) -> int:  # fmt: skip
    """Can this capture be believed: where it was taken, what it lacks, firm verdicts.

    A verdict is firm when opening and closing rest on what an end sent, or on what a later segment of its own proves
    that it received; weak when some of that is inferred; impossible when what would decide is not in the capture.
    What nothing could prove in any capture (that the last ACK of a close, or a RST, arrived) weakens nothing.
    """
    look = Look(captures, expression=expression, streams=streams, two_msl=two_msl, progress=progress, names=names)
    style = style_of(output, utc=utc, colour=colour)
    kind = format_by_ending(format, output, FORMATS)

    def write(out: TextIO) -> None:
        from handshake_inspect.looks.doctor import Examination, Totals
        from handshake_inspect.looks.frames import frame_sizes
        from handshake_inspect.render import doctor as drawn

        examination = Examination(look.report.captures, look.last_ns)
        grades = examination.examine(look.selection)

        def finish() -> Totals:
            for _ in grades:
                pass
            return examination.totals(None if "-" in captures else frame_sizes(captures))

        if kind == "json":
            drawn.write_json(grades, finish, out)
        elif kind == "csv":
            drawn.write_csv(grades, out)
        else:
            drawn.write_table(finish(), out, style)

    return look.deliver(output, write)
