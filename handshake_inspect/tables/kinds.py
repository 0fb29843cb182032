"""Kinds of column: how the numbers of the judged rows become values in NumPy, in Arrow and in pandas.

What is not known is -1, an empty text or NaT in NumPy, null in Arrow, <NA> or NaT in pandas.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from handshake_inspect.errors import UsageError
from handshake_inspect.verdict.findings import FINDINGS, NUMBERS
from handshake_inspect.views import address_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

NOT_KNOWN = -1
NOTHING: Array = np.zeros(0, "u8")
"""No values at all, which every kind can turn into an empty column."""


class Kind(Protocol):
    """One kind of value; `dtype` is NumPy's, `arrow_type` Arrow's, both as they spell it."""

    @property
    def dtype(self) -> str: ...
    @property
    def arrow_type(self) -> str: ...
    def numpy(self, values: Any) -> Array:
        """The values as they stand in a structured array."""

    def arrow(self, values: Any) -> Any:
        """The values as an Arrow array."""

    def pandas(self, values: Any) -> Any:
        """The values as a column of a DataFrame."""


class Whole(NamedTuple):
    """A whole number; with `nullable`, NOT_KNOWN where it is not known."""

    dtype: str
    nullable: bool = False

    @property
    def arrow_type(self) -> str:
        return str(np.dtype(self.dtype))

    def numpy(self, values: Array) -> Array:
        return values.astype(self.dtype)

    def arrow(self, values: Array) -> Any:
        import pyarrow as pa

        return pa.array(self.numpy(values), mask=values == NOT_KNOWN if self.nullable else None)

    def pandas(self, values: Array) -> Any:
        import pandas as pd

        if not self.nullable:
            return self.numpy(values)
        return pd.arrays.IntegerArray(self.numpy(values), values == NOT_KNOWN)


class Word(NamedTuple):
    """One of a few words, by its number; a number beyond them is not known."""

    words: tuple[str, ...]

    @property
    def dtype(self) -> str:
        return f"U{max(map(len, self.words))}"

    @property
    def arrow_type(self) -> str:
        return "dictionary<values=string, indices=int8, ordered=0>"

    def numpy(self, values: Array) -> Array:
        return np.array([*self.words, ""])[np.minimum(values, len(self.words))]

    def arrow(self, values: Array) -> Any:
        import pyarrow as pa

        unknown = values >= len(self.words)
        numbers = pa.array(np.where(unknown, 0, values).astype("i1"), mask=unknown)
        return pa.DictionaryArray.from_arrays(numbers, pa.array(self.words))

    def pandas(self, values: Array) -> Any:
        import pandas as pd

        return pd.array(np.array([*self.words, None], object)[np.minimum(values, len(self.words))], dtype="string")


class Moment(NamedTuple):
    """Nanoseconds: since 1970 UTC with letter `M`, a duration with `m`; NOT_KNOWN where it is not known."""

    letter: str

    @property
    def dtype(self) -> str:
        return f"{self.letter}8[ns]"

    @property
    def arrow_type(self) -> str:
        return "timestamp[ns, tz=UTC]" if self.letter == "M" else "duration[ns]"

    def numpy(self, values: Array) -> Array:
        found = values.astype("i8")
        found[values == NOT_KNOWN] = np.iinfo("i8").min
        return found.view(self.dtype)

    def arrow(self, values: Array) -> Any:
        import pyarrow as pa

        type_ = pa.timestamp("ns", tz="UTC") if self.letter == "M" else pa.duration("ns")
        return pa.array(self.numpy(values), type=type_)

    def pandas(self, values: Array) -> Any:
        import pandas as pd

        found = self.numpy(values)
        return pd.DatetimeIndex(found, tz="UTC") if self.letter == "M" else found


class Text(NamedTuple):
    """Texts of at most `width` characters."""

    width: int

    @property
    def dtype(self) -> str:
        return f"U{self.width}"

    @property
    def arrow_type(self) -> str:
        return "string"

    def numpy(self, values: list[str]) -> Array:
        return np.array(values, dtype=self.dtype)

    def arrow(self, values: list[str]) -> Any:
        import pyarrow as pa

        return pa.array(list(values), type=pa.string())

    def pandas(self, values: list[str]) -> Any:
        import pandas as pd

        return pd.array(list(values), dtype="string")


class Findings(NamedTuple):
    """The findings of a connection: bit n is row n of FINDINGS in NumPy, elsewhere a list of their ids."""

    dtype: str = "u8"
    arrow_type: str = "list<item: string>"

    def numpy(self, values: Array) -> Array:
        return values

    def arrow(self, values: Array) -> Any:
        import pyarrow as pa

        return pa.array([ids_of(bits) for bits in values.tolist()], type=pa.list_(pa.string()))

    def pandas(self, values: Array) -> Any:
        found = np.empty(len(values), dtype=object)
        found[:] = [ids_of(bits) for bits in values.tolist()]
        return found


@cache
def ids_of(bits: int) -> tuple[str, ...]:
    """The ids of the findings whose bits are set, in the order of the table of findings."""
    return tuple(kind.id for number, kind in enumerate(FINDINGS) if bits >> number & 1)


def finding_bit(id: str) -> int:
    """The bit of a finding in the column `findings` of to_numpy().  Raises UsageError for an id that none has.

    >>> from handshake_inspect import analyse, finding_bit
    >>> table = analyse("sample_pcaps/refused/capture.pcap").to_numpy()
    >>> (table["findings"] & finding_bit("refused") != 0).tolist()
    [True]
    """
    if id not in NUMBERS:
        raise UsageError(f"no finding has the id {id!r}; `handshake-inspect findings` lists them")
    return 1 << NUMBERS[id]


_spelled = lru_cache(maxsize=65536)(address_text)


def addresses(family: Array, high: Array, low: Array) -> list[str]:
    """The addresses of a column in their usual spelling."""
    return list(map(_spelled, family.tolist(), high.tolist(), low.tolist()))
