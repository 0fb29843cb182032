"""The reference of the library, docs/api.md, made from its names, annotations and docstrings.

`make golden` writes it again; a test fails while it is stale.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from types import UnionType
from typing import Any, Literal, get_args, get_origin

import handshake_inspect
from handshake_inspect import pytest_plugin, testing
from handshake_inspect.described import described
from handshake_inspect.tables.fields import TABLES, Field

HEAD = """# The library

Made from the code by `make golden`. Times are integers in nanoseconds since 1970 UTC (`_ns`), durations too; in the
tables they are NumPy's `datetime64[ns]` and `timedelta64[ns]`. What is not known is `None`, never a guess. Frames count
from 1, captures and ids from 0.
"""
SECTIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Analysing", ("analyse", "Report", "Connections", "iter_connections", "Passing", "finding_bit")),
    ("A connection", ("Connection", "Endpoint", "Transition", "Opening", "Closing", "TimeWait", "Check", "Finding",
                      "Options", "Retransmissions", "BytesPerSide", "Schedule", "Icmp", "Interop")),
    ("A capture", ("CaptureInfo", "Counters", "Fault", "Summary", "FrameOf")),
    ("Words", ("State", "Role", "Certainty", "OpeningKind", "ClosingKind", "TimeWaitEnd", "CheckName", "Severity",
               "Frame")),
    ("Errors", ("HandshakeInspectError", "CaptureError", "ExpectationError", "FilterError", "UsageError")),
)  # fmt: skip
"""Every public name has its place here; a test holds that."""


CONSTRUCTED = ("Handshakes",)
"""The classes that a user makes; all others come out of something."""


def reference() -> str:
    """Return the whole text."""
    parts = [HEAD]
    for title, names in SECTIONS:
        parts.append(f"## {title}\n")
        for name in names:
            parts += entry(name, getattr(handshake_inspect, name), name)
        if title == "Analysing":
            for table, fields in TABLES.items():
                parts += of_table(table, fields)
    parts.append("## In tests\n")
    parts.append(f"The pytest fixture `handshakes`: {prose(pytest_plugin.handshakes.__doc__)}")
    for name in testing.__all__:
        parts += entry(f"handshake_inspect.testing.{name}", getattr(testing, name), name)
    return "\n".join(parts)


def entry(title: str, thing: Any, name: str) -> Iterator[str]:
    """The text on one name."""
    if get_origin(thing) is Literal:
        yield f"**{name}**: {', '.join(f'`{word}`' for word in get_args(thing))}\n"
    elif isinstance(thing, UnionType):
        yield f"**{name}**: {' or '.join(f'`{each.__name__}`' for each in get_args(thing))}\n"
    elif inspect.isclass(thing):
        yield f"### {title}\n"
        yield from of_class(thing)
    else:
        yield f"### {title}\n"
        yield f"```python\n{signature(name, thing)}\n```\n"
        yield prose(thing.__doc__)


def of_class(thing: type) -> Iterator[str]:
    """A class: its docstring, its fields with their types, its public methods."""
    if thing.__name__ in CONSTRUCTED:
        yield f"```python\n{signature(thing.__name__, thing.__init__)}\n```\n"
    sentences, meanings = described(thing.__doc__)
    yield prose(sentences)
    if meanings:
        types = {**getattr(thing, "__annotations__", {}), **property_types(thing)}
        yield "| field | type | meaning |\n|---|---|---|"
        for field, meaning in meanings.items():
            yield f"| `{field}` | `{types[field]}` | {meaning} |".replace(" | None`", "`, `None`")
        yield ""
    for name, method in public_methods(thing):
        is_property = isinstance(vars(thing)[name], property)
        shown = f"{name}: {method.__annotations__['return']}" if is_property else signature(name, method)
        yield f"#### {thing.__name__}.{name}\n\n```python\n{shown}\n```\n"
        yield prose(method.__doc__)


def property_types(thing: type) -> dict[str, str]:
    """The types of the attributes that a class gives itself: `self.name: type`."""
    return dict(re.findall(r"self\.([a-z]\w*): ([^=\n]+) =", inspect.getsource(thing)))


def public_methods(thing: type) -> Iterator[tuple[str, Callable[..., Any]]]:
    for name, member in vars(thing).items():
        method = member.fget if isinstance(member, property) else member
        if inspect.isfunction(method) and (not name.startswith("_") or name == "__call__"):
            yield name, method


def signature(name: str, function: Callable[..., Any]) -> str:
    """`name(argument: type = default) -> type`, without self."""
    parameters = []
    found = inspect.signature(function)
    for parameter in found.parameters.values():
        if parameter.name == "self":
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and "*" not in parameters and not any(
            text.startswith("*") for text in parameters
        ):  # fmt: skip
            parameters.append("*")
        star = "*" if parameter.kind is parameter.VAR_POSITIONAL else ""
        default = "" if parameter.default is parameter.empty else f" = {parameter.default!r}"
        parameters.append(f"{star}{parameter.name}: {parameter.annotation}{default}")
    result = "" if name[:1].isupper() or found.return_annotation is found.empty else f" -> {found.return_annotation}"
    return f"{name}({', '.join(parameters)}){result}"


def prose(docstring: str | None) -> str:
    """A docstring as Markdown: its examples in fences."""
    assert docstring, "a public name without a docstring"
    paragraphs = []
    for paragraph in inspect.cleandoc(docstring).split("\n\n"):
        paragraphs.append(f"```pycon\n{paragraph}\n```" if paragraph.startswith(">>>") else paragraph)
    return "\n\n".join(paragraphs).replace(".  ", ". ") + "\n"


def of_table(table: str, fields: tuple[Field, ...]) -> Iterator[str]:
    """The columns of a table."""
    yield f"### The table `{table}`\n"
    yield "| column | NumPy | Arrow | meaning |\n|---|---|---|---|"
    for field in fields:
        arrow = "dictionary of string" if field.kind.arrow_type.startswith("dictionary") else field.kind.arrow_type
        yield f"| `{field.name}` | `{field.kind.dtype}` | {arrow} | {field.meaning} |"
    yield ""
