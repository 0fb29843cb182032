"""Writes the expectations that a report passes, as tight as what can be judged of it allows.

Every connection to one server port is one `[[expect]]`; where these took different ways, each way is one more.  What is
written was judged before: a key that this capture cannot decide is left out, with the reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from handshake_inspect.expect.judge import Report, judge
from handshake_inspect.expect.load import loads
from handshake_inspect.expect.result import Result
from handshake_inspect.expect.rules import NOBODY, UNKNOWN, path_of
from handshake_inspect.report import Connection
from handshake_inspect.spelling import duration

PORTS_MAX = 20
"""Server ports with an expectation of their own; more than these are judged together."""
WAYS_MAX = 10
PATHS_MAX = 3
NAME = "expect.toml"
HEAD = "# What one capture showed, to be kept so.  Every key: handshake-inspect check --help\n"
REPEATS = ("syn_retransmissions", "syn_ack_retransmissions", "fin_retransmissions")
NICE = (1, 2, 5)

Way = tuple[str, str, str | None]
"""How a connection opened, how it closed, and who closed first."""


@dataclass
class Group:
    """What was seen of the connections that one expectation is about: every value, and how often."""

    count: int = 0
    openings: Counter[str] = field(default_factory=Counter)
    closings: Counter[str] = field(default_factory=Counter)
    closers: Counter[str] = field(default_factory=Counter)
    states: dict[str, Counter[str]] = field(default_factory=lambda: {"client": Counter(), "server": Counter()})
    paths: dict[str, Counter[tuple[str, ...]]] = field(
        default_factory=lambda: {"client": Counter(), "server": Counter()}
    )
    findings: Counter[str] = field(default_factory=Counter)
    repeats: Counter[str] = field(default_factory=Counter)
    handshake_ns: int = 0
    guessed: bool = False

    def add(self, connection: Connection) -> None:
        """Take one connection into account."""
        self.count += 1
        self.openings[connection.opening.kind] += 1
        self.closings[connection.closing.kind] += 1
        self.closers[connection.closing.first or NOBODY] += 1
        for role, end in (("client", connection.client), ("server", connection.server)):
            self.states[role][end.state or UNKNOWN] += 1
            self.paths[role][path_of(end)] += 1
        self.findings.update({finding.id for finding in connection.findings})
        for name in REPEATS:
            again = name.removesuffix("_retransmissions")
            number = sum(getattr(end.retransmissions, again) for end in (connection.client, connection.server))
            self.repeats[name] = max(self.repeats[name], number)
        self.handshake_ns = max(self.handshake_ns, connection.opening.rtt_ns or 0)
        self.guessed = self.guessed or connection.roles == "guessed"


@dataclass
class Draft:
    """One `[[expect]]` on its way: `keys` by name, as TOML writes their values; `asides` are what was left out."""

    match: str | None
    keys: dict[str, str]
    name: str | None = None
    weak: bool = False
    asides: list[str] = field(default_factory=list)
    line_of: dict[int, str] = field(default_factory=dict)

    def lines(self, first: int) -> Iterator[str]:
        """Its lines, and which key stands on which; `first` is the number of the first."""
        head = ["[[expect]]"]
        if self.name is not None:
            head.append(f'name = "{self.name}"')
        if self.match is not None:
            head.append(f'match = "{self.match}"')
        if self.weak:
            head.append('grade = "weak"')
        self.line_of = {first + len(head) + place: key for place, key in enumerate(self.keys)}
        yield from head
        yield from (f"{key} = {value}" for key, value in self.keys.items())
        yield from (f"# {aside}" for aside in self.asides)
        yield ""


def init(report: Report) -> str:
    """The text of a file of expectations that this report passes; of no connection, that there is none."""
    drafts = list(_drafts(report.connections))
    unjudged = _judged(report, drafts)
    if unjudged:
        # What rests on inferred steps is kept, where that is all that is lacking.
        for draft, _, _ in unjudged:
            draft.weak = True
        for draft, key, result in _judged(report, drafts):
            draft.keys.pop(key, None)
            because = next((case.because for case in result.cases if case.because), None)
            if because is not None:
                draft.asides.append(f"{key} cannot be judged: {because}")
        _without_need(report, drafts)
    return HEAD + "\n" + _text(drafts).rstrip("\n") + "\n"


def _without_need(report: Report, drafts: Sequence[Draft]) -> None:
    """Take `weak` away again where all that is left is firm."""
    weak = [draft for draft in drafts if draft.weak]
    for draft in weak:
        draft.weak = False
    for draft, _, _ in _judged(report, drafts):
        draft.weak = True


def _judged(report: Report, drafts: Sequence[Draft]) -> list[tuple[Draft, str, Result]]:
    """The keys that do not hold, with their results."""
    verdict = judge(report, loads(_text(drafts), NAME))
    by_line = {line: (draft, key) for draft in drafts for line, key in draft.line_of.items()}
    found = []
    for result in verdict.results:
        if result.outcome != "held" and result.line is not None:
            draft, key = by_line.get(result.line, (None, ""))
            if draft is not None:
                found.append((draft, key, result))
    return found


def _text(drafts: Iterable[Draft]) -> str:
    lines: list[str] = []
    for draft in drafts:
        lines += draft.lines(len(lines) + 1)
    return "\n".join(lines)


def _drafts(connections: Iterable[Connection]) -> Iterator[Draft]:
    ports: dict[int, dict[Way, Group]] = {}
    total = 0
    for connection in connections:
        total += 1
        way: Way = (connection.opening.kind, connection.closing.kind, connection.closing.first)
        ports.setdefault(connection.server.port, {}).setdefault(way, Group()).add(connection)
    yield Draft(None, {"count": str(total)}, name="all of them")
    counts = {port: sum(group.count for group in ways.values()) for port, ways in ports.items()}
    own = sorted(counts, key=lambda port: (-counts[port], port))[:PORTS_MAX]
    for port in sorted(own):
        guessed = any(group.guessed for group in ports[port].values())
        yield from _of_port(f"{'' if guessed else 'server '}port {port}", ports[port])
    rest: dict[Way, Group] = {}
    for port, ways in ports.items():
        if port not in own:
            for way, group in ways.items():
                rest[way] = _merged((rest[way], group)) if way in rest else group
    if rest:
        yield from _of_port(f"not server port in ({', '.join(map(str, sorted(own)))})", rest)


def _of_port(match: str, ways: dict[Way, Group]) -> Iterator[Draft]:
    """One expectation for all connections, and where they took several ways, one for each of these."""
    yield Draft(match, _keys(_merged(ways.values())), asides=_times(ways.values()))
    if 1 < len(ways) <= WAYS_MAX:
        for way, group in ways.items():
            opening, closing, first = way
            narrowed = f"{match} and opening == {opening} and closing == {closing}"
            yield Draft(narrowed + (f" and closed-by {first}" if first else ""), _keys(group))


def _merged(groups: Iterable[Group]) -> Group:
    whole = Group()
    for group in groups:
        whole.count += group.count
        for name in ("openings", "closings", "closers", "findings"):
            getattr(whole, name).update(getattr(group, name))
        for role in ("client", "server"):
            whole.states[role].update(group.states[role])
            whole.paths[role].update(group.paths[role])
        for name, number in group.repeats.items():
            whole.repeats[name] = max(whole.repeats[name], number)
        whole.handshake_ns = max(whole.handshake_ns, group.handshake_ns)
    return whole


def _keys(group: Group) -> dict[str, str]:
    keys = {
        "count": str(group.count),
        "opening": _words(group.openings),
        "closing": _words(group.closings),
        "closed_by": _words(group.closers),
    }
    for role in ("client", "server"):
        keys[f"state.{role}"] = _words(group.states[role])
    for role in ("client", "server"):
        paths = [path for path in group.paths[role] if path]
        if paths and len(paths) == len(group.paths[role]) <= PATHS_MAX:
            written = [_list(path) for path in paths]
            keys[f"path.{role}"] = written[0] if len(written) == 1 else f"[{', '.join(written)}]"
    keys["allow"] = _list(sorted(group.findings))
    always = sorted(id for id, number in group.findings.items() if number == group.count)
    if always:
        keys["require"] = _list(always)
    keys.update({f"max.{name}": str(group.repeats[name]) for name in REPEATS if group.repeats[name]})
    return keys


def _words(seen: Counter[str]) -> str:
    words = sorted(seen)
    return f'"{words[0]}"' if len(words) == 1 else _list(words)


def _list(words: Iterable[str]) -> str:
    return "[" + ", ".join(f'"{word}"' for word in words) + "]"


def _times(groups: Iterable[Group]) -> list[str]:
    """A limit on the handshake as a suggestion: how long it may take is not for a capture to say."""
    slowest = max((group.handshake_ns for group in groups), default=0)
    if not slowest:
        return []
    roomy = duration(_roomy(slowest)).replace(".00", "").replace(".0", "")
    return [f'max.handshake = "{roomy}"  # {duration(slowest)} here']


def _roomy(nanoseconds: int) -> int:
    """The next of 1, 2, 5, 10, 20, ... that is at least twice as long."""
    scale = 1
    while True:
        for nice in NICE:
            if nice * scale >= 2 * nanoseconds:
                return nice * scale
        scale *= 10
