"""Views: the numbers of one judged connection, as the report's frozen structs.

A view is made only for a connection that is shown; all others stay rows of columns.
"""

from __future__ import annotations

from typing import cast

from handshake_inspect.report import State
from handshake_inspect.rfc9293.states import State as StateNumber
from handshake_inspect.views.address import address_text
from handshake_inspect.views.connection import Views

__all__ = [
    "CAPTURE_SHIFT", "FRAME_MASK", "HAS_ISN", "NEVER", "OPTION_MSS", "OPTION_WINDOW_SCALE", "STATE_NAMES", "Views",
    "address_text",
]  # fmt: skip

STATE_NAMES = cast("tuple[State, ...]", tuple(state.name for state in StateNumber))

NEVER = -1
CAPTURE_SHIFT = 40
FRAME_MASK = (1 << CAPTURE_SHIFT) - 1
HAS_ISN = 2
OPTION_MSS, OPTION_WINDOW_SCALE = 1, 2
