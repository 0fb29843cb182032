"""Building a ladder: segments in, rows out, in one pass and with memory for the rows alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from handshake_inspect.looks.copies import Copies
from handshake_inspect.looks.ladder import (
    SCHEMA,
    SEQ_SPACE,
    Carried,
    Ladder,
    Note,
    Row,
    RowKind,
    Side,
    Start,
    Step,
    Sum,
    Takes,
)
from handshake_inspect.looks.remarks import (
    ACK,
    FIN,
    RST,
    SYN,
    Repeats,
    by_frame,
    challenged,
    flag_names,
    frames_of,
)
from handshake_inspect.report import Check, Frame, FrameOf
from handshake_inspect.rfc9293.seq import seq_distance

if TYPE_CHECKING:
    from handshake_inspect.report import CaptureInfo, CheckName, Connection, Endpoint, Role, State, Transition
    from handshake_inspect.segments import OneSegment

ROLES: tuple[Role, Role] = ("client", "server")
NANOSECONDS, MICROSECONDS = 9, 6

# fmt: off
SUMS: dict[CheckName, tuple[str, str]] = {
    # check                     which field,  of which number
    "syn-ack acknowledges syn": ("ACK",       "client's SYN"),
    "ack acknowledges syn-ack": ("ACK",       "server's SYN"),
    "ack continues from syn":   ("SEQ",       "client's SYN"),
    "client fin acknowledged":  ("ACK",       "client's FIN"),
    "server fin acknowledged":  ("ACK",       "server's FIN"),
}
# fmt: on


def ladder(
    connection: Connection,
    segments: Iterable[OneSegment],
    captures: Sequence[CaptureInfo],
    *,
    unfolded: bool = False,
) -> Ladder:
    """Return the ladder of a connection from its segments, in the order of the captures.

    `unfolded` gives each segment a row of its own, plain data and mirrored copies too.
    """
    climb = Climb(connection, several=len(captures) > 1, unfolded=unfolded)
    for segment in segments:
        climb.take(segment)
    climb.end_run()
    rows, remarks = climb.finish()
    times = [capture.first_time_ns for capture in captures if capture.first_time_ns is not None]
    fine = any((capture.time_resolution_ns or 1000) < 1000 for capture in captures)
    return Ladder(
        schema=SCHEMA,
        connection=connection,
        start_ns=min(times, default=connection.first_time_ns),
        decimals=NANOSECONDS if fine else MICROSECONDS,
        client_start=start(connection.client),
        server_start=start(connection.server),
        rows=rows,
        remarks=remarks,
    )


def start(endpoint: Endpoint) -> Start:
    """Where an endpoint began: only a CLOSED one is known from its own SYN or RST."""
    state = endpoint.transitions[0].from_ if endpoint.transitions else endpoint.state
    return Start(state=state, certainty=None if state is None else "observed" if state == "CLOSED" else "assumed")


@dataclass
class Tally:
    """What one side sent in a run."""

    segments: int = 0
    bytes: int = 0
    acks: int = 0
    again: int = 0
    copies: int = 0

    def frozen(self) -> Carried:
        return Carried(
            segments=self.segments, bytes=self.bytes, acks=self.acks, again=self.again, copies=self.copies
        )  # fmt: skip


@dataclass
class Draft:
    """A row while it is being built."""

    kind: RowKind
    frame: Frame | None
    last_frame: Frame | None
    time_ns: int
    last_time_ns: int
    sender: Role | None = None
    segment: OneSegment | None = None
    relative_seq: int | None = None
    relative_ack: int | None = None
    run: dict[Role, Tally] | None = None
    steps: dict[Role, list[Step]] = field(default_factory=lambda: {"client": [], "server": []})
    notes: list[Note] = field(default_factory=list)
    copies: list[Frame] = field(default_factory=list)


class Climb:
    """One pass over the segments of one connection."""

    def __init__(self, connection: Connection, *, several: bool, unfolded: bool) -> None:
        self.connection = connection
        self.several = several
        client, server = connection.client, connection.server
        self.one_socket = (client.address, client.port) == (server.address, server.port)
        self.unfolded = unfolded
        self.ends: dict[Role, Endpoint] = {"client": connection.client, "server": connection.server}
        self.copies = Copies(role for role, end in self.ends.items() if end.duplicates)
        self.repeats = Repeats()
        self.bases: dict[Role, int | None] = {role: end.isn for role, end in self.ends.items()}
        self.beyond: dict[Role, int] = {}
        self.matters = frames_that_matter(connection)
        self.drafts: list[Draft] = []
        self.places: dict[Frame, Draft] = {}
        self.run: Draft | None = None
        self.calls_for_challenge = frames_of(connection, "rst-challenged")
        self.challenge: tuple[Role, Frame] | None = None

    def take(self, segment: OneSegment) -> None:
        """Add one segment."""
        frame: Frame = FrameOf(capture=segment.capture, frame=segment.frame) if self.several else segment.frame
        client = self.connection.client
        sender: Role = "client" if (segment.source, segment.source_port) == (client.address, client.port) else "server"
        if segment.is_icmp:
            self.add(Draft("icmp", frame, frame, segment.time_ns, segment.time_ns))
            return
        original = self.copies.original(segment, frame, sender)
        if original is not None and not self.unfolded and original in self.places:
            self.places[original].copies.append(frame)
            self.places[frame] = self.places[original]
            return
        again = original is None and self.sent_again(segment, sender)
        challenge = self.answers_challenge(segment, frame, sender)
        if challenge is None and self.is_plain(segment, frame):
            self.into_run(segment, frame, sender, again=again, copy=original is not None)
            return
        draft = self.draft(segment, frame, sender)
        if original is not None:
            draft.notes.append(self.repeats.copied(original))
        else:
            draft.notes += self.repeats.of(segment, frame, sender, again=again)
        if challenge is not None:
            draft.notes.append(challenge)
        self.add(draft)

    def answers_challenge(self, segment: OneSegment, frame: Frame, sender: Role) -> Note | None:
        """The note on a challenge ACK: the next segment of a RST's receiver, when it is an ACK and nothing else."""
        if frame in self.calls_for_challenge:
            self.challenge = ("server" if sender == "client" else "client", frame)
        elif self.challenge is not None and self.challenge[0] == sender:
            of, self.challenge = self.challenge[1], None
            if segment.flags == ACK and not segment.length:
                return challenged(of)
        return None

    def is_plain(self, segment: OneSegment, frame: Frame) -> bool:
        """Tell whether a segment only carries data or acknowledges it, and nothing refers to it."""
        return not (segment.flags & (SYN | FIN | RST) or frame in self.matters or self.unfolded)

    def draft(self, segment: OneSegment, frame: Frame, sender: Role) -> Draft:
        """Return a row for one segment, with its relative numbers."""
        self.settle_bases(segment, sender)
        other: Role = "server" if sender == "client" else "client"
        mine, theirs = self.bases[sender], self.bases[other]
        draft = Draft("segment", frame, frame, segment.time_ns, segment.time_ns, sender, segment)
        if self.one_socket:
            draft.sender = None
        draft.relative_seq = None if mine is None else (segment.seq - mine) % SEQ_SPACE
        if segment.flags & ACK and theirs is not None:
            draft.relative_ack = (segment.ack - theirs) % SEQ_SPACE
        return draft

    def settle_bases(self, segment: OneSegment, sender: Role) -> None:
        """Where a SYN was not captured, the first number seen counts as 1, as Wireshark has it."""
        if self.bases[sender] is None:
            self.bases[sender] = (segment.seq - (0 if segment.flags & SYN else 1)) % SEQ_SPACE
        other: Role = "server" if sender == "client" else "client"
        if self.bases[other] is None and segment.flags & ACK and not segment.flags & RST:
            self.bases[other] = (segment.ack - 1) % SEQ_SPACE

    def sent_again(self, segment: OneSegment, sender: Role) -> bool:
        """Tell whether a segment carries data that its sender had sent before; a keep-alive probe does not count."""
        end = (segment.seq + segment.length) % SEQ_SPACE
        before = self.beyond.get(sender)
        if before is None or seq_distance(before, end) > 0:
            self.beyond[sender] = end
            return False
        probe = segment.length <= 1 and seq_distance(segment.seq, before) == 1
        return bool(segment.length) and not probe and self.ends[sender].retransmissions.data > 0

    def into_run(self, segment: OneSegment, frame: Frame, sender: Role, *, again: bool, copy: bool) -> None:
        """Count a plain segment in the run that is open, or open one."""
        self.settle_bases(segment, sender)
        run = self.run
        if run is None:
            run = self.run = self.draft(segment, frame, sender)
            run.run = {"client": Tally(), "server": Tally()}
            if again:
                run.notes += self.repeats.of(segment, frame, sender, again=True)
        assert run.run is not None
        tally = run.run[sender]
        run.last_frame, run.last_time_ns = frame, segment.time_ns
        tally.copies += copy
        tally.again += again
        tally.segments += not copy and segment.length > 0
        tally.acks += not copy and segment.length == 0
        tally.bytes += 0 if copy or again else segment.length

    def end_run(self) -> None:
        """Close the run: of one segment it is that segment's row."""
        run, self.run = self.run, None
        if run is None:
            return
        if run.frame == run.last_frame:
            run.run = None
        else:
            run.kind, run.sender, run.segment, run.notes = "run", None, None, []
            run.relative_seq = run.relative_ack = None
        self.append(run)

    def add(self, draft: Draft) -> None:
        self.end_run()
        self.append(draft)

    def append(self, draft: Draft) -> None:
        self.drafts.append(draft)
        assert draft.frame is not None
        self.places[draft.frame] = draft

    def finish(self) -> tuple[tuple[Row, ...], tuple[Note, ...]]:
        """Place transitions, sums and findings; return the rows and the findings that belong to none."""
        for endpoint in self.ends.values():
            for transition in endpoint.transitions:
                if transition.frame is None or transition.frame not in self.places:
                    self.insert_without_segment(transition)
        for role, endpoint in self.ends.items():
            self.place_steps(role, endpoint)
        placed, remarks = by_frame(self.connection, self.places)
        for frame, notes in placed.items():
            draft = self.places[frame]
            draft.notes += [note for note in notes if note not in draft.notes]
        return tuple(self.frozen()), tuple(remarks)

    def insert_without_segment(self, transition: Transition) -> None:
        """A row for a timer, or for the frame of another connection, at its time."""
        if transition.frame is None:
            draft = Draft("timer", None, None, transition.time_ns, transition.time_ns)
        else:
            draft = Draft("elsewhere", transition.frame, transition.frame, transition.time_ns, transition.time_ns)
            self.places[transition.frame] = draft
        place = len(self.drafts)
        while place and self.drafts[place - 1].time_ns > transition.time_ns:
            place -= 1
        self.drafts.insert(place, draft)

    def place_steps(self, role: Role, endpoint: Endpoint) -> None:
        """Each transition on the row of its frame, but never above the one before it."""
        rows = {id(draft): number for number, draft in enumerate(self.drafts)}
        timers = iter([draft for draft in self.drafts if draft.kind == "timer"])
        reached = 0
        for transition in endpoint.transitions:
            if transition.frame is None:
                draft = next(one for one in timers if one.time_ns == transition.time_ns)
            else:
                draft = self.places[transition.frame]
            own = rows[id(draft)]
            reached = max(reached, own)
            step = Step(transition=transition, caused_elsewhere=reached != own)
            self.drafts[reached].steps[role].append(step)

    def frozen(self) -> Iterable[Row]:
        states: dict[Role, State | None] = {role: start(end).state for role, end in self.ends.items()}
        sums: dict[Frame, list[Sum]] = {}
        for check in self.connection.checks:
            sums.setdefault(check.frame, []).append(sum_of(check))
        for draft in self.drafts:
            sides = {}
            for role in ROLES:
                steps = tuple(draft.steps[role])
                states[role] = steps[-1].transition.to if steps else states[role]
                sides[role] = Side(state=states[role], steps=steps)
            yield frozen(draft, sides, tuple(sums.get(draft.frame, ())) if draft.frame is not None else ())


