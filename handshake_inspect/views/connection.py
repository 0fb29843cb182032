"""One judged connection as the report's frozen structs, made straight from the scratch pad that it was judged on.

Compiled, because a report for programs makes one for every connection.
"""

import cython
from cython.cimports.handshake_inspect.columns import ACK, SYN
from cython.cimports.handshake_inspect.rfc9293.states import CLOSED, LISTEN, NO_STATE
from cython.cimports.handshake_inspect.track.table import (
    HAS_ISN,
    ICMP,
    NOBODY,
    OVERSIZED,
    RST_SEEN,
    Evidence,
    Flow,
    RareFlow,
)
from cython.cimports.handshake_inspect.track.table import Connection as Row
from cython.cimports.handshake_inspect.verdict.checks import judge_checks
from cython.cimports.handshake_inspect.verdict.judge import Judge
from cython.cimports.handshake_inspect.verdict.opening import certainty_of_opening
from cython.cimports.handshake_inspect.verdict.replay import NEVER, Replay, Stay, Step, hard_icmp
from cython.cimports.handshake_inspect.verdict.replay import Check as JudgedCheck
from cython.cimports.handshake_inspect.verdict.replay import Note as JudgedNote
from cython.cimports.handshake_inspect.verdict.words import CLOSING_NONE, CLOSING_OPEN
from cython.cimports.libc.stdint import int64_t, uint8_t, uint64_t

from handshake_inspect.report import (
    Check,
    Closing,
    Connection,
    Endpoint,
    Finding,
    FrameOf,
    Icmp,
    Interop,
    Opening,
    TimeWait,
    Transition,
)
from handshake_inspect.rfc9293.states import EVENT_TEXTS
from handshake_inspect.rfc9293.states import State as StateNumber
from handshake_inspect.verdict.findings import FINDINGS
from handshake_inspect.verdict.words import CERTAINTIES, CHECK_NAMES, CLOSINGS, OPENINGS, ROLES, TIME_WAIT_ENDS
from handshake_inspect.views.address import address_text
from handshake_inspect.views.interop import community_id_of, sf_code, zeek
from handshake_inspect.views.sentences import sentence
from handshake_inspect.views.shared import NO_OPTIONS, bytes_per_side, options, retransmissions

CAPTURE_SHIFT = cython.declare(cython.int, 40)
FRAME_MASK = cython.declare(uint64_t, (1 << 40) - 1)

_states = cython.declare(tuple, tuple([state.name for state in StateNumber]))
_events = cython.declare(tuple, EVENT_TEXTS)
_certainties = cython.declare(tuple, CERTAINTIES)
_roles = cython.declare(tuple, (*ROLES, None))


