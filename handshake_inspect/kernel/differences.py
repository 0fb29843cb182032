"""Why the wire and the kernel may rightly differ, one row each.

A capture shows segments.  What a kernel decides without sending one (a timer that ends, a request that it forgets) no
capture can show, and what passed the capture point may still be dropped behind it.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple


class Difference(NamedTuple):
    """The state by the wire, the kernel's (None: it has no socket), and why both can be right."""

    wire: str
    kernel: str | None
    reason: str


CONNECT = "the connect was given up, or timed out: that sends nothing"
REQUEST = "the listener keeps no socket for a request: SYN cookies, or the request ended unanswered"
FIN_GIVEN_UP = "the FIN was given up after its last copy (tcp_orphan_retries): that sends nothing"
ORPHAN = "an orphan in FIN_WAIT_2 is dropped after tcp_fin_timeout: that sends nothing"
OWN_CLOCK = "the kernel ends TIME_WAIT by its own clock, sooner when the port or the memory is needed"
STILL_WAITING = "how long the kernel keeps TIME_WAIT is assumed here, and tcp_rfc1337 keeps it through a RST"
FIN_QUEUED = "close was called, and the FIN waits behind data that may not be sent yet"
NOT_OURS = (
    "the kernel never had a socket for it: another network namespace's, an address that is translated (NAT), or a "
    "request that its listener dropped"
)
NOT_TAKEN = "a segment passed the capture point and was not taken: a firewall behind it, or a full accept queue"

# fmt: off
DIFFERENCES = (
    Difference("SYN_SENT",     None,         CONNECT),
    Difference("SYN_RECEIVED", None,         REQUEST),
    Difference("FIN_WAIT_1",   None,         FIN_GIVEN_UP),
    Difference("CLOSING",      None,         FIN_GIVEN_UP),
    Difference("LAST_ACK",     None,         FIN_GIVEN_UP),
    Difference("FIN_WAIT_2",   None,         ORPHAN),
    Difference("TIME_WAIT",    None,         OWN_CLOCK),
    Difference("CLOSED",       "TIME_WAIT",  STILL_WAITING),
    Difference("ESTABLISHED",  "FIN_WAIT_1", FIN_QUEUED),
    Difference("CLOSE_WAIT",   "LAST_ACK",   FIN_QUEUED),
)
"""What explains a difference by its two states alone."""
# fmt: on

REASONS = {(row.wire, row.kernel): row.reason for row in DIFFERENCES}


def reason_for(wire: str, kernel: str | None, unproved: Collection[str], had_socket: bool) -> str | None:
    """Return why the two states can both be right, None where nothing is known that explains it.

    `unproved` are the states that the end was in before steps that nothing proves: the segment passed on its way to
    it, and may not have arrived.  `had_socket` says whether the kernel ever showed a socket.
    """
    if kernel is not None and kernel in unproved:
        return NOT_TAKEN
    known = REASONS.get((wire, kernel))
    return NOT_OURS if known is None and kernel is None and not had_socket else known
