"""Views: the numbers of one judged connection, as the report's frozen structs.

A view is made only for a connection that is shown; all others stay rows of columns.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise
from typing import Any, cast

from handshake_inspect.report import (
    BytesPerSide,
    Certainty,
    Check,
    CheckName,
    Closing,
    ClosingKind,
    Connection,
    Endpoint,
    Finding,
    Frame,
    FrameOf,
    Icmp,
    Opening,
    OpeningKind,
    Options,
    Retransmissions,
    Role,
    Schedule,
    Severity,
    State,
    TimeWait,
    TimeWaitEnd,
    Transition,
)
from handshake_inspect.rfc9293.states import EVENT_TEXTS
from handshake_inspect.rfc9293.states import State as StateNumber
from handshake_inspect.verdict.findings import FINDINGS
from handshake_inspect.verdict.judge import is_hard
from handshake_inspect.verdict.words import (
    CERTAINTIES,
    CHECK_NAMES,
    CLOSINGS,
    OPENINGS,
    ROLES,
    TIME_WAIT_ENDS,
)
from handshake_inspect.views.interop import interop
from handshake_inspect.views.sentences import sentence

STATE_NAMES = cast("tuple[State, ...]", tuple(state.name for state in StateNumber))
CHECK_WORDS = cast("tuple[CheckName, ...]", CHECK_NAMES)
CERTAINTY_WORDS = cast("tuple[Certainty, ...]", CERTAINTIES)
ENDLESS = frozenset((int(StateNumber.CLOSED), int(StateNumber.LISTEN)))
"""States that an endpoint without a connection is in for ever: how long says nothing."""

NO_STATE = 255
NEVER = -1
CAPTURE_SHIFT = 40
FRAME_MASK = (1 << CAPTURE_SHIFT) - 1

SYN, RST, ACK = 0x002, 0x004, 0x010
ICMP_MARK, WRONG_ACK_MARK = 32, 8
HAS_ISN, OVERSIZED = 2, 8192
OPTION_MSS, OPTION_WINDOW_SCALE, OPTION_SACK_PERMITTED, OPTION_TIMESTAMPS, OPTION_FAST_OPEN, OPTION_MPTCP = (
    1, 2, 4, 8, 16, 32,
)  # fmt: skip


def single_frame(frame: int) -> Frame:
    """Return the frame number of a report on one capture."""
    return frame & FRAME_MASK


def frame_of_several(frame: int) -> Frame:
    """Return the frame of a report on several captures."""
    return FrameOf(capture=frame >> CAPTURE_SHIFT, frame=frame & FRAME_MASK)


def address_text(family: int, high: int, low: int) -> str:
    """Return an address of a Segment row in its usual spelling."""
    if family == 4:
        return f"{low >> 24 & 255}.{low >> 16 & 255}.{low >> 8 & 255}.{low & 255}"
    if high == 0 and low >> 32 == 0xFFFF:
        # An IPv4-mapped address is written with dots (RFC 5952 section 5); Python does so only since 3.13.
        return f"::ffff:{address_text(4, 0, low & 0xFFFFFFFF)}"
    from ipaddress import IPv6Address  # most captures have no such address

    return str(IPv6Address(high << 64 | low))


class Views:
    """Builds views; `several` captures number their frames in pairs, `profile` names the 2MSL."""

    def __init__(self, *, several: bool, profile: str, capture_end_ns: int) -> None:
        self.frame: Callable[[int], Frame] = frame_of_several if several else single_frame
        self.profile = profile
        self.capture_end_ns = capture_end_ns

    def connection(self, plain: dict[str, Any]) -> Connection:
        """Return the view of what Judge.view() found."""
        family = plain["family"]
        addresses = (
            address_text(family, plain["high"][0], plain["low"][0]),
            address_text(family, plain["high"][1], plain["low"][1]),
        )
        client = self._endpoint(plain, 0, addresses[0])
        server = self._endpoint(plain, 1, addresses[1])
        return Connection(
            id=plain["row"],
            incarnation=plain["incarnation"],
            roles="guessed" if plain["guessed"] else "seen",
            first_frame=self.frame(plain["first_frame"]),
            last_frame=self.frame(plain["last_frame"]),
            first_time_ns=plain["first_time_ns"],
            last_time_ns=plain["last_time_ns"],
            client=client,
            server=server,
            opening=self._opening(plain),
            closing=self._closing(plain),
            checks=tuple(
                Check(
                    name=CHECK_WORDS[name],
                    frame=self.frame(frame),
                    expected=expected,
                    seen=seen,
                    ok=bool(ok),
                )
                for name, frame, expected, seen, ok in plain["checks"]
            ),
            time_wait=tuple(self._time_wait(stay) for stay in plain["stays"]),
            findings=tuple(self.finding(note, plain) for note in plain["notes"]),
            interop=interop(plain, addresses),
        )

    def _endpoint(self, plain: dict[str, Any], side: int, address: str) -> Endpoint:
        flow = plain["flow"][side]
        state = plain["state"][side]
        syn = bool(flow["flags"] & HAS_ISN)
        return Endpoint(
            address=address,
            port=plain["port"][side],
            isn=flow["isn"] if syn else None,
            state=None if state == NO_STATE else STATE_NAMES[state],
            segments=flow["segments"],
            bytes=flow["bytes"],
            retransmissions=_retransmissions(
                flow["syns"], flow["syn_acks"], flow["fins"], flow["data_retransmissions"]
            ),
            duplicates=flow["duplicates"],
            missing_bytes=flow["missing"],
            options=_options(flow["options"], flow["mss"], flow["window_scale"], flow["fast_open"], flow["syn_bits"])
            if syn
            else NO_OPTIONS,
            larger_than_mss=bool(flow["flags"] & OVERSIZED),
            time_in_state_ns=self._time_in_state(plain, side),
            transitions=tuple(self.transition(step) for step in plain["steps"][side]),
        )

    def transition(self, step: tuple[int, ...]) -> Transition:
        """Return one of the view's `steps`."""
        before, after, event, frame, earliest, time_ns, certainty, confirmed_by = step
        return Transition(
            from_=STATE_NAMES[before],
            to=STATE_NAMES[after],
            event=EVENT_TEXTS[event],
            frame=self.frame(frame) if frame else None,
            earliest_frame=self.frame(earliest) if earliest else None,
            time_ns=time_ns,
            certainty=CERTAINTY_WORDS[certainty],
            confirmed_by=self.frame(confirmed_by) if confirmed_by else None,
        )

    def _time_in_state(self, plain: dict[str, Any], side: int) -> dict[str, int]:
        """Add up the time between transitions; the last state lasts until the end of the capture."""
        if plain["first_state"][side] == NO_STATE:
            return {}
        times: dict[str, int] = {}
        state = plain["first_state"][side]
        since = None if state in ENDLESS else plain["first_time_ns"]
        for _, after, _, _, _, time_ns, _, _ in plain["steps"][side]:
            if since is not None:
                name = STATE_NAMES[state]
                times[name] = times.get(name, 0) + (time_ns - since if time_ns > since else 0)
            state, since = after, time_ns
        if since is not None and state not in ENDLESS:
            times[STATE_NAMES[state]] = times.get(STATE_NAMES[state], 0) + max(self.capture_end_ns - since, 0)
        return times

    def _opening(self, plain: dict[str, Any]) -> Opening:
        kind = OPENINGS[plain["opening"]]
        server_side = None if plain["server_side_ns"] == NEVER else plain["server_side_ns"]
        client_side = None if plain["client_side_ns"] == NEVER else plain["client_side_ns"]
        syn_times = tuple(
            row[0]
            for row in plain["evidence"]
            if row[8] == 0 and row[7] & (SYN | ACK) == SYN and not row[9] & ICMP_MARK
        )
        return Opening(
            kind=cast(OpeningKind, kind),
            certainty=CERTAINTY_WORDS[plain["opening_certainty"]],
            frames=tuple(self.frame(frame) for frame in plain["opening_frames"]),
            server_side_ns=server_side,
            client_side_ns=client_side,
            rtt_ns=server_side + client_side if server_side is not None and client_side is not None else None,
            syn_times_ns=syn_times,
            refusals=plain["refusals"],
            icmp=self._icmp(plain),
            schedule=_schedule(syn_times),
        )

    def _icmp(self, plain: dict[str, Any]) -> Icmp | None:
        for row in plain["evidence"]:
            if row[9] & ICMP_MARK:
                from handshake_inspect.views.icmp import icmp_meaning

                kind, code = row[2] >> 8 & 255, row[2] & 255
                return Icmp(
                    frame=self.frame(row[1]),
                    reporter=address_text(plain["family"], row[3] << 32 | row[4], row[5] << 32 | row[6]),
                    type=kind,
                    code=code,
                    meaning=icmp_meaning(plain["family"], kind, code),
                    hard=is_hard(plain["family"], kind, code),
                )
        return None

    def _closing(self, plain: dict[str, Any]) -> Closing:
        reset = plain["evidence"][plain["closing_rst"]] if plain["closing_rst"] >= 0 else None
        kind = CLOSINGS[plain["closing"]]
        if kind in ("none", "open"):
            reset = None
        met = None if reset is None or reset[11] == NO_STATE else STATE_NAMES[reset[11]]
        return Closing(
            kind=cast(ClosingKind, kind),
            first=_role(plain["closed_first"]),
            frames=tuple(self.frame(frame) for frame in plain["closing_frames"]),
            bytes_after_first_fin=BytesPerSide(
                client=plain["flow"][0]["after_fin"], server=plain["flow"][1]["after_fin"]
            ),
            reset_by=None if reset is None else _role(reset[8]),
            reset_in_state=cast("State | None", met),
        )

    def _time_wait(self, stay: tuple[Any, ...]) -> TimeWait:
        side, frame, start_ns, restarts, end, end_frame, at_least, at_most = stay
        return TimeWait(
            holder=cast(Role, ROLES[side]),
            frame=self.frame(frame),
            start_ns=start_ns,
            restarts=tuple(self.frame(restart) for restart in restarts),
            end=cast(TimeWaitEnd, TIME_WAIT_ENDS[end]),
            end_frame=self.frame(end_frame) if end_frame else None,
            at_least_ns=None if at_least == NEVER else at_least,
            at_most_ns=None if at_most == NEVER else at_most,
            profile=self.profile,
        )

    def finding(self, note: tuple[int, ...], plain: dict[str, Any]) -> Finding:
        """Return one of the view's `notes`."""
        number, endpoint, frame, second, a, b = note
        kind = FINDINGS[number]
        role = _role(endpoint)
        return Finding(
            id=kind.id,
            severity=cast(Severity, kind.severity),
            endpoint=role,
            frames=tuple(self.frame(each) for each in (frame, second) if each),
            text=sentence(kind, role, self._spelled(frame), self._spelled(second), a, b),
        )

    def _spelled(self, frame: int) -> str:
        """Return a frame as it stands in a sentence: `17`, with several captures `2:17`, nothing for none."""
        number = self.frame(frame)
        if not frame:
            return ""
        return str(number) if isinstance(number, int) else f"{number.capture}:{number.frame}"


