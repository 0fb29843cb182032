"""Two steps ahead: a second thread makes the next items while the caller works on this one.

It pays where both let go of the interpreter, as the compiled stages and reading do: a large capture is read and
decoded on one core while it is tracked on another.  The order of the items, and so every result, is the same.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator
from typing import TypeVar

Item = TypeVar("Item")

WORTH_A_THREAD = 4 * 1024 * 1024
"""Bytes of a capture from which on a second thread costs less than it saves."""

AHEAD = 2
"""Items that are made while the caller has one."""

END = object()


def pays(size: int | None) -> bool:
    """Say whether a capture of `size` bytes on disk is to be read ahead; never a pipe (None), whose end is not known.

    A pipe may also block for ever, and then the thread could not be asked to stop.
    """
    return size is not None and size >= WORTH_A_THREAD and cores() > 1


def ahead(items: Iterator[Item], with_time: Callable[[Item], object] | None = None) -> Generator[Item, None, None]:
    """Yield what `items` does; while one item is with the caller, the next AHEAD are being made, and no further one.

    The thread that makes an item calls `with_time` with it if the one before it is still waiting for the caller.  What
    `items` and `with_time` raise is raised here, in its place.  The thread has ended when this generator has, so close
    it.
    """
    from queue import SimpleQueue
    from threading import Thread

    wanted: SimpleQueue[bool] = SimpleQueue()
    made: SimpleQueue[tuple[object, BaseException | None]] = SimpleQueue()

    def make() -> None:
        while wanted.get():
            try:
                item = next(items, END)
                if with_time and item is not END and not made.empty():
                    with_time(item)  # type: ignore[arg-type]
                made.put((item, None))
            except BaseException as error:
                made.put((END, error))

    thread = Thread(target=make, name="ahead", daemon=True)
    thread.start()
    try:
        for _ in range(AHEAD):
            wanted.put(True)
        while True:
            item, error = made.get()
            if error is not None:
                raise error
            if item is END:
                return
            wanted.put(True)
            yield item  # type: ignore[misc]
    finally:
        wanted.put(False)
        thread.join()


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
