"""tabulate, imported at a third of its price.

While it is imported, tabulate asks the metadata of installed packages for its own version number.  That loads
`importlib.metadata`, `email` and `zipfile`: 12 of the 85 milliseconds in which a small capture is read and shown.
Nobody here asks for the number, so tabulate is told that it is not known.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType

METADATA = "importlib.metadata"


def _unknown(name: str) -> str:
    return f"{name}: not asked for"


def _load() -> ModuleType:
    """Import tabulate, with a stand-in for METADATA unless somebody has imported the real one."""
    if METADATA in sys.modules:
        import tabulate

        return tabulate
    stand_in = ModuleType(METADATA)
    stand_in.version = _unknown  # type: ignore[attr-defined]
    stand_in.PackageNotFoundError = LookupError  # type: ignore[attr-defined]
    sys.modules[METADATA] = stand_in
    try:
        import tabulate
    finally:
        del sys.modules[METADATA]
    return tabulate


tabulate: Callable[..., str] = _load().tabulate
"""tabulate's function: rows and headers in, a table as text out."""
