"""Parts of a report that nearly all of its connections share: few kinds of hosts make most of a capture."""

from __future__ import annotations

from functools import lru_cache

from handshake_inspect.report import BytesPerSide, Options, Retransmissions

# OPTION_ bits of columns.pxd.
MSS, WINDOW_SCALE, SACK_PERMITTED, TIMESTAMPS, FAST_OPEN, MPTCP = 1, 2, 4, 8, 16, 32
ECE = 4


@lru_cache(maxsize=1024)
def retransmissions(syns: int, syn_acks: int, fins: int, data: int) -> Retransmissions:
    """Return how often each was sent again."""
    return Retransmissions(syn=max(syns - 1, 0), syn_ack=max(syn_acks - 1, 0), fin=max(fins - 1, 0), data=data)


@lru_cache(maxsize=1024)
def options(options: int, mss: int, window_scale: int, fast_open: int, syn_bits: int) -> Options:
    """Return what the SYN or SYN-ACK offered."""
    return Options(
        mss=mss if options & MSS else None,
        window_scale=window_scale if options & WINDOW_SCALE else None,
        sack_permitted=bool(options & SACK_PERMITTED),
        timestamps=bool(options & TIMESTAMPS),
        fast_open=("cookie" if fast_open else "request") if options & FAST_OPEN else None,
        mptcp=bool(options & MPTCP),
        ecn=bool(syn_bits & ECE),
    )


NO_OPTIONS = Options(
    mss=None, window_scale=None, sack_permitted=None, timestamps=None, fast_open=None, mptcp=None, ecn=None
)
"""Nothing is known without a SYN or SYN-ACK."""


@lru_cache(maxsize=1024)
def bytes_per_side(client: int, server: int) -> BytesPerSide:
    """Return a count of payload bytes for each end."""
    return BytesPerSide(client=client, server=server)
