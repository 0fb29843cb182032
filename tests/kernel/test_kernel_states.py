"""Real sockets of this machine's kernel: our states against what it says itself, at three points of the same run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cache
from ipaddress import ip_address
from pathlib import Path

import pytest

from handshake_inspect import Report, analyse
from handshake_inspect.report import Connection, Transition
from kernel_record import (
    POINTS,
    POLL_NS,
    SLACK_NS,
    Change,
    Socket,
    after_the_common_part,
    at_the_same_step,
    matches,
    path_of,
)
from lifecycles import DIFFERENCES, LIFECYCLES, SHOWN_LATER, Lifecycle, Outcome
from netns import CannotRecord, Place, Side, write_pcap
from recording import Played

pytestmark = [pytest.mark.root, pytest.mark.slow]

NAMED = {lifecycle.name: lifecycle for lifecycle in LIFECYCLES}
LISTED = {told for row in DIFFERENCES for told in row.at_each_point()}

each_lifecycle = pytest.mark.parametrize("name", NAMED)


class Run:
    """One lifecycle as it was played, and the report of each of its captures."""

    def __init__(self, lifecycle: Lifecycle, played: Played, folder: Path) -> None:
        self.lifecycle = lifecycle
        self.played = played
        self.reports = {point: self._report(point, folder / f"{lifecycle.name}.{point}.pcap") for point in POINTS}

    def _report(self, point: Place, path: Path) -> Report:
        write_pcap(path, self.played.captured[point])
        return analyse(str(path))

    def of(self, connection: Connection, role: str | None) -> Side | None:
        """Return whose a role is: in a simultaneous open, the roles are the other way round at the other end."""
        if role is None:
            return None
        return self.side((connection.client if role == "client" else connection.server).address)

    def side(self, address: str) -> Side:
        return next(life.side for life in self.played.sockets if life.key[0] == address)

    def difference(self, point: Place, life: Socket) -> tuple[str, str]:
        """Return where our path of a socket and the kernel's part; a socket that left no segment has no path."""
        ours = next((path_of(end) for other, end in matches(self.reports[point], [life])), [])
        return after_the_common_part(ours, life.path)

    def on_own_captures(self) -> Iterator[tuple[Socket, Transition, Change]]:
        """Yield each socket's transitions in the capture at its own host, each with the kernel's change."""
        for side in ("client", "server"):
            lives = [life for life in self.played.sockets if life.side == side]
            for life, end in matches(self.reports[side], lives):
                for step, change in at_the_same_step(end, life):
                    yield life, step, change

    def is_another_nearer(self, life: Socket, step: Transition, change: Change) -> bool:
        """Whether another frame of this endpoint's capture, that travelled the same way, is nearer to the change.

        The answer to a segment is nearer to what that segment changed, when the kernel was interrupted before.
        """
        gap = abs(step.time_ns - change.time_ns) - SLACK_NS
        received = step.event.startswith("rcv")
        return any(
            abs(time_ns - change.time_ns) < gap and (sender(frame) != life.key[0]) == received
            for time_ns, frame in self.played.captured[life.side]
        )


def sender(frame: bytes) -> str:
    """The address that an Ethernet frame with an IP packet comes from."""
    return str(ip_address(frame[26:30] if frame[14] >> 4 == 4 else frame[22:38]))


@pytest.fixture(scope="session")
def run_of(played, tmp_path_factory):
    """Return a lifecycle's Run by its name; skip where this machine lacks what it needs."""
    folder = tmp_path_factory.mktemp("captures")

    @cache
    def made(name: str) -> Run:
        return Run(NAMED[name], played[name], folder)

    def run_of(name: str) -> Run:
        match played[name]:
            case CannotRecord() as reason:
                pytest.skip(str(reason))
            case Exception() as failure:
                raise failure
        return made(name)

    return run_of


@each_lifecycle
def test_every_endpoint_goes_through_the_kernels_states_wherever_a_segment_shows_them(run_of, name):
    run = run_of(name)
    found = {
        (name, point, life.side, *parted)
        for point in POINTS
        for life in run.played.sockets
        if (parted := run.difference(point, life)) != ("", "")
    }
    listed = {told for told in LISTED if told[0] == name}
    assert found - listed == set(), "differences that nobody explained"
    assert listed - found == set(), "explained differences that are no more"


