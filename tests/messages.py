"""Messages that hold names, made by code: DNS responses and TLS ClientHellos."""

from __future__ import annotations

import struct

A, CNAME, AAAA = 1, 5, 28


def dns_name(name: str) -> bytes:
    """Return a name as DNS writes it."""
    return b"".join(bytes([len(label)]) + label.encode("latin-1") for label in name.split(".")) + b"\0"


def record(owner: bytes, kind: int, data: bytes, group: int = 1) -> bytes:
    """Return one resource record."""
    return owner + struct.pack(">HHIH", kind, group, 60, len(data)) + data


def dns_response(asked: str, *records: bytes, flags: int = 0x8180, count: int | None = None) -> bytes:
    """Return a response with one question; `count` claims another number of records."""
    head = struct.pack(">HHHHHH", 1, flags, 1, len(records) if count is None else count, 0, 0)
    return head + dns_name(asked) + struct.pack(">HH", A, 1) + b"".join(records)


def client_hello(name: str | None, record_bytes: int = 16_000, padding: int = 0) -> bytes:
    """Return a ClientHello in TLS records of at most `record_bytes`; `padding` bytes of it come before the name."""
    extensions = struct.pack(">HH", 21, padding) + bytes(padding) if padding else b""
    if name is not None:
        host = name.encode()
        entry = struct.pack(">BH", 0, len(host)) + host
        extensions += struct.pack(">HHH", 0, len(entry) + 2, len(entry)) + entry
    body = b"\x03\x03" + bytes(32) + b"\x00" + b"\x00\x02\x13\x01" + b"\x01\x00"
    body += struct.pack(">H", len(extensions)) + extensions
    hello = b"\x01" + len(body).to_bytes(3) + body
    parts = [hello[at : at + record_bytes] for at in range(0, len(hello), record_bytes)]
    return b"".join(b"\x16\x03\x01" + struct.pack(">H", len(part)) + part for part in parts)
