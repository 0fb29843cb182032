"""Real sockets of this machine's kernel: our states against what it says itself, at three points of the same run."""

from __future__ import annotations

from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from handshake_inspect import Report, analyse
from handshake_inspect.report import Connection
from kernel_record import POINTS, Socket, after_the_common_part, at_the_same_step, matches, path_of
from lifecycles import DIFFERENCES, LIFECYCLES, SHOWN_LATER, Lifecycle, Outcome
from netns import CannotRecord, Place, Side, write_pcap
from recording import Played

pytestmark = pytest.mark.root

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
def test_transitions_lie_within_a_tenth_of_a_millisecond_of_the_kernels_on_the_endpoints_own_capture(run_of, name):
    run = run_of(name)
    late = {
        (name, life.side, step.to): (step.time_ns - change.time_ns) / 1e6
        for point in ("client", "server")
        for life, end in matches(run.reports[point], run.played.sockets)
        if life.side == point
        for step, change in at_the_same_step(end, life)
        if not change.includes(step.time_ns)
    }
    assert set(late) == {told for told in SHOWN_LATER if told[0] == name}, f"milliseconds from the kernel's: {late}"


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


def count(states: list[str]) -> Counter[str]:
    return Counter(state for state in states if state not in ("CLOSED", "LISTEN"))


@each_lifecycle
def test_at_the_end_of_the_capture_each_host_has_the_sockets_that_ss_shows(run_of, name):
    run = run_of(name)
    for point in POINTS:
        ours: dict[Side, list[str]] = {"client": [], "server": []}
        for life in run.played.sockets:
            ours[life.side] += [
                (life.path if run.difference(point, life) != ("", "") else path_of(end))[-1]
                for other, end in matches(run.reports[point], [life])
            ]
        for side, states in run.played.ss.items():
            assert count(ours[side]) == count(states), f"{side}'s sockets, in the capture at the {point}"


def test_every_difference_and_every_lateness_is_of_a_lifecycle():
    assert {row.scenario for row in DIFFERENCES} | {name for name, _, _ in SHOWN_LATER} <= set(NAMED)
