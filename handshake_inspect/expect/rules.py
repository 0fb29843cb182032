"""The keys of an expectation that are judged connection by connection: RULES, one row each.

To add a key: a function that answers for one connection, and a row.  It is then read, judged, spelled in every format
and listed in the help and the README.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, NamedTuple, cast, get_args

from handshake_inspect.expect import spell
from handshake_inspect.expect.doubts import ALL, BEGUN, ENDED, Aspect, Doubts, Setting
from handshake_inspect.report import ClosingKind, Connection, Endpoint, Frame, OpeningKind, Role, State
from handshake_inspect.verdict.findings import FINDINGS

NOBODY = "nobody"
UNKNOWN = "unknown"


OPENING: Aspect = "opening"
CLOSING: Aspect = "closing"


class Subject(NamedTuple):
    """One connection, with what its capture leaves in doubt."""

    connection: Connection
    doubts: Doubts
    setting: Setting

    def end(self, role: str) -> Endpoint:
        """One end."""
        return self.connection.client if role == "client" else self.connection.server


class Answer(NamedTuple):
    """Why an expectation did not hold of one connection: broken, or, with `because`, not to be judged."""

    seen: str
    frames: tuple[Frame, ...]
    because: str | None = None


class Rule(NamedTuple):
    """One key: `read` takes what TOML gives (ValueError says what is allowed), `spell` says what is wanted.

    `judge` returns None when the expectation holds.
    """

    name: str
    sentence: str
    example: str
    read: spell.Read
    spell: Callable[[Any], str]
    judge: Callable[[Subject, Any], Answer | None]


def _judged(
    subject: Subject,
    aspects: Collection[Aspect],
    held: bool,
    seen: str,
    frames: tuple[Frame, ...],
    but: str | None = None,
) -> Answer | None:
    """The answer of what is decided by these aspects alone: in doubt neither held nor broken."""
    because = subject.doubts.about(aspects, but=but)
    if because is None and held:
        return None
    return Answer(seen, frames, because)


def _opening(subject: Subject, wanted: tuple[str, ...]) -> Answer | None:
    opening = subject.connection.opening
    held = opening.kind in wanted
    seen: str = opening.kind
    frames = opening.frames + _end_of_attempt(subject.connection)
    wrong = next((finding for finding in subject.connection.findings if finding.severity == "error"), None)
    if wrong is not None and not held:
        seen, frames = f"{opening.kind}: {wrong.text}", wrong.frames or frames
    # That a capture begins mid-stream is a fact about the capture, and no doubt about itself.
    return _judged(subject, (OPENING,), held, seen, frames, "mid-stream" if "mid-stream" in wanted else None)


def _end_of_attempt(connection: Connection) -> tuple[Frame, ...]:
    """The frames of the last steps of a connection that never opened: what became of it."""
    if connection.closing.kind != "none":
        return ()
    steps = [step for end in (connection.client, connection.server) for step in end.transitions[-1:]]
    return tuple(step.frame for step in steps if step.frame is not None)


def closing_text(connection: Connection) -> str:
    """The closing in words: `reset by the client in ESTABLISHED`, `open (when the capture ends)`."""
    closing = connection.closing
    text: str = closing.kind
    if closing.reset_by is not None:
        text += f" by the {closing.reset_by}"
        if closing.reset_in_state is not None:
            text += f" in {closing.reset_in_state}"
    if closing.kind == "open":
        text += " when the capture ends"
    return text


def _closing(subject: Subject, wanted: tuple[str, ...]) -> Answer | None:
    closing = subject.connection.closing
    seen = closing_text(subject.connection)
    return _judged(subject, (CLOSING,), closing.kind in wanted, seen, closing.frames)


def _who(what: str) -> Callable[[Subject, tuple[str, ...]], Answer | None]:
    def judge(subject: Subject, wanted: tuple[str, ...]) -> Answer | None:
        closing = subject.connection.closing
        who: Role | None = getattr(closing, what)
        seen = f"nobody ({closing.kind})" if who is None else who
        frames = closing.frames[-1:] if what == "reset_by" else closing.frames[:1]
        return _judged(subject, ("closing", "roles"), (who or NOBODY) in wanted, seen, frames)

    return judge


def _state(role: Role) -> Callable[[Subject, tuple[str, ...]], Answer | None]:
    def judge(subject: Subject, wanted: tuple[str, ...]) -> Answer | None:
        end = subject.end(role)
        seen = end.state or UNKNOWN
        last = tuple(step.frame for step in end.transitions[-1:] if step.frame is not None)
        return _judged(subject, (role, "roles"), seen in wanted, seen, last)

    return judge


def path_of(end: Endpoint) -> tuple[str, ...]:
    """The states of an end in the order in which it passed them."""
    steps = end.transitions
    return (steps[0].from_, *(step.to for step in steps)) if steps else ()


def _path(role: Role) -> Callable[[Subject, tuple[tuple[str, ...], ...]], Answer | None]:
    def judge(subject: Subject, wanted: tuple[tuple[str, ...], ...]) -> Answer | None:
        end = subject.end(role)
        seen = path_of(end)
        # An expectation that itself begins mid-stream does not ask what was before.
        begins_alike = any(path[:1] == seen[:1] for path in wanted)
        return _judged(
            subject, (role, "roles", "opening"), seen in wanted, spell.path(seen) or "no sign of life",
            parting(end, seen, wanted), "mid-stream" if begins_alike else None,
        )  # fmt: skip

    return judge


def parting(end: Endpoint, seen: tuple[str, ...], wanted: tuple[tuple[str, ...], ...]) -> tuple[Frame, ...]:
    """The frame of the first step that no wanted path takes; of the last step where the path ends too early."""
    alike = max(
        next((place for place, pair in enumerate(zip(path, seen, strict=False)) if pair[0] != pair[1]),
             min(len(path), len(seen)))
        for path in wanted
    )  # fmt: skip
    steps = end.transitions[max(alike - 1, 0) :] or end.transitions[-1:]
    return tuple(step.frame for step in steps[:1] if step.frame is not None)


SHOWN: frozenset[Aspect] = frozenset()
# fmt: off
HIDING: dict[str, frozenset[Aspect]] = {
    **dict.fromkeys(("refused", "unanswered", "half-open", "syn-retransmitted", "syn-ack-retransmitted",
                     "split-handshake", "simultaneous-open", "accept-queue-full", "fast-open", "icmp-unreachable"),
                    BEGUN - {"data"}),
    **dict.fromkeys(("fin-retransmitted", "half-closed", "simultaneous-close", "time-wait-reused", "time-wait-reset",
                     "data-after-close", "late-segment"), ENDED - {"data"}),
    **dict.fromkeys(("rst-ignored", "rst-challenged", "rst-not-delivered", "rst-forged", "syn-challenged"),
                    ENDED - {"client", "server"}),
    **dict.fromkeys(("keep-alive", "zero-window", "bad-checksum"), frozenset(("data",))),
    "wrong-ack": ALL - {"client", "server"},
    **dict.fromkeys(("tuple-reused", "mirrored", "capture-gap", "frames-lost", "out-of-order-capture", "one-sided",
                     "mid-stream", "roles-guessed", "self-connected", "isn-predictable"), SHOWN),
}
# fmt: on
"""What must not be in doubt before a finding is known to be absent; findings about the capture itself always are."""

ABSENCES = ("unanswered", "half-open", "half-closed")
"""Findings that say that something did not happen: what the capture lacks may be just that."""
IDS = tuple(kind.id for kind in FINDINGS)


def _forbid(subject: Subject, wanted: tuple[str, ...]) -> Answer | None:
    there = [finding for finding in subject.connection.findings if finding.id in wanted]
    for finding in there:
        because = subject.doubts.about(HIDING[finding.id]) if finding.id in ABSENCES else None
        if because is None:
            return Answer(f"{finding.id}: {finding.text}", finding.frames)
    because = subject.doubts.about(frozenset[Aspect]().union(*(HIDING[id] for id in wanted)))
    if because is None:
        return None
    return Answer(f"{there[0].id}: {there[0].text}" if there else "none seen", (), because)


def _require(subject: Subject, wanted: tuple[str, ...]) -> Answer | None:
    there = {finding.id for finding in subject.connection.findings}
    missing = [id for id in wanted if id not in there]
    unsure = [id for id in wanted if id not in there or id in ABSENCES]
    because = subject.doubts.about(frozenset[Aspect]().union(*(HIDING[id] for id in unsure)))
    if not missing and because is None:
        return None
    firmly = [id for id in missing if subject.doubts.about(HIDING[id]) is None]
    seen = f"no {spell.listed(missing)}" if missing else spell.listed(unsure)
    closing = all("closing" in HIDING[id] for id in missing)
    frames = subject.connection.closing.frames if closing else subject.connection.opening.frames
    return Answer(seen, frames, None if firmly else because)


def _allow(subject: Subject, wanted: tuple[str, ...]) -> Answer | None:
    """A statement about the report, which nothing puts in doubt: it shows these findings and no others."""
    others = [finding for finding in subject.connection.findings if finding.id not in wanted]
    if not others:
        return None
    frames = tuple(frame for finding in others for frame in finding.frames)
    return Answer("; ".join(f"{finding.id}: {finding.text}" for finding in others), frames)


OPENINGS, CLOSINGS, STATES = get_args(OpeningKind), get_args(ClosingKind), get_args(State)
ENDS = (*get_args(Role), NOBODY)


def _paths(paths: tuple[tuple[str, ...], ...]) -> str:
    return ", or ".join(map(spell.path, paths))


def _role_rules() -> list[Rule]:
    rows = []
    for role in cast("tuple[Role, ...]", get_args(Role)):
        rows += [
            Rule(f"state.{role}", f"the {role}'s state at the end of the capture",
                 f'state.{role} = ["TIME_WAIT", "CLOSED"]', spell.words_of((*STATES, UNKNOWN)), spell.listed,
                 _state(role)),
            Rule(f"path.{role}", f"every state that the {role} passes, in this order",
                 f'path.{role} = ["CLOSED", "SYN_SENT", "CLOSED"]', spell.path_of(STATES), _paths, _path(role)),
        ]  # fmt: skip
    return sorted(rows, key=lambda row: row.name.startswith("path"))


# fmt: off
RULES = {row.name: row for row in (
    Rule("opening", "how it opened", 'opening = "three-way"', spell.words_of(OPENINGS), spell.listed, _opening),
    Rule("closing", "how it closed", 'closing = ["four-way", "three-segment"]', spell.words_of(CLOSINGS), spell.listed,
         _closing),
    Rule("closed_by", "who sent the first FIN, or the RST that closed it", 'closed_by = "client"', spell.words_of(ENDS),
         spell.listed, _who("first")),
    Rule("reset_by", "who sent the RST that closed it", 'reset_by = "nobody"', spell.words_of(ENDS), spell.listed,
         _who("reset_by")),
    *_role_rules(),
    Rule("forbid", "findings that it must not have", 'forbid = ["wrong-ack", "half-closed"]', spell.words_of(IDS),
         lambda ids: f"no {spell.listed(ids)}", _forbid),
    Rule("require", "findings that it must have", 'require = "time-wait-reused"', spell.words_of(IDS),
         lambda ids: spell.listed(ids, "and"), _require),
    Rule("allow", "the only findings that it may have", "allow = []", spell.words_of(IDS, none=True),
         lambda ids: f"no finding but {spell.listed(ids, 'and')}" if ids else "no finding", _allow),
)}
# fmt: on
