"""The report against the truth: two simulated endpoints converse at random, and the capture is analysed.

What a capture can show (SEMANTICS: "from segments to states"), for each endpoint:

- A move that it made by sending a captured segment is there.
- A SYN or FIN that it received is there as soon as a captured segment of its own acknowledges it; an ACK of its own
  SYN or FIN, and a RST, as soon as it was captured on its way.
- Everything that is claimed happened, in that order.  Only an `inferred` claim may be wrong, and only when its segment had not
  arrived when the endpoint moved on: it was lost behind the capture, or still on its way.
- A move that sends nothing (a connect that is given up, a deleted TCB) is not there, and nothing stands in its place, except that a
  RST which the closed endpoint sends later shows it.

HYPOTHESIS_LONG=1 runs thousands of examples instead of hundreds.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from captures import write_pcap
from endpoints import ACK, FIN, MS, RST, START_NS, SYN, Action, Fate, Move, Sent, Traits, World, ahead, converse, frames
from handshake_inspect import analyse
from handshake_inspect.report import Connection, Endpoint, Transition
from handshake_inspect.rfc9293.states import Event as E
from handshake_inspect.rfc9293.states import State as S

LONG = bool(os.environ.get("HYPOTHESIS_LONG"))
EXAMPLES = 5000 if LONG else 200
PROFILE = settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), print_blob=False, database=None
)

ENDS = ("A", "B")
PORTS = {"A": 40000, "B": 80}
UNSEEN = (E.PASSIVE_OPEN, E.TIMEOUT_2MSL)
SENT_EVENTS = (E.SND_SYN, E.SND_FIN, E.SND_RST)
ACKED_EVENTS = (E.RCV_SYN, E.RCV_SYN_ACK, E.RCV_FIN)

# fmt: off
OPENINGS = st.one_of(
    st.just([(0, "B", "listen", 0), (0, "A", "connect", 0)]),
    st.builds(lambda gap: [(0, "B", "connect", 0), (gap, "A", "connect", 0)], st.sampled_from((0, 1, 7, 30, 60))),
    st.just([(0, "A", "connect", 0)]),
    st.builds(lambda gap: [(0, "A", "connect", 0), (gap, "B", "listen", 0)], st.sampled_from((10, 1010, 3500))),
)
# fmt: on
GAPS = st.sampled_from((0, 0, 1, 5, 20, 50, 90, 200, 1200))
ACTIONS = st.one_of(
    st.tuples(GAPS, st.sampled_from(ENDS), st.just("write"), st.sampled_from((1, 700, 2500))),
    st.tuples(GAPS, st.sampled_from(ENDS), st.just("close"), st.just(0)),
    st.tuples(GAPS, st.sampled_from(ENDS), st.sampled_from(("close", "close", "abort")), st.just(0)),
)
TRAITS = st.builds(Traits, holds=st.booleans(), rst_acks=st.booleans(), fin_rides=st.booleans())
POINTS = (0.0, 0.02, 0.25, 0.5, 0.75, 0.98, 1.0)
LATENCIES = st.sampled_from((MS // 10, 10 * MS, 40 * MS, 300 * MS))
FATES = st.lists(
    st.one_of(
        st.just(Fate()),
        st.builds(Fate, lost=st.sampled_from(("before", "behind"))),
        st.builds(Fate, slow_before=st.sampled_from((0, 3, 70)), slow_behind=st.sampled_from((0, 3, 70))),
        st.builds(Fate, doubled=st.sampled_from(("before", "behind"))),
    ),
    max_size=24,
)


@st.composite
def scripts(draw: st.DrawFn) -> list[Action]:
    """Return an opening, then what the two applications do."""
    script: list[Action] = list(draw(OPENINGS))
    first: Action = (draw(st.sampled_from((0, 3, 45, 90, 700))), "A", "write", 0)
    return [*script, first, *draw(st.lists(ACTIONS, max_size=6))]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    shm = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shm if shm.is_dir() else None) as name:
        yield Path(name)


def report_on(folder: Path, world: World, last: int | None = None) -> Connection | None:
    """Analyse the capture up to frame `last` and return its one connection."""
    path = write_pcap(folder / "capture.pcap", frames(world, 1, last), link_type=101)
    connections = analyse(str(path)).connections
    assert len(connections) <= 1, f"one connection became {len(connections)}"
    return connections[0] if len(connections) else None


def end_of(connection: Connection, name: str) -> Endpoint:
    return connection.client if connection.client.port == PORTS[name] else connection.server


def claims(endpoint: Endpoint) -> list[Transition]:
    """What the report says that segments show: all but the timer."""
    return [each for each in endpoint.transitions if each.event != E.TIMEOUT_2MSL.text]


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
    if move.event not in ACKED_EVENTS:
        return True
    proofs = [sent for sent in world.sent if sent.sender == name and passed(sent, last) and sent.segment.flags & ACK]
    if move.event != E.RCV_SYN:
        proofs = [sent for sent in proofs if not sent.segment.flags & SYN]
    return any(ahead(cause.segment.end, sent.segment.ack) >= 0 for sent in proofs if not sent.segment.flags & RST)


def story(world: World, endpoint: Endpoint, last: int | None) -> str:
    told = "; ".join(
        f"{each.from_}>{each.to} {each.event} frame {each.frame} {each.certainty}" for each in endpoint.transitions
    )
    return f"\n{world.ladder()}\ncaptured up to frame {last or len(world.captured)}\nreport on {endpoint.address}: {told}"


def check_order(world: World, name: str, endpoint: Endpoint, last: int | None) -> None:
    """Hold the claims on one endpoint against the truth, on a link that keeps order and loses nothing."""
    truth, ours = moves(world, name), claims(endpoint)
    by_frame = {seen.frame: seen.sent for seen in world.captured}
    tale = story(world, endpoint, last)
    at, slipped = 0, False
    for claim in ours:
        cause = by_frame[claim.frame]
        move = truth[at] if at < len(truth) else None
        arrived = min(cause.arrived_ns, default=None)
        if move is not None and (
            (move.event is not None and move.event.text == claim.event and move.after.name == claim.to)
            or (move.event is None and claim.to == "CLOSED")
        ):
            assert slipped or move.before.name == claim.from_, f"{name} was not in {claim.from_}{tale}"
            at += 1
        elif claim.certainty == "inferred" and (arrived is None or (move and arrived >= move.time_ns)):
            slipped = True  # Still on its way when the endpoint moved on: nothing shows that.
        else:
            raise AssertionError(f"{name} never went {claim.from_} to {claim.to} ({claim.event}) there{tale}")
    missing = [move for move in truth[at:] if is_shown(world, name, move, last or len(world.captured))]
    assert not missing, f"{name}: {[f'{m.before.name}>{m.after.name}' for m in missing]} is shown and not told{tale}"


@PROFILE
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
    connection = report_on(folder, world, cut)
    if connection is None:
        assert not world.captured
        return
    for name in ENDS:
        check_order(world, name, end_of(connection, name), cut)
