"""The tables that a benchmark prints, and the page that keeps them."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from measure import Cost, typical
from peers import REFERENCE, Peer

NOTES = Path(__file__).parent / "NOTES.md"
"""What figures do not say; it stands at the end of the page."""

Costs = dict[str, list[Cost]]
"""What each program cost in each of its rounds."""


def beside(costs: Costs, name: str, of: str, figure: str) -> float:
    """The median of the rounds' ratios of one figure of `name` to that of `of`; KeyError without one of them."""
    pairs = zip(costs[name], costs[of], strict=False)
    return median(getattr(mine, figure) / getattr(its, figure) for mine, its in pairs)


def ratio(costs: Costs, name: str, of: str, figure: str) -> str:
    """What `beside` says, in words; - where there is nothing to say."""
    try:
        return f"{beside(costs, name, of, figure):.2f}"
    except (KeyError, ZeroDivisionError):
        return "-"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """An aligned Markdown table: words on the left, figures on the right."""
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        first, *others = zip(cells, widths, strict=True)
        aligned = [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]
        return f"| {' | '.join(aligned)} |"

    rule = [":" + "-" * (widths[0] - 1), *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join([line(heads), line(rule), *map(line, rows)])


def cost_table(costs: Costs, counts: dict[str, int], scaled: set[str]) -> str:
    """One row a program, cheapest first."""
    heads = (
        "program", "rounds", "wall s", "CPU s", "peak MB", "CPU / tcpdump", "wall / tcpdump", "first wall s",
        "first / tcpdump", "frames / CPU s",
    )  # fmt: skip
    rows = []
    for name, rounds in sorted(costs.items(), key=lambda item: typical(item[1]).cpu_s):
        cost = typical(rounds)
        rows.append(
            (
                f"{name} (scaled)" if name in scaled else name,
                str(len(rounds)),
                f"{cost.wall_s:.2f}",
                f"{cost.cpu_s:.2f}",
                f"{cost.peak_bytes / 1e6:.0f}",
                ratio(costs, name, REFERENCE, "cpu_s"),
                ratio(costs, name, REFERENCE, "wall_s"),
                f"{cost.first_wall_s:.2f}",
                ratio(costs, name, REFERENCE, "first_wall_s"),
                f"{counts['frames'] / cost.cpu_s:,.0f}",
            )
        )
    return table(heads, rows)


def start_up_table(costs: Costs) -> str:
    """Wall time in milliseconds, where each round is one process."""
    rows = [
        (
            name,
            str(len(rounds)),
            f"{cost.wall_s * 1000:.0f}",
            f"{cost.cpu_s * 1000:.0f}",
            f"{cost.peak_bytes / 1e6:.0f}",
        )
        for name, rounds in costs.items()
        for cost in [typical(rounds)]
    ]
    return table(("program", "rounds", "wall ms", "CPU ms", "peak MB"), rows)


def linear_table(costs: dict[int, Costs]) -> str:
    """Cost for each million segments, for captures of several sizes: a straight line keeps it the same."""
    rows = [
        (
            name,
            f"{frames:,}",
            f"{cost.wall_s:.2f}",
            f"{cost.cpu_s:.2f}",
            f"{cost.cpu_s / frames * 1e6:.3f}",
            f"{cost.peak_bytes / 1e6:.0f}",
        )
        for frames, by_program in sorted(costs.items())
        for name, rounds in by_program.items()
        for cost in [typical(rounds)]
    ]
    return table(
        ("program", "segments", "wall s", "CPU s", "CPU s / million", "peak MB"), sorted(rows, key=lambda row: row[0])
    )


def format_table(costs: Costs, counts: dict[str, int]) -> str:
    """What a format costs beside the default report, altogether and for each connection."""
    default = next(iter(costs))
    rows = [
        (
            name,
            str(len(rounds)),
            f"{cost.wall_s:.2f}",
            f"{cost.cpu_s:.2f}",
            f"{cost.cpu_s / counts['connections'] * 1e6:.1f}",
            f"{cost.peak_bytes / 1e6:.0f}",
            ratio(costs, name, default, "cpu_s"),
        )
        for name, rounds in costs.items()
        for cost in [typical(rounds)]
    ]
    heads = ("format", "rounds", "wall s", "CPU s", "CPU us / connection", "peak MB", f"CPU / {default}")
    return table(heads, rows)


def machine(load: float, floor: Cost, fresh: str | None) -> list[str]:
    """What these figures were measured on."""
    info = Path("/proc/cpuinfo")
    names = [line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")] \
        if info.exists() else []  # fmt: skip
    return [
        f"Date: {time.strftime('%Y-%m-%d')}",
        f"Processor: {names[0] if names else platform.processor()}, {os.cpu_count()} cores",
        f"Kernel: {platform.system()} {platform.release()}",
        f"Python: {platform.python_version()}",
        f"Load average before the start: {load:.2f}",
        f"Peak memory of a program that does nothing: {floor.peak_bytes / 1e6:.0f} MB (smaller figures cannot be told)",
        *([fresh] if fresh else []),
    ]


COLUMNS = """\
Each row is a whole process, from start to exit, with its output thrown away. The programs take turns
(A A B B C C, A A B B C C, ...) on a file that is read through before each turn, so that it is in the page cache;
a figure is the median of the rounds.

- **rounds**: how often it had its turn; a program whose figure is above {patience_s} s runs once.
- **wall s**: seconds on the clock, of the second run of a turn.
- **first wall s**: of the first one, which finds the machine as another program left it. Both are the same
  run where one takes more than {twice_s} s.
- **CPU s**: seconds of processor, user and system, on all cores, as `wait4` counts them.
- **peak MB**: the largest resident memory, in millions of bytes.
- **CPU / tcpdump**, **wall / tcpdump**, **first / tcpdump**: the median of the ratios to
  `tcpdump -r CAPTURE -w /dev/null` in the same round.
- **(scaled)**: measured on the first frames of the capture and scaled to all of them, start-up counted once;
  memory is that of the slice."""


def shown(command: Sequence[str]) -> str:
    """A command line without the folders of this machine."""
    return " ".join(Path(word).name if word.startswith("/") and word != "/dev/null" else word for word in command)


def page(
    sections: Sequence[tuple[str, str]],
    facts: Sequence[str],
    programs: Sequence[Peer],
    patience_s: float,
    twice_s: float,
) -> str:
    """The whole of RESULTS.md."""
    asked = [f"- {peer.name} {peer.version_number()}, {peer.does}: `{shown(peer.command)}`" for peer in programs]
    parts = [
        "# What it costs",
        "Written by `python bench/run.py`; do not edit. How to run it: `bench/README.md`.",
        "## Machine",
        "\n".join(f"- {fact}" for fact in facts),
        "## What the columns mean",
        COLUMNS.format(patience_s=f"{patience_s:g}", twice_s=f"{twice_s:g}"),
        *(part for title, body in sections for part in (f"## {title}", body)),
        "## What each program was asked",
        "\n".join(asked),
        NOTES.read_text().strip(),
    ]
    return "\n\n".join(parts) + "\n"
