"""Bytes to frames: opens a capture of any format and compression, and yields its frames in batches."""

from handshake_inspect.capture.capture import Batch, Capture, first_time_ns, open_capture
from handshake_inspect.capture.formats import FORMATS
from handshake_inspect.capture.source import COMPRESSIONS

__all__ = ["COMPRESSIONS", "FORMATS", "Batch", "Capture", "first_time_ns", "open_capture"]
