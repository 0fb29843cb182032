"""Columns: the arrays that the stages hand to each other, one struct a row.

`columns.pxd` beside this file is the layout.  Each function here makes one column as a
memoryview of structs, which NumPy reads without a copy: `numpy.asarray(frame_column(8))`.
"""

from array import array

import cython
from cython.cimports.cython.view import array as c_array

# PEP 3118's spelling of the structs, so that a column can be read outside compiled code.
FRAME = "T{q:time_ns:Q:file_offset:I:start:I:captured:I:wire:H:link_type:H:interface:}"
SEGMENT = (
    "T{q:time_ns:Q:frame:Q:src_high:Q:src_low:Q:dst_high:Q:dst_low:I:seq:I:ack:I:length:I:ts_value:I:ts_echo:I:ip_id:"
    "H:src_port:H:dst_port:H:flags:H:window:H:checksum:H:mss:"
    "B:kind:B:family:B:window_scale:B:options:B:fast_open:B:marks:B:icmp_type:B:icmp_code:4x"
    "Q:reporter_high:Q:reporter_low:}"
)

COUNTER_NAMES = ("tcp", "not_tcp", "fragment", "truncated", "malformed", "unsupported")
"""The counters' names, in the order of `columns.pxd`'s COUNT_ numbers."""


def frame_column(rows: cython.Py_ssize_t):
    """Return a new column of `rows` Frame rows, not zeroed."""
    column: Frame[::1] = c_array(shape=(rows,), itemsize=cython.sizeof(Frame), format=FRAME.encode())
    return column


def segment_column(rows: cython.Py_ssize_t):
    """Return a new column of `rows` Segment rows, not zeroed."""
    column: Segment[::1] = c_array(shape=(rows,), itemsize=cython.sizeof(Segment), format=SEGMENT.encode())
    return column


def counters():
    """Return the six frame counters, all 0."""
    return array("Q", [0] * COUNTERS)
