"""Runs a whole process and says what it cost, as the kernel counts it; and what fresh memory costs on this machine."""

from __future__ import annotations

import mmap
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


class ProgramFailed(Exception):
    """A program that did not end with status 0; its figures would mean nothing."""


@dataclass(frozen=True)
class Cost:
    """The cost of one process: seconds on the clock, seconds of processor (user and system), bytes of memory.

    `first_wall_s` is that of the run before, where there was one: it found the machine as another program had left it.
    """

    wall_s: float
    cpu_s: float
    peak_bytes: int
    first_wall_s: float


def run(command: Sequence[str]) -> Cost:
    """Runs `command` to its end with its output thrown away; raises ProgramFailed."""
    with tempfile.TemporaryFile() as errors:
        started = time.perf_counter()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors)
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            errors.seek(0)
            last = (errors.read().decode(errors="replace").strip().splitlines() or ["it said nothing"])[-1]
            raise ProgramFailed(f"`{' '.join(command)}` ended with status {process.returncode}: {last}")
    unit = 1 if sys.platform == "darwin" else 1024
    return Cost(wall_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit, wall_s)


def typical(costs: Sequence[Cost]) -> Cost:
    """The median of each figure."""
    return Cost(
        median(cost.wall_s for cost in costs),
        median(cost.cpu_s for cost in costs),
        round(median(cost.peak_bytes for cost in costs)),
        median(cost.first_wall_s for cost in costs),
    )


def scaled(start_up: Cost, part: Cost, factor: float) -> Cost:
    """The cost of a whole that is `factor` times `part`; start-up is paid once, memory is not scaled."""
    return Cost(
        start_up.wall_s + (part.wall_s - start_up.wall_s) * factor,
        start_up.cpu_s + (part.cpu_s - start_up.cpu_s) * factor,
        part.peak_bytes,
        start_up.first_wall_s + (part.first_wall_s - start_up.first_wall_s) * factor,
    )


FRESH_BYTES = 64 << 20
HUGE, SMALL = 2 << 20, 4 << 10


def touched_ms(page: int) -> float:
    """Milliseconds to write to each page of FRESH_BYTES of new memory, in pages of 2 MiB or of 4 KiB."""
    with mmap.mmap(-1, FRESH_BYTES, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as memory:
        memory.madvise(mmap.MADV_HUGEPAGE if page == HUGE else mmap.MADV_NOHUGEPAGE)
        started = time.perf_counter()
        for place in range(0, FRESH_BYTES, page):
            memory[place] = 1
        return (time.perf_counter() - started) * 1000


def fresh_memory() -> str | None:
    """What new memory costs after a pause, and again right after; None where pages of 2 MiB cannot be asked for."""
    if not hasattr(mmap, "MADV_HUGEPAGE"):
        return None
    time.sleep(4)  # Linux tells its host of free memory after two seconds
    huge = [touched_ms(HUGE) for _ in range(4)]
    time.sleep(4)
    small = [touched_ms(SMALL) for _ in range(4)]
    return (
        f"64 MiB of new memory in pages of 2 MiB: {huge[0]:.0f} ms after a pause, {min(huge):.0f} ms right after; "
        f"{small[0]:.0f} and {min(small):.0f} ms in those of 4 KiB"
    )