def frozen(draft: Draft, sides: dict[Role, Side], sums: tuple[Sum, ...]) -> Row:
    """The draft as a row."""
    segment = draft.segment
    return Row(
        kind=draft.kind,
        frame=draft.frame,
        last_frame=draft.last_frame,
        time_ns=draft.time_ns,
        last_time_ns=draft.last_time_ns,
        sender=draft.sender,
        flags=flag_names(segment.flags) if segment else "",
        seq=segment.seq if segment else None,
        ack=segment.ack if segment and segment.flags & ACK else None,
        relative_seq=draft.relative_seq,
        relative_ack=draft.relative_ack,
        length=segment.length if segment else 0,
        window=segment.window if segment else None,
        by_client=draft.run["client"].frozen() if draft.run else None,
        by_server=draft.run["server"].frozen() if draft.run else None,
        client=sides["client"],
        server=sides["server"],
        takes=takes(segment) if segment and not any(note.id.endswith("-again") for note in draft.notes) else None,
        sums=sums,
        notes=tuple(draft.notes),
        copies=tuple(draft.copies),
    )


def takes(segment: OneSegment) -> Takes | None:
    """The number that a SYN or FIN takes: a SYN's is its SEQ, a FIN's comes after the data that it carries."""
    if segment.flags & RST or not segment.flags & (SYN | FIN):
        return None
    number = segment.seq if segment.flags & SYN else (segment.seq + segment.length) % SEQ_SPACE
    return Takes(what="SYN" if segment.flags & SYN else "FIN", number=number, next=(number + 1) % SEQ_SPACE)


def sum_of(check: Check) -> Sum:
    """A check of the report as a sum."""
    header_field, of = SUMS[check.name]
    beyond = seq_distance(check.expected, check.seen)
    return Sum(
        name=check.name,
        field=header_field,  # type: ignore[arg-type]
        seen=check.seen,
        of=of,  # type: ignore[arg-type]
        number=(check.expected - 1) % SEQ_SPACE,
        data=beyond if check.ok else 0,
        ok=check.ok,
        off=0 if check.ok else beyond,
    )


def frames_that_matter(connection: Connection) -> frozenset[Frame]:
    """Every frame that the report refers to: these have rows of their own."""
    frames: set[Frame | None] = {*connection.opening.frames, *connection.closing.frames}
    for endpoint in (connection.client, connection.server):
        for transition in endpoint.transitions:
            frames |= {transition.frame, transition.earliest_frame}
    frames |= {check.frame for check in connection.checks}
    frames |= {frame for finding in connection.findings for frame in finding.frames}
    frames |= {frame for stay in connection.time_wait for frame in (*stay.restarts, stay.end_frame)}
    return frozenset(frame for frame in frames if frame is not None)
