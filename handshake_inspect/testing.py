"""Captures in tests: say in one line what a connection must have done, and see its ladder where it did not.

>>> from handshake_inspect.testing import Handshakes
>>> talk = Handshakes("sample_pcaps/normal_close_by_client/capture.pcap").only()
>>> talk.opened("three-way").closed("four-way", by="client").no_findings()
<#0 192.0.2.1:40000 -> 192.0.2.2:80: three-way, four-way>

The pytest fixture `handshakes` opens captures; without pytest, `Handshakes` does.  Each assertion returns its
connection, so they can be chained, and raises AssertionError, or UsageError for a word that does not exist.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol, overload

from handshake_inspect.analysis import analyse
from handshake_inspect.errors import HandshakeInspectError, UsageError
from handshake_inspect.select import compile_filter
from handshake_inspect.select.words import CLOSING, FINDING, OPENING, ROLE, STATE, Kind
from handshake_inspect.spelling import counted, frame_list

if TYPE_CHECKING:
    from handshake_inspect.analysis import Report
    from handshake_inspect.errors import CaptureError
    from handshake_inspect.expect.result import Verdict
    from handshake_inspect.render import Style
    from handshake_inspect.report import CaptureInfo, ClosingKind, Connection, Endpoint, OpeningKind, Role, State

    PathName = str | os.PathLike[str]

__all__ = ["Handshake", "Handshakes", "OpenCapture"]

MOST_LISTED = 10
MOST_LINES = 200
INDENT = " " * len("AssertionError: ")
NOT_CLOSED = ("open", "none")


class Handshake:
    """One connection in a test: `connection` is its view, the methods say what must hold of it.

    Each assertion returns the connection, so they can be chained.  It raises AssertionError, with the ladder, for what
    does not hold, and UsageError for a word that does not exist.
    """

    def __init__(self, connection: Connection, paths: Sequence[str], captures: tuple[CaptureInfo, ...]) -> None:
        self.connection = connection
        self._paths = paths
        self._captures = captures

    def __repr__(self) -> str:
        return f"<{self._title()}: {self.connection.opening.kind}, {self.connection.closing.kind}>"

    def opened(self, kind: OpeningKind) -> Handshake:
        """It opened in this way (RFC 9293 section 3.5)."""
        __tracebackhide__ = True
        opening = self.connection.opening
        if opening.kind != word(OPENING, kind):
            self._fail(f"opening {word(OPENING, kind)}", f"opening {opening.kind}{_at(opening.frames)}")
        return self

    def closed(self, kind: ClosingKind | None = None, *, by: Role | None = None) -> Handshake:
        """It closed, in this way where one is named, and this end began (RFC 9293 section 3.6)."""
        __tracebackhide__ = True
        closing = self.connection.closing
        wrong_kind = closing.kind in NOT_CLOSED if kind is None else closing.kind != word(CLOSING, kind)
        if wrong_kind or (by is not None and closing.first != word(ROLE, by)):
            seen = closing.kind + (f", the {closing.first} first" if closing.first else "")
            expected = (kind or "of any kind") + (f", the {by} first" if by else "")
            self._fail(f"closing {expected}", f"closing {seen}{_at(closing.frames)}")
        return self

    def ended(self, *, client: State | None = None, server: State | None = None) -> Handshake:
        """The ends are in these states at the end of the capture (RFC 9293 section 3.3.2)."""
        __tracebackhide__ = True
        for role, state in (("client", client), ("server", server)):
            end: Endpoint = getattr(self.connection, role)
            if state is not None and end.state != word(STATE, state):
                last = end.transitions[-1].frame if end.transitions else None
                self._fail(
                    f"{role} {word(STATE, state)} at the end", f"{role} {end.state or 'not captured'}{_at([last])}"
                )
        return self

    def path(self, *, client: str | None = None, server: str | None = None) -> Handshake:
        """The ends went through exactly these states: "CLOSED SYN_SENT ESTABLISHED ...", from the first one on."""
        __tracebackhide__ = True
        for role, states in (("client", client), ("server", server)):
            if states is None:
                continue
            want = [word(STATE, state) for state in re.findall(r"[A-Za-z0-9_]+(?:-[A-Za-z0-9_]+)*", states)]
            end: Endpoint = getattr(self.connection, role)
            have = states_of(end)
            if have != want:
                self._fail(f"{role} {' '.join(want)}", f"{role} {' '.join(have) or 'not captured'}", differs(end, want))
        return self

    def found(self, *ids: str) -> Handshake:
        """It has all of these findings; `handshake-inspect findings` lists the ids."""
        __tracebackhide__ = True
        have = [finding.id for finding in self.connection.findings]
        missing = [id for id in ids if word(FINDING, id) not in have]
        if missing:
            self._fail(f"finding {', '.join(missing)}", ", ".join(have) or "no findings")
        return self

    def no_findings(self, *, but: Collection[str] = ()) -> Handshake:
        """It has no findings, or none but these; `handshake-inspect findings` lists the ids."""
        __tracebackhide__ = True
        allowed = {word(FINDING, id) for id in ([but] if isinstance(but, str) else but)}
        wrong = [finding for finding in self.connection.findings if finding.id not in allowed]
        if wrong:
            beside = f" but {', '.join(sorted(allowed))}" if allowed else ""
            self._fail(f"no findings{beside}", *(f"{finding.id}: {finding.text}" for finding in wrong))
        return self

    def holds(self, expression: str) -> Handshake:
        """An expression of --filter is true of it: "handshake < 50ms and retransmissions == 0".

        Raises FilterError for one that cannot be understood.
        """
        __tracebackhide__ = True
        if not compile_filter(expression)(self.connection):
            self._fail(expression, "a connection for which that is not so")
        return self

    def ladder(self) -> str:
        """The connection segment by segment with both ends' states, as `handshake-inspect walk` draws it."""
        from io import StringIO

        from handshake_inspect.looks.climb import ladder
        from handshake_inspect.render.drawings import Look
        from handshake_inspect.render.ladder import write
        from handshake_inspect.segments import segments_of

        out = StringIO()
        segments = segments_of(self._paths, [self.connection.id])
        write(ladder(self.connection, segments, self._captures), out, Look(style()))
        return out.getvalue()

    def _title(self) -> str:
        from handshake_inspect.render.text import address

        client, server = self.connection.client, self.connection.server
        return f"#{self.connection.id} {address(client)} -> {address(server)}"

    def _fail(self, expected: str, *seen: str) -> None:
        """Raise AssertionError: what was expected, what was seen, where, and the ladder."""
        __tracebackhide__ = True
        place = f"{', '.join(self._paths)}, connection {self.connection.id}"
        raise AssertionError(f"{told(expected, seen, place)}\n\n{self._drawn()}")

    def _drawn(self) -> str:
        """The ladder, cut to MOST_LINES; where it cannot be drawn, why."""
        try:
            lines = self.ladder().splitlines()
        except (HandshakeInspectError, OSError) as problem:
            return f"no ladder: {problem}"
        if len(lines) > MOST_LINES:
            command = f"handshake-inspect walk {' '.join(self._paths)} --stream {self.connection.id}"
            lines[MOST_LINES:] = ["", f"and {len(lines) - MOST_LINES:,} more lines: {command}"]
        return "\n".join(lines)


