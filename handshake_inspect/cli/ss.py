"""`handshake-inspect ss`: the sockets of each host at an instant, or how many in each state over time."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

import click

from handshake_inspect.cli import options
from handshake_inspect.cli.looking import Look, format_by_ending, write_json
from handshake_inspect.cli.output import style_of
from handshake_inspect.errors import UsageError
from handshake_inspect.render import Style

if TYPE_CHECKING:
    from handshake_inspect.looks.timeline import Wanted
    from handshake_inspect.looks.wire import Wire

FORMATS = ("table", "json", "csv", "chart")
SECOND_PASS_BYTES = 50_000_000
"""Captures up to this size are read a second time without being asked: some five seconds at most."""
SAMPLES = 60


@click.command(
    cls=options.FilteringCommand,
    epilog="\b\nExamples:\n  handshake-inspect ss web.pcap\n  handshake-inspect ss web.pcap --at +12.5 --host 10.0.0.2"
    "\n  handshake-inspect ss web.pcap --at frame:17\n"
    "  handshake-inspect ss web.pcap --census --every 1s --format csv\n"
    "  handshake-inspect ss web.pcap --census --format chart",
)
@options.captures_argument
@click.option(
    "--at",
    metavar="TIME|+SECONDS|frame:N",
    help="The instant: a time of day or date, seconds into the capture, or a frame. Default: the end.",
)
@click.option("--host", "hosts", metavar="ADDRESS", multiple=True,
              help="Only this host's sockets (with --names also a name); may be repeated.")  # fmt: skip
@click.option("--census", is_flag=True, help="Count the sockets in each state over time.")
@click.option("--every", metavar="DURATION", help="The step of --census, such as 1s; without it, some 60 samples.")
@click.option(
    "--spelling",
    type=click.Choice(("ss", "rfc")),
    default="ss",
    show_default=True,
    help="States as ss spells them (SYN-RECV) or as RFC 9293 does (SYN_RECEIVED), which json and csv do.",
)
@click.option(
    "--send-q/--no-send-q",
    default=None,
    help=f"Read the captures a second time for Send-Q and timers; without it, up to {SECOND_PASS_BYTES // 10**6} MB.",
)
@options.selection_options
@options.document_options(*FORMATS)
@options.two_msl_option
@options.names_option
@options.look_options
@options.progress_option
def ss(
    captures: tuple[str, ...], at: str | None, hosts: tuple[str, ...], census: bool, every: str | None, spelling: str,
    send_q: bool | None, expression: str | None, streams: tuple[int, ...], format: str | None, output: str,
    two_msl: str, names: bool, utc: bool, colour: bool | None, progress: bool | None,
) -> int:  # fmt: skip
    """What `ss -tan` would have printed on each host at an instant.

    An endpoint is in the state of its last transition. Send-Q counts what is sent and not acknowledged; a
    SYN and a FIN take one number each. Recv-Q (what a program has not read) is on no wire. A listener is assumed,
    since a connection was accepted. A connect that gave up or a socket that the kernel dropped sends nothing, and
    stays.
    """
    kind = format_by_ending(format, output, FORMATS)
    if census and at is not None:
        raise UsageError("--at is one instant, --census is all of them: leave one out")
    if not census and (every is not None or kind == "chart"):
        raise UsageError("--every and --format chart belong to --census")
    if send_q and "-" in captures:
        raise UsageError("--send-q reads the captures a second time, which standard input does not allow")
    every_ns = None if every is None else step_ns(every)
    wanted = wanted_hosts(hosts, names=names)
    look = Look(captures, expression=expression, streams=streams, two_msl=two_msl, progress=progress, names=names)
    style = style_of(output, utc=utc, colour=colour)
    if census:
        return look.deliver(output, lambda out: write_census(look, every_ns, wanted, kind, spelling, style, out))
    return look.deliver(
        output, lambda out: write_sockets(look, at, wanted, two_msl, send_q, kind, spelling, style, out)
    )


def step_ns(text: str) -> int:
    """The step of the census."""
    from handshake_inspect.select.words import duration_ns

    try:
        step = duration_ns(text)
    except ValueError as problem:
        raise UsageError(f"--every {problem}") from None
    if step <= 0:
        raise UsageError("--every needs a step above 0")
    return step


def wanted_hosts(hosts: tuple[str, ...], *, names: bool) -> Wanted:
    """Whether an end belongs to one of the hosts, each an address or a name; to any, when there are none."""
    from handshake_inspect.select.words import HOST

    wanted = set()
    for host in hosts:
        try:
            value = HOST.read(host)
        except ValueError as problem:
            raise UsageError(f"--host {problem}") from None
        if isinstance(value, str) and not names:
            raise UsageError(f"--host needs an IPv4 or IPv6 address, not '{host}'; names come with --names")
        wanted.add(str(value))
    return lambda end: not wanted or end.address in wanted or not wanted.isdisjoint(end.names)


def write_census(
    look: Look,
    every_ns: int | None,
    host: Wanted,
    kind: str,
    spelling: str,
    style: Style,
    out: TextIO,
) -> None:
    """Count and draw."""
    from handshake_inspect.looks.census import census, step_for
    from handshake_inspect.render import census as drawn

    step = every_ns or step_for(look.last_ns - look.first_ns, SAMPLES)
    counted = census(look.selection, look.first_ns, look.last_ns, step, host)
    if kind == "json":
        write_json(counted, out, indent=0)
    elif kind == "csv":
        drawn.write_csv(counted, out)
    elif kind == "chart":
        drawn.write_chart(counted, out, style, spelling)
    else:
        drawn.write_table(counted, out, style, spelling)


def write_sockets(
    look: Look, at: str | None, host: Wanted, two_msl: str, send_q: bool | None, kind: str,
    spelling: str, style: Style, out: TextIO,
) -> None:  # fmt: skip
    """Find the sockets, read their queues where that is possible, and draw."""
    from handshake_inspect.analysis import in_time_order, two_msl_ns
    from handshake_inspect.looks.instant import instant_ns
    from handshake_inspect.looks.sockets import find, sockets
    from handshake_inspect.looks.wire import read
    from handshake_inspect.render import sockets as drawn

    time_ns = look.last_ns
    if at is not None:
        time_ns = instant_ns(at, in_time_order(look.captures), look.first_ns, utc=style.utc)
    if not look.first_ns <= time_ns <= look.last_ns:
        from handshake_inspect.render.text import clock

        first, last = (clock(time, utc=style.utc) for time in (look.first_ns, look.last_ns))
        raise UsageError(f"--at {at} is {clock(time_ns, utc=style.utc)}; the capture lasts from {first} to {last}")
    found, listeners = find(look.selection, time_ns, host)
    wires: dict[int, Wire] = {}
    if found and can_read_again(look.captures, send_q):
        wires = read(look.captures, {each.connection.id: each.connection for each in found}.values(), until_ns=time_ns)
    table = sockets(found, listeners, time_ns, two_msl_ns(two_msl), wires)
    if kind == "json":
        write_json(table, out)
    elif kind == "csv":
        drawn.write_csv(table, out)
    else:
        drawn.write_table(table, out, style, spelling)


def can_read_again(captures: Sequence[str], wanted: bool | None) -> bool:
    """Whether to make the second pass: when it is asked for, else when it is possible and short."""
    if wanted is not None:
        return wanted
    return "-" not in captures and sum(os.path.getsize(path) for path in captures) <= SECOND_PASS_BYTES
