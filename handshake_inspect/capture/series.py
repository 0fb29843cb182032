"""The files that a writer goes on with: which names they have, and which of them comes next."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import NamedTuple

from handshake_inspect.capture.capture import first_time_ns
from handshake_inspect.errors import CaptureError

SLACK_NS = 1_000_000_000
"""How much earlier than the last frame of a file the first frame of the next may be: processors are not in step."""


class Naming(NamedTuple):
    """How a writer names its files: `spell` makes a pattern of their names from the name that the writer was told."""

    writer: str
    spell: Callable[[str], str]


NAMINGS = (
    Naming("tcpdump -w, also with -G and a time in the name", lambda name: _spelled(name)),
    Naming("tcpdump -C, with -W too", lambda name: _spelled(re.sub(r"\d+$", "", name)) + r"\d*"),
    Naming("dumpcap -b, tshark -b, live --ring", lambda name: _dated(*os.path.splitext(name))),
)
"""Every way of naming that is known.  A time in the name (%H) stands for what strftime makes of it."""


class Series:
    """The files that are written under the name `path`, which is spelled as the writer was told it.

    The name of one of the files will do.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._folder, name = os.path.split(path)
        self._names = re.compile("|".join(row.spell(name) for row in NAMINGS))
        # The time of the first frame of a file, by its name and the time of its last writing.
        self._first: dict[tuple[str, int], int | None] = {}

    def newest(self) -> str | None:
        """Return the file of exactly that name, else the one of the series that was written last; None without one."""
        if os.path.exists(self.path):
            return self.path
        return max(self._files(0), key=lambda each: each[1].st_mtime_ns, default=(None, None))[0]

    def after(self, path: str, first_ns: int | None, last_ns: int | None) -> str | None:
        """Return the file that goes on where the one at `path` ends, once it has a frame; None without one.

        `first_ns` is the time of the first frame of that file, `last_ns` that of the last frame of all so far.
        """
        written_ns, identity = 0, None
        with suppress(OSError):
            here = os.stat(path)
            written_ns, identity = here.st_mtime_ns, (here.st_dev, here.st_ino)
        found = []
        known = {}
        for there, status in self._files(written_ns):
            if (status.st_dev, status.st_ino) == identity:
                continue
            key = there, status.st_mtime_ns
            begins_ns = known[key] = self._first[key] if key in self._first else _first_time_ns(there)
            if begins_ns is None or (first_ns is not None and begins_ns <= first_ns):
                continue
            if last_ns is None or begins_ns >= last_ns - SLACK_NS:
                found.append((begins_ns, there))
        self._first = known
        return min(found)[1] if found else None

    def _files(self, written_ns: int) -> Iterator[tuple[str, os.stat_result]]:
        """Yield the files of the series that were written at this time or later."""
        with suppress(OSError), os.scandir(self._folder or ".") as entries:
            for entry in entries:
                if self._names.fullmatch(entry.name):
                    with suppress(OSError):
                        path = os.path.join(self._folder, entry.name)
                        status = os.stat(path)
                        if stat.S_ISREG(status.st_mode) and status.st_mtime_ns >= written_ns:
                            yield path, status


def _spelled(text: str) -> str:
    """Return the pattern of a name, in which strftime's conversions stand for any text."""
    parts = re.split(r"(%.)", text)
    return "".join("%" if part == "%%" else ".+" if re.fullmatch("%.", part) else re.escape(part) for part in parts)


def _dated(stem: str, ending: str) -> str:
    """Return the pattern of a name with dumpcap's number and time between stem and ending."""
    between = r"_\d{5,}_\d{14}"
    return _spelled(re.sub(between + "$", "", stem)) + between + _spelled(ending)


def _first_time_ns(path: str) -> int | None:
    try:
        return first_time_ns(path)
    except CaptureError:
        return None
