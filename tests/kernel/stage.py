"""What a scene is played on: two hosts, and waiting until a socket is in a state, never for a time."""

from __future__ import annotations

import errno
import re
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from kernel_record import Key
from netns import ADDRESSES, MACS, PEER, CannotRecord, Host, Place, Segment, Side, Wire, run
from polling import Poller, Watch
from tapping import Tap

PORTS_EACH = 8
"""Ports of one lifecycle: the server's, then the clients'."""

PATIENCE = 30
"""Seconds that a busy machine may take for what should take a second."""

TCP_REPAIR, TCP_REPAIR_QUEUE, TCP_QUEUE_SEQ = 19, 20, 21  # linux/tcp.h
TCP_SEND_QUEUE = 2
TCP_REPAIR_OFF_NO_WP = -1


class NotAsDesigned(Exception):
    """The machine was too busy for this scene; it is played again."""


@dataclass
class Stage:
    """Two hosts whose captures are running, and whose sockets are asked about.

    A client's port is named by its place, counted from 0; they all connect to the server's one port.
    """

    wire: Wire
    poller: Poller
    port: int
    clients: int
    family: socket.AddressFamily
    watches: dict[tuple[Side, int], Watch] = field(default_factory=dict)
    taps: dict[Place, Tap] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for host in (self.wire.client, self.wire.server):
            self.taps[host.side] = Tap(host)
            keys = [self.key(host.side, which) for which in range(self.clients)]
            for which, watch in enumerate(self.poller.watch(host, keys)):
                self.watches[host.side, which] = watch
            host.sysctl("net.ipv4.tcp_syn_linear_timeouts", "0")

    def key(self, side: Side, which: int) -> Key:
        """Return local and remote address and port of one end."""
        ends = {"client": self.port + 1 + which, "server": self.port}
        return ADDRESSES[side][self.family], ends[side], ADDRESSES[PEER[side]][self.family], ends[PEER[side]]

    def host(self, side: Side) -> Host:
        return self.wire.client if side == "client" else self.wire.server

    @property
    def address(self) -> tuple[str, int]:
        """The server's address and port."""
        return self.wire.at("server", self.family)

    # Sockets

    def listen(self, backlog: int = 8) -> socket.socket:
        return self.wire.server.listen(self.port, self.family, backlog)

    def new_client(self, which: int = 0) -> socket.socket:
        return self.wire.client.new_socket(self.port + 1 + which, self.family)

    def start_connect(self, which: int = 0) -> socket.socket:
        """Send a SYN and do not wait for what comes of it."""
        client = self.new_client(which)
        client.setblocking(False)
        assert client.connect_ex(self.address) == errno.EINPROGRESS
        return client

    def accept(self, listener: socket.socket) -> socket.socket:
        server = self.wire.server.keep(listener.accept()[0])
        server.settimeout(20)
        return server

    def connect(
        self, listener: socket.socket | None = None, client: socket.socket | None = None
    ) -> tuple[socket.socket, socket.socket]:
        """Open a connection; return the client's socket and the server's."""
        listener = listener or self.listen()
        client = client or self.new_client()
        client.connect(self.address)
        server = self.accept(listener)
        self.until("client", "ESTABLISHED")
        self.until("server", "ESTABLISHED")
        return client, server

    # Waiting

    def until(self, side: Side, state: str, which: int = 0) -> None:
        """Wait until the kernel says that a socket is in a state; "LISTEN": that it is gone."""
        watch = self.watches[side, which]
        self.until_true(lambda: bool(watch.runs) and watch.runs[-1].state == state, f"the {side} is not in {state}")

    def until_seen(self, side: Side, count: int, match: Callable[[Segment], bool]) -> None:
        """Wait until `count` segments that match have passed the wire on their way to `side`."""
        self.until_true(lambda: len(self.seen(side, match)) >= count, f"fewer than {count} segments to the {side}")

    def until_true(self, condition: Callable[[], bool], otherwise: str) -> None:
        until = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > until:
                raise TimeoutError(otherwise)
            time.sleep(0.005)

    def seen(self, to: Side, match: Callable[[Segment], bool]) -> list[Segment]:
        """Return the segments so far that arrived at a host's door and match."""
        return [segment for segment in self._passed(to) if segment.to == to and match(segment)]

    def seen_in_the_middle(self, match: Callable[[Segment], bool]) -> list[Segment]:
        """Return the segments so far that passed the middle of the wire and match."""
        return [segment for segment in self._passed("middle") if match(segment)]

    def _passed(self, point: Place) -> Iterator[Segment]:
        for _, frame in list(self.wire.captured[point]):
            to = next(side for side, mac in MACS.items() if frame.startswith(bytes.fromhex(mac.replace(":", ""))))
            if segment := Segment.of(to, frame):
                yield segment

    # What goes wrong

    def firewall(self, side: Side, rule: str) -> None:
        """Add a rule of nft to a host's input, which is behind the captures of that host."""
        inside = self.host(side).inside
        for words in (
            "add table inet test",
            "add chain inet test input { type filter hook input priority 0 ; }",
            f"add rule inet test input {rule}",
        ):
            inside(nft, words)

    def lose_once(self, side: Side, flags: str, place: str) -> None:
        """Lose the next segment to a host that has exactly these flags: by nft behind its capture, or "middle".

        A quota of 100 bytes lasts for one segment without data: each is of 52 to 80 bytes.
        """
        if place == "nft":
            match = f"tcp flags & (fin|syn|rst|ack) == {flags.lower().replace(',', '|')}"
            return self.firewall(side, f"{match} quota until 100 bytes drop")
        self.wire.drop_once(lambda segment: segment.to == side and segment.flag_names == flags and not segment.length)

    def finish(self) -> tuple[dict[Place, list[tuple[int, bytes]]], dict[Side, list[str]]]:
        """End the captures; return them, and the states that `ss -tan` shows on each host at that instant."""
        self.poller.settle()
        states = {side: states_by_ss(self.host(side)) for side in ("client", "server")}
        self.poller.settle()
        captured = {side: tap.frames() for side, tap in self.taps.items()}
        captured["middle"] = list(self.wire.captured["middle"])
        return captured, states


SS = {"SYN-RECV": "SYN_RECEIVED", "ESTAB": "ESTABLISHED", "UNCONN": "CLOSED"}


def states_by_ss(host: Host) -> list[str]:
    """Return the states of a host's connections as `ss` tells them, in our spelling."""
    command = ("ss", "-H", "-t", "-a", "-n")
    text = host.inside(subprocess.run, command, capture_output=True, text=True, check=True).stdout
    words = [line.split()[0] for line in text.splitlines()]
    return [SS.get(word, re.sub(r"-(?=\d)", "_", word).replace("-", "_")) for word in words if word != "LISTEN"]


def nft(words: str) -> None:
    """Run nft in the calling thread's namespace."""
    try:
        run("nft", words)
    except CannotRecord as reason:
        raise CannotRecord(str(reason).replace("iproute2", "nftables")) from None


def linger_none(end: socket.socket) -> None:
    """Let close send a RST."""
    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def begin_at(end: socket.socket, isn: int) -> None:
    """Choose the ISN of a socket that has not connected yet (needs CAP_NET_ADMIN)."""
    end.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
    end.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR_QUEUE, TCP_SEND_QUEUE)
    end.setsockopt(socket.IPPROTO_TCP, TCP_QUEUE_SEQ, struct.pack("=I", isn))
    end.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, TCP_REPAIR_OFF_NO_WP)
