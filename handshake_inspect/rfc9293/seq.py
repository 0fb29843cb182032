"""Sequence numbers, modulo 2**32 (RFC 9293 section 3.4).  `seq.pxd` is the same for compiled code.

>>> seq_distance(4294967295, 1)
2
>>> seq_distance(1, 4294967295)
-2
"""

import cython


def seq_distance(start: cython.uint, end: cython.uint) -> int:
    """Return how far `end` lies after `start`; negative when it lies before; both below 2**32."""
    return distance(start, end)


def seq_covers(ack: cython.uint, seq: cython.uint) -> bool:
    """Tell whether an ACK field of `ack` covers sequence number `seq`."""
    return bool(covers(ack, seq))
