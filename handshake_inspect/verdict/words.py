"""The words of the verdicts, in the order of the numbers that the compiled stages write."""

OPENINGS = (
    "three-way", "simultaneous", "split", "refused", "unanswered", "half-open", "reset", "mid-stream", "failed",
)  # fmt: skip
CLOSINGS = (
    "four-way", "three-segment", "simultaneous", "half-closed", "reset", "fin-then-reset", "unacknowledged", "open",
    "none",
)  # fmt: skip
CERTAINTIES = ("assumed", "inferred", "confirmed", "observed")
ROLES = ("client", "server")
TIME_WAIT_ENDS = ("reuse", "reset", "expired", "capture-end")
CHECK_NAMES = (
    "syn-ack acknowledges syn", "ack acknowledges syn-ack", "ack continues from syn",
    "client fin acknowledged", "server fin acknowledged",
)  # fmt: skip
SEVERITIES = ("none", "note", "warning", "error")
MOVES = ("too-few", "random", "constant", "constant-step", "small-steps", "clock")
"""How a host's ISNs move; from `constant` on they can be predicted."""
CLOCKS = (("RFC 6528's clock, one each 4 us", 4_000), ("Linux's clock, one each 64 ns", 64))
"""Clocks that ISNs are known to follow, each with the nanoseconds of its tick."""

TWO_MSL_NS = {
    "linux": 60_000_000_000,
    "macos": 30_000_000_000,
    "freebsd": 60_000_000_000,
    "windows": 120_000_000_000,
    "rfc": 240_000_000_000,
}
"""How long each system keeps TIME_WAIT: Linux's TCP_TIMEWAIT_LEN (it is not tcp_fin_timeout), else twice its MSL."""
