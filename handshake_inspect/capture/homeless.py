"""What hides the user's home from scapy while it is imported."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

HOMES = ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME")
"""Where the XDG base directories are told."""


@contextmanager
def homeless() -> Iterator[None]:
    """Let scapy find no folder of the user's: it would make some, and read what it kept there as pickles."""
    before = {name: os.environ.get(name) for name in HOMES}
    os.environ.update(dict.fromkeys(HOMES, os.devnull))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
