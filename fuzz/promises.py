"""What is promised of any input whatever, as a program can check it.

`decodes` and `holds` read a capture and raise Broken where a promise is broken; anything else that they raise is a
crash.  `every_look` runs the commands, in this process, as a user would.
"""

from __future__ import annotations

import io
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import msgspec
import numpy as np

from handshake_inspect.analysis import Report, analyse
from handshake_inspect.capture import open_capture
from handshake_inspect.cli import main
from handshake_inspect.decode import Decoder
from handshake_inspect.errors import CaptureError
from handshake_inspect.render.drawings import DRAWINGS
from handshake_inspect.render.json import Document
from handshake_inspect.render.results import RESULTS
from handshake_inspect.render.text import UNSAFE_CATEGORIES
from handshake_inspect.report import Connection, Endpoint
from handshake_inspect.rfc9293.states import TRANSITIONS

ARROWS = {(arrow.state.name, arrow.event.text, arrow.next_state.name) for arrow in TRANSITIONS}
FRAME_MASK = (1 << 40) - 1
TCP, ICMP_ERROR = 1, 2

DONE, BROKEN, USAGE, UNREADABLE, TOO_POOR = 0, 1, 2, 3, 4
EXPECTATIONS = str(Path(__file__).parent.parent / "sample_pcaps" / "http_walkthrough" / "expect.toml")

COMMANDS: tuple[tuple[str, ...], ...] = (
    ("report", "--names"),
    ("report", "--format", "csv", "--names"),
    ("report", "--format", "markdown"),
    ("report", "--format", "ndjson"),
    ("report", "--stream", "0", "--utc"),
    *(("walk", "--format", name, "--explain") for name in DRAWINGS),
    ("walk", "--stream", "1", "--all"),
    ("ss",),
    ("ss", "--format", "json"),
    ("ss", "--census"),
    ("ss", "--census", "--format", "chart"),
    ("time-wait",),
    ("time-wait", "--format", "json", "--two-msl", "windows"),
    ("why",),
    ("why", "--format", "json"),
    ("why", "--isn"),
    ("doctor",),
    ("doctor", "--format", "json"),
    ("html", "--names", "-o", "-"),
    ("extract", "-o", "-", "--format", "pcapng"),
    ("check", "--init"),
    *(("check", "--expect", EXPECTATIONS, "--format", name) for name in RESULTS),
)
"""What a user may ask of a capture, beside `report --format json`, which is asked of every one."""


class Broken(AssertionError):
    """A promise was not kept; the text says which."""


def keeps(promise: bool, words: str, *seen: object) -> None:
    """Raise Broken with `words` and what was seen, unless the promise holds."""
    if not promise:
        raise Broken(": ".join((words, *map(repr, seen))))


def decodes(path: str) -> int:
    """Read and decode only; return the number of frames.  A file that is no capture has none."""
    try:
        capture = open_capture(path)
    except CaptureError:
        return 0
    decoder = Decoder()
    found = 0
    for batch in capture.batches():
        rows = decoder.decode(batch)
        segments = np.asarray(decoder.segments)[:rows]
        numbers = (segments["frame"] & np.uint64(FRAME_MASK)).astype(np.int64) - batch.first_frame
        keeps(bool(((numbers >= 0) & (numbers < batch.count)).all()), "frames in range", numbers)
        keeps(bool((np.diff(numbers) > 0).all()), "segments in order", numbers)
        keeps(bool(np.isin(segments["kind"], (TCP, ICMP_ERROR)).all()), "kinds of segments", segments["kind"])
        found += rows
    keeps(sum(decoder.counters) == capture.frames, "counters add up to the frames", decoder.counters, capture.frames)
    keeps(sum(decoder.unsupported.values()) == decoder.counters[5], "each unsupported frame has a name")
    keeps(decoder.counters[0] <= found <= decoder.counters[0] + decoder.counters[1], "segments are counted")
    return capture.frames


def holds(path: str, most: int = 200) -> Report | None:
    """Analyse, and hold what is said of the first `most` connections to what can be said at all."""
    try:
        report = analyse(path)
    except CaptureError as refusal:
        keeps(str(refusal).startswith(f"{path}: "), "a refusal names the file", str(refusal))
        return None
    (capture,) = report.captures
    counters = msgspec.to_builtins(capture.counters)
    keeps(sum(counters.values()) == capture.frames, "counters add up to the frames", counters, capture.frames)
    keeps(sum(capture.unsupported.values()) == counters["unsupported"], "each unsupported frame has a name")
    for fault in report.faults:
        keeps(str(fault).startswith(f"{path}: "), "a fault names the file", str(fault))
        keeps(fault.frame == capture.frames + 1, "a fault names the frame", str(fault))
    connections = list(report.connections[:most])
    for connection in connections:
        holds_together(connection, capture.frames)
    if len(connections) == len(report.connections):
        adds_up(report, connections, counters["tcp"])
    return report


def adds_up(report: Report, connections: Sequence[Connection], tcp: int) -> None:
    """The summary is the sum of the connections, and these hold every TCP segment."""
    ends = [end for connection in connections for end in (connection.client, connection.server)]
    keeps(sum(end.segments + end.duplicates for end in ends) == tcp, "each segment is some connection's", tcp)
    summary = report.summary
    keeps(summary.connections == len(connections), "the summary counts the connections")
    keeps(summary.openings == Counter(one.opening.kind for one in connections), "the summary counts openings")
    keeps(summary.closings == Counter(one.closing.kind for one in connections), "the summary counts closings")
    keeps(summary.final_states == Counter(end.state for end in ends if end.state), "the summary counts states")
    found = Counter(name for one in connections for name in {finding.id for finding in one.findings})
    keeps(summary.findings == found, "the summary counts findings")


