"""`handshake-inspect live`: states as they change, on an interface."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

import click

from handshake_inspect.cli import DONE, UNREADABLE, options
from handshake_inspect.cli.output import complain, deliver, style_of
from handshake_inspect.errors import UsageError
from handshake_inspect.render import RENDERERS, Style, format_of

if TYPE_CHECKING:
    from handshake_inspect.live import Engine, Listener


@click.command(
    epilog="\b\nExamples:\n  handshake-inspect live -i eth0\n  handshake-inspect live -i lo --duration 10s\n"
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
@options.output_options
@options.two_msl_option
@options.look_options
def live(
    interfaces: tuple[str, ...], listing: bool, expression: str | None, count: int | None, duration: str | None,
    snaplen: int, promiscuous: bool, format: str | None, output: str, two_msl: str, utc: bool, colour: bool | None,
) -> int:  # fmt: skip
    """Each connection's states while they change, on an interface.

    Ends with Ctrl-C, SIGTERM, --count or --duration, and then prints the same report as for a file.
    """
    if listing:
        write_interfaces(sys.stdout)
        return DONE
    if not interfaces:
        raise UsageError("name an interface with -i; `handshake-inspect live --list` names them all")
    duration_s = None if duration is None else seconds_of(duration)
    from handshake_inspect.live import Engine, open_live

    kind = format or format_of(output)
    style = style_of(output, utc=utc, colour=colour)
    source = open_live(interfaces, snaplen=snaplen, promiscuous=promiscuous, expression=expression)
    listeners: list[Listener] = []
    engine = Engine(source, two_msl=two_msl, listeners=listeners, count=count, duration_s=duration_s)
    deliver(output, (), lambda out: write_live(engine, listeners, kind, style, out))
    for fault in source.faults:
        complain(str(fault))
    return UNREADABLE if source.faults else DONE


def write_live(engine: Engine, listeners: list[Listener], kind: str, style: Style, out: TextIO) -> None:
    """Run, write what changes and then the report."""
    from handshake_inspect.render.live import Lines, Objects
    from handshake_inspect.render.selection import Selection

    if kind == "ndjson":
        listeners.append(Objects(out))
    elif kind == "table":
        listeners.append(Lines(out, style))
    with stopped_by_signals(engine):
        report = engine.run()
    if kind != "ndjson":
        RENDERERS[kind].load()(Selection(report), out, style)


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
