"""How far a time may lie from its baseline: `50%`, `100 ms`, or both, and then the larger counts; or `none`."""

from __future__ import annotations

import re
from typing import NamedTuple

from handshake_inspect.select.words import duration_ns

PERCENT = re.compile(r"([0-9]{1,4}) ?%")
DEFAULT = "50%, 100 ms"
"""What a busy CI machine may be late by."""


class Tolerance(NamedTuple):
    """`text` as it was written; `percent` of the recorded time, or `ns`; with `compared` False, none is compared."""

    text: str
    percent: int = 0
    ns: int = 0
    compared: bool = True

    @classmethod
    def read(cls, text: str) -> Tolerance:
        """From its text; ValueError says what it looks like."""
        if text.strip() == "none":
            return cls("none", compared=False)
        percent: int | None = None
        ns: int | None = None
        for part in text.split(","):
            found = PERCENT.fullmatch(part.strip())
            if found and percent is None:
                percent = int(found[1])
            elif not found and ns is None:
                try:
                    ns = duration_ns("".join(part.split()))
                except ValueError:
                    raise ValueError(f"'{text}' is no tolerance such as {DEFAULT}, 10%, 5ms or none") from None
            else:
                raise ValueError(f"'{text}' is no tolerance such as {DEFAULT}, 10%, 5ms or none")
        return cls(", ".join(part.strip() for part in text.split(",")), percent or 0, ns or 0)

    def around(self, nanoseconds: int) -> int:
        """How far a time may lie from this one."""
        return max(self.ns, nanoseconds * self.percent // 100)

    def holds(self, expected_ns: int, seen_ns: int) -> bool:
        """Whether a time is near enough to its baseline."""
        return abs(seen_ns - expected_ns) <= self.around(expected_ns)
