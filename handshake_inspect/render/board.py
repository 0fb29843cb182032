"""The board of a live run: a terminal's screen that says how things are, and is drawn again in place.

It is drawn from its first line on each time, for the size that the terminal has then, so it survives every resizing.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple, TextIO

from handshake_inspect.live import News
from handshake_inspect.live.events import Moved, Revision
from handshake_inspect.render import Style
from handshake_inspect.render.beside import NONE, in_short
from handshake_inspect.render.paint import painter
from handshake_inspect.render.text import address, clean, clock, counted, counts, duration, host_port, size
from handshake_inspect.rfc9293.states import State
from handshake_inspect.verdict.findings import FINDINGS

if TYPE_CHECKING:
    from handshake_inspect.live.beside import Kernel

SCREEN, BACK = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
HOME, REST_OF_LINE, REST_OF_SCREEN = "\x1b[H", "\x1b[K", "\x1b[J"

NEWEST = 64
"""Transitions that are remembered for a large screen."""
RATE_OVER_S = 2.0
BAR = 24
WRONG_ROWS = 5
ALL_STATES_FROM = 24
"""Lines of a terminal on which the states that no endpoint is in have a row as well, so that nothing moves about."""
ADDRESS_MIN = 12
SMALLEST = (20, 4)
ORDER = ("error", "warning")
SEVERITY = {kind.id: kind.severity for kind in FINDINGS}


class Seen(NamedTuple):
    """The counts at one moment, for rates."""

    at_s: float
    frames: int
    bytes: int
    connections: int


class Board:
    """Draws what it hears on a terminal; use it as a context, which gives the screen back at its end."""

    newest: int | None = NEWEST
    whole = False

    def __init__(self, out: TextIO, style: Style, kernel: Kernel | None = None) -> None:
        self._out = out
        self._kernel = kernel
        self._paint = painter(style)
        self._utc = style.utc
        self._moves: deque[Moved | Revision] = deque(maxlen=NEWEST)
        self._seen: deque[Seen] = deque([Seen(time.monotonic(), 0, 0, 0)])
        self._began_s = time.monotonic()

    def __enter__(self) -> Board:
        self._out.write(SCREEN)
        self._out.flush()
        return self

    def __exit__(self, *failure: object) -> None:
        self._out.write(BACK)
        self._out.flush()

    def hear(self, news: News) -> None:
        """Take the news in, and draw."""
        self._moves.extend(event for event in news.events if _is_move(event))  # type: ignore[misc]
        now_s = time.monotonic()
        self._seen.append(Seen(now_s, news.frames, news.bytes, news.connections))
        while len(self._seen) > 2 and now_s - self._seen[1].at_s > RATE_OVER_S:
            self._seen.popleft()
        width, height = self._size()
        lines = list(self.lines(news, width, height))[:height]
        self._out.write(HOME + f"{REST_OF_LINE}\n".join(lines) + REST_OF_LINE + REST_OF_SCREEN)
        self._out.flush()

    def _size(self) -> tuple[int, int]:
        try:
            width, height = os.get_terminal_size(self._out.fileno())
        except OSError:
            return 80, 24
        return max(width, SMALLEST[0]), max(height, SMALLEST[1])

    def lines(self, news: News, width: int, height: int) -> Iterator[str]:
        """Yield the lines of a board of this size, none wider; `height` of them at most are of use."""
        above = [*self._head(news, width), *self._states(news, width, height), *self._wrong(news, width)]
        yield from above
        room = height - len(above) - 2
        if room > 0 and self._moves:
            yield ""
            yield self._paint("newest", "title")
            for event in list(self._moves)[-room:]:
                yield self._move(event, width)

    def _head(self, news: News, width: int) -> Iterator[str]:
        first, last = self._seen[0], self._seen[-1]
        seconds = max(last.at_s - first.at_s, 0.001)
        running = int(last.at_s - self._began_s)
        title = f"live on {clean(news.source)}  {running // 3600}:{running // 60 % 60:02}:{running % 60:02}"
        yield self._paint(_cut(title, width), "title") + _right("Ctrl-C: report", width - len(title))
        rates = f"{counted(news.frames, 'frame')}, {(last.frames - first.frames) / seconds:,.0f}/s"
        yield _cut(f"{rates}, {size(int((last.bytes - first.bytes) / seconds))}/s", width)
        new = (last.connections - first.connections) / seconds
        yield _cut(f"{counted(news.connections, 'connection')}, {new:,.1f} new/s{_left(news)}", width)
        if news.lost:
            sentence = f"{counted(news.lost, 'frame')} lost: they came faster than they were taken"
            yield self._paint(_cut(sentence, width), "error")
        if self._kernel is not None:
            sentence, colour = in_short(self._kernel.beside)
            yield self._paint(_cut(sentence, width), colour)

    def _states(self, news: News, width: int, height: int) -> Iterator[str]:
        yield ""
        states = {
            state: number for state, number in news.states.items() if number or height >= ALL_STATES_FROM
        }  # fmt: skip
        most = max(states.values(), default=0)
        digits = max(len(f"{most:,}"), 3)
        for state, number in states.items():
            row = f"  {state:<12}  {number:>{digits},}"
            bar = min(BAR, width - len(row) - 2)
            filled = "#" * -(-number * bar // most) if number and bar > 0 else ""
            yield _cut(row, width) + (f"  {filled}" if filled else "")

    def _wrong(self, news: News, width: int) -> Iterator[str]:
        found = news.findings
        wrong = [
            (severity, id, number)
            for severity in ORDER
            for id, number in sorted(found.items(), key=lambda pair: -pair[1])
            if SEVERITY[id] == severity
        ]
        yield ""
        if not wrong:
            yield self._paint("nothing wrong so far", "ok")
        for severity, id, number in wrong[:WRONG_ROWS]:
            row = _cut(f"{severity:<7}  {number:>5,}  {id}", width)
            yield self._paint(row[: len(severity)], severity) + row[len(severity) :]
        if len(wrong) > WRONG_ROWS:
            yield _cut(f"and {counted(len(wrong) - WRONG_ROWS, 'more kind')}", width)
        waiting = news.longest(State.CLOSE_WAIT)
        if waiting:
            connection, side, since_ns = waiting
            end, other = (connection.client, connection.server)[:: -1 if side else 1]
            sentence = f"oldest CLOSE_WAIT: {address(end)} for {duration(max(news.now_ns - since_ns, 0))}"
            yield self._paint(_cut(f"{sentence}, #{connection.id} with {address(other)}", width), "warning")

    def _move(self, event: Moved | Revision, width: int) -> str:
        step = event.transition if isinstance(event, Moved) else event.transitions[-1]
        end = event.client if event.endpoint == "client" else event.server
        left = f"{clock(step.time_ns, utc=self._utc).split()[1][:12]}  #{event.id:<4} {event.endpoint} "
        row = None if self._kernel is None else self._kernel.row(event)
        beside = f", kernel {row.kernel or NONE}" if row is not None and row.polls and row.wire == step.to else ""
        right = f"  {step.from_} -> {step.to}{beside}"
        room = width - len(left) - len(right)
        middle = host_port(end.address, end.port, room).ljust(21) if room > ADDRESS_MIN else ""
        return _cut(left + middle + right, width)


def _is_move(event: object) -> bool:
    return isinstance(event, Moved) or (
        isinstance(event, Revision) and not event.only_proof and bool(event.transitions)
    )


def _left(news: News) -> str:
    return f"; {news.there:,} in the table, left: {counts(news.left)}" if news.left else ""


def _cut(line: str, width: int) -> str:
    return line if len(line) <= width else line[: max(width - 2, 0)] + ".."[: max(width, 0)]


def _right(text: str, room: int) -> str:
    return text.rjust(room) if len(text) + 2 <= room else ""
