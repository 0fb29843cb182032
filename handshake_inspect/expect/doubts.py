"""What a capture can lack, and which questions it cannot decide then: DOUBTS.

The reasons are those of looks.grade, which says how firm verdicts are; here each is given the aspects of a connection
that it puts in doubt.  To add a reason: one row in CLOUDS, or in DOUBTS when it is none of grade's.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Literal, NamedTuple

from handshake_inspect.looks.grade import REASONS, UNPROVABLE, GradeName
from handshake_inspect.report import CaptureInfo, Connection, Endpoint

Aspect = Literal["opening", "closing", "client", "server", "roles", "data", "time"]
"""What can be in doubt: the opening, the closing, the states of each end, who is client, what was sent, and when."""

ALL: frozenset[Aspect] = frozenset(("opening", "closing", "client", "server", "data"))
ENDS: frozenset[Aspect] = frozenset(("client", "server"))
BEGUN: frozenset[Aspect] = frozenset(("opening", "data"))
ENDED: frozenset[Aspect] = ENDS | {"closing", "data"}

# fmt: off
CLOUDS: dict[str, frozenset[Aspect]] = {
    "one-sided":      ALL,
    "mid-stream":     BEGUN,
    "self-connected": ALL,
    "no-syn-ack":     ALL,
    "gap":            ENDED,
    "lost":           ALL,
    "small-gap":      frozenset(("data",)),
    "last-ack":       ENDS,
    "fin":            ENDS,
    "inferred":       ENDS,
    "rst":            ENDS,
    "forged":         ENDS,
    "repeats":        frozenset(("server",)),
    "too-early":      ENDS | {"opening"},
}
# fmt: on

OF_ONE_END = ("last-ack", "fin", "inferred")
"""Reasons that lie in the steps of one end: the other's states stand."""


class Setting(NamedTuple):
    """What is true of the whole capture: the time of its last frame, whether it is damaged, or cut in its headers."""

    capture_end_ns: int
    damaged: bool
    truncated: int


class Doubt(NamedTuple):
    """One reason for doubt: its grade, what it clouds, when it holds, and what it means."""

    name: str
    grade: GradeName
    clouds: frozenset[Aspect]
    holds: Callable[[Connection, Setting], bool]
    sentence: str


def _of_grade(holds: Callable[[Connection, int], bool]) -> Callable[[Connection, Setting], bool]:
    return lambda connection, setting: holds(connection, setting.capture_end_ns)


def _clock_goes_back(connection: Connection) -> bool:
    """The finding without a frame is about the clock; with one, about a SYN-ACK that stands before its SYN."""
    return any(finding.id == "out-of-order-capture" and not finding.frames for finding in connection.findings)


DAMAGED = "the capture is damaged, and what follows is not known"
TRUNCATED = "frames are cut within their headers, and whose they are is not known"

# fmt: off
DOUBTS = (
    Doubt("damaged",   "impossible", ENDED, lambda connection, setting: setting.damaged, DAMAGED),
    Doubt("truncated", "impossible", ALL, lambda connection, setting: bool(setting.truncated), TRUNCATED),
    *(Doubt(reason.name, reason.grade, CLOUDS[reason.name], _of_grade(reason.holds), reason.sentence)
      for reason in REASONS),
    Doubt("clock", "impossible", frozenset(("time",)), lambda connection, setting: _clock_goes_back(connection),
          "the clock of the capture goes back"),
    Doubt("roles-guessed", "weak", frozenset(("roles",)), lambda connection, setting: connection.roles == "guessed",
          "which end is the client is a guess"),
)
# fmt: on


def about_number(setting: Setting) -> str | None:
    """Why the capture may hold less connections than there were, in one sentence; None when nothing speaks for it."""
    return DAMAGED if setting.damaged else TRUNCATED if setting.truncated else None


class Doubts:
    """The doubts about one connection.  With `weak`, those that only weaken a verdict are left out."""

    def __init__(self, connection: Connection, setting: Setting, *, weak: bool = False) -> None:
        self._connection = connection
        self._setting = setting
        self._weak = weak
        self._held: list[Doubt] | None = None

    def about(self, aspects: Collection[Aspect], *, but: str | None = None) -> str | None:
        """Why these aspects cannot be judged, in one sentence; None when nothing speaks against it.

        `but` names a doubt that does not count.
        """
        if self._held is None:
            self._held = [doubt for doubt in DOUBTS if self._holds(doubt)]
        for doubt in self._held:
            if doubt.name != but and any(aspect in aspects and self._clouds(doubt, aspect) for aspect in doubt.clouds):
                return doubt.sentence
        return None

    def _holds(self, doubt: Doubt) -> bool:
        return not (self._weak and doubt.grade == "weak") and doubt.holds(self._connection, self._setting)

    def _clouds(self, doubt: Doubt, aspect: Aspect) -> bool:
        if doubt.name not in OF_ONE_END or aspect not in ENDS:
            return True
        return _has_inferred(self._connection.client if aspect == "client" else self._connection.server)


def _has_inferred(end: Endpoint) -> bool:
    """Whether a step of this end is inferred that another capture could prove."""
    return any(step.certainty == "inferred" and step.event not in UNPROVABLE for step in end.transitions)


def setting_of(captures: Collection[CaptureInfo], *, faults: bool) -> Setting:
    """What is true of captures that were read as one."""
    return Setting(
        capture_end_ns=max((info.last_time_ns for info in captures if info.last_time_ns is not None), default=0),
        damaged=faults or any(info.faults for info in captures),
        truncated=sum(info.counters.truncated for info in captures),
    )
