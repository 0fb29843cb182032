"""The command line on a made-up analysis, for tests that need a real process: `python tests/fake_cli.py ARGUMENT...`.

The path `many` has 3,000 connections, `slow` sends itself Ctrl-C while it is read; any other is the mixed report.
"""

from __future__ import annotations

import os
import signal
import sys
import types
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import reports
from handshake_inspect.render.selection import Report
from handshake_inspect.report import Connection


def analyse(paths: Sequence[str], *, two_msl: str = "linux",
            progress: Callable[[int, int | None], None] | None = None) -> Report:  # fmt: skip
    """Stands in for `handshake_inspect.analysis.analyse`."""
    if "slow" in paths:
        os.kill(os.getpid(), signal.SIGINT)
    if "many" in paths:
        return reports.FakeReport([reports.connection(id) for id in range(3000)])
    return reports.mixed()


class Passing:
    """Stands in for `handshake_inspect.stream.Passing`, on whatever stands in for `analyse`."""

    late = 0

    def __init__(self, paths: Sequence[str], **choices: Any) -> None:
        self._report = sys.modules["handshake_inspect.analysis"].analyse(paths, **choices)
        self.count = len(self._report.connections)
        self.faults = self._report.faults

    def __iter__(self) -> Iterator[Connection]:
        return iter(self._report.connections)


def modules() -> dict[str, types.ModuleType]:
    """Made-up modules by the names under which the analysis and its findings will be looked for."""
    made = {}
    for name, member in (
        ("analysis", ("analyse", analyse)),
        ("stream", ("Passing", Passing)),
        ("verdict.findings", ("FINDINGS", reports.FINDINGS)),
    ):
        module = types.ModuleType(f"handshake_inspect.{name}")
        setattr(module, *member)
        made[module.__name__] = module
    return made


if __name__ == "__main__":
    sys.modules.update(modules())
    from handshake_inspect.cli import main

    sys.exit(main())
