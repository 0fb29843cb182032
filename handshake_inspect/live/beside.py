"""The kernel's word in a live run: hears every change, and asks the kernel for the same sockets."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import cast

from handshake_inspect.kernel import Beside, Disagreement, how_to_ask
from handshake_inspect.kernel.beside import End, Row
from handshake_inspect.live.engine import News
from handshake_inspect.live.events import About, Compared, Disagreed, Moved, Revision, Side
from handshake_inspect.report import Role, State, Transition


class Kernel:
    """A listener; `told` is called with each lasting disagreement when it is found, `problem` with a sentence.

    Raises UsageError where there is no kernel that can be asked.
    """

    newest: int | None = None
    whole = False

    def __init__(self, problem: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self.beside = Beside(how_to_ask())
        self.told: Callable[[Disagreement], None] = lambda found: None
        self._problem = problem
        self._clock = clock
        self._failed = False

    def finish(self) -> None:
        """Count what has not lasted yet: there is no more to come."""
        self.beside.finish()

    def hear(self, news: News) -> None:
        """Take the changes in, and compare."""
        for event in news.events:
            if isinstance(event, Moved):
                self.beside.moved(event.id, event.endpoint, end_of(event, event.endpoint), _step(event.transition))
            elif isinstance(event, Revision):
                steps = [_step(transition) for transition in event.transitions]
                self.beside.anew(event.id, event.endpoint, end_of(event, event.endpoint), steps)
        if self._failed:
            return
        try:
            found = self.beside.poll(self._clock)
        except OSError as problem:
            self._failed = True
            self._problem(f"the kernel is asked no more: {os.strerror(problem.errno) if problem.errno else problem}")
            return
        for disagreement in found:
            self.told(disagreement)

    def counts(self) -> Compared:
        """Return how the two compared so far."""
        beside = self.beside
        return Compared(
            polls=beside.polls, states=beside.compared, agreed=beside.agreed, passing=beside.passing,
            explained=dict(beside.explained.most_common()), lasting=beside.lasting, left_out=beside.left_out,
        )  # fmt: skip

    def row(self, event: Moved | Revision) -> Row | None:
        """Return what is known of the end that an event is about, if it is this host's."""
        row = self.beside.row(end_of(event, event.endpoint))
        return row if row is not None and row.connection == event.id else None


def end_of(event: About, role: Role) -> End:
    """Return the end of a connection as the kernel names it: local, then remote."""
    local, peer = (event.client, event.server) if role == "client" else (event.server, event.client)
    return local.address, local.port, peer.address, peer.port


def _step(transition: Transition) -> tuple[str, str, str]:
    return transition.from_, transition.to, transition.certainty


def disagreed(found: Disagreement) -> Disagreed:
    """Return a disagreement as a line of `live --format ndjson`."""
    local, port, peer, peer_port = found.end
    sides = Side(address=local, port=port), Side(address=peer, port=peer_port)
    client, server = sides if found.role == "client" else sides[::-1]
    return Disagreed(
        id=found.connection, client=client, server=server, endpoint=cast(Role, found.role),
        wire=cast(State, found.wire), kernel=cast(State | None, found.kernel), lasted_ns=int(found.lasted_s * 1e9),
    )  # fmt: skip
