"""`handshake-inspect extract`: the frames of chosen connections as a capture of their own."""

from __future__ import annotations

from typing import BinaryIO

import click

from handshake_inspect.cli import options
from handshake_inspect.cli.choice import Choice, choose
from handshake_inspect.cli.output import complain, deliver_bytes
from handshake_inspect.errors import UsageError

FORMATS = ("pcapng", "pcap")


@click.command(
    cls=options.FilteringCommand,
    epilog="\b\nExamples:\n  handshake-inspect extract web.pcap --filter 'opening == refused' -o refused.pcapng\n"
    "  handshake-inspect extract web.pcap --stream 3 -o three.pcap\n"
    "  handshake-inspect extract web.pcap --stream 3 -o - | tshark -r -",
)
@options.captures_argument
@options.selection_options
@click.option("--lifecycle-only", is_flag=True,
              help="Leave out the segments that neither change nor prove a state: keep SYN, FIN, RST and what "
                   "acknowledges them.")  # fmt: skip
@click.option("--format", "-f", "format", type=click.Choice(FORMATS),
              help="As what to write it. Default: by the ending of --output, pcapng on standard output.")  # fmt: skip
@click.option("--output", "-o", metavar="FILE", required=True, type=click.Path(allow_dash=True, dir_okay=False),
              help="Write here; - is standard output.")  # fmt: skip
@options.two_msl_option
@options.names_option
@options.progress_option
def extract(
    captures: tuple[str, ...],
    expression: str | None,
    streams: tuple[int, ...],
    lifecycle_only: bool,
    format: str | None,
    output: str,
    two_msl: str,
    names: bool,
    progress: bool | None,
) -> int:
    """Write the original frames of chosen connections to a capture file.

    The frames are as they were captured, byte for byte, with their times to the nanosecond, their lengths on the wire
    and their link types; pcapng has an interface for each link type of each capture, pcap holds one link type.  Of a
    segment that came in IP fragments every fragment comes along, unless these are in a tunnel or of a rare link
    type.  Without --filter or --stream these are all TCP connections.
    """
    from handshake_inspect.extract import format_of

    if "-" in captures:
        raise UsageError("standard input cannot be read twice: save it to a file first")
    kind = format or ("pcapng" if output == "-" else format_of(output))
    if kind is None:
        raise UsageError(f"--output {output} does not end in .pcapng or .pcap: name it so, or add --format")
    chosen = choose(captures, expression, streams, two_msl=two_msl, progress=progress, names=names)
    written = _Written(chosen, captures, lifecycle_only, kind)
    if deliver_bytes(output, captures, written.write) and not chosen.tell_if_empty():
        complain(written.said(output))
    return chosen.status()


class _Written:
    """Writes the chosen frames, and knows afterwards how many there were."""

    def __init__(self, chosen: Choice, captures: tuple[str, ...], lifecycle_only: bool, kind: str) -> None:
        self.selection = chosen.selection
        self.captures = captures
        self.lifecycle_only = lifecycle_only
        self.kind = kind
        self.frames = 0

    def write(self, out: BinaryIO) -> None:
        """Write the capture."""
        from handshake_inspect.extract import frames_of, lifecycle_frames, write_frames

        selection = self.selection
        only = lifecycle_frames(selection) if self.lifecycle_only else None
        ids = range(selection.total) if selection.everything else [connection.id for connection in selection]
        frames = frames_of(self.captures, ids, only=only)
        self.frames = write_frames(frames, out, self.kind, [capture.path for capture in selection.captures])

    def said(self, output: str) -> str:
        """`refused.pcapng: 2 frames of 1 connection`."""
        from handshake_inspect.render.text import counted

        place = "standard output" if output == "-" else output
        return f"{place}: {counted(self.frames, 'frame')} of {counted(len(self.selection), 'connection')}"
