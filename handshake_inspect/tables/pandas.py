"""Tables for pandas."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handshake_inspect.tables import Source, chunks, fields_of
from handshake_inspect.tables.kinds import NOTHING

try:
    import pandas as pd
except ImportError as reason:
    raise ImportError(
        "A DataFrame needs the package pandas: pip install 'handshake-inspect[pandas]'", name="pandas"
    ) from reason

if TYPE_CHECKING:
    from pandas import DataFrame


def to_pandas(source: Source, count: int, table: str) -> DataFrame:
    """Return a table; its index counts rows from 0."""
    fields = fields_of(table)
    frames = [
        pd.DataFrame({field.name: field.kind.pandas(field.read(rows)) for field in fields})
        for rows in chunks(source, count, table)
    ]
    if not frames:
        columns = {field.name: field.kind.pandas(NOTHING) for field in fields}
        return pd.DataFrame(columns)
    return frames[0] if len(frames) == 1 else pd.concat(frames, ignore_index=True)
