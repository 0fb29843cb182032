"""`handshake-inspect live`: states as they change, on an interface."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from io import StringIO
from typing import TYPE_CHECKING, Literal, NamedTuple, TextIO

import click

from handshake_inspect.cli import DONE, UNREADABLE, WRONG_USAGE, options
from handshake_inspect.cli.output import complain, deliver, style_of
from handshake_inspect.cli.saving import Wish, saving_options, tell_what_was_saved
from handshake_inspect.errors import UsageError
from handshake_inspect.render import RENDERERS, Style, format_of

if TYPE_CHECKING:
    from handshake_inspect.live import Engine, Followed, Listener, Source
    from handshake_inspect.live.beside import Kernel
    from handshake_inspect.live.saving import Origin, Saving

Shown = Literal["board", "lines", "objects", "nothing"]


@click.command(
    epilog="\b\nExamples:\n  handshake-inspect live -i eth0\n  handshake-inspect live -i lo --duration 10s\n"
    "  handshake-inspect live -i eth0 -w live.pcapng --ring 100MB --files 10\n"
    "  handshake-inspect live -i eth0 -w trouble.pcapng --save-on refused --before 30s\n"
    "  handshake-inspect live -i lo --kernel\n"
    "  handshake-inspect live --follow growing.pcap\n"
    "  handshake-inspect live --list",
)
@click.option("--interface", "-i", "interfaces", metavar="NAME", multiple=True,
              help="Listen here; may be repeated; `any` is all of them.")  # fmt: skip
@click.option("--list", "listing", is_flag=True, help="Name the interfaces of this machine, and stop.")
@click.option("--bpf", "expression", metavar="EXPR",
              help="A filter in the kernel, as tcpdump knows it; '' takes every frame. Default: TCP, with VLAN tags, "
              "IP fragments and ICMP errors thought of.")  # fmt: skip
@click.option("--count", metavar="N", type=click.IntRange(min=1), help="Stop after so many frames.")
@click.option("--duration", metavar="DURATION", help="Stop after this time, such as 30s or 5min.")
@click.option("--snaplen", metavar="BYTES", type=click.IntRange(min=64, max=262_144), default=262_144,
              show_default=True, help="Take so much of each frame.")  # fmt: skip
@click.option("--promiscuous", is_flag=True, help="Have the interface take frames for other hosts as well.")
@click.option("--max-connections", metavar="N", type=click.IntRange(min=16), default=65_536, show_default=True,
              help="Keep so many at most: those that are over leave first, then the ones longest silent.")  # fmt: skip
@click.option("--follow", metavar="FILE",
              help="Read a file that is still being written instead, and the files that its writer goes on with: "
              "name it as tcpdump -w or dumpcap -w was told to.")  # fmt: skip
@click.option(
    "--kernel",
    "beside",
    is_flag=True,
    help="Show the kernel's state of this host's sockets beside the wire's, and count disagreements (Linux).",
)
@saving_options
@options.output_options
@options.two_msl_option
@options.look_options
def live(
    interfaces: tuple[str, ...], listing: bool, expression: str | None, count: int | None, duration: str | None,
    snaplen: int, promiscuous: bool, max_connections: int, follow: str | None, beside: bool, wish: Wish,
    format: str | None, output: str, two_msl: str, utc: bool, colour: bool | None,
) -> int:  # fmt: skip
    """Each connection's states while they change, on an interface.

    On a terminal a board that is drawn in place, else one line a transition; with --format ndjson one JSON object a
    line. Ends with Ctrl-C, SIGTERM, --count or --duration, and then prints the same report as for a file. Needs
    CAP_NET_RAW, and gives every privilege up as soon as it listens; sends nothing.
    """
    if listing:
        write_interfaces(sys.stdout)
        return DONE
    kind = format or format_of(output)
    style = style_of(output, utc=utc, colour=colour)
    duration_s = None if duration is None else seconds_of(duration)
    run = Run(kind, style, shown(kind, output), two_msl, count, duration_s, max_connections)
    if follow is not None:
        if interfaces or expression is not None or promiscuous:
            raise UsageError("--follow reads a file: -i, --bpf and --promiscuous belong to an interface")
        source, origin = followed(follow)
    elif interfaces:
        source, origin = listened(interfaces, snaplen, promiscuous, expression, run, wish.folder)
    else:
        raise UsageError("name an interface with -i; `handshake-inspect live --list` names them all")
    kernel = asked() if beside else None
    saving = wish.begin(origin)
    engines: list[Engine] = []
    try:
        if deliver(output, (), lambda out: engines.append(run.go(source, out, sys.stdout, kernel, saving))):
            tell_what_is_missing(source.lost, engines[0].left)
    finally:
        if saving is not None:
            saving.finish()
            tell_what_was_saved(saving)
    for fault in source.faults:
        complain(str(fault))
    return UNREADABLE if source.faults else WRONG_USAGE if saving and saving.problem else DONE


def listened(
    interfaces: tuple[str, ...], snaplen: int, promiscuous: bool, expression: str | None, run: Run, folder: str | None
) -> tuple[Source, Origin]:
    """Open the interfaces, and give privileges up; return the source, and what saving asks about it."""
    from handshake_inspect.live import give_up, open_live
    from handshake_inspect.live.rehearsal import Rehearsal
    from handshake_inspect.live.saving import FromInterfaces

    source = open_live(
        interfaces, snaplen=snaplen, promiscuous=promiscuous, expression=expression, count=run.most_frames
    )
    run.go(Rehearsal(), StringIO(), StringIO())
    # A message at the end needs it.
    import_module("handshake_inspect.render.text")
    give_up(folder)
    return source, FromInterfaces(source, snaplen, expression or "")


def followed(path: str) -> tuple[Source, Origin]:
    """Begin with the file to follow; return the source, and what saving asks about it."""
    from handshake_inspect.live import follow_file
    from handshake_inspect.live.saving import FromFiles

    source = follow_file(path, tell_followed)
    if not os.path.exists(path):
        complain(f"{path} is not there yet: waiting for it")
    return source, FromFiles(os.path.basename(path))


def tell_followed(followed: Followed) -> None:
    """A line on standard error whenever another file is gone on with."""
    whys = {"next": "comes next", "replaced": "was replaced", "begun again": "was begun again"}
    if followed.why in whys:
        complain(f"{followed.path} {whys[followed.why]}: its first frame is counted as frame {followed.first_frame:,}")


def asked() -> Kernel:
    """What asks the kernel for its sockets."""
    from handshake_inspect.live.beside import Kernel

    return Kernel(complain)


class Run(NamedTuple):
    """How to run: what to write at the end (`kind`) and meanwhile (`shows`), and when to stop."""

    kind: str
    style: Style
    shows: Shown
    two_msl: str
    most_frames: int | None
    duration_s: float | None
    max_connections: int

    def go(
        self, source: Source, out: TextIO, screen: TextIO, kernel: Kernel | None = None, saving: Saving | None = None
    ) -> Engine:
        """Run a source to its end; the result goes to `out`, a board to `screen`."""
        from handshake_inspect.live import Engine
        from handshake_inspect.render.board import Board
        from handshake_inspect.render.live import Lines, Objects
        from handshake_inspect.render.selection import Selection

        # The kernel hears first: what is shown has its state beside the wire's.
        listeners: list[Listener] = [each for each in (kernel, saving) if each is not None]
        engine = Engine(
            source, two_msl=self.two_msl, listeners=listeners, count=self.most_frames, duration_s=self.duration_s,
            max_connections=self.max_connections, taps=[saving] if saving is not None else [],
        )  # fmt: skip
        with ExitStack() as stack:
            if self.shows == "objects":
                listeners.append(Objects(out, kernel))
            elif self.shows == "lines":
                listeners.append(Lines(out, self.style, kernel))
            elif self.shows == "board":
                listeners.append(stack.enter_context(Board(screen, self.style, kernel)))
            stack.enter_context(stopped_by_signals(engine))
            report = engine.run()
        if self.kind != "ndjson":
            RENDERERS[self.kind].load()(Selection(report), out, self.style)
        if kernel is not None:
            write_beside(kernel, source.lost, self.kind, out, self.style)
        return engine


def shown(kind: str, output: str) -> Shown:
    """What is written while the run goes on: a board on a terminal, else lines beside a report for people."""
    if kind == "ndjson":
        return "objects"
    if sys.stdout.isatty() and os.environ.get("TERM") != "dumb" and sys.platform != "win32":
        return "board"
    return "lines" if kind == "table" and output == "-" else "nothing"


def write_beside(kernel: Kernel, lost: int | None, kind: str, out: TextIO, style: Style) -> None:
    """How the wire and the kernel compared: behind a report for people, as the last line of ndjson, else a message."""
    from handshake_inspect.render import beside

    kernel.finish()
    if kind == "table":
        beside.write_table(kernel.beside, lost, out, style)
    elif kind == "ndjson":
        beside.write_object(kernel, out)
    else:
        complain(beside.in_short(kernel.beside)[0], *map(beside.disagreement, kernel.beside.disagreements))


def tell_what_is_missing(lost: int | None, left: dict[str, int]) -> None:
    """A line on standard error for what the report does not have: lost frames, connections that are only counted."""
    from handshake_inspect.render.text import counted, counts

    if lost:
        complain(
            f"{counted(lost, 'frame')} lost: they came faster than they were taken; --snaplen 128 takes less of each"
        )
    if left:
        number = counted(sum(left.values()), "connection")
        complain(f"{number} left the table and are only counted ({counts(left)}): --max-connections keeps more")


@contextmanager
def stopped_by_signals(engine: Engine) -> Iterator[None]:
    """Let Ctrl-C and SIGTERM end the run in order; a second one ends it at once."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def stop(number: int, _: object) -> None:
        engine.stop()
        signal.signal(number, before[signal.Signals(number)])

    for number in before:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def seconds_of(text: str) -> float:
    """The seconds of --duration."""
    from handshake_inspect.select.words import duration_ns

    try:
        return duration_ns(text) / 1e9
    except ValueError as problem:
        raise UsageError(f"--duration {problem}") from None


def write_interfaces(out: TextIO) -> None:
    """One line an interface: its name, whether it is up, its addresses."""
    from handshake_inspect.live import interfaces
    from handshake_inspect.render.grid import tabulate

    rows = [(each.name, "up" if each.up else "down", ", ".join(each.addresses)) for each in interfaces()]
    out.write(tabulate(rows, headers=["interface", "", "addresses"], tablefmt="simple") + "\n")
