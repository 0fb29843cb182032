"""Changes as they come: one line a transition for people, one JSON object a line for programs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TextIO

import msgspec

from handshake_inspect.live import News
from handshake_inspect.live.beside import disagreed
from handshake_inspect.live.events import Event, Lost, Moved, Revision
from handshake_inspect.render import Style
from handshake_inspect.render.beside import disagreement, in_a_word
from handshake_inspect.render.paint import painter
from handshake_inspect.render.text import clock, counted, host_port
from handshake_inspect.report import Transition

if TYPE_CHECKING:
    from handshake_inspect.kernel import Disagreement
    from handshake_inspect.live.beside import Kernel


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a line of `live --format ndjson`, made from the types."""
    generated = msgspec.json.schema(Event)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:handshake-inspect:schema:live:1",
        "title": "handshake-inspect live --format ndjson, one line",
        **generated,
    }


class Lines:
    """Writes a line for each transition, at once; what is only better proved than before gets none.

    With `kernel`, which must have heard before, the newest line of each end of this host has the kernel's state.
    """

    newest: int | None = None
    whole = False

    def __init__(self, out: TextIO, style: Style, kernel: Kernel | None = None) -> None:
        self._out = out
        self._utc = style.utc
        self._paint = painter(style)
        self._kernel = kernel
        if kernel is not None:
            kernel.told = self._disagree

    def hear(self, news: News) -> None:
        """Write what changed."""
        # The kernel was asked after all of these changes: its state stands beside the newest one of an end.
        newest = {(event.id, event.endpoint): event for event in news.events if isinstance(event, Moved | Revision)}
        for event in news.events:
            beside = ""
            if isinstance(event, Moved | Revision) and newest[event.id, event.endpoint] is event:
                beside = self._beside(event)
            for line in self._lines(event):
                self._out.write(line + beside + "\n")
        self._out.flush()

    def _disagree(self, found: Disagreement) -> None:
        self._out.write(self._paint(disagreement(found), "error") + "\n")

    def _beside(self, event: Moved | Revision) -> str:
        row = None if self._kernel is None else self._kernel.row(event)
        return f", {in_a_word(row, self._paint)}" if row is not None and row.polls else ""

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

    def __init__(self, out: TextIO, kernel: Kernel | None = None) -> None:
        self._out = out
        self._encode = msgspec.json.Encoder().encode
        if kernel is not None:
            kernel.told = lambda found: self._write(disagreed(found))

    def hear(self, news: News) -> None:
        """Write what changed."""
        for event in news.events:
            self._write(event)
        self._out.flush()

    def _write(self, event: Event) -> None:
        self._out.write(self._encode(event).decode() + "\n")
