"""The server name of a TLS ClientHello (RFC 8446 section 4.1.2, RFC 6066 section 3)."""

from __future__ import annotations

from typing import NamedTuple

from handshake_inspect.names.words import host_name

HANDSHAKE, CLIENT_HELLO = 22, 1
SERVER_NAME, HOST_NAME = 0, 0
HELLO_MOST = 16 * 1024


class Hello(NamedTuple):
    """`name` is the server's, None where it was not sent; `needs` says that the hello goes on in later segments."""

    name: str | None
    needs: bool


NOTHING = Hello(None, False)
MORE = Hello(None, True)


def hello_in(data: bytes) -> Hello:
    """Return what a connection's first bytes say; records are joined, as a hello may be cut into several."""
    hello, at = b"", 0
    while at < len(data):
        if data[at] != HANDSHAKE or data[at + 1 : at + 2] not in (b"", b"\x03"):
            return NOTHING
        if at + 5 > len(data):
            return MORE
        size = int.from_bytes(data[at + 3 : at + 5])
        hello += data[at + 5 : at + 5 + size]
        if hello[:1] not in (b"", b"\x01") or size == 0:
            return NOTHING
        if len(hello) >= 4:
            whole = 4 + int.from_bytes(hello[1:4])
            if whole > HELLO_MOST:
                return NOTHING
            if len(hello) >= whole:
                return Hello(_server_name(hello[4:whole]), False)
        if at + 5 + size > len(data):
            break
        at += 5 + size
    return MORE if len(data) < HELLO_MOST else NOTHING


def _server_name(body: bytes) -> str | None:
    """Return the name in the body of a whole ClientHello."""
    at = 34
    for width in (1, 2, 1):  # session id, cipher suites, compression methods
        at += width + int.from_bytes(body[at : at + width])
    end = min(len(body), at + 2 + int.from_bytes(body[at : at + 2]))
    at += 2
    while at + 4 <= end:
        kind, size = int.from_bytes(body[at : at + 2]), int.from_bytes(body[at + 2 : at + 4])
        at += 4
        if kind == SERVER_NAME and at + size <= end:
            return _host(body[at : at + size])
        at += size
    return None


def _host(names: bytes) -> str | None:
    at = 2
    while at + 3 <= len(names):
        kind, size = names[at], int.from_bytes(names[at + 1 : at + 3])
        if kind == HOST_NAME and at + 3 + size <= len(names):
            return host_name(names[at + 3 : at + 3 + size])
        at += 3 + size
    return None
