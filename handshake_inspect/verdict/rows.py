"""The scratch pad of one judged connection as rows of columns, for the tables of a report.

ROW and STEP_ROW are PEP 3118's spelling of the structs in `rows.pxd`, as NumPy reads them.
"""

import cython
from cython.cimports.handshake_inspect.rfc9293.states import NO_STATE
from cython.cimports.handshake_inspect.track.table import NOBODY, Connection, Flow, RareFlow
from cython.cimports.handshake_inspect.verdict.checks import judge_checks
from cython.cimports.handshake_inspect.verdict.opening import certainty_of_opening
from cython.cimports.handshake_inspect.verdict.replay import NEVER, Replay, Stay, Step
from cython.cimports.handshake_inspect.verdict.words import CLOSING_NONE, CLOSING_OPEN
from cython.cimports.libc.stdint import uint8_t, uint32_t

ROW = (
    "T{(2)Q:high:(2)Q:low:q:first_time_ns:q:last_time_ns:Q:first_frame:Q:last_frame:q:server_side_ns:q:client_side_ns:"
    "(2)Q:bytes:(2)Q:after_fin:(2)q:stay_start_ns:(2)q:stay_at_least_ns:(2)q:stay_at_most_ns:Q:findings:I:number:"
    "I:refusals:(2)I:isn:(2)I:segments:(2)I:data_retransmissions:(2)I:duplicates:(2)I:missing:(2)H:flags:(2)H:syns:"
    "(2)H:syn_acks:(2)H:fins:(2)H:mss:(2)H:port:H:incarnation:(2)B:window_scale:(2)B:options:(2)B:stay_end:(2)B:state:"
    "B:family:B:guessed:B:completeness:B:opening:B:opening_certainty:B:closing:B:closed_first:B:reset_by:"
    "B:reset_in_state:B:severity:B:checks:B:failed_checks:2x}"
)
STEP_ROW = (
    "T{q:time_ns:Q:frame:Q:earliest_frame:Q:confirmed_by:I:connection:B:endpoint:B:before:B:after:B:event:B:certainty:"
    "7x}"
)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def fill_row(row: cython.pointer(Row), r: cython.pointer(Replay), number: cython.Py_ssize_t) -> cython.void:
    """Write what was judged of connection `number`."""
    c: cython.pointer(Connection) = r.connection
    f: cython.pointer(Flow)
    rare: cython.pointer(RareFlow)
    s: cython.pointer(Stay)
    side: cython.int
    i: cython.int
    end: cython.int
    judge_checks(r)
    row.number = cython.cast(uint32_t, number)
    row.first_time_ns = c.first_time_ns
    row.last_time_ns = c.last_time_ns
    row.first_frame = c.first_frame
    row.last_frame = c.last_frame
    row.server_side_ns = r.server_side_ns
    row.client_side_ns = r.client_side_ns
    row.refusals = r.refusals
    row.findings = c.findings
    row.severity = c.severity
    row.incarnation = c.incarnation
    row.family = c.family
    row.guessed = r.guessed
    row.completeness = c.completeness
    row.opening = r.opening
    row.opening_certainty = certainty_of_opening(r)
    row.closing = r.closing
    row.closed_first = r.closed_first
    row.reset_by = NOBODY
    row.reset_in_state = NO_STATE
    if r.closing_rst >= 0 and r.closing != CLOSING_NONE and r.closing != CLOSING_OPEN:
        row.reset_by = r.sender[r.closing_rst]
        row.reset_in_state = r.receiver_state[r.closing_rst]
    row.checks = cython.cast(uint8_t, r.check_count)
    row.failed_checks = 0
    for i in range(r.check_count):
        row.failed_checks += not r.checks[i].ok
    for side in range(2):
        end = c.client if side == 0 else 1 - c.client
        f = r.flow[side]
        rare = r.rare[side]
        s = cython.address(r.stay[side])
        row.high[side] = c.high[end]
        row.low[side] = c.low[end]
        row.port[side] = c.port[end]
        row.state[side] = r.state[side]
        row.stay_start_ns[side] = s.start_ns if s.present else NEVER
        row.stay_at_least_ns[side] = s.at_least_ns if s.present else NEVER
        row.stay_at_most_ns[side] = s.at_most_ns if s.present else NEVER
        row.stay_end[side] = s.end if s.present else NO_WORD
        row.bytes[side] = f.bytes
        row.after_fin[side] = rare.after_fin
        row.isn[side] = f.isn
        row.segments[side] = f.segments
        row.data_retransmissions[side] = rare.data_retransmissions
        row.duplicates[side] = rare.duplicates
        row.missing[side] = rare.missing
        row.flags[side] = f.flags
        row.syns[side] = f.syns
        row.syn_acks[side] = f.syn_acks
        row.fins[side] = f.fins
        row.mss[side] = f.mss
        row.window_scale[side] = f.window_scale
        row.options[side] = f.options


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def fill_steps(rows: cython.pointer(StepRow), r: cython.pointer(Replay), number: cython.Py_ssize_t) -> cython.void:
    """Write the transitions of connection `number`: the client's, then the server's, each in their order."""
    side: cython.int
    i: cython.int
    n: cython.Py_ssize_t = 0
    s: cython.pointer(Step)
    for side in range(2):
        for i in range(r.step_count[side]):
            s = cython.address(r.steps[side][i])
            rows[n].connection = cython.cast(uint32_t, number)
            rows[n].endpoint = cython.cast(uint8_t, side)
            rows[n].before = s.before
            rows[n].after = s.after
            rows[n].event = s.event
            rows[n].certainty = s.certainty
            rows[n].time_ns = s.time_ns
            rows[n].frame = s.frame
            rows[n].earliest_frame = s.earliest_frame
            rows[n].confirmed_by = s.confirmed_by
            n += 1