@cython.cclass
class Views:
    """Makes views; `several` captures number their frames in pairs, `profile` names the 2MSL."""

    several: cython.bint
    profile: object
    capture_end_ns = cython.declare(int64_t, visibility="public")

    def __cinit__(self, several: cython.bint, profile: str, capture_end_ns: int64_t):
        self.several = several
        self.profile = profile
        self.capture_end_ns = capture_end_ns

    def connection(self, judge: Judge, position: cython.Py_ssize_t):
        """Judge the connection at `position`, as Judge.look does, and return the view of it."""
        r: cython.pointer(Replay) = judge.pad
        judge.look(position)
        c: cython.pointer(Row) = r.connection
        with cython.nogil:
            judge_checks(r)
        return Connection(
            id=judge.tracker.number_of(position),
            incarnation=c.incarnation,
            roles="guessed" if r.guessed else "seen",
            first_frame=self.frame(c.first_frame),
            last_frame=self.frame(c.last_frame),
            first_time_ns=c.first_time_ns,
            last_time_ns=c.last_time_ns,
            client=self.endpoint(r, 0),
            server=self.endpoint(r, 1),
            opening=self.opening(r),
            closing=self.closing(r),
            checks=self.checks(r),
            time_wait=self.time_wait(r),
            findings=self.findings(r),
            interop=_interop(r),
        )

    @cython.cfunc
    def frame(self, frame: uint64_t):
        if self.several:
            return FrameOf(capture=frame >> CAPTURE_SHIFT, frame=frame & FRAME_MASK)
        return frame & FRAME_MASK

    @cython.cfunc
    def frame_or_none(self, frame: uint64_t):
        return self.frame(frame) if frame else None

    @cython.cfunc
    def frames(self, frames: cython.pointer(uint64_t), most: cython.int) -> tuple:
        """Return those of the `most` frames that are there."""
        i: cython.int
        there: list = []
        for i in range(most):
            if frames[i]:
                there.append(self.frame(frames[i]))
        return tuple(there)

    @cython.cfunc
    def endpoint(self, r: cython.pointer(Replay), side: cython.int):
        c: cython.pointer(Row) = r.connection
        f: cython.pointer(Flow) = r.flow[side]
        rare: cython.pointer(RareFlow) = r.rare[side]
        end: cython.int = c.client if side == 0 else 1 - c.client
        syn: cython.bint = f.flags & HAS_ISN
        return Endpoint(
            address=address_text(c.family, c.high[end], c.low[end]),
            port=c.port[end],
            isn=f.isn if syn else None,
            state=_states[r.state[side]] if r.state[side] != NO_STATE else None,
            segments=f.segments,
            bytes=f.bytes,
            retransmissions=retransmissions(f.syns, f.syn_acks, f.fins, rare.data_retransmissions),
            duplicates=rare.duplicates,
            missing_bytes=rare.missing,
            options=options(f.options, f.mss, f.window_scale, rare.fast_open, rare.syn_bits) if syn else NO_OPTIONS,
            larger_than_mss=(f.flags & OVERSIZED) != 0,
            time_in_state_ns=self.time_in_state(r, side),
            transitions=self.transitions(r, side),
        )

    @cython.cfunc
    def transitions(self, r: cython.pointer(Replay), side: cython.int) -> tuple:
        i: cython.int
        s: cython.pointer(Step)
        made: list = []
        for i in range(r.step_count[side]):
            s = cython.address(r.steps[side][i])
            made.append(
                Transition(
                    from_=_states[s.before],
                    to=_states[s.after],
                    event=_events[s.event],
                    frame=self.frame_or_none(s.frame),
                    earliest_frame=self.frame_or_none(s.earliest_frame),
                    time_ns=s.time_ns,
                    certainty=_certainties[s.certainty],
                    confirmed_by=self.frame_or_none(s.confirmed_by),
                )
            )
        return tuple(made)

    @cython.cfunc
    def time_in_state(self, r: cython.pointer(Replay), side: cython.int) -> dict:
        """Add up the time between transitions; the last state lasts until the end of the capture.

        An endpoint without a connection is CLOSED or in LISTEN for ever: how long says nothing.
        """
        times: dict = {}
        i: cython.int
        s: cython.pointer(Step)
        state: uint8_t = r.first_state[side]
        since: int64_t = r.connection.first_time_ns
        counts: cython.bint = state != CLOSED and state != LISTEN
        if state == NO_STATE:
            return times
        for i in range(r.step_count[side]):
            s = cython.address(r.steps[side][i])
            if counts:
                _add_time(times, state, s.time_ns - since)
            state, since, counts = s.after, s.time_ns, True
        if counts and state != CLOSED and state != LISTEN:
            _add_time(times, state, self.capture_end_ns - since)
        return times

    @cython.cfunc
    def opening(self, r: cython.pointer(Replay)):
        server_side = None if r.server_side_ns == NEVER else r.server_side_ns
        client_side = None if r.client_side_ns == NEVER else r.client_side_ns
        syn_times: tuple = _syn_times(r)
        return Opening(
            kind=OPENINGS[r.opening],
            certainty=_certainties[certainty_of_opening(r)],
            frames=self.frames(r.opening_frames, 4),
            server_side_ns=server_side,
            client_side_ns=client_side,
            rtt_ns=None if server_side is None or client_side is None else server_side + client_side,
            syn_times_ns=syn_times,
            refusals=r.refusals,
            icmp=self.icmp(r),
            schedule=self.schedule(syn_times),
        )

    @cython.cfunc
    def schedule(self, syn_times: tuple):
        if len(syn_times) < 2:
            return None
        from handshake_inspect.views.schedule import schedule_of

        return schedule_of(syn_times)

    @cython.cfunc
    def icmp(self, r: cython.pointer(Replay)):
        """Return the first ICMP error, None without one."""
        i: cython.int
        e: cython.pointer(Evidence)
        family: uint8_t = r.connection.family
        for i in range(r.count):
            e = r.evidence[i]
            if e.marks & ICMP:
                from handshake_inspect.views.icmp import icmp_meaning

                kind: cython.int = e.detail >> 8 & 255
                code: cython.int = e.detail & 255
                high: uint64_t = cython.cast(uint64_t, e.seq) << 32 | e.ack
                low: uint64_t = cython.cast(uint64_t, e.length) << 32 | e.window
                return Icmp(
                    frame=self.frame(e.frame),
                    reporter=address_text(family, high, low),
                    type=kind,
                    code=code,
                    meaning=icmp_meaning(family, kind, code),
                    hard=bool(hard_icmp(family, kind, code)),
                )
        return None

    @cython.cfunc
    def closing(self, r: cython.pointer(Replay)):
        rst: cython.int = r.closing_rst
        if r.closing == CLOSING_NONE or r.closing == CLOSING_OPEN:
            rst = -1
        met: uint8_t = r.receiver_state[rst] if rst >= 0 else NO_STATE
        return Closing(
            kind=CLOSINGS[r.closing],
            first=_role(r.closed_first),
            frames=self.frames(r.closing_frames, 6),
            bytes_after_first_fin=bytes_per_side(r.rare[0].after_fin, r.rare[1].after_fin),
            reset_by=_role(r.sender[rst]) if rst >= 0 else None,
            reset_in_state=_states[met] if met != NO_STATE else None,
        )

    @cython.cfunc
    def checks(self, r: cython.pointer(Replay)) -> tuple:
        i: cython.int
        k: cython.pointer(JudgedCheck)
        made: list = []
        for i in range(r.check_count):
            k = cython.address(r.checks[i])
            made.append(
                Check(name=CHECK_NAMES[k.name], frame=self.frame(k.frame), expected=k.expected, seen=k.seen,
                      ok=k.ok != 0)
            )  # fmt: skip
        return tuple(made)

    @cython.cfunc
    def time_wait(self, r: cython.pointer(Replay)) -> tuple:
        side: cython.int
        s: cython.pointer(Stay)
        made: list = []
        for side in range(2):
            s = cython.address(r.stay[side])
            if s.present:
                made.append(
                    TimeWait(
                        holder=_roles[side],
                        frame=self.frame(s.frame),
                        start_ns=s.start_ns,
                        restarts=self.frames(s.restarts, s.restart_count),
                        end=TIME_WAIT_ENDS[s.end],
                        end_frame=self.frame_or_none(s.end_frame),
                        at_least_ns=None if s.at_least_ns == NEVER else s.at_least_ns,
                        at_most_ns=None if s.at_most_ns == NEVER else s.at_most_ns,
                        profile=self.profile,
                    )
                )
        return tuple(made)

    @cython.cfunc
    def findings(self, r: cython.pointer(Replay)) -> tuple:
        i: cython.int
        n: cython.pointer(JudgedNote)
        made: list = []
        for i in range(r.note_count):
            n = cython.address(r.notes[i])
            kind = FINDINGS[n.finding]
            role = _role(n.endpoint)
            text = sentence(kind, role, self.spelled(n.frames[0]), self.spelled(n.frames[1]), n.a, n.b)
            made.append(
                Finding(id=kind.id, severity=kind.severity, endpoint=role, frames=self.frames(n.frames, 2), text=text)
            )
        return tuple(made)

    @cython.cfunc
    def spelled(self, frame: uint64_t) -> str:
        """Return a frame as it stands in a sentence: `17`, with several captures `2:17`, nothing for none."""
        if not frame:
            return ""
        return f"{frame >> CAPTURE_SHIFT}:{frame & FRAME_MASK}" if self.several else f"{frame & FRAME_MASK}"


