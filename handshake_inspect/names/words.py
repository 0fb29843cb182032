"""What a name may look like once it is ours: lower case, printable ASCII, of bounded length."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache

NAME_MOST = 253
"""Characters of a name without its last dot (RFC 1035 section 2.3.4)."""
PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789-_*")


@cache
def _spelled(byte: int) -> str:
    return chr(byte) if byte in PLAIN else f"\\{byte:03d}"


def name_of(labels: Sequence[bytes]) -> str | None:
    r"""Return labels as a name, any other byte as `\DDD` (RFC 1035 section 5.1); None for none, or one too long."""
    name = ".".join("".join(map(_spelled, label.lower())) for label in labels)
    return name if name and all(labels) and len(name) <= NAME_MOST else None


@lru_cache(maxsize=4096)
def host_name(text: bytes) -> str | None:
    """Return a host name as a program sent it; None for an address, or what is no name of a host."""
    labels = text.removesuffix(b".").split(b".")
    if not labels[-1][:1].isalpha() or any(not PLAIN.issuperset(label.lower()) for label in labels):
        return None
    return name_of(labels)
