"""A ladder as a picture: SVG that needs nothing from elsewhere, follows the reader's light or dark scheme, and
keeps text as text, so that it can be searched, copied and read aloud.

Lengths are in the picture's own units (pixels at its natural size).  A lifeline takes the colour of its end's state.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple, TextIO
from xml.sax.saxutils import escape

from handshake_inspect.render import detail, rungs
from handshake_inspect.render.folding import wrap
from handshake_inspect.render.ladder_style import CSS
from handshake_inspect.render.text import address, clean

if TYPE_CHECKING:
    from handshake_inspect.looks.ladder import Ladder, Row, Side
    from handshake_inspect.render.drawings import Look
    from handshake_inspect.report import Role, State

WIDTH = 1000
CLIENT_X, SERVER_X = 290, 710
"""The two lifelines."""
LIFE_WIDTH = 6
TIME_X = 24
CHARACTER = 7.2
"""Width of a character of the monospaced 12-pixel font."""
LINE = 18
LABEL_Y, ARROW_Y, SLANT = 20, 30, 12
"""Within a row: the label's baseline, where the arrow starts, and how far it falls on its way."""
PILL_HEIGHT = 20
BELOW = 14
INSIDE_COLUMNS = 55
"""Characters that a line between the lifelines holds."""
WHOLE_COLUMNS = 128


class Line(NamedTuple):
    """A line of text between the lifelines, and its class."""

    text: str
    what: str


class Bar(NamedTuple):
    """A stretch of a lifeline in one state."""

    x: int
    top: float
    bottom: float
    state: State | None


def write(ladder: Ladder, out: TextIO, look: Look) -> None:
    """Write the picture."""
    out.write(picture(ladder, utc=look.style.utc) + "\n")


def picture(ladder: Ladder, *, utc: bool) -> str:
    """The whole `<svg>` element."""
    return "\n".join(Picture(ladder, utc=utc).lines())


def shown(text: str) -> str:
    """Text of a capture made safe for XML and for the eye."""
    return escape(clean(text), {'"': "&quot;"})


