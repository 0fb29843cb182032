"""What the commands that look at one thing share: captures in, the chosen connections out, faults told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TextIO

from handshake_inspect.cli.choice import choose
from handshake_inspect.cli.output import deliver


class Look:
    """An analysis with the connections that were chosen, and how the result is delivered."""

    def __init__(
        self,
        captures: Sequence[str],
        *,
        expression: str | None = None,
        streams: tuple[int, ...] = (),
        two_msl: str = "linux",
        progress: bool | None = None,
        names: bool = False,
    ) -> None:
        self._choice = choose(captures, expression, streams, two_msl=two_msl, progress=progress, names=names)
        self.captures = captures
        self.report = self._choice.report
        self.selection = self._choice.selection

    @property
    def first_ns(self) -> int:
        """The time of the first frame of all captures."""
        return min((info.first_time_ns for info in self.report.captures if info.first_time_ns is not None), default=0)

    @property
    def last_ns(self) -> int:
        """The time of the last frame of all captures."""
        return max((info.last_time_ns for info in self.report.captures if info.last_time_ns is not None), default=0)

    def deliver(self, output: str, write: Callable[[TextIO], None]) -> int:
        """Write the result, tell what is wrong with the inputs, and return the exit status."""
        if deliver(output, self.captures, write):
            self._choice.tell_if_empty()
        return self._choice.status()


def format_by_ending(asked: str | None, output: str, formats: Sequence[str]) -> str:
    """The format that was asked for, else the one that the ending of --output names, else the first."""
    if asked is not None:
        return asked
    ending = output.lower().rpartition(".")[2]
    return ending if ending in formats else formats[0]


def write_json(document: Any, out: TextIO, *, indent: int = 2) -> None:
    """One JSON document, indented as the report's; with 0 on one line, which suits long lists of numbers."""
    import msgspec

    out.write(msgspec.json.format(msgspec.json.encode(document), indent=indent).decode() + "\n")
