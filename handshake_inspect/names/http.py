"""The Host of an HTTP/1 request (RFC 9112 section 3.2)."""

from __future__ import annotations

import re

from handshake_inspect.names.words import host_name

METHODS = (b"GET ", b"HEAD", b"POST", b"PUT ", b"DELE", b"OPTI", b"PATC", b"TRAC", b"CONN")
"""The first four bytes of the methods (RFC 9110 section 9, RFC 5789)."""
HEADERS_MOST = 8 * 1024
REQUEST = re.compile(rb"[A-Z]{3,7} [^ \r\n]+ HTTP/1\.[01]\r?\n")
HOST = re.compile(rb"\nhost:[ \t]*([^\r\n \t:]{1,253})(?::[0-9]{0,5})?[ \t]*\r?\n", re.IGNORECASE)


def host_in(data: bytes) -> str | None:
    """Return the name of the host that a request's first segment asks; None without one, or for an address."""
    head, end, _ = data[:HEADERS_MOST].partition(b"\r\n\r\n")
    head += end
    if not REQUEST.match(head):
        return None
    found = HOST.search(head)
    return host_name(found[1]) if found else None