class Picture:
    """One picture while it is drawn, from top to bottom."""

    def __init__(self, ladder: Ladder, *, utc: bool) -> None:
        self.utc = utc
        self.ladder = ladder
        self.body: list[str] = []
        self.y = 0.0
        self.since: dict[Role, tuple[float, State | None]] = {}
        self.bars: list[Bar] = []

    def lines(self) -> Iterator[str]:
        """The picture, line by line."""
        self.head()
        for row in self.ladder.rows:
            self.row(row)
        self.end_lives()
        self.foot()
        height = self.y + 12
        connection = self.ladder.connection
        name = f"ladder-{connection.id}"
        yield (
            f'<svg class="ladder" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}" width="{WIDTH}" '
            f'height="{height:g}" role="img" aria-labelledby="{name}-title {name}-desc">'
        )
        yield f'<title id="{name}-title">{shown(rungs.title(self.ladder))}</title>'
        yield f'<desc id="{name}-desc">{shown(description(self.ladder))}</desc>'
        yield f"<style>{CSS}</style>"
        yield f"<defs>{''.join(head_of(kind) for kind in ARROWS)}</defs>"
        yield f'<rect class="paper" width="{WIDTH}" height="{height:g}" rx="10"/>'
        for bar in self.bars:
            yield (
                f'<rect class="life s-{bar.state or "unknown"}" x="{bar.x - LIFE_WIDTH / 2:g}" y="{bar.top:g}" '
                f'width="{LIFE_WIDTH}" height="{bar.bottom - bar.top:g}"/>'
            )
        yield from self.body
        yield "</svg>"

    def text(self, x: float, y: float, text: str, what: str, anchor: str = "") -> None:
        place = f' text-anchor="{anchor}"' if anchor else ""
        self.body.append(f'<text class="{what}" x="{x:g}" y="{y:g}"{place}>{shown(text)}</text>')

    def head(self) -> None:
        """The title, the two ends in boxes, and the states that they begin in."""
        connection = self.ladder.connection
        self.text(TIME_X, 36, f"{address(connection.client)} → {address(connection.server)}", "title")
        self.text(TIME_X, 58, f"{rungs.how(self.ladder)}; {rungs.zero(self.ladder, utc=self.utc)}", "aside")
        self.y = 74
        for note in self.ladder.remarks:
            self.y += LINE
            self.text(TIME_X, self.y - 4, f"{note.severity}: {note.text}", f"note {note.severity}")
        for x, name, end in ((CLIENT_X, "client", connection.client), (SERVER_X, "server", connection.server)):
            words = address(end)
            width = max(len(words) * CHARACTER + 28, 150)
            self.body.append(
                f'<rect class="end" x="{x - width / 2:g}" y="{self.y:g}" width="{width:g}" height="46" rx="8"/>'
            )
            self.text(x, self.y + 20, name, "name", "middle")
            self.text(x, self.y + 37, words, "mono", "middle")
        self.y += 46
        for role, start in (("client", self.ladder.client_start), ("server", self.ladder.server_start)):
            self.since[role] = (self.y, start.state)  # type: ignore[index]
            self.pill(role, self.y + 10, rungs.start_in_words(start), start.state, "")  # type: ignore[arg-type]
        self.y += 38

    def pill(self, role: Role, top: float, text: str, state: State | None, tip: str) -> None:
        """A state beside its lifeline; `tip` is shown where the pointer rests on it."""
        width = len(text) * CHARACTER + 20
        x = CLIENT_X - 16 - width if role == "client" else SERVER_X + 16
        title = f"<title>{shown(tip)}</title>" if tip else ""
        self.body.append(
            f'<g class="pill s-{state or "unknown"}">{title}<rect x="{x:g}" y="{top:g}" width="{width:g}" '
            f'height="{PILL_HEIGHT}" rx="10"/><text x="{x + width / 2:g}" y="{top + 14.5:g}" text-anchor="middle">'
            f"{shown(text)}</text></g>"
        )

    def row(self, row: Row) -> None:
        """One row: time and frame, the arrow with its label, what stands under it, the states beside it."""
        top = self.y
        lines = list(inside(row, self.ladder))
        self.text(TIME_X, top + ARROW_Y + 4, rungs.time_of(row, self.ladder), "time")
        if row.frame is not None:
            self.text(TIME_X, top + ARROW_Y + 20, f"frame {rungs.frames_of(row)}", "frame")
        middle = (CLIENT_X + SERVER_X) / 2
        under = top + ARROW_Y + SLANT + 20
        if row.sender is None:
            self.body.append(
                f'<rect class="run" x="{CLIENT_X + 18}" y="{top + 8:g}" width="{SERVER_X - CLIENT_X - 36}" '
                f'height="{30 + len(lines) * LINE:g}" rx="8"/>'
            )
            under = top + LABEL_Y + 8 + LINE
            self.text(middle, top + LABEL_Y + 8, rungs.label(row), "label", "middle")
        else:
            self.arrow(row, top)
            self.text(middle, top + LABEL_Y, rungs.label(row), f"label {kind_of(row)}", "middle")
        for number, line in enumerate(lines):
            self.text(middle, under + number * LINE, line.text, line.what, "middle")
        bottoms = [under + (len(lines) - 1) * LINE + BELOW + 4, top + ARROW_Y + SLANT + BELOW]
        for role, side in (("client", row.client), ("server", row.server)):
            bottoms.append(self.states(role, side, row, top))  # type: ignore[arg-type]
        self.y = max(bottoms)

    def arrow(self, row: Row, top: float) -> None:
        """From the sender's lifeline down to the receiver's."""
        gap = LIFE_WIDTH / 2 + 2
        ends = (CLIENT_X + gap, SERVER_X - gap) if row.sender == "client" else (SERVER_X - gap, CLIENT_X + gap)
        self.body.append(
            f'<line class="arrow {kind_of(row)}" x1="{ends[0]:g}" y1="{top + ARROW_Y:g}" x2="{ends[1]:g}" '
            f'y2="{top + ARROW_Y + SLANT:g}" marker-end="url(#head-{kind_of(row)})"/>'
        )

    def states(self, role: Role, side: Side, row: Row, top: float) -> float:
        """The pills of one side, and its lifeline's colour from here on; returns the bottom."""
        y = top + ARROW_Y - PILL_HEIGHT / 2 + (0 if row.sender in (role, None) else SLANT)
        if not side.steps:
            return y
        since, state = self.since[role]
        self.bars.append(Bar(CLIENT_X if role == "client" else SERVER_X, since, y + PILL_HEIGHT / 2, state))
        self.since[role] = (y + PILL_HEIGHT / 2, side.state)
        for step in side.steps:
            transition = step.transition
            tip = f"{transition.event}: {transition.from_} to {transition.to}, {rungs.MEANINGS[transition.certainty]}"
            self.pill(role, y, rungs.step_in_words(step), transition.to, tip)
            y += PILL_HEIGHT + 4
            if cause := rungs.cause(step):
                x, anchor = (CLIENT_X - 20, "end") if role == "client" else (SERVER_X + 20, "start")
                self.text(x, y + 10, cause, "cause", anchor)
                y += LINE
        return y + 8

    def end_lives(self) -> None:
        """The last stretch of each lifeline."""
        self.y += 10
        for role, (since, state) in self.since.items():
            self.bars.append(Bar(CLIENT_X if role == "client" else SERVER_X, since, self.y, state))

    def foot(self) -> None:
        """TIME_WAIT with its bounds, and the signs."""
        for stay in self.ladder.connection.time_wait:
            words = detail.time_wait_in_words(stay, self.ladder.start_ns, self.ladder.decimals)
            for line in wrap(f"TIME_WAIT: {words}", WHOLE_COLUMNS):
                self.y += LINE
                self.text(TIME_X, self.y, line, "aside")
        self.y += 10
        for sign, meaning in rungs.legend(self.ladder):
            self.y += LINE
            self.text(TIME_X, self.y, sign, "legend mono")
            self.text(TIME_X + 66, self.y, meaning, "legend")


