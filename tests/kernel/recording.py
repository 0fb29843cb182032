"""Plays lifecycles, several at once, and keeps what the captures and the kernel say of each."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import pairwise

from kernel_record import Change, Key, Socket
from lifecycles import Lifecycle
from netns import Place, Side, Wire
from polling import GONE, Poller, Run
from stage import PORTS_EACH, NotAsDesigned, Stage
from tapping import packets_stamped
from tracing import Row, StateTrace

ATTEMPTS = 3
"""How often a scene is played before we believe that it cannot be."""

EACH_ATTEMPT = 1000
FIRST_PORT = 10_000 + ATTEMPTS * EACH_ATTEMPT * (os.getpid() % 7)
"""Below the ephemeral ports, and not those of the run before: what it left unanswered may still end meanwhile."""

PORTS = range(FIRST_PORT, FIRST_PORT + ATTEMPTS * EACH_ATTEMPT)
AT_ONCE = 12
NICE = -15
"""A busy machine puts others between a change of state and its segment; less so at this priority."""

MINISOCKETS = ("FIN_WAIT_2", "TIME_WAIT")
AT_ONCE_NS = 1_000_000
"""An orphan leaves FIN_WAIT_2 for its minisocket as soon as it is in it, within this."""


@dataclass
class Played:
    """One lifecycle as it went: the captures, what `ss` showed at their end, and (set last) the kernel's record."""

    captured: dict[Place, list[tuple[int, bytes]]]
    ss: dict[Side, list[str]]
    polls: dict[tuple[Side, Key], list[Run]]
    ended_ns: int
    sockets: list[Socket]


def play_all(lifecycles: Sequence[tuple[int, Lifecycle]]) -> dict[str, Played | Exception]:
    """Play numbered lifecycles (a number stands for their ports); a failure is kept in its place."""
    with StateTrace(PORTS) as trace, Poller() as poller, packets_stamped():
        with ThreadPoolExecutor(AT_ONCE, "scene", go_first) as pool:
            # The longest first, so that none of them is the last to begin.
            tasks = {
                lifecycle.name: pool.submit(play, lifecycle, number, poller)
                for number, lifecycle in sorted(lifecycles, key=lambda row: -row[1].seconds)
            }
            try:
                wait(tasks.values())
            except BaseException:
                # Ctrl-C waits for the scenes that are being played, not for all.
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        played = {name: task.exception() or task.result() for name, task in tasks.items()}
        rows = trace.rows()
    for one in played.values():
        if isinstance(one, Played):
            one.sockets = sockets_of(one, rows)
    return played


def go_first() -> None:
    """Give the calling thread, and those that it starts, a higher priority."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)


def play(lifecycle: Lifecycle, number: int, poller: Poller) -> Played:
    """Play one lifecycle, again where the machine was too busy for it."""
    for attempt in range(ATTEMPTS):
        port = FIRST_PORT + EACH_ATTEMPT * attempt + PORTS_EACH * number
        with Wire(lifecycle.one_way, client_port=port + 1, server_port=port) as wire:
            stage = Stage(wire, poller, port, lifecycle.clients, lifecycle.family)
            try:
                lifecycle.scene(stage)
                captured, states = stage.finish()
            except NotAsDesigned as reason:
                busy = reason
                continue
            finally:
                poller.unwatch(list(stage.watches.values()))
            polls = {(side, watch.key): watch.runs for (side, _), watch in stage.watches.items()}
            return Played(captured, states, polls, time.time_ns(), [])
    raise busy


def sockets_of(played: Played, rows: Iterable[Row]) -> list[Socket]:
    """Join what the tracepoint told with what the polls showed; changes after the captures are left out."""
    rows = [row for row in rows if row.time_ns <= played.ended_ns]
    found = []
    for (side, key), runs in played.polls.items():
        lives = traced_lives(side, key, [row for row in rows if row.key == key], runs)
        lives += request_lives(side, key, lives, runs)
        found += sorted(lives, key=lambda life: life.changes[0].time_ns)
    return found


def traced_lives(side: Side, key: Key, rows: list[Row], runs: list[Run]) -> list[Socket]:
    """Return the sockets that the tracepoint told of; their minisockets and their requests from the polls."""
    lives: list[Socket] = []
    for row, following in pairwise([*rows, None]):
        if row.before in ("CLOSED", "LISTEN"):
            lives.append(Socket(side, key))
        elif not lives or lives[-1].changes[-1].state != row.before:
            continue  # the end of a socket that a run before left unanswered
        life = lives[-1]
        if row.before == "LISTEN":
            life.changes.append(request_change(row, runs))
        elif row.after == "CLOSED":
            life.changes += end_of(row, life, runs, following.time_ns if following else None)
        else:
            life.changes.append(exact(row.after, row.time_ns))
    return lives


def exact(state: str, time_ns: int) -> Change:
    return Change(state, time_ns, time_ns, time_ns, False)


def polled(run: Run, *, after_ns: int = 0) -> Change:
    """The change that began a run of polls, which was after `after_ns` as well."""
    return Change(run.state, run.first_ns, max(run.after_ns, after_ns), run.first_ns, True)


def request_change(row: Row, runs: list[Run]) -> Change:
    """A child is traced when it is made, at the third segment; its SYN_RECEIVED began at the SYN."""
    before = next((run for run in reversed(runs) if run.last_ns < row.time_ns), None)
    if before and before.state == "SYN_RECEIVED":
        return polled(before)
    return Change(row.after, row.time_ns, before.last_ns if before else 0, row.time_ns, True)


def end_of(row: Row, life: Socket, runs: list[Run], following_ns: int | None) -> list[Change]:
    """A socket is closed; what the polls still show of it after that is a minisocket."""
    later = [run for run in runs if run.last_ns > row.time_ns]
    if not later or later[0].state not in MINISOCKETS:
        return [exact("CLOSED", row.time_ns)]
    was_orphan = row.before == "FIN_WAIT_2" and row.time_ns - life.changes[-1].time_ns < AT_ONCE_NS
    changes = []
    for run in later:
        if run.state == "TIME_WAIT":
            at_once = run is later[0] and not was_orphan
            changes.append(exact("TIME_WAIT", row.time_ns) if at_once else polled(run, after_ns=row.time_ns))
        elif run.state != "FIN_WAIT_2":
            # Gone, or another socket in its place.
            latest = min(run.first_ns, following_ns or run.first_ns)
            changes.append(Change("CLOSED", latest, run.after_ns, latest, True))
            break
    return changes


def request_lives(side: Side, key: Key, lives: list[Socket], runs: list[Run]) -> list[Socket]:
    """Return the requests that never became a socket: only polls show them."""
    known = [change for life in lives for change in life.changes if change.state == "SYN_RECEIVED"]
    found = []
    for run, following in pairwise([*runs, None]):
        if run.state != "SYN_RECEIVED" or any(run.includes(change.time_ns) for change in known):
            continue
        life = Socket(side, key, [polled(run)])
        if following:
            assert following.state == GONE
            life.changes.append(polled(following))
        found.append(life)
    return found
