"""How the formats of results spell one case."""

from __future__ import annotations

from collections.abc import Sequence

from handshake_inspect.expect.result import Case, Result, Verdict, Which
from handshake_inspect.render.text import clean, counted, frame_list, host_port

OUTCOMES = {"broken": "broken", "unjudged": "cannot be judged"}


def connection(which: Which) -> str:
    """`#0 10.0.0.1:40000 -> 10.0.0.2:80`."""
    client = host_port(which.client_address, which.client_port)
    return f"#{which.id} {client} -> {host_port(which.server_address, which.server_port)}"


def place(result: Result) -> str:
    """`expect.toml:7`, or the file alone."""
    return clean(result.file) + (f":{result.line}" if result.line is not None else "")


def title(result: Result) -> str:
    """What a result is called: its key, and the rule that it belongs to."""
    return f"{result.key} ({clean(result.rule)})"


def about(case: Case, result: Result) -> str:
    """What a case is about: its connection and frames."""
    subject = connection(case.connection) if case.connection is not None else f"all of {clean(result.rule)}"
    return f"{subject}, {frame_list(case.frames)}" if case.frames else subject


def sentence(case: Case, result: Result) -> str:
    """One line: about what, what was expected, what was seen."""
    text = f"{about(case, result)}: expected {clean(case.expected)}; seen {clean(case.seen)}"
    return text if case.because is None else f"{text}; cannot be judged: {clean(case.because)}"


def left_out(result: Result) -> str | None:
    """How many cases a result counts and does not hold; None for none."""
    more = result.broken + result.unjudged - len(result.cases)
    return f"and {counted(more, 'more case')}" if more else None


def tally(verdicts: Sequence[Verdict]) -> str:
    """`3 captures: 1 held, 1 broken, 1 cannot be judged`."""
    words = {"held": "held", "broken": "broken", "unjudged": "cannot be judged", "unreadable": "cannot be read"}
    counts = {word: sum(verdict.outcome == outcome for verdict in verdicts) for outcome, word in words.items()}
    parts = ", ".join(f"{number:,} {word}" for word, number in counts.items() if number)
    return f"{counted(len(verdicts), 'capture')}: {parts}"
