"""A walk in one call: from a sample or any capture, or from the text of a ladder, to the Ladder that is drawn."""

from __future__ import annotations

import tempfile
from pathlib import Path

from handshake_inspect import analyse
from handshake_inspect.looks.climb import ladder
from handshake_inspect.looks.ladder import Ladder
from handshake_inspect.segments import segments_of
from wrappings import PLAIN, Wrapping, capture_bytes, frames

SAMPLES = Path(__file__).resolve().parent.parent / "sample_pcaps"


def sample(name: str) -> Path:
    return SAMPLES / name / "capture.pcap"


def walk(capture: Path, id: int = 0, *, unfolded: bool = False) -> Ladder:
    """Walk through one connection of a capture."""
    report = analyse(str(capture))
    return ladder(report.connections[id], segments_of(str(capture), [id]), report.captures, unfolded=unfolded)


def walk_of(text: str, id: int = 0, *, unfolded: bool = False, wrapping: Wrapping = PLAIN) -> Ladder:
    """Walk through one connection of a conversation written as in tests/ladder.py."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "ladder.pcap")
        file.write_bytes(capture_bytes(frames(text, wrapping), wrapping))
        return walk(file, id, unfolded=unfolded)
