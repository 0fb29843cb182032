"""The connections as the page holds them: one list a column, and every repeated word once in `words`.

A connection in the JSON contract is some 3 kB, here some 500 bytes: ten thousand of them still open at once.
The script (page.js) reads this layout; the two change together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from handshake_inspect.render.selection import rank
from handshake_inspect.render.text import address, clean, frame_number

if TYPE_CHECKING:
    from handshake_inspect.report import Connection, Endpoint, Frame

COLUMNS = (
    "id", "incarnation", "guessed", "client", "server", "opening", "certainty", "closing", "first", "start", "duration",
    "handshake", "rank", "ends", "checks", "findings", "waits",
)  # fmt: skip


class Rows:
    """Collects connections; `first_ns` is what times count from."""

    def __init__(self, first_ns: int) -> None:
        self.first_ns = first_ns
        self._words: dict[str, int] = {}
        self._columns: dict[str, list[Any]] = {name: [] for name in COLUMNS}

    def add(self, connection: Connection) -> None:
        """Take one connection."""
        opening, closing = connection.opening, connection.closing
        row = (
            connection.id,
            connection.incarnation,
            int(connection.roles == "guessed"),
            self._word(address(connection.client)),
            self._word(address(connection.server)),
            self._word(opening.kind),
            self._word(opening.certainty),
            self._word(closing.kind),
            self._word(closing.first),
            connection.first_time_ns - self.first_ns,
            connection.last_time_ns - connection.first_time_ns,
            opening.rtt_ns,
            rank(connection),
            [self._end(connection.client), self._end(connection.server)],
            [[self._word(c.name), _frame(c.frame), c.expected, c.seen, c.ok] for c in connection.checks],
            [
                [self._word(f.id), self._word(f.severity), self._word(clean(f.text)), [_frame(n) for n in f.frames]]
                for f in connection.findings
            ],
            [[self._word(w.holder), w.at_least_ns, w.at_most_ns, self._word(w.end)] for w in connection.time_wait],
        )
        for name, value in zip(COLUMNS, row, strict=True):
            self._columns[name].append(value)

    def data(self) -> dict[str, Any]:
        """Return the columns and their words."""
        return {"words": list(self._words), "columns": self._columns}

    def _word(self, text: str | None) -> int | None:
        """The place of a text among the words; -1 or None would be no place, so None stays None."""
        return None if text is None else self._words.setdefault(text, len(self._words))

    def _end(self, end: Endpoint) -> list[Any]:
        """One endpoint: address, last state, ISN, segments, bytes, segments sent again, transitions."""
        again = end.retransmissions
        steps = [
            [
                self._word(step.from_),
                self._word(step.to),
                self._word(step.event),
                _frame(step.frame),
                step.time_ns - self.first_ns,
                self._word(step.certainty),
                _frame(step.confirmed_by),
            ]
            for step in end.transitions
        ]
        sent_again = again.syn + again.syn_ack + again.fin + again.data
        host = self._word(clean(end.address))
        return [host, self._word(end.state), end.isn, end.segments, end.bytes, sent_again, steps]


def _frame(frame: Frame | None) -> int | str | None:
    return frame if frame is None or isinstance(frame, int) else frame_number(frame)