class Handshakes(Sequence[Handshake]):
    """The connections of one or several captures (one tap's rotated files) in a test; `report` is the whole report.

    `expect` is a file of expectations that must hold, as for `check`; `two_msl` is as in `analyse`.  A damaged capture
    raises CaptureError unless `damaged` is true: then what could be read of it is there, and the rest is in
    `report.faults`.
    """

    def __init__(
        self, *paths: PathName, expect: PathName | None = None, two_msl: str = "linux", damaged: bool = False
    ) -> None:
        __tracebackhide__ = True
        self._paths = [os.fspath(path) for path in paths]
        self.report: Report = analyse(self._paths, two_msl=two_msl)
        if self.report.faults and not damaged:
            raise self.report.faults[0]
        self._ids: Sequence[int] = range(len(self.report.connections))
        if expect is not None:
            self.check(expect)

    def __len__(self) -> int:
        return len(self._ids)

    @overload
    def __getitem__(self, place: int) -> Handshake: ...
    @overload
    def __getitem__(self, place: slice) -> list[Handshake]: ...
    def __getitem__(self, place: int | slice) -> Handshake | list[Handshake]:
        if isinstance(place, slice):
            return [self._handshake(id) for id in self._ids[place]]
        return self._handshake(self._ids[place])

    def __iter__(self) -> Iterator[Handshake]:
        return map(self._handshake, self._ids)

    def _handshake(self, id: int) -> Handshake:
        return Handshake(self.report.connections[id], self._paths, self.report.captures)

    def where(self, expression: str) -> Handshakes:
        """Those of which an expression of --filter is true: "server port 443".  Raises FilterError."""
        keep = compile_filter(expression)
        found = object.__new__(Handshakes)
        found._paths, found.report = self._paths, self.report
        found._ids = [id for id in self._ids if keep(self.report.connections[id])]
        return found

    def only(self, expression: str | None = None) -> Handshake:
        """The only one, or the only one of which an expression of --filter is true.  AssertionError for any other."""
        __tracebackhide__ = True
        chosen = self if expression is None else self.where(expression)
        if len(chosen) != 1:
            seen = [f"{len(chosen):,} of {counted(len(self), 'connection')}", *map(repr, self[:MOST_LISTED])]
            if len(self) > MOST_LISTED:
                seen.append(f"and {len(self) - MOST_LISTED:,} more")
            which = "" if expression is None else f" with {expression}"
            raise AssertionError(told(f"one connection{which}", seen, ", ".join(self._paths)))
        return chosen[0]

    def check(self, expect: PathName) -> Handshakes:
        """What a file of expectations says holds, as `handshake-inspect check --expect FILE` judges it.

        AssertionError also where the capture is too poor to tell.  Raises ExpectationError for a file that cannot be
        understood.
        """
        __tracebackhide__ = True
        from handshake_inspect.expect.judge import judge
        from handshake_inspect.expect.load import load

        expectations = load(os.fspath(expect))
        connections = [handshake.connection for handshake in self]
        chosen = Chosen(self.report.captures, connections, self.report.faults)
        verdict = judge(chosen, expectations, capture=", ".join(self._paths), paths=self._paths)
        if verdict.count("broken") or verdict.count("unjudged"):
            raise AssertionError(self._judged(verdict))
        return self

    def _judged(self, verdict: Verdict) -> str:
        """The verdict as `check` prints it, and the ladder of the first connection that it names."""
        from io import StringIO

        from handshake_inspect.render.results.text import write

        out = StringIO()
        write([verdict], out, style())
        cases = [case for result in verdict.results for case in result.cases if case.connection is not None]
        first = min(cases, key=lambda case: case.outcome == "unjudged", default=None)
        if first is None or first.connection is None:
            return out.getvalue().rstrip("\n")
        return f"{out.getvalue()}\n{self._handshake(first.connection.id)._drawn()}"

    def no_findings(self, *, but: Collection[str] = ()) -> Handshakes:
        """None of them has findings, or none but these; the first that has is shown."""
        __tracebackhide__ = True
        for handshake in self:
            handshake.no_findings(but=but)
        return self


