"""Which captures there are, and where they lie."""

from __future__ import annotations

from pathlib import Path

CAPTURES = Path(__file__).parent / "captures"
NAMES = ("handshake-heavy", "bulk", "syn-flood", "small")


def file_name(name: str, scale: float = 1.0, segments: int | None = None) -> str:
    """The name of a capture's file, of which its size is part; `segments` is that of `generate.py --segments`."""
    if segments is not None:
        return f"{name}-{segments}-segments.pcap"
    return f"{name}.pcap" if scale == 1 or name == "small" else f"{name}-x{scale:g}.pcap"
