"""Saves what a live run takes into account, all of it or what is around a finding."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from handshake_inspect.capture import Batch
from handshake_inspect.capture.around import Around
from handshake_inspect.capture.save import SMALLEST_RING, Origin, Saver
from handshake_inspect.capture.write import Interface, Statistics
from handshake_inspect.errors import UsageError
from handshake_inspect.live.engine import News
from handshake_inspect.live.events import Noticed
from handshake_inspect.verdict.findings import FINDINGS

__all__ = ["SMALLEST_RING", "WORDS", "Around", "FromFiles", "FromInterfaces", "Origin", "Saver", "Saving"]

SEVERITIES = ("error", "warning", "note")
WORDS = (*(kind.id for kind in FINDINGS), *SEVERITIES)
"""What frames can be saved around: a finding, or each finding that is at least so bad."""


def findings_of(words: Collection[str]) -> frozenset[str]:
    """Return the ids of the findings that these words stand for."""
    found = set(words)
    for word in found & set(SEVERITIES):
        bad_enough = SEVERITIES[: SEVERITIES.index(word) + 1]
        found |= {kind.id for kind in FINDINGS if kind.severity in bad_enough}
    return frozenset(found - set(SEVERITIES))


class FromInterfaces:
    """An origin: the interfaces of a live source.  `names` gives the name of each row's interface."""

    def __init__(self, source: Any, snaplen: int, expression: str) -> None:
        self._source = source
        self._snaplen = snaplen
        self._expression = expression

    def interface(self, capture: int, interface: int, link_type: int) -> Interface:
        """Describe an interface, as its frames are taken."""
        names = self._source.interfaces
        name = names[interface] if interface < len(names) else self._source.path
        return Interface(name, link_type, self._snaplen, self._expression)

    def statistics(self, capture: int, interface: int) -> Statistics | None:
        """Return the counts; where there are several interfaces, nobody knows whose frames were dropped."""
        lost = self._source.lost
        if lost is None or len(self._source.interfaces) != 1:
            return None
        return Statistics(self._source.frames + lost, lost)


class FromFiles:
    """An origin: files that are followed, of which one interface stands for each link type."""

    def __init__(self, name: str) -> None:
        self._name = name

    def interface(self, capture: int, interface: int, link_type: int) -> Interface:
        """Name the file."""
        return Interface(self._name, link_type)

    def statistics(self, capture: int, interface: int) -> Statistics | None:
        """The file does not say."""
        return None


class Saving:
    """A tap and a listener that saves: everything, or with `wanted` what is around each finding of these words.

    `problem` says why saving ended, if it did: the run goes on without it, and `tell` is called at once.
    """

    whole = False

    def __init__(self, keeper: Saver | Around, tell: Callable[[str], None], wanted: Collection[str] = ()) -> None:
        self.problem: str | None = None
        self.moments = 0
        self.keeper = keeper
        # Of every connection the findings, or of none.
        self.newest: int | None = None if isinstance(keeper, Around) else 0
        self.wanted = wanted
        self._findings = findings_of(wanted)
        self._tell = tell

    def batch(self, batch: Batch) -> None:
        """Save the frames, or hold them."""
        self._try(lambda: self.keeper.batch(batch))

    def hear(self, news: News) -> None:
        """Save what is around the findings that are new."""
        if isinstance(self.keeper, Around):
            around = self.keeper
            new = sum(isinstance(each, Noticed) and each.finding.id in self._findings for each in news.events)
            self.moments += new
            if new:
                self._try(lambda: around.save(news.now_ns))
            self._try(lambda: around.pass_time(news.now_ns))

    def finish(self) -> None:
        """End the file that is open."""
        self._try(self.keeper.finish)

    def _try(self, save: Callable[[], None]) -> None:
        if self.problem is not None:
            return
        try:
            save()
        except UsageError as problem:
            self.problem = str(problem)
            self._tell(f"{problem}; nothing more is saved")
