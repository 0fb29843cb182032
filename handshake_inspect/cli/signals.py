"""Ctrl-C and SIGTERM: while captures are read, the report is on what was read so far; later, the run ends at once.

A file that is being written is put away first, in either case.  A second signal never waits.
"""

from __future__ import annotations

# The module `signal` makes an enum of every signal there is, which costs each start a third of a millisecond.
import _signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from handshake_inspect.stopping import STOP

NAMES = {_signal.SIGINT: "SIGINT", _signal.SIGTERM: "SIGTERM"}


class Signals:
    """What came; `status` is the exit status for it, as a shell has it."""

    def __init__(self) -> None:
        self.came: int | None = None
        self.reading = False

    @property
    def status(self) -> int | None:
        """130 or 143; None while no signal came."""
        return None if self.came is None else 128 + self.came

    def take(self, number: int, frame: object) -> None:
        """The handler."""
        first, self.came = self.came is None, number
        if not self.reading or not first:
            raise KeyboardInterrupt
        STOP.ask(NAMES[number])


SIGNALS = Signals()


def listen() -> None:
    """Take the two signals, unless whoever started this process has them ignored or handles them."""
    usual = (_signal.default_int_handler, _signal.SIG_DFL)
    with suppress(ValueError):  # not in the main thread, which alone can be told
        for number in NAMES:
            if _signal.getsignal(number) in usual:
                _signal.signal(number, SIGNALS.take)


@contextmanager
def stoppable() -> Iterator[None]:
    """Let a signal end the reading, and not the run."""
    SIGNALS.reading = True
    try:
        yield
    finally:
        SIGNALS.reading = False
