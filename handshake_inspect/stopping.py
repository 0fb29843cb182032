"""Reading that ends before the input does, because this process was asked to stop.

What was read until then is a capture like any other, with a fault that says where it was left.  Whoever reads it again
(for a ladder, for names) gets as many frames of it.  The command line asks when a signal comes; nobody else does.
"""

from __future__ import annotations

import time

LONGEST_S = 2.0


class Stopped(BaseException):
    """Raised by a signal handler in a read that may wait for ever, and caught there."""


class Stop:
    """`asked` says who asked; `waiting` that a read may take for ever; `frames` how many of each capture were read.

    `until` is the monotonic second until which a pipe is read, should more come through it.
    """

    __slots__ = ("asked", "frames", "until", "waiting")

    def __init__(self) -> None:
        self.asked: str | None = None
        self.until = 0.0
        self.waiting = False
        self.frames: dict[str, int] = {}

    def ask(self, who: str) -> None:
        """Let reading end at the next batch; called by a signal handler.  Raises Stopped in a read that waits."""
        self.asked = who
        self.until = time.monotonic() + LONGEST_S
        if self.waiting:
            raise Stopped

    @property
    def sentence(self) -> str:
        """What a capture's fault says of it."""
        return f"reading was stopped here by {self.asked}"

    def ends(self, path: str, frames: int) -> bool:
        """Whether the capture at `path` ends after this many frames; where it was left, it ends again."""
        return self.asked is not None and frames >= self.frames.setdefault(path, frames)


STOP = Stop()
