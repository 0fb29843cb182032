"""Judges connections: one by one for a view, or all of them for the summary.

A verdict costs a microsecond, so it is made again when somebody asks for it; only what the summary and the choice of
what to show need stays in the connection's row.
"""

import cython
from cython.cimports.cython.view import array as c_array
from cython.cimports.handshake_inspect.rfc9293.states import NO_STATE, STATES
from cython.cimports.handshake_inspect.track.embryo import EMBRYO
from cython.cimports.handshake_inspect.track.table import Connection, Evidence, Flow, RareFlow
from cython.cimports.handshake_inspect.track.tracker import Tracker, prefetch
from cython.cimports.handshake_inspect.verdict.checks import judge_checks
from cython.cimports.handshake_inspect.verdict.closing import judge_closing
from cython.cimports.handshake_inspect.verdict.findings import FINDING_COUNT, FINDING_ISN_PREDICTABLE
from cython.cimports.handshake_inspect.verdict.isns import Isns
from cython.cimports.handshake_inspect.verdict.notes import judge_findings
from cython.cimports.handshake_inspect.verdict.opening import certainty_of_opening, judge_opening
from cython.cimports.handshake_inspect.verdict.replay import MOST_LOSSES, MOST_STEPS, Loss, Replay, Stay, replay
from cython.cimports.handshake_inspect.verdict.rows import Row, StepRow, fill_row, fill_steps
from cython.cimports.handshake_inspect.verdict.time_wait import judge_time_wait
from cython.cimports.handshake_inspect.verdict.words import CLOSING_COUNT, OPENING_COUNT
from cython.cimports.libc.stdint import int64_t, uint8_t, uint32_t, uint64_t
from cython.cimports.libc.stdlib import calloc, free, malloc
from cython.cimports.libc.string import memset

from handshake_inspect.ahead import cores
from handshake_inspect.rfc9293.states import State
from handshake_inspect.track.history import history_text
from handshake_inspect.verdict.findings import FINDINGS, NUMBERS
from handshake_inspect.verdict.rows import ROW, STEP_ROW
from handshake_inspect.verdict.words import CLOSINGS, OPENINGS, ROLES, SEVERITIES

assert len(FINDINGS) == FINDING_COUNT
_severity = cython.declare(uint8_t[64])
for _number, _kind in enumerate(FINDINGS):
    _severity[cython.cast(cython.Py_ssize_t, _number)] = SEVERITIES.index(_kind.severity)


HALVES_PAY = cython.declare(cython.Py_ssize_t, 10_000)
"""Connections from which on a second thread costs less than it saves."""

FETCHED = cython.declare(cython.int, 8)
Fetched = cython.struct(links=cython.uint[8])
"""The next evidence row of each of the next connections, as an index + 1."""


