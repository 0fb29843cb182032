"""One connection a line, as JSON; the first line is there as soon as the first connection is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, TextIO

import msgspec

from handshake_inspect.render import Style
from handshake_inspect.render.selection import Selection

if TYPE_CHECKING:
    from handshake_inspect.report import Connection


def write(selection: Selection, out: TextIO, style: Style) -> None:
    """Only connections: no head and no summary, so that a line is always the same thing."""
    write_connections(selection, out)


def write_connections(connections: Iterable[Connection], out: TextIO) -> None:
    """Write each connection when it comes."""
    encode = msgspec.json.Encoder().encode
    for connection in connections:
        out.write(encode(connection).decode() + "\n")
