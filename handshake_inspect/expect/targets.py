"""What the arguments of `check` mean: captures, and folders of captures with an expect.toml beside them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from handshake_inspect.errors import UsageError

EXPECT = "expect.toml"
ENDINGS = (".pcap", ".pcapng", ".cap", ".dmp", ".ntar")
COMPRESSED = (".gz", ".bz2", ".xz", ".zst", ".lz4")


class Target(NamedTuple):
    """Captures that are judged as one: one of them, or the rotated files of one tap."""

    name: str
    paths: tuple[str, ...]

    def beside(self) -> str:
        """The file of expectations in the folder of the first capture."""
        return os.path.join(os.path.dirname(self.paths[0]), EXPECT)


def targets(arguments: Sequence[str], *, together: bool, every: bool) -> list[Target]:
    """What is to be judged, in the order of the arguments; with `every`, all captures of a folder.

    Raises UsageError for a folder without any.
    """
    found = [path for argument in arguments for path in _captures(argument, every)]
    if together:
        name = found[0] if len(found) == 1 else f"{found[0]} and {len(found) - 1:,} more"
        return [Target(name, tuple(found))]
    return [Target(path, (path,)) for path in dict.fromkeys(found)]


def _captures(argument: str, every: bool) -> list[str]:
    if argument == "-" or not os.path.isdir(argument):
        return [argument]
    found = list(_inside(argument, every))
    if not found:
        lacking = "no capture" if every else f"no capture with an {EXPECT} beside it"
        raise UsageError(f"{argument}: {lacking} in this folder or below it")
    return found


def _inside(folder: str, every: bool) -> Iterator[str]:
    """Yield the captures in a folder and below it, without hidden folders: all, or those with expectations beside."""
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        if every or EXPECT in files:
            yield from (os.path.normpath(os.path.join(place, name)) for name in sorted(files) if is_capture(name))


def is_capture(name: str) -> bool:
    """Whether a file's name ends as a capture's does."""
    lower = name.lower()
    for ending in COMPRESSED:
        lower = lower.removesuffix(ending)
    return lower.endswith(ENDINGS)
