"""Tables for Arrow: as a pyarrow.Table, or written to a Parquet file some rows at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from handshake_inspect.tables import Source, chunks, fields_of
from handshake_inspect.tables.kinds import NOTHING

try:
    import pyarrow as pa
except ImportError as reason:
    raise ImportError(
        "Arrow and Parquet need the package pyarrow: pip install 'handshake-inspect[arrow]'", name="pyarrow"
    ) from reason

if TYPE_CHECKING:
    from pyarrow import RecordBatch, Schema, Table


def schema_of(table: str) -> Schema:
    """Return the Arrow schema of a table, with each column's meaning in its metadata.  Raises UsageError."""
    return pa.schema([
        pa.field(field.name, field.kind.arrow(NOTHING).type, metadata={"meaning": field.meaning})
        for field in fields_of(table)
    ])  # fmt: skip


def batches(source: Source, count: int, table: str) -> Iterator[RecordBatch]:
    """Yield a table some rows at a time."""
    schema = schema_of(table)
    for rows in chunks(source, count, table):
        yield pa.record_batch([field.kind.arrow(field.read(rows)) for field in fields_of(table)], schema=schema)


def to_arrow(source: Source, count: int, table: str) -> Table:
    """Return a table."""
    return pa.Table.from_batches(batches(source, count, table), schema=schema_of(table))


def to_parquet(source: Source, count: int, path: str | os.PathLike[str], table: str) -> None:
    """Write a table to a Parquet file; memory is that of CHUNK connections."""
    from pyarrow.parquet import ParquetWriter

    with ParquetWriter(path, schema_of(table), compression="zstd") as writer:
        for batch in batches(source, count, table):
            writer.write_batch(batch)