def holds_together(connection: Connection, frames: int) -> None:
    """States are legal, frames in range, times in order, of one connection in a capture of `frames` frames."""
    ends = {"client": connection.client, "server": connection.server}
    for end in ends.values():
        walks_figure_5(end, frames)
    first, last = connection.first_frame, connection.last_frame
    keeps(1 <= first <= last <= frames, "frames in range", first, last, frames)
    keeps(connection.first_time_ns <= connection.last_time_ns, "first before last")
    told = [*connection.opening.frames, *connection.closing.frames, *(check.frame for check in connection.checks)]
    told += [frame for finding in connection.findings for frame in finding.frames]
    for stay in connection.time_wait:
        told += [stay.frame, *stay.restarts, *([stay.end_frame] if stay.end_frame else [])]
        keeps("TIME_WAIT" in [step.to for step in ends[stay.holder].transitions], "who holds TIME_WAIT went there")
        if stay.at_least_ns is not None and stay.at_most_ns is not None:
            keeps(0 <= stay.at_least_ns <= stay.at_most_ns, "bounds in order", stay)
    for frame in told:
        keeps(1 <= frame <= frames, "frames in range", frame, frames)
    for check in connection.checks:
        keeps(check.ok or check.seen != check.expected, "a check that fails shows two numbers", check)
    if connection.closing.kind in ("none", "open"):
        keeps(connection.closing.first is None and connection.closing.reset_by is None, "nobody closed what is open")
    elif (ends["client"].address, ends["client"].port) != (ends["server"].address, ends["server"].port):
        # Which of its two roles a self-connected socket was in cannot be told.
        keeps(connection.closing.first is not None, "somebody closed first", connection.closing)


def walks_figure_5(end: Endpoint, frames: int) -> None:
    """Each step of an endpoint is an arrow of Figure 5, begins where the one before ended, and leads to its state."""
    steps = end.transitions
    for step in steps:
        keeps((step.from_, step.event, step.to) in ARROWS, "states are legal", step)
        keeps(
            (step.confirmed_by is not None) == (step.certainty == "confirmed"), "what is confirmed says by what", step
        )
        keeps((step.frame is None) == (step.certainty == "assumed"), "only what is assumed has no frame", step)
        for frame in (step.frame, step.earliest_frame, step.confirmed_by):
            keeps(frame is None or 1 <= frame <= frames, "frames in range", step)
    for before, after in pairwise(steps):
        keeps(before.to == after.from_, "states follow each other", before, after)
    keeps(not steps or steps[-1].to == end.state, "the last step leads to the state", end.state)
    keeps(end.state is not None or not steps, "no step without a state", steps)
    keeps(all(time_ns >= 0 for time_ns in end.time_in_state_ns.values()), "no time runs back", end.time_in_state_ns)
    passed = {step.from_ for step in steps} | {end.state}
    keeps(end.time_in_state_ns.keys() <= passed, "time only in states passed", end.time_in_state_ns, passed)


def every_look(path: str, report: Report | None, commands: Sequence[tuple[str, ...]] = COMMANDS) -> None:
    """Run commands; each ends with the status that the reading deserves, and prints nothing that acts."""
    expected = UNREADABLE if report is None or report.faults else DONE
    status, text, said = run(("report", "--format", "json", path))
    keeps(status == expected, "report has the status of the reading", status, expected, said)
    if report is not None:
        msgspec.json.decode(text, type=Document)
    for words in commands:
        status, text, said = run((words[0], path, *words[1:]))
        asked = " ".join(words)
        judged = (BROKEN, TOO_POOR) if "--expect" in words else ()
        keeps(status in (expected, USAGE, *judged), f"{asked} has the status of the reading", status, expected, said)
        keeps(status != USAGE or words[0] in ("walk", "extract"), f"{asked} is no wrong usage", said)
        keeps(said == "" or all(line.startswith("handshake-inspect: ") for line in said.splitlines()), asked, said)
        if "pcapng" not in words:
            is_tame(text.decode(), asked)
        is_tame(said, asked)


def is_tame(text: str, asked: str) -> None:
    """No character that a terminal would act on, but the newline."""
    if not text.isascii():
        for character in set(text) - {"\n"}:
            keeps(unicodedata.category(character) not in UNSAFE_CATEGORIES, f"{asked} prints nothing that acts", text)
    else:
        keeps(text.replace("\n", "").isprintable() or text == "\n", f"{asked} prints nothing that acts", text)


def run(arguments: Sequence[str]) -> tuple[int, bytes, str]:
    """Run the command line in this process; return its status and what it wrote."""
    with streams() as (out, err):
        status = main(arguments)
        sys.stdout.flush()
        sys.stderr.flush()
        return status, out.getvalue(), err.getvalue().decode()


@contextmanager
def streams() -> Iterator[tuple[io.BytesIO, io.BytesIO]]:
    """Standard output and standard error in memory, as UTF-8 pipes."""
    out, err = io.BytesIO(), io.BytesIO()
    before = sys.stdout, sys.stderr
    sys.stdout = io.TextIOWrapper(out, "utf-8", newline="\n", write_through=True)
    sys.stderr = io.TextIOWrapper(err, "utf-8", newline="\n", write_through=True)
    try:
        yield out, err
    finally:
        sys.stdout, sys.stderr = before
