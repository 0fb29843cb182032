"""A ladder on a terminal: time and frame at the left, each endpoint's states beside its lifeline, segments between.

For example, a SYN-ACK on 80 columns (ASCII):

    0.020201  ESTABLISHED + |<-------------- SYN,ACK ---------------|
           2                | seq 2301286560 (0) ack 4070827017 (1) |
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple, TextIO, TypeVar

from handshake_inspect.render import detail, rungs
from handshake_inspect.render.folding import padded, wide, wrap
from handshake_inspect.render.paint import COLOURS, painter
from handshake_inspect.render.text import address, clean

if TYPE_CHECKING:
    from handshake_inspect.looks.ladder import Ladder, Row, Side
    from handshake_inspect.render.drawings import Look
    from handshake_inspect.render.lessons import Said

T = TypeVar("T")

STATE_WIDTH = 14
"""`SYN_RECEIVED +`."""
LANE_MIN, LANE_MAX = 16, 76
LANE_FOR_NUMBERS = 34
"""Room for `ack 4070827017 (1)` and the like without folding; in a narrower lane they stand under the arrow."""
NUMBERS_ON_ARROW = 62
"""A lane as wide as this has room for the numbers on the arrow itself."""
TIME_MIN = 8
LESSON_MAX = 100
"""Columns of a line of the lesson: longer ones are hard to read."""


class Strokes(NamedTuple):
    """What the lines are drawn with."""

    line: str
    dash: str
    life: str
    right: str
    left: str


BOX = Strokes("─", "┄", "│", "▶", "◀")
PLAIN = Strokes("-", ".", "|", ">", "<")


class Text(NamedTuple):
    """A piece of a line and the colour that it has."""

    text: str
    what: str = ""


def write(ladder: Ladder, out: TextIO, look: Look) -> None:
    """Write the ladder; no line is longer than the width, unless that is below what the columns need."""
    before = ""
    for line in Terminal(ladder, look).lines():
        if line or before:
            out.write(line.rstrip() + "\n")
        before = line


class Terminal:
    """One drawing: the widths of its columns, and the rows as lines."""

    def __init__(self, ladder: Ladder, look: Look) -> None:
        self.ladder = ladder
        self.look = look
        self.strokes = BOX if look.box else PLAIN
        times = [rungs.time_of(row, ladder) for row in ladder.rows]
        self.left = max([TIME_MIN, *map(len, times), *(len(rungs.frames_of(row)) for row in ladder.rows)])
        states = 2 * (STATE_WIDTH + 1) + 2
        # Where time and frame leave the lane too little room, they stand above their row.
        self.above = look.style.width - self.left - 1 - states < LANE_MIN
        self.margin = 0 if self.above else self.left + 1
        self.lane = min(max(look.style.width - self.margin - states, LANE_MIN), LANE_MAX)
        self.width = max(look.style.width, 40)

    def paint(self, text: str, what: str) -> str:
        if what not in COLOURS:
            return text
        return painter(self.look.style)(text, what)

    def lines(self) -> Iterator[str]:
        """The whole drawing, line by line."""
        from handshake_inspect.render.lessons import after, before, of_row

        ladder, lang = self.ladder, self.look.lang
        for line in wrap(rungs.title(ladder), self.width, indent="  "):
            yield self.paint(line, "title")
        for note in ladder.remarks:
            yield from self.remark(note.severity, note.text)
        for line in wrap(rungs.zero(ladder, utc=self.look.style.utc), self.width, indent="  "):
            yield self.paint(line, "aside")
        yield ""
        if lang:
            yield from self.paragraphs(before(ladder, lang))
        yield from self.heads()
        for row in ladder.rows:
            yield from self.row(row)
            if lang:
                yield from self.paragraphs(of_row(row, ladder, lang))
        yield from self.foot()
        if lang:
            yield ""
            yield from self.paragraphs(after(ladder, lang))
        yield from self.legend()

    def remark(self, severity: str, text: str) -> Iterator[str]:
        lines = wrap(f"  {severity:<7}  {clean(text)}", self.width, indent=" " * 11)
        yield lines[0].replace(severity, self.paint(severity, severity), 1)
        yield from lines[1:]

    def paragraphs(self, said: Sequence[Said]) -> Iterator[str]:
        """Sentences of the lesson, one a bullet; what another program prints is set apart."""
        width = min(self.width, LESSON_MAX)
        for one in said:
            first, others = ("    ", "      ") if one.tool else ("  - ", "    ")
            for line in wrap(first + clean(one.text), width, indent=others):
                yield self.paint(line, "note") if one.tool else line
        if said:
            yield ""

    def heads(self) -> Iterator[str]:
        """The names, addresses and first states above the two lifelines."""
        connection = self.ladder.connection
        between = self.lane - 4
        longest = max(self.width - self.margin - STATE_WIDTH - 3, LANE_MIN)
        client, server = address(connection.client, longest), address(connection.server, longest)
        gap = " " * self.margin
        frame = "" if self.above else f"{self.paint('frame'.rjust(self.left), 'title')} "
        time = "" if self.above else f"{'seconds':>{self.left}} "
        yield self.paint(f"{time}{'client':>{STATE_WIDTH}}  {'':{self.lane}}  server", "title")
        if len(client) + len(server) <= between:
            yield f"{frame}{'':{STATE_WIDTH}}   {client}{'':{between - len(client) - len(server) + 2}}{server}"
        else:
            yield f"{frame}{'':{STATE_WIDTH}}   {client}"
            yield f"{gap}{'':{STATE_WIDTH}}   {server:>{self.lane - 2}}"
        left = rungs.start_in_words(self.ladder.client_start)
        right = rungs.start_in_words(self.ladder.server_start)
        yield self.line("", Text(left, "aside"), Text(""), Text(right, "aside"))

    def line(self, time: str, client: Text, lane: Text, server: Text) -> str:
        """One line through all the columns; the lane's text stands one space off the lifeline, an arrow at it."""
        life = self.strokes.life
        client_text = self.paint(client.text.rjust(STATE_WIDTH), client.what)
        lane_text = self.paint(padded(lane.text, self.lane), lane.what)
        margin = "" if self.above else f"{time:>{self.left}} "
        return f"{margin}{client_text} {life}{lane_text}{life} {self.paint(server.text, server.what)}"

    def row(self, row: Row) -> Iterator[str]:
        """One row: the arrow, then its numbers, sums and notes, with the states of both sides.

        A lane that is too narrow for numbers has the arrow alone, and they stand under it.
        """
        lefts, rights = states(row.client), states(row.server)
        times = [rungs.time_of(row, self.ladder), rungs.frames_of(row)]
        if self.above:
            frames = f", frame{'s' if row.last_frame != row.frame else ''} {times[1]}" if times[1] else ""
            yield self.paint(times[0] + frames, "title")
            times = [""]
        arrow, *told = self.told(row)
        narrow = self.lane < LANE_FOR_NUMBERS
        lane = [arrow, *(() if narrow else self.folded(told))]
        for place in range(max(len(lane), len(lefts), len(rights), len([time for time in times if time]))):
            yield self.line(
                at(times, place, ""), at(lefts, place, Text("")), at(lane, place, Text("")), at(rights, place, Text(""))
            )
        for text in told if narrow else ():
            for line in wrap(f"    {text.text}", self.width, indent="      "):
                yield self.paint(line, text.what)

    def folded(self, texts: Sequence[Text]) -> Iterator[Text]:
        """Texts folded to the lane, one space off its left lifeline."""
        for text in texts:
            for line in wrap(f" {text.text}", self.lane - 1, indent="   "):
                yield Text(line, text.what)

    def told(self, row: Row) -> Iterator[Text]:
        """What a row says: the arrow first."""
        words = rungs.numbers(row) if row.kind == "segment" else []
        on_arrow = self.lane >= NUMBERS_ON_ARROW
        yield Text(self.arrow(row, "  ".join([rungs.label(row), *(words if on_arrow else [])])))
        if words and not on_arrow:
            yield from map(Text, [" ".join(words)] if self.fits(" ".join(words)) else words)
        if row.kind == "run":
            yield from map(Text, (*rungs.run_lines(row), f"in {rungs.lasted(row)}"))
        if row.takes is not None:
            yield Text(self.best(rungs.takes_in_words(row.takes), rungs.takes_short(row.takes)), "aside")
        for one in row.sums:
            yield Text(self.best(rungs.sum_long(one), rungs.sum_short(one)), "ok" if one.ok else "error")
        for severity, text in rungs.notes_of(row, self.ladder):
            yield Text(text, severity)

    def fits(self, text: str) -> bool:
        """Tell whether a text has room in the lane, with a space at either side, or under it."""
        return wide(text) <= (self.lane - 2 if self.lane >= LANE_FOR_NUMBERS else self.width - 4)

    def best(self, long: str, short: str) -> str:
        """The longer of two texts if it has room."""
        return long if self.fits(long) else short

    def arrow(self, row: Row, text: str) -> str:
        """`---- SYN --->`, pointing at the receiver; dotted and without a head where no single segment passes."""
        strokes = self.strokes
        dotted = row.sender is None
        room = self.lane if dotted else self.lane - 1
        stroke = strokes.dash if dotted else strokes.line
        if dotted and wide(text) > room - 2:
            text = text.partition(" (")[0].partition(", ")[0].removesuffix(" of data")
        body = f" {text} " if wide(text) <= room - 2 else f" {text[: room - 6]}.. "
        before = (room - wide(body)) // 2
        shaft = stroke * before + body + stroke * (room - wide(body) - before)
        return shaft if dotted else shaft + strokes.right if row.sender == "client" else strokes.left + shaft

    def foot(self) -> Iterator[str]:
        """What the ladder's ends leave open: the last states, TIME_WAIT with its bounds."""
        connection = self.ladder.connection
        if not connection.time_wait:
            return
        yield ""
        for stay in connection.time_wait:
            words = detail.time_wait_in_words(stay, self.ladder.start_ns, self.ladder.decimals)
            yield from wrap(f"TIME_WAIT: {words}", self.width, indent="  ")

    def legend(self) -> Iterator[str]:
        yield ""
        for sign, meaning in rungs.legend(self.ladder):
            for line in wrap(f"{sign:>7}  {meaning}", self.width, indent=" " * 9):
                yield self.paint(line, "aside")


def states(side: Side) -> list[Text]:
    """The states that a row leads to, each with its cause under it where that is another row's."""
    texts = []
    for step in side.steps:
        texts.append(Text(rungs.step_in_words(step), "state"))
        if cause := rungs.cause(step):
            texts.append(Text(cause, "aside"))
    return texts


def at(items: Sequence[T], place: int, default: T) -> T:
    """The item at a place, or `default` beyond the end."""
    return items[place] if place < len(items) else default
