"""The connections of a report as tables: one row a connection, or one row a transition, computed on columns.

No view is made.  `fields.py` says what the columns are; Arrow and pandas have modules of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from handshake_inspect.errors import UsageError
from handshake_inspect.tables.fields import TABLES, Field

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

Table = Literal["connections", "transitions"]

CHUNK = 65_536
"""Connections that are turned into columns at once: what is needed beside the result stays in memory for these only."""


class Source(Protocol):
    """Where the rows come from: `verdict.judge.Judge`."""

    def rows(self, first: int, end: int) -> Any: ...
    def steps(self, first: int, end: int) -> Any: ...


def fields_of(table: str) -> tuple[Field, ...]:
    """Return the columns of a table.  Raises UsageError for a name that none has."""
    if table not in TABLES:
        raise UsageError(f"a table is one of {', '.join(TABLES)}, not {table!r}")
    return TABLES[table]


def dtype_of(table: str) -> np.dtype[np.void]:
    """Return the NumPy type of a row.  Raises UsageError for a name that no table has."""
    return np.dtype([(field.name, field.kind.dtype) for field in fields_of(table)])


def chunks(source: Source, count: int, table: str) -> Iterator[Array]:
    """Yield the raw rows of the connections 0 to `count` - 1, some at a time."""
    for first in range(0, count, CHUNK):
        end = min(first + CHUNK, count)
        rows = source.rows(first, end) if table == "connections" else source.steps(first, end)
        if rows is not None:
            yield np.asarray(rows)


def to_numpy(source: Source, count: int, table: str) -> Array:
    """Return a table as a structured array."""
    fields, dtype = fields_of(table), dtype_of(table)
    if table == "connections":
        found, filled = np.empty(count, dtype), 0
        for rows in chunks(source, count, table):
            fill(found[filled : filled + len(rows)], fields, rows)
            filled += len(rows)
        return found
    parts = [np.empty(0, dtype)]
    for rows in chunks(source, count, table):
        parts.append(np.empty(len(rows), dtype))
        fill(parts[-1], fields, rows)
    return parts[-1] if len(parts) <= 2 else np.concatenate(parts)


def fill(part: Array, fields: tuple[Field, ...], rows: Array) -> None:
    """Write the columns of some rows."""
    for field in fields:
        part[field.name] = field.kind.numpy(field.read(rows))
