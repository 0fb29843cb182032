"""One connection as the rules see it, and what a rule is."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from handshake_inspect.report import Connection, Endpoint, Finding, Frame, Role, Severity

if TYPE_CHECKING:
    from handshake_inspect.looks.wire import Direction, Reset, Wire


class Case(NamedTuple):
    """A connection, the time of the capture's last frame, and the second pass's digest where one was made."""

    connection: Connection
    capture_end_ns: int
    wire: Wire | None

    def finding(self, id: str) -> Finding | None:
        """Return the first finding with this id."""
        return next((finding for finding in self.connection.findings if finding.id == id), None)

    def end(self, role: Role) -> Endpoint:
        """Return one end."""
        return self.connection.client if role == "client" else self.connection.server

    def age(self, time_ns: int) -> int:
        """Return how long before the end of the capture that was."""
        return max(self.capture_end_ns - time_ns, 0)

    def reset(self) -> Reset | None:
        """Return the RST that ended the connection, from the second pass."""
        if self.wire is None:
            return None
        by = self.connection.closing.reset_by
        frames = self.connection.closing.frames
        found = [r for r in self.wire.resets if by is None or r.by_client == (by == "client")]
        return next((reset for reset in found if reset.frame in frames), found[0] if found else None)

    def direction(self, by_client: bool) -> Direction | None:
        """Return what one end sent, from the second pass."""
        return None if self.wire is None else self.wire.client if by_client else self.wire.server


class Said(NamedTuple):
    """A sentence and the frames that it rests on."""

    text: str
    frames: tuple[Frame, ...]


class Rule(NamedTuple):
    """One reason: when it holds and what is said then.

    Of the rules of one `about` (opening, closing, reset, later) the first that holds speaks; `oddity` rules all speak.
    """

    name: str
    about: str
    severity: Severity
    holds: Callable[[Case], bool]
    says: Callable[[Case], Said]


def other(role: Role) -> Role:
    """The peer's role."""
    return "server" if role == "client" else "client"


def entered(endpoint: Endpoint, state: str) -> tuple[Frame | None, int] | None:
    """Return (frame, time) at which an endpoint last entered a state."""
    step = next((step for step in reversed(endpoint.transitions) if step.to == state), None)
    return None if step is None else (step.frame, step.time_ns)