@each_lifecycle
def test_a_transition_has_the_frame_nearest_to_the_kernels_change_on_the_endpoints_own_capture(run_of, name):
    """A frame a tenth of a millisecond away is near; one farther must be the nearest that went the same way, as on a
    machine that is busy."""
    run = run_of(name)
    wrong = {
        (name, life.side, step.to): f"{(step.time_ns - change.time_ns) / 1e6} ms after the kernel's"
        for life, step, change in run.on_own_captures()
        if not change.includes(step.time_ns)
        if change.polled or run.is_another_nearer(life, step, change)
    }
    assert set(wrong) == {told for told in SHOWN_LATER if told[0] == name}, wrong


def test_nearly_all_transitions_lie_within_a_tenth_of_a_millisecond_of_the_kernels(run_of):
    """Some do not: the kernel was interrupted between the change and the segment."""
    near = Counter(
        change.includes(step.time_ns)
        for name in NAMED
        for life, step, change in run_of(name).on_own_captures()
        if not change.polled and (name, life.side, step.to) not in SHOWN_LATER
    )
    assert near.total() > 350
    assert near[True] / near.total() > 0.95, near


@each_lifecycle
def test_openings_closings_closers_and_holders_of_time_wait_are_as_designed(run_of, name):
    run = run_of(name)
    for point in POINTS:
        seen = [
            Outcome(
                connection.opening.kind,
                connection.closing.kind,
                run.of(connection, connection.closing.first),
                tuple(sorted(run.of(connection, stay.holder) for stay in connection.time_wait)),
            )
            for connection in run.reports[point].connections
        ]
        assert seen == list(run.lifecycle.at(point)), f"in the capture at the {point}"


@each_lifecycle
def test_the_kernel_had_as_many_connects_as_were_designed(run_of, name):
    run = run_of(name)
    assert [life.side for life in run.played.sockets].count("client") == len(run.lifecycle.outcomes)


@each_lifecycle
def test_findings_are_those_of_the_design(run_of, name):
    run = run_of(name)
    found = {finding.id for connection in run.reports["client"].connections for finding in connection.findings}
    assert found >= run.lifecycle.findings


@pytest.mark.parametrize("name", [name for name in NAMED if "time_wait" in name or "reused" in name])
def test_the_kernel_kept_time_wait_within_the_bounds_that_the_holders_capture_gives(run_of, name):
    run = run_of(name)
    life = next(life for life in run.played.sockets if life.path[-2:] == ["TIME_WAIT", "CLOSED"])
    began, ended = life.changes_once()[-2:]
    [stay] = run.reports[life.side].connections[0].time_wait
    assert stay.end == ("reset" if "challenged" in name else "reuse")
    # The end was polled: it lies in a bracket, which must not miss the bounds.
    assert ended.latest_ns - began.time_ns >= (stay.at_least_ns or 0) - POLL_NS
    assert ended.earliest_ns - began.time_ns <= stay.at_most_ns + POLL_NS


def count(states: list[str]) -> Counter[str]:
    return Counter(state for state in states if state not in ("CLOSED", "LISTEN"))


@each_lifecycle
def test_at_the_end_of_the_capture_each_host_has_the_sockets_that_ss_shows(run_of, name):
    run = run_of(name)
    for point in POINTS:
        ours: dict[Side, list[str]] = {"client": [], "server": []}
        for life in run.played.sockets:
            told = (name, point, life.side, *run.difference(point, life)) in LISTED
            ours[life.side] += [
                life.path[-1] if told else path_of(end)[-1] for _, end in matches(run.reports[point], [life])
            ]
        for side, states in run.played.ss.items():
            assert count(ours[side]) == count(states), f"{side}'s sockets, in the capture at the {point}"


def test_every_difference_and_every_lateness_is_of_a_lifecycle():
    assert {row.scenario for row in DIFFERENCES} | {name for name, _, _ in SHOWN_LATER} <= set(NAMED)
