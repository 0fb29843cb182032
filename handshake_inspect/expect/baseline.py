"""A recorded report, and what a new one does otherwise.

Connections are matched by the server's port: first those that are alike, whatever their order, then the others in the
order of the capture; what is left over is new, or missing.
"""

from __future__ import annotations

import os
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import msgspec

from handshake_inspect.errors import ExpectationError, UsageError
from handshake_inspect.expect.doubts import Doubts, setting_of
from handshake_inspect.expect.judge import Ledger, Report, frames_of, gaps_of, lacks_bytes, with_gap
from handshake_inspect.expect.normal import FACTS, TIME_ASPECTS, Entry, entry_of
from handshake_inspect.expect.result import Result, encodable
from handshake_inspect.expect.rules import Answer
from handshake_inspect.expect.tolerance import DEFAULT, Tolerance
from handshake_inspect.report import Connection, Plain
from handshake_inspect.spelling import duration

SCHEMA: Literal["handshake-inspect/baseline/1"] = "handshake-inspect/baseline/1"
SIZE_MAX = 64_000_000
CONNECTIONS_MAX = 10_000
"""A baseline is for captures that a person could look at; counts over more belong into expect.toml."""
NAMED_MAX = 3
RULE = "baseline"
PRESENCE = "connection"


class Baseline(Plain, frozen=True, kw_only=True):
    """What the file holds: a person may edit `tolerance` and `ignore`, which names facts and times not to compare."""

    schema: Literal["handshake-inspect/baseline/1"]
    tolerance: str = DEFAULT
    ignore: tuple[str, ...] = ()
    captures: dict[str, tuple[Entry, ...]] = msgspec.field(default_factory=dict)


def fresh(**fields: Any) -> Baseline:
    """A baseline with these fields."""
    return Baseline(schema=SCHEMA, **fields)


def load(path: str) -> Baseline:
    """The baseline in a file.  Raises ExpectationError for a file that holds none."""
    try:
        with open(path, "rb") as file:
            data = file.read(SIZE_MAX + 1)
    except OSError as problem:
        reason = problem.strerror or problem
        hint = "; --update-baseline writes it" if isinstance(problem, FileNotFoundError) else ""
        raise ExpectationError(path, None, f"cannot be read: {reason}{hint}") from problem
    if len(data) > SIZE_MAX:
        raise ExpectationError(path, None, f"is longer than {SIZE_MAX:,} bytes, which no baseline is")
    try:
        baseline = msgspec.json.decode(data, type=Baseline)
        Tolerance.read(baseline.tolerance)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError) as problem:
        raise ExpectationError(path, None, f"is no baseline: {problem}") from None
    for name in baseline.ignore:
        if name not in FACTS and name not in ("duration", "handshake") and not name.startswith("time_in."):
            known = ", ".join((*FACTS, "duration", "handshake", "time_in.STATE.END"))
            raise ExpectationError(path, None, f"ignore knows no '{name}'; there are: {known}")
    return baseline


def dumps(baseline: Baseline) -> str:
    """A baseline as the file holds it: sorted, one value a line, so that its history can be read."""
    sorted_captures = {name: baseline.captures[name] for name in sorted(baseline.captures)}
    text = msgspec.json.encode(msgspec.structs.replace(baseline, captures=sorted_captures))
    return msgspec.json.format(text, indent=1).decode() + "\n"


def name_of(path: str) -> str:
    """What a baseline calls a capture: its path as given, without `./` and the like."""
    return encodable(os.path.normpath(path).replace(os.sep, "/")) if path != "-" else "-"


def recorded(report: Report, capture: str) -> tuple[Entry, ...]:
    """A report as a baseline holds it.  Raises UsageError for one that is too large."""
    if len(report.connections) > CONNECTIONS_MAX:
        raise UsageError(
            f"{capture} has {len(report.connections):,} connections, and a baseline {CONNECTIONS_MAX:,} at most: "
            f"count them in an expect.toml"
        )
    return tuple(map(entry_of, report.connections))


def updated(baseline: Baseline, captures: dict[str, tuple[Entry, ...]], tolerance: str | None) -> Baseline:
    """A baseline with these captures recorded anew; what else it holds stays."""
    changed = msgspec.structs.replace(baseline, captures={**baseline.captures, **captures})
    return changed if tolerance is None else msgspec.structs.replace(changed, tolerance=tolerance)


def entries_for(baseline: Baseline, capture: str, *, alone: bool, path: str) -> tuple[Entry, ...]:
    """What the baseline has of a capture; an only capture is compared with an only one, whatever it is called.

    Raises UsageError when it has nothing of it.
    """
    name = name_of(capture)
    if name in baseline.captures:
        return baseline.captures[name]
    if alone and len(baseline.captures) == 1:
        return next(iter(baseline.captures.values()))
    held = sorted(baseline.captures)
    more = f" and {len(held) - NAMED_MAX:,} more" if len(held) > NAMED_MAX else ""
    known = f", but {', '.join(held[:NAMED_MAX])}{more}" if held else ""
    raise UsageError(f"{path} holds no {name}{known}: --update-baseline records it")


