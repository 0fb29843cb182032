"""A progress bar on standard error for inputs that take longer than a second."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar

PATIENCE_S = 1.0
Tell = Callable[[int, int | None], None]


@contextlib.contextmanager
def progress_bar(wanted: bool | None) -> Iterator[Tell | None]:
    """A function to call with (bytes done, bytes in all or None), or None when nobody looks.

    `wanted` None means: when standard error is a terminal, and only after PATIENCE_S seconds.
    """
    if wanted is False or (wanted is None and not sys.stderr.isatty()):
        yield None
        return
    bar = Bar(time.monotonic() + (0 if wanted else PATIENCE_S))
    try:
        yield bar.tell
    finally:
        bar.finish()


class Bar:
    """A bar when the length of the input is known, else a count of what was read."""

    def __init__(self, not_before: float) -> None:
        self.not_before = not_before
        self.bar: ProgressBar[int] | None = None
        self.counted = False

    def tell(self, done: int, total: int | None) -> None:
        """Show how far the reading is."""
        if time.monotonic() < self.not_before:
            return
        if total is None:
            self.not_before = time.monotonic() + 0.1
            self.counted = True
            print(f"\rreading: {done / 1e6:,.1f} MB", end="", file=sys.stderr, flush=True)
            return
        if self.bar is None:
            import click

            self.bar = click.progressbar(length=max(total, 1), label="reading", file=sys.stderr)
            self.bar.render_progress()
        self.bar.update(done - self.bar.pos)

    def finish(self) -> None:
        """End the line, so that what follows on standard error starts a new one."""
        if self.bar is not None:
            self.bar.render_finish()
        elif self.counted:
            print(file=sys.stderr, flush=True)
