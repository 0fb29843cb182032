"""Runs a whole process and says what it cost, as the kernel counts it."""

from __future__ import annotations

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
    """The cost of one process: seconds on the clock, seconds of processor (user and system), bytes of memory."""

    wall_s: float
    cpu_s: float
    peak_bytes: int


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
    return Cost(wall_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit)


def typical(costs: Sequence[Cost]) -> Cost:
    """The median of each figure."""
    return Cost(
        median(cost.wall_s for cost in costs),
        median(cost.cpu_s for cost in costs),
        round(median(cost.peak_bytes for cost in costs)),
    )


def scaled(start_up: Cost, part: Cost, factor: float) -> Cost:
    """The cost of a whole that is `factor` times `part`; start-up is paid once, memory is not scaled."""
    return Cost(
        start_up.wall_s + (part.wall_s - start_up.wall_s) * factor,
        start_up.cpu_s + (part.cpu_s - start_up.cpu_s) * factor,
        part.peak_bytes,
    )
