"""What `handshake-inspect report` does, once its command line is understood."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from handshake_inspect.cli.choice import choose
from handshake_inspect.cli.output import deliver, style_of
from handshake_inspect.render import RENDERERS, format_of


def show(
    captures: Sequence[str],
    expression: str | None = None,
    streams: Sequence[int] = (),
    *,
    format: str | None = None,
    output: str = "-",
    two_msl: str = "linux",
    names: bool = False,
    utc: bool = False,
    colour: bool | None = None,
    progress: bool | None = None,
) -> int:
    """Write the report on the captures and return the exit status; the defaults are those of the options."""
    form = format or format_of(output)
    if form == "ndjson" and not names:
        from handshake_inspect.cli.passing import pass_on

        return pass_on(captures, expression, streams, output, two_msl=two_msl, progress=progress)
    chosen = choose(captures, expression, streams, two_msl=two_msl, progress=progress, names=names)
    selection = chosen.selection
    write = RENDERERS[form].load()
    style = style_of(output, utc=utc, colour=colour)

    def write_report(out: TextIO) -> None:
        write(selection, out, style)

    if deliver(output, captures, write_report):
        chosen.tell_if_empty()
    return chosen.status()
