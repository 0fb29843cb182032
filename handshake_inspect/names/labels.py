"""The names that were found, by address and by connection: bounded, whatever a capture holds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

ADDRESSES_MOST = 100_000
NAMES_MOST = 8
ASKED_MOST = 200_000


class Flow(NamedTuple):
    """The direction that a client sends in."""

    client: str
    client_port: int
    server: str
    server_port: int


class Labels:
    """Names of addresses, and of single connections' servers.

    Further names of an address than NAMES_MOST, and further addresses and questions than there is room for,
    are dropped: what the capture tells first stays.
    """

    def __init__(self) -> None:
        self._of_address: dict[str, list[str]] = {}
        self._of_flow: dict[Flow, list[tuple[int, str]]] = {}
        self._told = 0

    def answered(self, address: str, names: Iterable[str]) -> None:
        """Take a DNS answer."""
        for name in names:
            self._label(address, name)

    def asked(self, flow: Flow, frame: int, name: str) -> None:
        """Take the name that a client asked its server for; `frame` is capture << 40 | frame number."""
        self._label(flow.server, name)
        if self._told < ASKED_MOST:
            self._of_flow.setdefault(flow, []).append((frame, name))
            self._told += 1

    def of_address(self, address: str) -> tuple[str, ...]:
        """The names of an address, in the order in which the capture tells them."""
        return tuple(self._of_address.get(address, ()))

    def of_server(self, flow: Flow, first_frame: int, last_frame: int) -> tuple[str, ...]:
        """The names of a connection's server: what this connection asked for, then those of the address."""
        asked = [name for frame, name in self._of_flow.get(flow, ()) if first_frame <= frame <= last_frame]
        return tuple(dict.fromkeys((*asked, *self.of_address(flow.server))))[:NAMES_MOST]

    def _label(self, address: str, name: str) -> None:
        names = self._of_address.get(address)
        if names is None:
            if len(self._of_address) >= ADDRESSES_MOST:
                return
            names = self._of_address[address] = []
        if len(names) < NAMES_MOST and name not in names:
            names.append(name)
