"""One connection a line, as JSON; the first line is there as soon as the first connection is."""

from __future__ import annotations

from typing import TextIO

import msgspec

from handshake_inspect.render import Style
from handshake_inspect.render.selection import Selection


def write(selection: Selection, out: TextIO, style: Style) -> None:
    """Only connections: no head and no summary, so that a line is always the same thing."""
    encode = msgspec.json.Encoder().encode
    for connection in selection:
        out.write(encode(connection).decode() + "\n")