def inside(row: Row, ladder: Ladder) -> Iterator[Line]:
    """The lines under an arrow: its numbers, what it takes, its sums, the notes on it."""
    words = " · ".join(rungs.numbers(row))
    if words:
        yield Line(words, "mono")
    for text in rungs.run_lines(row):
        yield Line(text, "mono")
    if row.kind == "run":
        yield Line(f"in {rungs.lasted(row)}", "aside")
    if row.takes is not None:
        yield Line(rungs.takes_in_words(row.takes), "mono aside")
    for one in row.sums:
        for text in wrap(rungs.sum_long(one), INSIDE_COLUMNS):
            yield Line(text, "mono ok" if one.ok else "mono error")
    for severity, note in rungs.notes_of(row, ladder):
        for text in wrap(note, INSIDE_COLUMNS):
            yield Line(text, f"note {severity}")


ARROWS = ("is-rst", "is-syn", "is-fin", "is-plain")
"""The classes of an arrow: what its segment does to the connection."""


def kind_of(row: Row) -> str:
    """The class of a row's arrow."""
    for flag in ("RST", "SYN", "FIN"):
        if flag in row.flags:
            return f"is-{flag.lower()}"
    return "is-plain"


def head_of(kind: str) -> str:
    """The head of an arrow: one for each class, since not every browser gives a marker the colour of its line."""
    return (
        f'<marker id="head-{kind}" class="head {kind}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="9" '
        'markerHeight="9" markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0.8 10 5 0 9.2z"/></marker>'
    )


def description(ladder: Ladder) -> str:
    """The picture in words, for a reader who does not see it."""
    sentences = [f"A ladder of {len(ladder.rows)} rows between client and server: {rungs.how(ladder)}."]
    for row in ladder.rows:
        who = f"{row.sender} sends " if row.sender else ""
        steps = [
            f"{name} {step.transition.to}"
            for name, side in (("client", row.client), ("server", row.server))
            for step in side.steps
        ]
        sentences.append(f"{who}{rungs.label(row)}" + (f": {', '.join(steps)}" if steps else "") + ".")
    return " ".join(sentences)