@cython.cfunc
def _role(side: uint8_t):
    return _roles[side] if side < NOBODY else None


@cython.cfunc
def _add_time(times: dict, state: uint8_t, spent_ns: int64_t):
    name = _states[state]
    times[name] = times.get(name, 0) + (spent_ns if spent_ns > 0 else 0)


@cython.cfunc
def _syn_times(r: cython.pointer(Replay)) -> tuple:
    """Return when the client sent each copy of its SYN."""
    i: cython.int
    e: cython.pointer(Evidence)
    times: list = []
    for i in range(r.count):
        e = r.evidence[i]
        if r.sender[i] == 0 and e.flags & (SYN | ACK) == SYN and not e.marks & ICMP:
            times.append(e.time_ns)
    return tuple(times)


@cython.cfunc
def _host_port(c: cython.pointer(Row), end: cython.int) -> bytes:
    """Return an endpoint's address and port as they are on the wire."""
    i: cython.int
    packed: uint8_t[18]
    size: cython.int = 4 if c.family == 4 else 16
    for i in range(size):
        packed[size - 1 - i] = (c.low[end] if i < 8 else c.high[end]) >> (8 * (i % 8)) & 255
    packed[size] = c.port[end] >> 8
    packed[size + 1] = c.port[end] & 255
    return cython.cast(cython.pointer(cython.char), packed)[: size + 2]


@cython.cfunc
def _interop(r: cython.pointer(Replay)):
    """Return the names that other tools give to the connection."""
    c: cython.pointer(Row) = r.connection
    a: cython.pointer(Flow) = r.flow[0]
    b: cython.pointer(Flow) = r.flow[1]
    # Wireshark's tcp.completeness is 0 for a stream of one segment, unless that is a SYN.
    lone: cython.bint = (
        cython.cast(uint64_t, a.segments) + r.rare[0].duplicates + b.segments + r.rare[1].duplicates == 1
    )
    history, state = zeek(c.history[0], c.history[1], c.client, a.bytes != 0 or b.bytes != 0)
    return Interop(
        wireshark_completeness=0 if lone and not c.completeness & 1 else c.completeness,
        zeek_conn_state=state,
        zeek_history=history,
        sf=sf_code(
            (a.syns + a.syn_acks != 0) + (b.syns + b.syn_acks != 0),
            (a.fins != 0) + (b.fins != 0),
            (a.flags | b.flags) & RST_SEEN != 0,
        ),
        community_id=community_id_of(_host_port(c, 0), _host_port(c, 1)),
    )
