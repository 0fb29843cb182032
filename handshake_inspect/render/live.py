"""Changes as they come: one line a transition for people, one JSON object a line for programs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TextIO

import msgspec

from handshake_inspect.live import News
from handshake_inspect.live.events import Ended, Event, Lost, Moved, Revision
from handshake_inspect.render import Style
from handshake_inspect.render.paint import painter
from handshake_inspect.render.text import clock, counted, host_port
from handshake_inspect.report import Transition


class Lines:
    """Writes a line for each transition, at once."""

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
        elif isinstance(event, Revision):
            for transition in event.transitions[event.kept :]:
                yield self._line(event, transition, "corrected: ")
        elif isinstance(event, Lost):
            yield self._paint(f"{_time(event.time_ns, self._utc)}  {counted(event.frames, 'frame')} lost", "error")

    def _line(self, event: Moved | Revision, step: Transition, mark: str) -> str:
        frame = f"frame {step.frame}" if step.frame is not None else "no frame"
        return (
            f"{_time(step.time_ns, self._utc)}  {host_port(event.client.address, event.client.port)} -> "
            f"{host_port(event.server.address, event.server.port)}  {event.endpoint}  {mark}{step.from_} -> "
            f"{self._paint(step.to, 'state')}  {step.event}, {frame}, {step.certainty}"
        )


class Objects:
    """Writes each change as one line of JSON, at once."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._encode = msgspec.json.Encoder().encode

    def hear(self, news: News) -> None:
        """Write what changed."""
        for event in news.events:
            self._out.write(self._encode(event).decode() + "\n")
        self._out.flush()


def _time(nanoseconds: int, utc: bool) -> str:
    return clock(nanoseconds, utc=utc).split()[1]


__all__ = ["Ended", "Lines", "Objects"]