def compare(
    report: Report, entries: Sequence[Entry], baseline: Baseline, *, file: str, tolerance: Tolerance | None = None,
    paths: Sequence[str] = (),
) -> list[Result]:  # fmt: skip
    """What a report does otherwise than its baseline; each fact and the times are one result.

    `tolerance` takes the place of the baseline's own; `paths` are where the captures are, should a frame be looked up.
    """
    tolerance = tolerance or Tolerance.read(baseline.tolerance)
    return _Comparison(report, baseline, tolerance, file).results(entries, paths)


class _Comparison:
    def __init__(self, report: Report, baseline: Baseline, tolerance: Tolerance, file: str) -> None:
        self.report = report
        self.ignored = set(baseline.ignore)
        self.tolerance = tolerance
        self.file = encodable(file)
        self.setting = setting_of(report.captures, faults=bool(report.faults))
        self.ledgers = {key: Ledger() for key in (PRESENCE, *FACTS) if key not in self.ignored}
        self.facts = [key for key in FACTS if key not in self.ignored]
        self.gapped: dict[int, Connection] = {}

    def results(self, entries: Sequence[Entry], paths: Sequence[str]) -> list[Result]:
        seen = [(connection, entry_of(connection)) for connection in self.report.connections]
        for expected, pair in matched(entries, seen):
            if expected is None or pair is None:
                self._left_over(expected, pair)
            else:
                self._differences(expected, *pair)
        gaps = gaps_of(paths, self.gapped)
        return [
            Result(
                rule=RULE, key=key, expected="as recorded", file=self.file, line=None, outcome=ledger.outcome(),
                connections=len(seen), broken=ledger.counts["broken"], unjudged=ledger.counts["unjudged"],
                cases=tuple(with_gap("allow" if key == "findings" else key, case, gaps) for case in ledger.cases),
            )
            for key, ledger in self.ledgers.items()
        ]  # fmt: skip

    def _left_over(self, expected: Entry | None, pair: tuple[Connection, Entry] | None) -> None:
        ledger = self.ledgers[PRESENCE]
        if pair is not None:
            connection, entry = pair
            frames = frames_of(connection)
            ledger.add(Answer(described(entry), frames), connection, "no such connection", frames)
        elif expected is not None:
            ledger.add(Answer("no such connection", ()), None, described(expected), ())

    def _differences(self, expected: Entry, connection: Connection, entry: Entry) -> None:
        doubts = Doubts(connection, self.setting, weak=True)
        for key in self.facts:
            have, want = entry.facts[key], expected.facts.get(key, "not recorded")
            if have != want:
                because = doubts.about(FACTS[key].aspects)
                frames = FACTS[key].where(connection, want)
                self._enter(key, Answer(have, frames, because), connection, want)
        times = sorted((expected.times_ns.keys() & entry.times_ns.keys()) - self.ignored)
        for key in times if self.tolerance.compared else ():
            self.ledgers.setdefault(key, Ledger())
            have_ns, want_ns = entry.times_ns[key], expected.times_ns[key]
            if not self.tolerance.holds(want_ns, have_ns):
                because = doubts.about(TIME_ASPECTS)
                around = duration(self.tolerance.around(want_ns))
                frames = connection.opening.frames if key == "handshake" else ()
                self._enter(
                    key,
                    Answer(duration(have_ns), frames, because),
                    connection,
                    f"{duration(want_ns)}, give or take {around}",
                )

    def _enter(self, key: str, answer: Answer, connection: Connection, expected: str) -> None:
        frames = tuple(dict.fromkeys(answer.frames)) or frames_of(connection)
        if self.ledgers[key].add(answer, connection, expected, frames) and lacks_bytes(connection):
            self.gapped[connection.id] = connection


def matched(
    entries: Iterable[Entry], seen: Iterable[tuple[Connection, Entry]]
) -> list[tuple[Entry | None, tuple[Connection, Entry] | None]]:
    """Pairs of what was recorded and what is there, in the order of the capture; then what is missing."""
    waiting: dict[int, deque[Entry]] = defaultdict(deque)
    alike: dict[tuple[int, Shape], deque[Entry]] = defaultdict(deque)
    for entry in entries:
        waiting[entry.server_port].append(entry)
        alike[entry.server_port, shape(entry)].append(entry)
    pairs: list[tuple[Entry | None, tuple[Connection, Entry] | None]] = []
    for pair in seen:
        same = alike[pair[1].server_port, shape(pair[1])]
        pairs.append((same.popleft() if same else None, pair))
    taken = {id(entry) for entry, _ in pairs if entry is not None}
    left = {port: deque(entry for entry in of_port if id(entry) not in taken) for port, of_port in waiting.items()}
    for place, (same_one, there) in enumerate(pairs):
        of_port = left.get(there[1].server_port) if there is not None else None
        if same_one is None and of_port:
            pairs[place] = (of_port.popleft(), there)
    return [*pairs, *((entry, None) for rest in left.values() for entry in rest)]


Shape = tuple[tuple[str, str], ...]


def shape(entry: Entry) -> Shape:
    """All facts, as something that can be looked up."""
    return tuple(sorted(entry.facts.items()))


def described(entry: Entry) -> str:
    """One connection of a baseline in a line."""
    facts = entry.facts
    closed = facts.get("closing", "none")
    first = facts.get("closed_by", "nobody")
    who = f", the {first} first" if first != "nobody" else ""
    return f"server port {entry.server_port}: {facts.get('opening', 'unknown')}, {closed}{who}"