class Chosen(NamedTuple):
    """The part of a report that expectations are judged over."""

    captures: tuple[CaptureInfo, ...]
    connections: Sequence[Connection]
    faults: Sequence[CaptureError]


class OpenCapture(Protocol):
    """What the fixture `handshakes` is."""

    def __call__(
        self, *paths: PathName, expect: PathName | None = None, two_msl: str = "linux", damaged: bool = False
    ) -> Handshakes:
        """Read captures; a relative path is looked for beside the test's file, then in the current folder."""


def opener(folder: Path) -> OpenCapture:
    """Return what the fixture gives to a test whose file is in `folder`."""

    def find(path: PathName) -> str:
        beside = folder / path
        return os.fspath(beside if beside.exists() else path)

    def open_capture(
        *paths: PathName, expect: PathName | None = None, two_msl: str = "linux", damaged: bool = False
    ) -> Handshakes:
        __tracebackhide__ = True
        rules = None if expect is None else find(expect)
        return Handshakes(*map(find, paths), expect=rules, two_msl=two_msl, damaged=damaged)

    return open_capture


def style() -> Style:
    """How a failure looks: pytest puts eight columns before each of its lines."""
    from shutil import get_terminal_size

    from handshake_inspect.render import Style

    return Style(width=min(max(get_terminal_size().columns - 8, 60), 100), utc=True)


def told(expected: str, seen: Sequence[str], place: str) -> str:
    """What an assertion says, aligned behind the name of its exception."""
    first, *others = [line for line in seen if line]
    lines = [f"seen      {first}", *(f"          {other}" for other in others), f"in        {place}"]
    return "\n".join([f"expected  {expected}", *(INDENT + line for line in lines)])


def word(kind: Kind, text: str) -> str:
    """A word as the report spells it; UsageError for one that does not exist, with the nearest that does."""
    __tracebackhide__ = True
    try:
        read: Callable[[str], str] = kind.read
        return read(text)
    except ValueError as problem:
        raise UsageError(f"{kind.name}: {problem}") from None


def states_of(end: Endpoint) -> list[str]:
    """The states of an end in their order; none of an end that showed no sign of life."""
    steps = end.transitions
    return [steps[0].from_, *(step.to for step in steps)] if steps else [end.state] if end.state else []


def differs(end: Endpoint, want: Sequence[str]) -> str:
    """Where the states of an end are not those that were expected."""
    have = states_of(end)
    place = next((n for n, (a, b) in enumerate(zip(have, want, strict=False)) if a != b), min(len(have), len(want)))
    if not 0 < place < len(have):
        return ""
    step = end.transitions[place - 1]
    return f"from {step.from_} on they differ: {step.event}, {step.certainty}{_at([step.frame])}"


def _at(frames: Sequence[object]) -> str:
    """` (frames 8, 9)`, nothing without frames."""
    known = [frame for frame in frames if frame is not None]
    return f" ({frame_list(known)})" if known else ""  # type: ignore[arg-type]
