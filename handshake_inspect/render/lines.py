"""Columns of text for tables that can be long: aligned, without a grid, written row by row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

GAP = "  "


def columns(titles: Sequence[str], align: str, rows: Sequence[Sequence[str]], gap: str = GAP) -> Iterator[str]:
    """Yield a line of titles and one a row; `align` has `<` or `>` for each column.  Lines end without spaces."""
    widths = [max(map(len, column)) for column in zip(titles, *rows, strict=True)]
    for row in (titles, *rows):
        cells = (f"{cell:{side}{width}}" for cell, side, width in zip(row, align, widths, strict=True))
        yield gap.join(cells).rstrip()


def width_of(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    """How wide `columns` makes them."""
    return sum(max(map(len, column)) for column in zip(titles, *rows, strict=True)) + len(GAP) * (len(titles) - 1)