def _role(side: int) -> Role | None:
    return cast(Role, ROLES[side]) if side < 2 else None


# Few kinds of hosts send many SYNs: nearly all endpoints share these two.


@lru_cache(maxsize=1024)
def _retransmissions(syns: int, syn_acks: int, fins: int, data: int) -> Retransmissions:
    """Return how often each was sent again."""
    return Retransmissions(syn=max(syns - 1, 0), syn_ack=max(syn_acks - 1, 0), fin=max(fins - 1, 0), data=data)


@lru_cache(maxsize=1024)
def _options(options: int, mss: int, window_scale: int, fast_open: int, syn_bits: int) -> Options:
    """Return what the SYN or SYN-ACK offered."""
    return Options(
        mss=mss if options & OPTION_MSS else None,
        window_scale=window_scale if options & OPTION_WINDOW_SCALE else None,
        sack_permitted=bool(options & OPTION_SACK_PERMITTED),
        timestamps=bool(options & OPTION_TIMESTAMPS),
        fast_open=("cookie" if fast_open else "request") if options & OPTION_FAST_OPEN else None,
        mptcp=bool(options & OPTION_MPTCP),
        ecn=bool(syn_bits & 4),
    )


NO_OPTIONS = Options(
    mss=None, window_scale=None, sack_permitted=None, timestamps=None, fast_open=None, mptcp=None, ecn=None
)
"""Nothing is known without a SYN or SYN-ACK."""


def _schedule(syn_times: tuple[int, ...]) -> Schedule | None:
    if len(syn_times) < 2:
        return None
    from handshake_inspect.views.schedule import schedule_fits

    gaps = tuple(after - before for before, after in pairwise(syn_times))
    return Schedule(gaps_ns=gaps, fits=schedule_fits(gaps))
