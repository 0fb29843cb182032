"""`ss --census`: the number of sockets in each state over time, as a table, a chart of bars, JSON or CSV."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, TextIO

from handshake_inspect.render import Style
from handshake_inspect.render.csv import Sheet
from handshake_inspect.render.lines import columns, width_of
from handshake_inspect.render.paint import painter, wrapped
from handshake_inspect.render.sockets import spelled
from handshake_inspect.render.text import clock, counted, duration, seconds

if TYPE_CHECKING:
    from handshake_inspect.looks.census import Census

BARS = {"blocks": " ▁▂▃▄▅▆▇█", "ascii": " .:-=+*#@"}
"""Nine heights, for a stream that can write Unicode and for one that cannot."""
CHART_MIN = 10


def _title(census: Census, style: Style) -> str:
    length = duration((census.samples - 1) * census.every_ns)
    return (
        f"sockets in each state every {duration(census.every_ns)} from {clock(census.start_ns, utc=style.utc)} "
        f"for {length} ({counted(census.samples, 'sample')})"
    )


def write_table(census: Census, out: TextIO, style: Style, spelling: str) -> None:
    """One row an instant, one column a state that occurs; seconds count from the first instant.

    Where the width is short, titles are folded, and columns for which there is no room go on below.
    """
    paint = painter(style)
    for line in wrapped("", "  ", _title(census, style), style.width):
        out.write(paint(line, "title") + "\n")
    if not census.states:
        out.write("no socket at any of them\n")
        return
    titles = ["seconds", *(spelled(state, spelling) for state in census.states)]
    decimals = next((places for places in (0, 1, 3, 6) if census.every_ns % 10 ** (9 - places) == 0), 9)
    rows = [
        [seconds(number * census.every_ns, decimals).rstrip("."), *(str(count) for count in counts)]
        for number, counts in enumerate(zip(*census.states.values(), strict=True))
    ]
    if width_of(titles, rows) <= style.width:
        for number, line in enumerate(columns(titles, ">" * len(titles), rows)):
            out.write((paint(line, "aside") if number == 0 else line) + "\n")
        return
    depth, folded = _folded(titles)
    for number, part in enumerate(_parts([*folded, *rows], style.width)):
        out.write("\n" if number else "")
        for place, line in enumerate(columns(part[0], ">" * len(part[0]), part[1:], gap=" ")):
            out.write((paint(line, "aside") if place < depth else line) + "\n")


def _folded(titles: Sequence[str]) -> tuple[int, list[list[str]]]:
    """Titles folded at their hyphens: how many lines these take, and the lines."""
    words = [title.replace("_", "-").split("-") for title in titles]
    depth = max(map(len, words))
    cells = [[""] * (depth - len(one)) + one for one in words]
    return depth, [list(line) for line in zip(*cells, strict=True)]


def _parts(rows: Sequence[Sequence[str]], width: int) -> Iterator[list[list[str]]]:
    """The rows, cut into tables that `width` has room for; each begins with the first column."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    part, room = [0], width - widths[0]
    for place, wide in enumerate(widths[1:], 1):
        if room < wide + 1 and len(part) > 1:
            yield [[row[kept] for kept in part] for row in rows]
            part, room = [0], width - widths[0]
        part.append(place)
        room -= wide + 1
    yield [[row[kept] for kept in part] for row in rows]


def write_csv(census: Census, out: TextIO) -> None:
    """One row an instant, states as in RFC 9293."""
    sheet = Sheet(out)
    sheet.writerow(["time_ns", *census.states])
    for number, counts in enumerate(zip(*census.states.values(), strict=True)):
        sheet.writerow([census.start_ns + number * census.every_ns, *counts])


def write_chart(census: Census, out: TextIO, style: Style, spelling: str) -> None:
    """One line a state: a bar for each step of time, its height against the state's own peak, which is named."""
    paint = painter(style)
    for line in wrapped("", "  ", _title(census, style), style.width):
        out.write(paint(line, "title") + "\n")
    if not census.states:
        out.write("no socket at any of them\n")
        return
    bars = BARS["blocks" if _can_write(out, BARS["blocks"]) else "ascii"]
    names = {state: spelled(state, spelling) for state in census.states}
    name_width = max(map(len, names.values()))
    peaks = {state: _peak(counts, census.every_ns) for state, counts in census.states.items()}
    room = max(style.width - name_width - 4 - max(map(len, peaks.values())), CHART_MIN)
    for state, counts in census.states.items():
        line = "".join(bar(bars, count, max(counts)) for count in squeezed(counts, room))
        out.write(f"{names[state]:<{name_width}}  {line}  {paint(peaks[state], 'aside')}\n")
    for line in wrapped(
        "", "  ", "each bar is the most in its time; full height is that state's own peak", style.width
    ):
        out.write(paint(line, "aside") + "\n")


def _peak(counts: Sequence[int], every_ns: int) -> str:
    most = max(counts)
    return f"peak {most:,} at +{duration(counts.index(most) * every_ns)}"


def squeezed(counts: Sequence[int], room: int) -> list[int]:
    """At most `room` numbers: each the largest of its share of the counts."""
    if len(counts) <= room:
        return list(counts)
    edges = [place * len(counts) // room for place in range(room + 1)]
    return [max(counts[start:end]) for start, end in pairwise(edges)]


def bar(bars: str, count: int, peak: int) -> str:
    """The character for a count; only 0 is blank."""
    return bars[0] if not count else bars[max(1, (count * (len(bars) - 1) + peak // 2) // peak)]


def _can_write(out: TextIO, text: str) -> bool:
    try:
        text.encode(getattr(out, "encoding", None) or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