@cython.cclass
class Judge:
    """The verdicts on a tracker's connections.

    `capture_end_ns` is the time of the last frame of the capture, `two_msl_ns` how long TIME_WAIT is taken to last.
    """

    def __cinit__(self, tracker: Tracker, capture_end_ns: int64_t, two_msl_ns: int64_t):
        self.tracker = tracker
        self.judged = 0
        self.isns = Isns()
        self.pad = cython.cast(cython.pointer(Replay), calloc(1, cython.sizeof(Replay)))
        if self.pad == cython.NULL:
            raise MemoryError
        self.pad.capture_end_ns = capture_end_ns
        self.pad.two_msl_ns = two_msl_ns

    def __dealloc__(self):
        free(self.pad)
        free(self.sides)

    def judge_all(self):
        """Judge every connection that is not judged yet, and count.

        The embryos are alike to every rule: the first one is judged, and the others are counted with it.
        """
        row: int64_t
        t: Tracker = self.tracker
        end: cython.Py_ssize_t = t.place_count
        middle: cython.Py_ssize_t = end
        failed: cython.bint
        other: Judge = self
        # A second thread may only read what the first one learns of the hosts' ISNs, so it must be nothing yet.
        if t.row_count >= HALVES_PAY and cores() > 1 and not self.isns.predictable:
            from threading import Thread

            middle = (self.judged + end) // 2
            other = Judge(t, self.pad.capture_end_ns, self.pad.two_msl_ns)
            second = Thread(target=other.judge_half, args=(middle, end), name="judge")
            second.start()
        with cython.nogil:
            failed = not _judge_range(self, t, self.judged, middle, cython.NULL)
        if middle < end:
            second.join()
            if other.sides == cython.NULL or failed:
                raise MemoryError
            self._add(other, middle, end)
        if failed:
            raise MemoryError
        if self.embryos:
            row = t.row_of(self.first_embryo)
            if row < 0:
                raise MemoryError
            judge_row(self.pad, t, self.isns, row)
            self.lone_syn = t.connections[row]
            count_row(self, cython.address(self.lone_syn), t.number_of(self.first_embryo), self.embryos)
            self.embryos = 0
        self.judged = end
        if self.isns.settle() or self.finding_counts[FINDING_ISN_PREDICTABLE]:
            self._judge_again()

    def judge_half(self, first: cython.Py_ssize_t, end: cython.Py_ssize_t):
        """Judge the connections `first` to `end` - 1 for another Judge, in a thread; without memory `sides` is NULL."""
        sides: cython.pointer(int64_t)
        t: Tracker = self.tracker
        sides = cython.cast(cython.pointer(int64_t), malloc((end - first) * cython.sizeof(int64_t)))
        if sides == cython.NULL:
            return
        with cython.nogil:
            _judge_range(self, t, first, end, sides)
        self.sides = sides

    @cython.cfunc
    def _add(self, other: Judge, first: cython.Py_ssize_t, end: cython.Py_ssize_t):
        """Add the counts of the half that `other` judged, and learn its ISNs, in the order of the connections."""
        n: cython.int
        c: cython.pointer(Connection)
        number: cython.Py_ssize_t
        for n in range(OPENING_COUNT):
            self.openings[n] += other.openings[n]
        for n in range(CLOSING_COUNT):
            self.closings[n] += other.closings[n]
        for n in range(3):
            self.closed_first[n] += other.closed_first[n]
        for n in range(STATES):
            self.states[n] += other.states[n]
        for n in range(FINDING_COUNT):
            if other.finding_counts[n] and not self.finding_counts[n]:
                self.examples[n] = other.examples[n]
            self.finding_counts[n] += other.finding_counts[n]
        self.counted += other.counted
        if other.embryos and not self.embryos:
            self.first_embryo = other.first_embryo
        self.embryos += other.embryos
        for number in range(first, end):
            if self.tracker.places[number] == 0 or self.tracker.places[number] & EMBRYO:
                continue
            c = cython.address(self.tracker.connections[self.tracker.places[number] - 1])
            self.pad.connection = c
            self.pad.flow[0] = cython.address(c.flow[c.client])
            self.pad.flow[1] = cython.address(c.flow[1 - c.client])
            self.pad.opening = c.opening
            self.pad.server_side_ns = other.sides[number - first]
            if not self.isns.learn(self.pad, self.tracker):
                raise MemoryError

    @cython.cfunc
    def _judge_again(self):
        """Judge once more, now that it is known whose ISNs can be predicted: all connections together show that."""
        number: cython.Py_ssize_t
        row: int64_t
        found: uint64_t = 0
        t: Tracker = self.tracker
        with cython.nogil:
            for number in range(self.judged):
                if t.places[number] == 0 or t.places[number] & EMBRYO:
                    continue
                row = t.places[number] - 1
                judge_row(self.pad, t, self.isns, row)
                if t.connections[row].findings >> FINDING_ISN_PREDICTABLE & 1:
                    if not found:
                        self.examples[FINDING_ISN_PREDICTABLE] = t.number_of(number)
                    found += 1
        self.finding_counts[FINDING_ISN_PREDICTABLE] = found

    def end(self, capture_end_ns: int64_t):
        """Set the time of the last frame anew."""
        self.pad.capture_end_ns = capture_end_ns

    def lose(self, first_ns: int64_t, last_ns: int64_t, frames: int64_t):
        """Tell that the capture lost frames between two times; losses come in their order, and the last ones join."""
        loss: cython.pointer(Loss)
        if self.pad.loss_count < MOST_LOSSES:
            loss = cython.address(self.pad.losses[self.pad.loss_count])
            self.pad.loss_count += 1
            loss.first_ns = first_ns
            loss.frames = 0
        else:
            loss = cython.address(self.pad.losses[MOST_LOSSES - 1])
        loss.last_ns = last_ns
        loss.frames += frames

    def positions(self):
        """Yield the positions in the tracker's places that hold a connection."""
        number: cython.Py_ssize_t
        for number in range(self.tracker.place_count):
            if self.tracker.places[number]:
                yield number

    def summary(self):
        """Return counts over all connections, as dicts by word, in the order of the words' tables; 0 is left out."""
        return {
            "connections": self.counted,
            "openings": {word: self.openings[n] for n, word in enumerate(OPENINGS) if self.openings[n]},
            "closings": {word: self.closings[n] for n, word in enumerate(CLOSINGS) if self.closings[n]},
            "findings": {kind.id: self.finding_counts[n] for n, kind in enumerate(FINDINGS) if self.finding_counts[n]},
            "closed_first": {word: self.closed_first[n] for n, word in enumerate(ROLES) if self.closed_first[n]},
            "final_states": {state.name: self.states[int(state)] for state in State if self.states[int(state)]},
        }

    def first_with(self, finding_id: str):
        """Return the row of the first connection that shows the finding, or None."""
        n: cython.Py_ssize_t = NUMBERS[finding_id]
        return self.examples[n] if self.finding_counts[n] else None

    def worst(self, count: cython.Py_ssize_t):
        """Return the numbers of the `count` connections with the worst findings, worst first, then by number."""
        level: cython.int
        number: cython.Py_ssize_t
        found: list = []
        for level in range(3, -1, -1):
            for number in range(self.judged):
                if len(found) >= count:
                    return found
                if _severity_of(self, number) == level:
                    found.append(self.tracker.number_of(number))
        return found

    def first_there_with(self, finding_id: str):
        """Return the number of the first connection that has not left and shows the finding, or None."""
        bit: uint64_t = cython.cast(uint64_t, 1) << NUMBERS[finding_id]
        position: cython.Py_ssize_t
        place: uint32_t
        for position in range(self.judged):
            place = self.tracker.places[position]
            if (
                place
                and (self.lone_syn.findings if place & EMBRYO else self.tracker.connections[place - 1].findings) & bit
            ):
                return self.tracker.number_of(position)
        return None

    @cython.cfunc
    @cython.exceptval(-1)
    def look(self, position: cython.Py_ssize_t) -> cython.int:
        """Judge the connection at a position of the tracker's places; what is found is in the pad until the next one.

        Positions are the connections' numbers until connections leave.
        """
        row: int64_t
        if not 0 <= position < self.tracker.place_count or not self.tracker.places[position]:
            raise IndexError(position)
        row = self.tracker.row_of(position)
        if row < 0:
            raise MemoryError
        with cython.nogil:
            judge_row(self.pad, self.tracker, self.isns, row)
        return 0

    def view(self, position: cython.Py_ssize_t):
        """Judge a connection as `look` does and return all that is known of it, as dicts and tuples of numbers.

        Reports are made without it; tests hold it against what other programs say.
        """
        self.look(position)
        return _plain(self.pad, self.tracker.number_of(position))

    def rows(self, first: cython.Py_ssize_t, end: cython.Py_ssize_t):
        """Judge the connections `first` to `end` - 1, at least one, and return a column of their Rows."""
        number: cython.Py_ssize_t
        row: int64_t
        out: Row[::1] = c_array(shape=(end - first,), itemsize=cython.sizeof(Row), format=ROW.encode())
        for number in range(first, end):
            row = self.tracker.row_of(number)
            if row < 0:
                raise MemoryError
            with cython.nogil:
                judge_row(self.pad, self.tracker, self.isns, row)
                fill_row(cython.address(out[number - first]), self.pad, number)
        return out.base

    def steps(self, first: cython.Py_ssize_t, end: cython.Py_ssize_t):
        """Judge the connections `first` to `end` - 1 and return a column of their StepRows, None without any."""
        number: cython.Py_ssize_t
        row: int64_t
        filled: cython.Py_ssize_t = 0
        out: StepRow[::1] = _step_column(8 * (end - first) + 2 * MOST_STEPS)
        grown: StepRow[::1]
        for number in range(first, end):
            row = self.tracker.row_of(number)
            if row < 0:
                raise MemoryError
            if filled + 2 * MOST_STEPS > out.shape[0]:
                grown = _step_column(2 * out.shape[0])
                grown[:filled] = out[:filled]
                out = grown
            with cython.nogil:
                judge_row(self.pad, self.tracker, self.isns, row)
                fill_steps(cython.address(out[filled]), self.pad, number)
                filled += self.pad.step_count[0] + self.pad.step_count[1]
        return out[:filled] if filled else None


