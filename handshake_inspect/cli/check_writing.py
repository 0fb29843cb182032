"""What `check` writes instead of judging: first expectations (--init), and a baseline (--update-baseline)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

from handshake_inspect.cli import DONE, UNREADABLE
from handshake_inspect.cli.output import complain, deliver
from handshake_inspect.cli.progress import Tell, progress_bar
from handshake_inspect.errors import UsageError

if TYPE_CHECKING:
    from handshake_inspect.expect.targets import Target


def init(
    captures: Sequence[str], output: str, two_msl: str, progress: bool | None, *, together: bool,
    others: Sequence[str | None],
) -> int:  # fmt: skip
    """Write first expectations; never over some that are there."""
    if any(others):
        options = "--expect, --baseline, --tolerance, --format or --save"
        raise UsageError(f"--init writes expectations and judges none: it takes no {options}")
    if len(captures) > 1 and not together:
        raise UsageError(f"--init takes one capture, not {len(captures)}; rotated files of one tap are one: --together")
    if output != "-" and os.path.exists(output):
        raise UsageError(f"--output {output} is there already: remove it first, or name another file")
    from handshake_inspect.analysis import analyse
    from handshake_inspect.expect.init import init

    with progress_bar(progress) as tell:
        report = analyse(captures, two_msl=two_msl, progress=tell)
    text = init(report)
    deliver(output, [path for path in captures if path != "-"], lambda out: _put(out, text))
    for fault in report.faults:
        complain(str(fault))
    return UNREADABLE if report.faults else DONE


def update_baseline(
    wanted: Sequence[Target], path: str | None, tolerance: str | None, two_msl: str, progress: bool | None, *,
    others: Sequence[str | None],
) -> int:  # fmt: skip
    """Record every target; a damaged capture is none to compare with, and leaves the file as it was."""
    from handshake_inspect.analysis import analyse
    from handshake_inspect.expect import baseline as recorded

    if path is None:
        raise UsageError("--update-baseline needs to know where: --baseline FILE")
    if any(others):
        raise UsageError("--update-baseline records and judges nothing: it takes no --expect, --format or --save")
    before = recorded.load(path) if os.path.exists(path) else recorded.fresh()
    found = {}
    with progress_bar(progress) as tell:
        for target in wanted:
            report = analyse(target.paths, two_msl=two_msl, progress=only_one(tell, wanted))
            if report.faults:
                raise report.faults[0]
            found[recorded.name_of(target.name)] = recorded.recorded(report, target.name)
    text = recorded.dumps(recorded.updated(before, found, tolerance))
    deliver(path, [capture for target in wanted for capture in target.paths], lambda out: _put(out, text))
    changed = sum(before.captures.get(name) != entries for name, entries in found.items())
    complain(f"{path}: {changed:,} of {len(found):,} captures recorded anew" if changed else f"{path}: nothing changed")
    return DONE


def only_one(tell: Tell | None, wanted: Sequence[Target]) -> Tell | None:
    """A bar shows one capture; many small ones are over before it would."""
    return tell if len(wanted) == 1 else None


def _put(out: TextIO, text: str) -> None:
    out.write(text)
