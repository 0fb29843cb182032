"""Options of `live` that save: -w and what belongs to it, gathered in one value and checked together."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from handshake_inspect.cli.output import complain
from handshake_inspect.errors import UsageError

if TYPE_CHECKING:
    from handshake_inspect.live.saving import Saving

BEFORE, AFTER, MEMORY = "10s", "5s", "64MB"
OPTIONS = (
    click.option("--write", "-w", "path", metavar="FILE",
                 help="Save what is analysed as pcapng; read again, it gives the same report."),
    click.option("--ring", metavar="SIZE",
                 help="Begin a new file whenever one has this size, such as 100MB; the names get a number and a time."),
    click.option("--files", metavar="N", type=click.IntRange(min=1), help="Keep only the newest N files."),
    click.option("--save-on", "words", metavar="FINDING", multiple=True,
                 help="Save only what is around this finding, each time to a file of its own; `error` and `warning` "
                 "stand for all that are at least so bad. May be repeated."),
    click.option("--before", metavar="DURATION", help=f"Begin so long before the finding [default: {BEFORE}]."),
    click.option("--after", metavar="DURATION", help=f"End so long after it [default: {AFTER}]."),
    click.option("--memory", metavar="SIZE", help=f"Hold so much for --before at most [default: {MEMORY}]."),
)  # fmt: skip


class Wish(NamedTuple):
    """What the options ask to be saved; times in nanoseconds, sizes in bytes."""

    path: str | None
    ring: int | None
    files: int | None
    words: tuple[str, ...]
    before_ns: int
    after_ns: int
    memory: int

    @property
    def folder(self) -> str | None:
        """Where files are written, None when nothing is saved."""
        return None if self.path is None else os.path.dirname(self.path) or "."

    def begin(self, origin: Any) -> Saving | None:
        """Open the file, or hold what is to be saved; None where nothing is."""
        if self.path is None:
            return None
        from handshake_inspect.live.saving import Around, Saver, Saving

        if self.words:
            around = Around(self.path, origin, before_ns=self.before_ns, after_ns=self.after_ns, memory=self.memory,
                            keep=self.files)  # fmt: skip
            return Saving(around, complain, self.words)
        return Saving(Saver(self.path, origin, ring=self.ring, keep=self.files), complain)


def saving_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options, which it gets as one `wish`."""

    @functools.wraps(command)
    def gathered(**given: Any) -> Any:
        own = {name: given.pop(name) for name in ("path", "ring", "files", "words", "before", "after", "memory")}
        return command(wish=wish_of(**own), **given)

    for option in reversed(OPTIONS):
        gathered = option(gathered)
    return gathered


def wish_of(
    path: str | None, ring: str | None, files: int | None, words: tuple[str, ...], before: str | None,
    after: str | None, memory: str | None,
) -> Wish:  # fmt: skip
    """Check the options together.  UsageError for one that means nothing without another."""
    needs = (
        ("-w", path, {"--ring": ring, "--files": files, "--save-on": words}),
        ("--save-on", words, {"--before": before, "--after": after, "--memory": memory}),
        ("--ring or --save-on", ring or words, {"--files": files}),
    )
    for needed, there, given in needs:
        for name, value in given.items():
            if value and not there:
                raise UsageError(f"{name} needs {needed}")
    if ring and words:
        raise UsageError("--ring and --save-on exclude each other: each finding has a file of its own")
    if path is not None:
        refuse_name(path)
    if words:
        refuse_unknown_findings(words)
    return Wish(
        path, ring_of(ring), files, words, nanoseconds("--before", before or BEFORE),
        nanoseconds("--after", after or AFTER), size("--memory", memory or MEMORY),
    )  # fmt: skip


def refuse_name(path: str) -> None:
    """UsageError for a name that would lie, or that is no file's."""
    from handshake_inspect.extract import format_of

    if path == "-":
        raise UsageError("-w needs a file: standard output is for what changes")
    if format_of(path) == "pcap":
        base, ending = os.path.splitext(path)
        raise UsageError(f"-w writes pcapng, which {ending} does not say: name it {base}.pcapng")
    folder = os.path.dirname(path) or "."
    if not os.path.isdir(folder):
        raise UsageError(f"{path} cannot be written: there is no folder {folder}")


def refuse_unknown_findings(words: tuple[str, ...]) -> None:
    """UsageError for a word that is no finding."""
    from difflib import get_close_matches

    from handshake_inspect.live.saving import WORDS

    for word in words:
        if word not in WORDS:
            close = get_close_matches(word, WORDS, 1)
            hint = f"did you mean {close[0]}?" if close else "`handshake-inspect findings` lists them"
            raise UsageError(f"--save-on: no finding is called '{word}'; {hint}")


def ring_of(text: str | None) -> int | None:
    """The bytes of --ring."""
    if text is None:
        return None
    from handshake_inspect.live.saving import SMALLEST_RING

    ring = size("--ring", text)
    if ring < SMALLEST_RING:
        raise UsageError(f"--ring {text} is too small: {SMALLEST_RING // 1024}KiB at least")
    return ring


def size(option: str, text: str) -> int:
    """A number of bytes."""
    from handshake_inspect.select.words import byte_count

    try:
        return byte_count(text)
    except ValueError as problem:
        raise UsageError(f"{option} {problem}") from None


def nanoseconds(option: str, text: str) -> int:
    """A duration."""
    from handshake_inspect.select.words import duration_ns

    try:
        return duration_ns(text)
    except ValueError as problem:
        raise UsageError(f"{option} {problem}") from None


def tell_what_was_saved(saving: Saving) -> None:
    """A line on standard error: how many frames are where, and what memory was too small for."""
    from handshake_inspect.live.saving import Around
    from handshake_inspect.render.text import counted, duration

    keeper = saving.keeper
    if not keeper.series.count:
        complain(f"nothing was saved: no {' and no '.join(saving.wanted)} was found")
        return
    files = keeper.series.written
    place = files[0] if len(files) == 1 else f"{counted(len(files), 'file')} from {files[0]} on"
    removed = keeper.series.count - len(files)
    gone = f"; {counted(removed, 'older file')} removed" if removed else ""
    if not isinstance(keeper, Around):
        complain(f"{place}: {counted(keeper.frames, 'frame')} saved{gone}")
        return
    complain(f"{place}: saved around {counted(saving.moments, 'finding')}{gone}")
    if keeper.shortest_ns is not None:
        complain(f"--memory was enough for {duration(keeper.shortest_ns)} before a finding only")
