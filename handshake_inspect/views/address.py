"""Addresses as text."""

from __future__ import annotations


def address_text(family: int, high: int, low: int) -> str:
    """Return an address of a Segment row in its usual spelling."""
    if family == 4:
        return f"{low >> 24 & 255}.{low >> 16 & 255}.{low >> 8 & 255}.{low & 255}"
    if high == 0 and low >> 32 == 0xFFFF:
        # An IPv4-mapped address is written with dots (RFC 5952 section 5); Python does so only since 3.13.
        return f"::ffff:{address_text(4, 0, low & 0xFFFFFFFF)}"
    from ipaddress import IPv6Address  # most captures have no such address

    return str(IPv6Address(high << 64 | low))
