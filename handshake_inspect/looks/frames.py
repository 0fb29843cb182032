"""The sizes of a capture's frames, from a pass over its records alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from handshake_inspect.capture import open_capture
from handshake_inspect.errors import CaptureError


@dataclass
class FrameSizes:
    """How many frames were cut when they were captured, the most bytes kept of one of those, and the largest."""

    cut: int = 0
    kept: int = 0
    largest: int = 0


def frame_sizes(paths: Sequence[str]) -> FrameSizes:
    """Read the records of captures once more; one that cannot be opened is left out."""
    import numpy as np

    sizes = FrameSizes()
    for path in paths:
        try:
            capture = open_capture(path)
        except CaptureError:
            continue
        for batch in capture.batches():
            frames = np.asarray(batch.frames)[: batch.count]
            captured, wire = frames["captured"], frames["wire"]
            cut = captured < wire
            sizes.cut += int(cut.sum())
            if cut.any():
                sizes.kept = max(sizes.kept, int(captured[cut].max()))
            sizes.largest = max(sizes.largest, int(wire.max()))
    return sizes
