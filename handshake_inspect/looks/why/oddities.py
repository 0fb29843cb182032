"""What went wrong beside the way a connection opened and closed: RSTs that did not count, wrong ACKs, late segments."""

from __future__ import annotations

from collections.abc import Callable

from handshake_inspect.looks.why.case import Case, Rule, Said
from handshake_inspect.looks.why.openings import wrong_by
from handshake_inspect.spelling import frame_list, frame_number


def _has(id: str) -> Callable[[Case], bool]:
    return lambda case: case.finding(id) is not None


def _tells(id: str, before: str = "", after: str = "") -> Callable[[Case], Said]:
    """The finding's own sentence, with what it lacks before and after it."""

    def say(case: Case) -> Said:
        finding = case.finding(id)
        assert finding is not None
        return Said(f"{before}{finding.text}{after}", finding.frames)

    return say


def _wrong_ack(case: Case) -> Said:
    wrong = next((check for check in case.connection.checks if not check.ok), None)
    if wrong is None:
        return _tells("wrong-ack", "wrong ACK: ")(case)
    return Said(
        f"wrong ACK: {wrong_by(wrong.expected, wrong.seen)} in frame {frame_number(wrong.frame)}", (wrong.frame,)
    )


def _failed_check(case: Case) -> bool:
    opened = case.connection.opening.kind != "failed"
    return opened and (case.finding("wrong-ack") is not None or any(not check.ok for check in case.connection.checks))


def _time_wait_again(case: Case) -> Said:
    stay = next(stay for stay in case.connection.time_wait if stay.restarts)
    return Said(
        f"a repeated FIN reached the {stay.holder} in TIME_WAIT, which acknowledged it and began 2MSL again "
        f"({frame_list(stay.restarts)}): its last ACK had been lost, and this is what TIME_WAIT is for",
        stay.restarts,
    )


def _restarted(case: Case) -> bool:
    return any(stay.restarts for stay in case.connection.time_wait)


def _late(case: Case) -> Said:
    finding = case.finding("late-segment")
    assert finding is not None
    holders = " and ".join(f"the {stay.holder}'s" for stay in case.connection.time_wait)
    fate = f"{holders} TIME_WAIT keeps it from a new connection" if holders else "no TIME_WAIT is there to catch it"
    return Said(f"late: {finding.text}; {fate}", finding.frames)


# fmt: off
RULES = (
    Rule("rst-forged",        "oddity", "error",   _has("rst-forged"),        _tells("rst-forged", "forged RST: ")),
    Rule("rst-ignored",       "oddity", "warning", _has("rst-ignored"),       _tells("rst-ignored")),
    Rule("rst-challenged",    "oddity", "warning", _has("rst-challenged"),    _tells("rst-challenged")),
    Rule("rst-not-delivered", "oddity", "warning", _has("rst-not-delivered"), _tells("rst-not-delivered")),
    Rule("wrong-ack",         "oddity", "error",   _failed_check,             _wrong_ack),
    Rule("time-wait-reset",   "oddity", "warning", _has("time-wait-reset"),
         _tells("time-wait-reset", after=", too early to guard against late segments (RFC 1337)")),
    Rule("time-wait-again",   "oddity", "note",    _restarted,                _time_wait_again),
    Rule("late-segment",      "oddity", "note",    _has("late-segment"),      _late),
)
# fmt: on
