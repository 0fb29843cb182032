"""Which connections an expectation is about, how sure that is, and how many there must be."""

from __future__ import annotations

from typing import Any, NamedTuple

from handshake_inspect.expect import spell
from handshake_inspect.expect.doubts import ALL, Aspect
from handshake_inspect.expect.rules import HIDING
from handshake_inspect.select.tree import Comparison, Node, Not
from handshake_inspect.select.words import FIELDS

NOTHING: frozenset[Aspect] = frozenset()
# fmt: off
READS: dict[str, frozenset[Aspect]] = {
    **dict.fromkeys(("opening", "certainty", "handshake"), frozenset(("opening",))),
    **dict.fromkeys(("closing", "reset-by"), frozenset(("closing",))),
    "closed-by": frozenset(("closing", "roles")),
    **dict.fromkeys(("state", "time-wait"), frozenset(("client", "server"))),
    "severity": ALL,
    **dict.fromkeys(("duration", "bytes", "segments", "retransmissions"), frozenset(("data",))),
    **dict.fromkeys(("host", "net", "port", "stream", "incarnation", "roles", "missing", "community-id"), NOTHING),
}
# fmt: on
"""What a word of the filter language reads; of `finding`, its id decides."""


def aspects_of(node: Node) -> frozenset[Aspect]:
    """Everything that must be known before it is known whether a connection matches."""
    if isinstance(node, Comparison):
        roles: frozenset[Aspect] = frozenset(("roles",)) if node.end is not None else NOTHING
        if node.field == "finding":
            read = FIELDS["finding"].kind.read
            return roles.union(*(HIDING[read(value)] for value in node.values))
        return roles | READS[node.field]
    parts = (node.of,) if isinstance(node, Not) else node.parts
    return NOTHING.union(*map(aspects_of, parts))


class Count(NamedTuple):
    """How many connections must match: at least `low`, at most `high`."""

    low: int
    high: int | None

    @classmethod
    def read(cls, value: Any) -> Count:
        """From a number, or from { min = 1, max = 3 } with one of the two or both.  ValueError for anything else."""
        if not isinstance(value, dict):
            number = spell.whole_number(value)
            return cls(number, number)
        for key in value:
            if key not in ("min", "max"):
                raise ValueError(f"has min and max, no '{key}'")
        if not value:
            raise ValueError("needs a number, or { min = 1, max = 3 }")
        low = spell.whole_number(value.get("min", 0))
        high = spell.whole_number(value["max"]) if "max" in value else None
        if high is not None and high < low:
            raise ValueError(f"has a min of {low} above its max of {high}, which nothing satisfies")
        return cls(low, high)

    def __str__(self) -> str:
        if self.low == self.high:
            return f"{self.low:,}"
        if self.high is None:
            return f"at least {self.low:,}"
        return f"{self.low:,} to {self.high:,}" if self.low else f"at most {self.high:,}"


AT_LEAST_ONE = Count(1, None)


class Members:
    """Counts the connections that match.

    Those of which it is in doubt count to what it may be: `low` is how many match for sure, `high` (None: any number)
    how many may.
    """

    def __init__(self) -> None:
        self.matched = 0
        self.sure = 0
        self.maybe = 0
        self.unbounded = False
        self.because: str | None = None

    def add(self, matches: bool, because: str | None) -> None:
        """Count one connection; `because` says why it is in doubt whether it matches."""
        self.matched += matches
        self.sure += matches and because is None
        self.maybe += not matches and because is not None
        self.because = self.because or because

    def hidden(self, because: str | None) -> None:
        """The capture may lack whole connections."""
        if because is not None:
            self.unbounded = True
            self.because = self.because or because

    def judge(self, wanted: Count) -> bool | None:
        """True: as many as wanted.  False: not, whatever the capture lacks.  None: that cannot be judged."""
        low, high = self.sure, self.matched + self.maybe
        if (not self.unbounded and high < wanted.low) or (wanted.high is not None and low > wanted.high):
            return False
        firm = low >= wanted.low and (wanted.high is None or (not self.unbounded and high <= wanted.high))
        return True if firm else None
