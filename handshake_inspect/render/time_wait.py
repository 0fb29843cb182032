"""`time-wait`: holders and bounds, how many at once, the port budget; as a table, JSON or CSV."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, TextIO

import msgspec

from handshake_inspect.looks.time_wait import SCHEMA, Budget, Stay, Tally, Totals
from handshake_inspect.render import Style
from handshake_inspect.render.csv import Sheet
from handshake_inspect.render.detail import ENDS
from handshake_inspect.render.lines import columns, width_of
from handshake_inspect.render.paint import Paint, painter, wrapped
from handshake_inspect.render.text import (
    called,
    clean,
    counted,
    counts,
    duration,
    frame_list,
    frame_number,
    host_port,
    seconds,
)

if TYPE_CHECKING:
    from handshake_inspect.looks.time_wait import Bounds
    from handshake_inspect.report import Connection

ROWS_MAX = 20
BUDGETS_MAX = 5
TITLES = ("#", "holder", "address", "peer", "seconds", "at least", "at most", "end")
ALIGN = "><<<>>><"
CSV = (
    "connection", "holder", "address", "port", "peer_address", "peer_port", "frame", "start_ns", "restarts", "end",
    "end_frame", "at_least_ns", "at_most_ns", "proof", "late", "names", "peer_names",
)  # fmt: skip
ALL = tuple(range(len(TITLES)))
WITHOUT_HOLDER = tuple(place for place in ALL if TITLES[place] != "holder")
NARROWER = ((None, ALL), (None, WITHOUT_HOLDER), (24, WITHOUT_HOLDER), (20, WITHOUT_HOLDER), (17, WITHOUT_HOLDER))
"""The longest address and the columns, each for a narrower line than the one before; --format csv has everything."""


def write_table(connections: Iterable[Connection], tally: Tally, out: TextIO, style: Style, start_ns: int) -> None:
    """Totals, budget and advice, then the stays: all, or the ROWS_MAX that tell most when there are more."""
    paint = painter(style)
    shown = heapq.nsmallest(ROWS_MAX, _ranked(connections, tally))
    totals = tally.totals()
    for line in _lines([stay for _, _, stay in shown], totals, style, paint, start_ns):
        out.write(line.rstrip() + "\n")


def _ranked(connections: Iterable[Connection], tally: Tally) -> Iterator[tuple[int, int, Stay]]:
    """Each stay behind a rank: those that a segment ended or restarted come first."""
    number = 0
    for connection in connections:
        for stay in tally.add(connection):
            told = stay.proof is not None or stay.late is not None or bool(stay.restarts) or stay.end_frame is not None
            yield (0 if told else 1), number, stay
            number += 1


def _lines(stays: list[Stay], totals: Totals, style: Style, paint: Paint, start_ns: int) -> Iterator[str]:
    number = sum(totals.holders.values())
    two_msl = f"2MSL {duration(totals.two_msl_ns)} ({totals.profile})"
    yield paint(f"{counted(number, 'stay')} in TIME_WAIT, {two_msl}", "title")
    if not number:
        yield totals.advice
        return
    yield f"  held by  {counts(totals.holders)}"
    yield f"  ended    {counts(totals.ends)}"
    yield ""
    yield paint("at once, at the peak", "title")
    for host in totals.hosts[:BUDGETS_MAX]:
        yield f"  {clean(called(host.address, host.names))}  {between(host.peak)} of its {counted(host.stays, 'stay')}"
    yield from _more(len(totals.hosts), "host")
    if totals.budgets:
        yield ""
        yield paint("ports that the clients' stays keep", "title")
    for budget in totals.budgets[:BUDGETS_MAX]:
        own, peer = called(budget.address, budget.names), called(budget.peer_address, budget.peer_names)
        name = f"  {clean(own)} -> {host_port(peer, budget.peer_port)}: "
        yield from wrapped("", "    ", name + budget_in_words(budget, totals), style.width)
    yield from _more(len(totals.budgets), "pair")
    yield ""
    yield from wrapped(paint("advice  ", "title"), " " * 8, totals.advice, style.width, 8)
    yield ""
    yield from _stays(stays, style, paint, start_ns)
    if number > len(stays):
        yield ""
        yield f"{len(stays)} of {counted(number, 'stay')}; all: --format csv"
    legend = {stay.end for stay in stays}
    yield ""
    for end, sentence in ENDS.items():
        if end in legend:
            for line in wrapped("", "  ", f"{end}: {sentence}", style.width):
                yield paint(line, "aside")


def _more(number: int, noun: str) -> Iterator[str]:
    if number > BUDGETS_MAX:
        yield f"  and {counted(number - BUDGETS_MAX, f'more {noun}')}, in --format json"


def between(bounds: Bounds) -> str:
    """`149`, or `between 140 and 149`."""
    same = bounds.at_least == bounds.at_most
    return f"{bounds.at_most:,}" if same else f"between {bounds.at_least:,} and {bounds.at_most:,}"


def budget_in_words(budget: Budget, totals: Totals) -> str:
    """`at most 149 of 28,232 ports at once (0.5 %); 28,232 / 60 s = 470 connections a second, ...`."""
    return (
        f"at most {budget.peak.at_most:,} of {totals.ports:,} ports at once "
        f"({percent(budget.peak.at_most, totals.ports)}); "
        f"{totals.ports:,} / {totals.two_msl_ns / 1e9:g} s = {budget.possible_per_s:,.0f} connections a "
        "second can go on, "
        f"this capture's busiest second has {budget.peak_per_s:,} "
        f"({percent(budget.peak_per_s, budget.possible_per_s)})"
    )


def percent(part: float, whole: float) -> str:
    """`53 %`, `0.5 %`, `less than 0.1 %`."""
    share = 100 * part / whole
    return f"{share:.0f} %" if share >= 10 else f"{share:.1f} %" if share >= 0.1 else "less than 0.1 %"


def _stays(stays: list[Stay], style: Style, paint: Paint, start_ns: int) -> Iterator[str]:
    for longest, kept in NARROWER:
        cells = [[_cells(stay, start_ns, longest)[place] for place in kept] for stay in stays]
        titles = [TITLES[place] for place in kept]
        if width_of(titles, cells) <= style.width:
            break
    else:
        for stay in stays:
            yield from _stacked(stay, style, start_ns)
        return
    for number, line in enumerate(columns(titles, "".join(ALIGN[place] for place in kept), cells)):
        yield paint(line, "aside") if number == 0 else line
        if number:
            yield from _told(stays[number - 1], style)


def _stacked(stay: Stay, style: Style, start_ns: int) -> Iterator[str]:
    """One stay on lines of its own, for a width that has no room for the columns."""
    number, holder, own, peer, since, at_least, at_most, end = _cells(stay, start_ns, None)
    yield from wrapped("", "   ", f"{number}  {own} -> {peer}", style.width)
    bounds = f"at least {at_least}, at most {at_most}" if stay.at_least_ns is not None else f"at most {at_most}"
    yield from wrapped("   ", "   ", f"the {holder} since {since} s, {bounds}: {end}", style.width)
    yield from _told(stay, style)


def _told(stay: Stay, style: Style) -> Iterator[str]:
    """What stands below a stay: when it began again, and what proves it."""
    if stay.restarts:
        yield from wrapped("", "        ", f"      began again at {frame_list(stay.restarts)}", style.width)
    if stay.late:
        yield from wrapped("", "        ", f"      keeps from the next connection: {stay.late}", style.width)
    if stay.proof:
        yield from wrapped("", "        ", f"      proof: {stay.proof}", style.width)


def _cells(stay: Stay, start_ns: int, longest: int | None) -> list[str]:
    end = stay.end + ("" if stay.end_frame is None else f" {frame_number(stay.end_frame)}")
    own, peer = called(stay.address, stay.names), called(stay.peer_address, stay.peer_names)
    return [
        str(stay.connection), stay.holder, host_port(own, stay.port, longest),
        host_port(peer, stay.peer_port, longest), seconds(stay.start_ns - start_ns, 3),
        duration(stay.at_least_ns), duration(stay.at_most_ns), end,
    ]  # fmt: skip


def write_json(connections: Iterable[Connection], tally: Tally, out: TextIO) -> None:
    """A Document, its stays written one by one and the totals after them."""
    out.write(f'{{\n  "schema": "{SCHEMA}",\n  "stays": [')
    separator = "\n"
    for connection in connections:
        for stay in tally.add(connection):
            out.write(separator + "    " + _indented(stay, 4))
            separator = ",\n"
    totals = _indented(tally.totals(), 0)
    out.write(("" if separator == "\n" else "\n  ") + "]," + totals.removeprefix("{") + "\n")


def _indented(value: object, spaces: int) -> str:
    text: str = msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    return text.replace("\n", "\n" + " " * spaces)


def write_csv(connections: Iterable[Connection], tally: Tally, out: TextIO) -> None:
    """One row a stay."""
    sheet = Sheet(out)
    sheet.writerow(CSV)
    for connection in connections:
        for stay in tally.add(connection):
            sheet.writerow([_cell(stay, name) for name in CSV])


def _cell(stay: Stay, name: str) -> object:
    value = getattr(stay, name)
    if name == "restarts":
        return ";".join(frame_number(frame) for frame in value)
    if name in ("names", "peer_names"):
        return ";".join(value)
    return frame_number(value) if name in ("frame", "end_frame") and value is not None else value
