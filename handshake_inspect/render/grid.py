"""tabulate, imported at a quarter of its price.

While it is imported, tabulate asks the metadata of installed packages for its own version number, which loads `email`
and `zipfile`, and takes hold of `html` and `dataclasses`, which load `inspect`.  Nobody here asks for the number, for
tables in HTML, or for tables of dataclasses: without them a small capture is shown 18 milliseconds sooner.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from types import ModuleType
from typing import Any


class Later(ModuleType):
    """Stands in for a module of functions: one that is taken from it imports the module when it is called."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return lambda *given, **named: getattr(import_module(self.__name__), name)(*given, **named)


def _stand_ins() -> Iterator[ModuleType]:
    metadata = Later("importlib.metadata")
    metadata.__dict__.update(version="{}: not asked for".format, PackageNotFoundError=LookupError)
    dataclasses = Later("dataclasses")
    # tabulate asks this of the first row of every table.
    dataclasses.__dict__.update(is_dataclass=lambda row: hasattr(row, "__dataclass_fields__"))
    yield from (metadata, dataclasses, Later("html"))


def _load() -> ModuleType:
    """Import tabulate, with stand-ins for what nobody has imported yet."""
    stand_ins = [module for module in _stand_ins() if module.__name__ not in sys.modules]
    sys.modules.update({module.__name__: module for module in stand_ins})
    try:
        import tabulate
    finally:
        for module in stand_ins:
            del sys.modules[module.__name__]
    return tabulate


tabulate: Callable[..., str] = _load().tabulate
"""tabulate's function: rows and headers in, a table as text out."""
