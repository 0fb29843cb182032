"""DNS answers (RFC 1035 section 4): which names led to which addresses."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

from handshake_inspect.names.words import name_of

HEADER = 12
RESPONSE, NO_ERROR_MASK = 0x8000, 0x000F
A, CNAME, AAAA = 1, 5, 28
INTERNET = 1
RECORDS_MOST = 256
JUMPS_MOST = 32
LABELS_MOST = 128
CHAIN_MOST = 16


class Answer(NamedTuple):
    """An address, and the names that led to it: what was asked for first, then the aliases on the way."""

    address: str
    names: tuple[str, ...]


class Damaged(Exception):
    """The bytes end, or point nowhere."""


def answers_in(message: bytes) -> list[Answer]:
    """Return the addresses that a DNS response gives; those before a place that is damaged, if there is one."""
    if len(message) < HEADER:
        return []
    flags, questions, count = (int.from_bytes(message[at : at + 2]) for at in (2, 4, 6))
    if not flags & RESPONSE or flags & NO_ERROR_MASK or questions > 1:
        return []
    asked: str | None = None
    aliases: dict[str, str] = {}
    found: list[tuple[str, str]] = []
    try:
        at = HEADER
        if questions:
            asked, at = _name(message, at)
            at += 4
        for owner, kind, data_at, size in _records(message, at, min(count, RECORDS_MOST)):
            if kind == CNAME and owner is not None:
                target, _ = _name(message, data_at)
                if target is not None:
                    aliases[owner] = target
            elif kind == A and size == 4 and owner is not None:
                found.append((str(IPv4Address(message[data_at : data_at + 4])), owner))
            elif kind == AAAA and size == 16 and owner is not None:
                found.append((str(IPv6Address(message[data_at : data_at + 16])), owner))
    except Damaged:
        pass
    return [Answer(address, _chain(asked, owner, aliases)) for address, owner in found]


def _records(message: bytes, at: int, count: int) -> Iterator[tuple[str | None, int, int, int]]:
    """Yield each record's owner, its type (0 outside of the Internet class), and where its data begin and how long."""
    for _ in range(count):
        owner, at = _name(message, at)
        if at + 10 > len(message):
            raise Damaged
        kind, group = int.from_bytes(message[at : at + 2]), int.from_bytes(message[at + 2 : at + 4])
        size = int.from_bytes(message[at + 8 : at + 10])
        at += 10
        if at + size > len(message):
            raise Damaged
        yield owner, kind if group == INTERNET else 0, at, size
        at += size


def _name(message: bytes, at: int) -> tuple[str | None, int]:
    """Return the name at `at` and where the bytes after it begin; a pointer leads only backwards (section 4.1.4)."""
    labels: list[bytes] = []
    after: int | None = None
    lowest = at
    for _ in range(LABELS_MOST + JUMPS_MOST):
        if at >= len(message):
            raise Damaged
        size = message[at]
        if size == 0:
            return name_of(labels), at + 1 if after is None else after
        if size >= 0xC0:
            if at + 2 > len(message):
                raise Damaged
            target = int.from_bytes(message[at : at + 2]) & 0x3FFF
            after = at + 2 if after is None else after
            if target >= lowest:
                raise Damaged
            at = lowest = target
            continue
        if size > 63 or at + 1 + size > len(message):
            raise Damaged
        labels.append(message[at + 1 : at + 1 + size])
        at += 1 + size
    raise Damaged


def _chain(asked: str | None, owner: str, aliases: dict[str, str]) -> tuple[str, ...]:
    """Return the names from the question to the record's owner; the owner alone where no aliases join them."""
    names: list[str] = []
    name = asked
    while name is not None and name not in names and len(names) < CHAIN_MOST:
        names.append(name)
        if name == owner:
            return tuple(names)
        name = aliases.get(name)
    return (owner,)