@cython.cfunc
def _step_column(rows: cython.Py_ssize_t):
    return c_array(shape=(rows,), itemsize=cython.sizeof(StepRow), format=STEP_ROW.encode())


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _judge_range(
    j: Judge, t: Tracker, first: cython.Py_ssize_t, end: cython.Py_ssize_t, sides: cython.pointer(int64_t)
) -> cython.bint:
    """Judge and count the connections `first` to `end` - 1, but for embryos, which are counted by themselves.

    Their ISNs are learnt; or what that needs is left in `sides`, where given.  False when memory is out.
    """
    number: cython.Py_ssize_t
    fetched: Fetched
    c: cython.pointer(Connection)
    memset(cython.address(fetched), 0, cython.sizeof(Fetched))
    for number in range(first, end):
        if t.places[number] == 0:
            continue
        if t.places[number] & EMBRYO:
            if not j.embryos:
                j.first_embryo = number
            j.embryos += 1
            continue
        c = cython.address(t.connections[t.places[number] - 1])
        _fetch_ahead(t, cython.address(fetched), number, end)
        judge_row(j.pad, t, j.isns, t.places[number] - 1)
        if sides:
            sides[number - first] = j.pad.server_side_ns
        elif not j.isns.learn(j.pad, t):
            return False
        count_row(j, c, t.number_of(number), 1)
    return True


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _severity_of(j: Judge, number: cython.Py_ssize_t) -> cython.int:
    """Return the severity of the worst finding of a judged connection, -1 of one that has left."""
    place: uint32_t = j.tracker.places[number]
    if place == 0:
        return -1
    return j.lone_syn.severity if place & EMBRYO else j.tracker.connections[place - 1].severity


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _fetch_ahead(
    t: Tracker, f: cython.pointer(Fetched), number: cython.Py_ssize_t, end: cython.Py_ssize_t
) -> cython.void:
    """Ask for one more evidence row of each of the next connections.

    The rows of a connection are a chain all over the memory.  Until a connection is judged it was in here FETCHED
    times, so its first rows are at hand.
    """
    i: cython.int
    ahead: cython.Py_ssize_t = number + FETCHED
    if ahead + 4 < end and t.places[ahead + 4] and not t.places[ahead + 4] & EMBRYO:
        prefetch(cython.address(t.connections[t.places[ahead + 4] - 1].first_evidence))
    for i in range(FETCHED):
        if f.links[i]:
            f.links[i] = t.evidence[f.links[i] - 1].next
            if f.links[i]:
                prefetch(cython.address(t.evidence[f.links[i] - 1]))
    i = number % FETCHED
    f.links[i] = 0
    if ahead < end and t.places[ahead] and not t.places[ahead] & EMBRYO:
        f.links[i] = t.connections[t.places[ahead] - 1].first_evidence
        if f.links[i]:
            prefetch(cython.address(t.evidence[f.links[i] - 1]))


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def judge_row(r: cython.pointer(Replay), t: Tracker, isns: Isns, row: cython.Py_ssize_t) -> cython.void:
    """Judge one connection and leave the short of it in its row."""
    c: cython.pointer(Connection)
    i: cython.int
    severity: uint8_t = 0
    replay(r, t, row)
    judge_opening(r)
    judge_closing(r)
    judge_time_wait(r, t)
    judge_findings(r, t)
    isns.judge(r, t)
    c = r.connection
    c.opening = r.opening
    c.closing = r.closing
    c.closed_first = r.closed_first
    c.state[0] = r.state[0]
    c.state[1] = r.state[1]
    c.findings = 0
    for i in range(r.note_count):
        c.findings |= cython.cast(uint64_t, 1) << r.notes[i].finding
        if _severity[r.notes[i].finding] > severity:
            severity = _severity[r.notes[i].finding]
    c.severity = severity


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def count_row(j: Judge, c: cython.pointer(Connection), number: cython.Py_ssize_t, times: uint64_t) -> cython.void:
    """Add `times` connections that are judged like `c` to the summary, the first of them being connection `number`."""
    left: uint64_t = c.findings
    n: cython.int = 0
    j.counted += times
    j.openings[c.opening] += times
    j.closings[c.closing] += times
    j.closed_first[c.closed_first] += times
    if c.state[0] != NO_STATE:
        j.states[c.state[0]] += times
    if c.state[1] != NO_STATE:
        j.states[c.state[1]] += times
    while left:
        if left & 1:
            if not j.finding_counts[n] or cython.cast(uint64_t, number) < j.examples[n]:
                j.examples[n] = number
            j.finding_counts[n] += times
        left >>= 1
        n += 1


