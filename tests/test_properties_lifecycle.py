"""The report against the truth: two simulated endpoints converse at random, and the capture is analysed.

What a capture can show (SEMANTICS: "from segments to states"), for each endpoint:

- A move that it made by sending a captured segment is there.
- A SYN or FIN that it received is there as soon as a captured segment of its own acknowledges it; an ACK of its own
  SYN or FIN, and a RST, as soon as it was captured on its way.
- Everything that is claimed happened, in that order.  Only an `inferred` claim may be wrong, and only when its segment
  had not arrived when the endpoint moved on: it was lost behind the capture, or still on its way.
- A move that sends nothing (a connect that is given up, a deleted TCB) is not there, and nothing stands in its place,
  except that a RST which the closed endpoint sends later shows it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from captures import write_pcap
from conversations import ENDS, FATES, LATENCIES, POINTS, TRAITS, profile, scripts, worlds
from endpoints import ACK, FIN, RST, SYN, Move, Sent, ahead
from handshake_inspect import analyse
from handshake_inspect.report import Connection, Endpoint, Transition
from handshake_inspect.rfc9293.states import Event as E
from handshake_inspect.rfc9293.states import State as S
from link import START_NS, Fate, World, converse, frames

PORTS = {"A": 40000, "B": 80}
UNSEEN = (E.PASSIVE_OPEN, E.TIMEOUT_2MSL)
SENT_EVENTS = (E.SND_SYN, E.SND_FIN, E.SND_RST)
ACKED_EVENTS = (E.RCV_SYN, E.RCV_SYN_ACK, E.RCV_FIN)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    shm = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shm if shm.is_dir() else None) as name:
        yield Path(name)


def report_on(folder: Path, world: World, last: int | None = None) -> list[Connection]:
    """Analyse the capture up to frame `last` and return its connections: the incarnations of one 4-tuple."""
    path = write_pcap(folder / "capture.pcap", frames(world, 1, last), link_type=101)
    return list(analyse(str(path)).connections)


def end_of(connection: Connection, name: str) -> Endpoint:
    return connection.client if connection.client.port == PORTS[name] else connection.server


def claims(connections: list[Connection], name: str) -> list[Transition]:
    """What the report says that segments show of one endpoint, over all incarnations: all but the end of TIME_WAIT."""
    ended = (E.TIMEOUT_2MSL.text, E.NEW_SYN.text)
    return [
        each for connection in connections for each in end_of(connection, name).transitions if each.event not in ended
    ]


def moves(world: World, name: str) -> list[Move]:
    return [each for each in world.ends[name].moves if each.event not in UNSEEN]


def passed(sent: Sent | None, last: int) -> bool:
    """Whether a copy of a segment is among the first `last` frames."""
    return sent is not None and any(frame <= last for frame in sent.frames)


def is_shown(world: World, name: str, move: Move, last: int) -> bool:
    """Whether the first `last` frames show `move` (the rules at the head of this file)."""
    cause = move.cause
    if move.event is None or cause is None or not passed(cause, last):
        return False
    if move.event == E.RCV_RST:
        # Whoever goes on with data or a FIN did not take the RST; what crossed it on the way cannot be told from that.
        later = [sent for sent in world.sent if sent.sender == name and passed(sent, last)]
        return not any(
            max(sent.frames) > min(cause.frames) and (sent.segment.length or sent.segment.flags & FIN) for sent in later
        )
    if move.event not in ACKED_EVENTS:
        return True
    proofs = [sent for sent in world.sent if sent.sender == name and passed(sent, last) and sent.segment.flags & ACK]
    if move.event != E.RCV_SYN:
        proofs = [sent for sent in proofs if not sent.segment.flags & SYN]
    return any(ahead(cause.segment.end, sent.segment.ack) >= 0 for sent in proofs if not sent.segment.flags & RST)


def story(world: World, connections: list[Connection], last: int) -> str:
    """Return the ladder, and beside it what the report says."""
    lines = [world.ladder(), f"captured up to frame {last}; the report:"]
    for connection in connections:
        lines.append(f"{connection.opening.kind}, {connection.closing.kind}, first {connection.closing.first}")
        for name in ENDS:
            steps = end_of(connection, name).transitions
            told = (f"{each.from_}>{each.to} {each.event} frame {each.frame} {each.certainty}" for each in steps)
            lines.append(f"{name}: {'; '.join(told)}")
    return "\n" + "\n".join(lines)


def fits(claim: Transition, move: Move, slipped: bool) -> bool:
    """Whether the claim is that move; a RST may show later that an endpoint is CLOSED.

    Once the two have `slipped` against each other (something was not yet shown), only what happened is compared.
    """
    if move.event is None:
        return claim.to == "CLOSED"
    return move.event.text == claim.event and (slipped or move.after.name == claim.to)


def check_order(world: World, name: str, connections: list[Connection], last: int, own: bool = False) -> None:
    """Hold the claims on one endpoint against the truth, in their order; in its `own` capture, the times too."""
    truth, ours = moves(world, name), claims(connections, name)
    by_frame = {seen.frame: seen.sent for seen in world.captured}
    tale = story(world, connections, last)
    at, slipped = 0, False
    for claim in ours:
        cause = by_frame[claim.frame]
        moved_on = truth[at].time_ns if at < len(truth) else None
        while at < len(truth) and not fits(claim, truth[at], slipped) and not is_shown(world, name, truth[at], last):
            at, slipped = at + 1, True
        move = truth[at] if at < len(truth) else None
        arrived = min(cause.arrived_ns, default=None)
        if move is not None and fits(claim, move, slipped):
            assert slipped or move.before.name == claim.from_, f"{name} was not in {claim.from_}{tale}"
            if own and move.event is not None and claim.certainty != "inferred":
                off_ns = START_NS + move.time_ns - claim.time_ns
                # Of several holes before a FIN the analysis remembers one.
                right = off_ns >= 0 if move.event == E.RCV_FIN and world.ends[name].traits.holds else off_ns == 0
                assert right, f"{name}: {claim.event} has the wrong time{tale}"
            at += 1
        elif claim.certainty == "inferred" and (arrived is None or (moved_on is not None and arrived >= moved_on)):
            slipped = True  # Still on its way when the endpoint moved on: nothing shows that.
        else:
            raise AssertionError(f"{name} never went {claim.from_} to {claim.to} ({claim.event}) there{tale}")
    # What follows a move that is not shown cannot be told, except what the endpoint itself sent.
    missing = [
        move
        for place, move in enumerate(truth[at:])
        if (place == 0 or move.event in SENT_EVENTS) and is_shown(world, name, move, last)
    ]
    assert not missing, f"{name}: {[f'{m.before.name}>{m.after.name}' for m in missing]} is shown and not told{tale}"


@profile(500)
@given(
    script=scripts(),
    point=st.sampled_from(POINTS),
    latency=LATENCIES,
    traits=st.tuples(TRAITS, TRAITS),
    slow=st.lists(st.sampled_from((0, 0, 4, 60)), max_size=12),
    cut=st.none() | st.integers(1, 20),
)
def test_on_a_link_that_loses_nothing_the_report_tells_the_truth_and_all_that_is_shown(
    folder, script, point, latency, traits, slow, cut
):
    fates = [Fate(slow_before=each, slow_behind=each // 2) for each in slow]
    world = converse(script, point=point, latency_ns=latency, traits=traits, fates=fates)
    connections = report_on(folder, world, cut)
    for name in ENDS:
        check_order(world, name, connections, cut or len(world.captured))


@profile(500)
@given(
    script=scripts(),
    name=st.sampled_from(ENDS),
    latency=LATENCIES,
    traits=st.tuples(TRAITS, TRAITS),
    fates=FATES,
    in_order=st.booleans(),
)
def test_the_capture_of_an_endpoint_itself_tells_its_moves_in_their_order_and_at_their_times(
    folder, script, name, latency, traits, fates, in_order
):
    point = float(name == "B")
    world = converse(script, point=point, latency_ns=latency, traits=traits, fates=fates, in_order=in_order)
    connections = report_on(folder, world)
    # A SYN that was refused, and then a connect the other way: the second may answer what the first left behind.
    assume(len(connections) <= 1)
    check_order(world, name, connections, len(world.captured), own=True)


def is_closed_unseen(world: World, name: str, sent: Sent) -> bool:
    """Whether a RST shows that an endpoint was CLOSED, or in LISTEN, when it sent it."""
    before = [move for move in world.ends[name].moves if move.time_ns <= sent.time_ns]
    gone = not before or any(move.after in (S.CLOSED, S.LISTEN) for move in before)
    return bool(sent.segment.flags & RST) and gone


def is_disturbed(world: World) -> bool:
    """Whether a segment was lost or overtaken: then what came may have been dropped, being out of order."""
    for name in ENDS:
        sent = [each for each in world.sent if each.sender == name]
        arrivals = [time_ns for each in sent for time_ns in each.arrived_ns]
        if arrivals != sorted(arrivals) or not all(each.arrived_ns for each in sent):
            return True
    return False


def had_moved_on(world: World, name: str, cause: Sent) -> bool:
    """Whether an endpoint moved while a captured segment was on its way to it, or was gone when it came."""
    on_its_way = range(min(cause.captured_ns), min(cause.arrived_ns) + 1)
    return any(
        move.time_ns in on_its_way or (move.after in (S.CLOSED, S.LISTEN) and move.time_ns < on_its_way.start)
        for move in world.ends[name].moves
    )


def has_happened(world: World, name: str, claim: Transition, by_ns: int) -> bool:
    """Whether what is claimed of an endpoint had happened to it by a time.

    An endpoint whose SYN-ACK is not in the capture, or late, was "never in SYN_RECEIVED": the peer's SYN is told as
    its SYN-ACK.
    """
    as_good = {claim.event}
    before = world.captured[: claim.confirmed_by]
    own = [seen.sent.segment.flags for seen in before if seen.sent.sender == name]
    if claim.event == E.RCV_SYN_ACK.text and not any(flags & (SYN | ACK) == SYN | ACK for flags in own):
        as_good.add(E.RCV_SYN.text)
    return any(
        move.event is not None and move.event.text in as_good and move.time_ns <= by_ns for move in moves(world, name)
    )


@profile(500)
@given(world=worlds())
def test_over_any_link_nothing_is_called_observed_or_confirmed_that_did_not_happen(folder, world):
    connections = report_on(folder, world)
    assume(len(connections) <= 1)
    sent_in = {seen.frame: seen.sent for seen in world.captured}
    tale = story(world, connections, len(world.captured))
    for name in ENDS:
        for claim in claims(connections, name):
            text = f"{name}: {claim.event} in frame {claim.frame}{tale}"
            if claim.certainty == "observed":
                sent = sent_in[claim.frame]
                assert sent.sender == name, text
                assert has_happened(world, name, claim, sent.time_ns) or is_closed_unseen(world, name, sent), text
            elif claim.certainty == "confirmed":
                proof = sent_in[claim.confirmed_by]
                assert proof.sender == name and sent_in[claim.frame].sender != name, text
                assert has_happened(world, name, claim, proof.time_ns), text
            else:
                assert claim.certainty == "inferred", text
                cause = sent_in[claim.frame]
                taken = has_happened(world, name, claim, 10**18)
                assert taken or not cause.arrived_ns or had_moved_on(world, name, cause) or is_disturbed(world), text


@profile(500)
@given(script=scripts(), point=st.sampled_from(POINTS), latency=LATENCIES, traits=st.tuples(TRAITS, TRAITS))
def test_kinds_first_closer_and_time_wait_are_those_of_the_truth(folder, script, point, latency, traits):
    world = converse(script, point=point, latency_ns=latency, traits=traits)
    connections = report_on(folder, world)
    assume(len(connections) == 1)
    (connection,) = connections
    tale = story(world, connections, len(world.captured))
    truth = {name: moves(world, name) for name in ENDS}
    entered = {name: [move.after for move in truth[name]] for name in ENDS}
    role = {name: "client" if end_of(connection, name) is connection.client else "server" for name in ENDS}

    # A TCB that was deleted while its last ACK was on its way leaves no sign of that.
    assume(not any(move.event is None for name in ENDS for move in truth[name]))
    holders = {role[name] for name in ENDS if S.TIME_WAIT in entered[name]}
    assert {stay.holder for stay in connection.time_wait} == holders, f"TIME_WAIT is with {holders}{tale}"
    for stay in connection.time_wait:
        (name,) = (name for name in ENDS if role[name] == stay.holder)
        (came,) = (move for move in truth[name] if move.after == S.TIME_WAIT)
        assert abs(stay.start_ns - START_NS - came.time_ns) <= latency, f"TIME_WAIT began otherwise{tale}"

    opened = {name: S.ESTABLISHED in entered[name] for name in ENDS}
    crossed = all(any(move.before == S.SYN_SENT and move.event == E.RCV_SYN for move in truth[name]) for name in ENDS)
    if all(opened.values()):
        kind = "simultaneous" if crossed else "three-way"
        assert connection.opening.kind == kind, f"the opening is {kind}{tale}"

    fins = {sent.sender: sent for sent in reversed(world.sent) if sent.segment.flags & FIN}
    broken = any(move.event in (None, E.SND_RST, E.RCV_RST) for name in ENDS for move in truth[name])
    if len(fins) == 2 and all(opened.values()) and not broken:
        peers = (("A", "B"), ("B", "A"))
        covers = {name: ahead(fins[peer].segment.end, fins[name].segment.ack) >= 0 for name, peer in peers}
        first = "B" if covers["A"] else "A"
        if any(covers.values()):
            assert connection.closing.first == role[first], f"{first} closed first{tale}"
            assert connection.closing.kind in ("four-way", "three-segment"), f"the closing is not that{tale}"
        else:
            assert connection.closing.kind == "simultaneous", f"the FINs crossed{tale}"
