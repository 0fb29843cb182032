"""What did this TCP connection do?

>>> from handshake_inspect import analyse
>>> report = analyse("sample_pcaps/normal_close_by_client/capture.pcap")
>>> [connection.closing.kind for connection in report.connections]
['four-way']

Importing this package imports nothing else of it: each name below is looked up when it is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from handshake_inspect.analysis import Connections, Report, analyse
    from handshake_inspect.errors import CaptureError, ExpectationError, FilterError, HandshakeInspectError, UsageError
    from handshake_inspect.report import (
        BytesPerSide,
        CaptureInfo,
        Certainty,
        Check,
        CheckName,
        Closing,
        ClosingKind,
        Connection,
        Counters,
        Endpoint,
        Fault,
        Finding,
        Frame,
        FrameOf,
        Icmp,
        Interop,
        Opening,
        OpeningKind,
        Options,
        Retransmissions,
        Role,
        Schedule,
        Severity,
        State,
        Summary,
        TimeWait,
        TimeWaitEnd,
        Transition,
    )
    from handshake_inspect.stream import Passing, iter_connections
    from handshake_inspect.tables.kinds import finding_bit

__version__ = "0.1.0"
__all__ = [
    "BytesPerSide",
    "CaptureError",
    "CaptureInfo",
    "Certainty",
    "Check",
    "CheckName",
    "Closing",
    "ClosingKind",
    "Connection",
    "Connections",
    "Counters",
    "Endpoint",
    "ExpectationError",
    "Fault",
    "FilterError",
    "Finding",
    "Frame",
    "FrameOf",
    "HandshakeInspectError",
    "Icmp",
    "Interop",
    "Opening",
    "OpeningKind",
    "Options",
    "Passing",
    "Report",
    "Retransmissions",
    "Role",
    "Schedule",
    "Severity",
    "State",
    "Summary",
    "TimeWait",
    "TimeWaitEnd",
    "Transition",
    "UsageError",
    "__version__",
    "analyse",
    "finding_bit",
    "iter_connections",
]

HOMES = {"analysis": ("Connections", "Report", "analyse"),
         "errors": ("CaptureError", "ExpectationError", "FilterError", "HandshakeInspectError", "UsageError"),
         "stream": ("Passing", "iter_connections"),
         "tables.kinds": ("finding_bit",)}  # fmt: skip
"""Which module each name is in; those that are not here are in `report`."""


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    home = next((module for module, names in HOMES.items() if name in names), "report")
    return getattr(import_module(f"{__name__}.{home}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