@cython.cfunc
def _flow(f: cython.pointer(Flow), rare: cython.pointer(RareFlow)) -> dict:
    return {
        "bytes": f.bytes, "after_fin": rare.after_fin, "segments": f.segments, "isn": f.isn, "next": f.next,
        "missing": rare.missing, "data_retransmissions": rare.data_retransmissions, "duplicates": rare.duplicates,
        "syns": f.syns, "syn_acks": f.syn_acks, "fins": f.fins, "mss": f.mss, "flags": f.flags,
        "window_scale": f.window_scale, "options": f.options, "fast_open": rare.fast_open,
        "syn_bits": rare.syn_bits,
        "fin": f.fin,
    }  # fmt: skip


@cython.cfunc
def _evidence(r: cython.pointer(Replay)) -> list:
    i: cython.int
    e: cython.pointer(Evidence)
    rows: list = []
    for i in range(r.count):
        e = r.evidence[i]
        rows.append((
            e.time_ns, e.frame, e.detail, e.seq, e.ack, e.length, e.window, e.flags, r.sender[i], e.marks,
            r.rst_fate[i], r.receiver_state[i],
        ))  # fmt: skip
    return rows


@cython.cfunc
def _plain(r: cython.pointer(Replay), number: cython.Py_ssize_t) -> dict:
    """Return the scratch pad as plain Python."""
    c: cython.pointer(Connection) = r.connection
    side: cython.int
    i: cython.int
    s: cython.pointer(Stay)
    steps: list = [[], []]
    stays: list = []
    client: cython.int = c.client
    with cython.nogil:
        judge_checks(r)
    for side in range(2):
        for i in range(r.step_count[side]):
            steps[side].append((
                r.steps[side][i].before, r.steps[side][i].after, r.steps[side][i].event, r.steps[side][i].frame,
                r.steps[side][i].earliest_frame, r.steps[side][i].time_ns, r.steps[side][i].certainty,
                r.steps[side][i].confirmed_by,
            ))  # fmt: skip
        s = cython.address(r.stay[side])
        if s.present:
            stays.append((
                side, s.frame, s.start_ns, [s.restarts[i] for i in range(s.restart_count)], s.end, s.end_frame,
                s.at_least_ns, s.at_most_ns,
            ))  # fmt: skip
    return {
        "row": number, "client": client, "high": (c.high[client], c.high[1 - client]),
        "low": (c.low[client], c.low[1 - client]), "port": (c.port[client], c.port[1 - client]),
        "family": c.family, "incarnation": c.incarnation, "flags": c.flags, "completeness": c.completeness,
        "guessed": r.guessed, "first_frame": c.first_frame, "last_frame": c.last_frame,
        "first_time_ns": c.first_time_ns, "last_time_ns": c.last_time_ns,
        "history": history_text(c.history[0], c.history[1], client),
        "flow": (_flow(r.flow[0], r.rare[0]), _flow(r.flow[1], r.rare[1])), "state": (r.state[0], r.state[1]),
        "first_state": (r.first_state[0], r.first_state[1]), "steps": steps, "stays": stays,
        "opening": r.opening, "opening_certainty": certainty_of_opening(r),
        "opening_frames": [r.opening_frames[i] for i in range(4) if r.opening_frames[i]],
        "server_side_ns": r.server_side_ns, "client_side_ns": r.client_side_ns, "refusals": r.refusals,
        "closing": r.closing, "closed_first": r.closed_first,
        "closing_frames": [r.closing_frames[i] for i in range(6) if r.closing_frames[i]],
        "closing_rst": r.closing_rst, "evidence": _evidence(r), "evidence_dropped": r.evidence_dropped,
        "checks": [
            (r.checks[i].name, r.checks[i].frame, r.checks[i].expected, r.checks[i].seen, r.checks[i].ok)
            for i in range(r.check_count)
        ],
        "notes": [
            (r.notes[i].finding, r.notes[i].endpoint, r.notes[i].frames[0], r.notes[i].frames[1], r.notes[i].a,
             r.notes[i].b)
            for i in range(r.note_count)
        ],
    }  # fmt: skip
