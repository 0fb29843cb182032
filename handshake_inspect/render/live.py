"""Changes as they come: one line a transition for people, one JSON object a line for programs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TextIO

import msgspec

from handshake_inspect.live import News
from handshake_inspect.live.events import Event, Lost, Moved, Revision
from handshake_inspect.render import Style
from handshake_inspect.render.paint import painter
from handshake_inspect.render.text import clock, counted, host_port
from handshake_inspect.report import Transition


class Lines:
    """Writes a line for each transition, at once; what is only better proved than before gets none."""

    newest: int | None = None
    whole = False

    def __init__(self, out: TextIO, style: Style) -> None:
        self._out = out
        self._utc = style.utc
        self._paint = painter(style)

    def hear(self, news: News) -> None:
        """Write what changed."""
        for event in news.events:
            for line in self._lines(event):
                self._out.write(line + "\n")
        self._out.flush()

    def _lines(self, event: Event) -> Iterator[str]:
        if isinstance(event, Moved):
            yield self._line(event, event.transition, "")
        elif isinstance(event, Revision) and not event.only_proof:
            changed = event.transitions[event.kept :]
            if not changed:
                last = event.transitions[-1].to if event.transitions else "no state"
                yield f"{self._connection(event)}  {event.endpoint}  corrected: still {last}"
            for transition in changed:
                yield self._line(event, transition, "corrected: ")
        elif isinstance(event, Lost):
            sentence = f"{counted(event.frames, 'frame')} lost: they came faster than they were taken"
            yield f"{self._time(event.time_ns)}  {self._paint(sentence, 'error')}"

    def _line(self, event: Moved | Revision, step: Transition, mark: str) -> str:
        frame = f"frame {step.frame}" if step.frame is not None else "no frame"
        return (
            f"{self._time(step.time_ns)}  {self._connection(event)}  {event.endpoint}  {mark}{step.from_} -> "
            f"{self._paint(step.to, 'state')}  {step.event}, {frame}, {step.certainty}"
        )

    def _connection(self, event: Moved | Revision) -> str:
        ends = (host_port(side.address, side.port) for side in (event.client, event.server))
        return f"#{event.id} {' -> '.join(ends)}"

    def _time(self, nanoseconds: int) -> str:
        return clock(nanoseconds, utc=self._utc).split()[1]


class Objects:
    """Writes each change as one line of JSON, at once."""

    newest: int | None = None
    whole = True

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._encode = msgspec.json.Encoder().encode

    def hear(self, news: News) -> None:
        """Write what changed."""
        for event in news.events:
            self._out.write(self._encode(event).decode() + "\n")
        self._out.flush()
