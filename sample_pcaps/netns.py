"""Two hosts on one wire, for real sockets: Linux, root.

Each host is a network namespace with one TAP device; the wire is a thread that carries frames from
one device to the other.  So the delay, the loss and the capture need no kernel module, no second
program and no firewall, and a frame is captured exactly once, whatever the load:

    with Wire() as wire:
        client, server = wire.connect()
        wire.drop = lambda segment: segment.to == "client" and segment.flags & FIN
        ...
        wire.stop()
        wire.captured["client"]     # [(time_ns, frame), ...]
"""

from __future__ import annotations

import ctypes
import fcntl
import heapq
import itertools
import os
import select
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, ParamSpec, TypeVar

Side = Literal["client", "server"]
Place = Literal["client", "middle", "server"]
Given = ParamSpec("Given")
Result = TypeVar("Result")

FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10
FLAG_NAMES = ((SYN, "SYN"), (FIN, "FIN"), (RST, "RST"), (PSH, "PSH"), (ACK, "ACK"))

# The blocks for documentation: RFC 5737 and RFC 3849.
ADDRESSES = {
    "client": {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"},
    "server": {socket.AF_INET: "192.0.2.2", socket.AF_INET6: "2001:db8::2"},
}
MACS = {"client": "02:00:00:00:00:01", "server": "02:00:00:00:00:02"}
PEER: dict[Side, Side] = {"client": "server", "server": "client"}

CLIENT_PORT, SERVER_PORT = 40000, 80

ONE_WAY = 0.010
"""Seconds that a frame travels from one host to the other."""

# How far along the wire each capture point is, as a share of the way from client to server.
PLACES: dict[Place, float] = {"client": 0.0, "middle": 0.5, "server": 1.0}

HOSTS = itertools.count()
"""Numbers the hosts of this process: each has a namespace of its own."""

CLONE_NEWNET = 0x40000000  # linux/sched.h
TUNSETIFF = 0x400454CA  # linux/if_tun.h
IFF_TAP_NO_PI = 0x1002


class CannotRecord(Exception):
    """What this machine lacks; the message says what to do."""


@dataclass(frozen=True)
class Segment:
    """The fields of a TCP segment that tell a lifecycle; `to` is the host that it travels to."""

    to: Side
    client_port: int
    flags: int
    seq: int
    ack: int
    length: int

    @classmethod
    def of(cls, to: Side, frame: bytes) -> Segment | None:
        """Read an Ethernet frame as the hosts' kernels send it, or return None where it is not TCP."""
        version = frame[14] >> 4
        if version == 4 and frame[23] == socket.IPPROTO_TCP:
            start = 14 + (frame[14] & 15) * 4
            end = 14 + int.from_bytes(frame[16:18])
        elif version == 6 and frame[20] == socket.IPPROTO_TCP:
            start = 54
            end = 54 + int.from_bytes(frame[18:20])
        else:
            return None
        source, destination, seq, ack, offset, flags = struct.unpack_from("!HHIIBB", frame, start)
        return cls(
            to, source if to == "server" else destination, flags & 0x1F, seq, ack, end - start - (offset >> 4) * 4
        )

    @property
    def flag_names(self) -> str:
        """The flags as words, PSH left out where data says as much: "SYN,ACK"."""
        return ",".join(name for bit, name in FLAG_NAMES if self.flags & bit and bit != PSH)


class Host:
    """One network namespace; its sockets are ordinary sockets, usable from any thread."""

    def __init__(self, side: Side) -> None:
        self.side = side
        self.namespace = f"handshake-{side}-{os.getpid()}-{next(HOSTS)}"
        self._sockets: list[socket.socket] = []
        run("ip", "netns", "add", self.namespace)
        # A thread that has entered the namespace makes whatever must belong to it.
        self._inside = ThreadPoolExecutor(1, initializer=enter, initargs=(self.namespace,))
        try:
            self.tap = self.inside(open_tap)
            self._configure()
        except BaseException:
            self.close()
            raise

    def _configure(self) -> None:
        ip = ("ip", "-n", self.namespace)
        peer = PEER[self.side]
        self.sysctl("net.ipv6.conf.wire.addr_gen_mode", "1")  # no link-local address, so no chatter about it
        run(*ip, "link", "set", "wire", "address", MACS[self.side])
        run(*ip, "link", "set", "lo", "up")
        run(*ip, "link", "set", "wire", "up")
        for family, prefix, options in ((socket.AF_INET, 24, ()), (socket.AF_INET6, 64, ("nodad",))):
            run(*ip, "addr", "add", f"{ADDRESSES[self.side][family]}/{prefix}", "dev", "wire", *options)
            neighbour = (ADDRESSES[peer][family], "lladdr", MACS[peer], "nud", "permanent")
            run(*ip, "neigh", "add", *neighbour, "dev", "wire")

    def inside(self, function: Callable[Given, Result], *given: Given.args, **named: Given.kwargs) -> Result:
        """Call a function in this namespace: what it opens or starts belongs there."""
        return self._inside.submit(function, *given, **named).result()

    def sysctl(self, name: str, value: str) -> None:
        """Set a kernel parameter in this namespace; one that this kernel does not have is left out."""
        path = Path("/proc/sys", name.replace(".", "/"))
        self.inside(lambda: path.write_text(value) if path.exists() else 0)

    def new_socket(self, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> socket.socket:
        """Return a TCP socket of this host, bound to its address and to `port` unless that is 0."""
        made = self.keep(self.inside(socket.socket, family, socket.SOCK_STREAM))
        made.settimeout(20)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if port:
            made.bind((ADDRESSES[self.side][family], port))
        return made

    def keep(self, made: socket.socket) -> socket.socket:
        """Close a socket together with this host, not before, unless its user does."""
        self._sockets.append(made)
        return made

    def listen(self, port: int, family: socket.AddressFamily = socket.AF_INET, backlog: int = 8) -> socket.socket:
        """Return a listening socket of this host."""
        listener = self.new_socket(port, family)
        listener.listen(backlog)
        return listener

    def close(self) -> None:
        """Close what is open, and remove the namespace with its device."""
        for made in self._sockets:
            if made.fileno() >= 0 and made.type == socket.SOCK_STREAM:
                # No FIN, which nobody would acknowledge: the kernel would keep the socket for minutes.
                made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            made.close()
        self._inside.shutdown()
        if hasattr(self, "tap"):
            os.close(self.tap)
        run("ip", "netns", "del", self.namespace)


class Wire:
    """Two hosts, and the frames between them.

    `drop` decides what is lost: it is asked once for each segment, and a lost one disappears at its
    destination's door, so that every capture point has seen it.  `captured` holds what passed each
    place, TCP and the ICMP errors about it, as (time in ns since 1970, frame).
    """

    def __init__(
        self, one_way: float = ONE_WAY, *, client_port: int = CLIENT_PORT, server_port: int = SERVER_PORT
    ) -> None:
        self.one_way = one_way
        self.ports: dict[Side, int] = {"client": client_port, "server": server_port}
        self.drop: Callable[[Segment], bool] = lambda segment: False
        self.captured: dict[Place, list[tuple[int, bytes]]] = {place: [] for place in PLACES}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._carry, name="wire")

    def __enter__(self) -> Wire:
        require_linux_root()
        self.client = Host("client")
        try:
            self.server = Host("server")
        except BaseException:
            self.client.close()
            raise
        self._thread.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self.stop()
        self.server.close()
        self.client.close()

    def connect(self, family: socket.AddressFamily = socket.AF_INET) -> tuple[socket.socket, socket.socket]:
        """Open a connection and return the client's socket and the server's."""
        listener = self.server.listen(self.ports["server"], family)
        client = self.client.new_socket(self.ports["client"], family)
        client.connect(self.at("server", family))
        server = self.server.keep(listener.accept()[0])
        server.settimeout(20)
        self.settle()
        return client, server

    def listen(self) -> socket.socket:
        """Return a listening socket on the server's port."""
        return self.server.listen(self.ports["server"])

    def at(self, side: Side, family: socket.AddressFamily = socket.AF_INET) -> tuple[str, int]:
        """Return the address and port of one end, as `connect` wants them."""
        return ADDRESSES[side][family], self.ports[side]

    def drop_once(self, match: Callable[[Segment], bool]) -> None:
        """Lose the next segment that matches, and no other."""

        def drop(segment: Segment) -> bool:
            lost = match(segment)
            if lost:
                self.drop = lambda segment: False
            return lost

        self.drop = drop

    def settle(self, seconds: float = 0.1) -> None:
        """Wait until what was sent has been answered, delayed ACKs (40 ms) too."""
        time.sleep(seconds)

    def forget(self) -> None:
        """Begin the captures here, as one that starts late does."""
        for frames in self.captured.values():
            frames.clear()

    def stop(self) -> None:
        """End the captures; sockets that are closed after it leave no trace in them."""
        self._stopping.set()
        self._thread.join()

    def _carry(self) -> None:
        hosts = {self.client.tap: self.client, self.server.tap: self.server}
        # (when, tie-break, place or device, frame): a place captures the frame, a device receives it.
        due: list[tuple[float, int, Place | int, bytes]] = []
        count = 0
        while not self._stopping.is_set():
            wait = max(0.0, due[0][0] - time.monotonic()) if due else 0.05
            readable = select.select(list(hosts), [], [], min(wait, 0.05))[0]
            for tap in readable:
                frame = os.read(tap, 65536)
                now = time.monotonic()
                to = PEER[hosts[tap].side]
                segment = Segment.of(to, frame)
                if segment is None and not is_icmp_error(frame):
                    continue
                for place, share in PLACES.items():
                    travelled = share if to == "server" else 1 - share
                    heapq.heappush(due, (now + travelled * self.one_way, count := count + 1, place, frame))
                if segment is None or not self.drop(segment):
                    door = self.server.tap if to == "server" else self.client.tap
                    heapq.heappush(due, (now + self.one_way, count := count + 1, door, frame))
            while due and due[0][0] <= time.monotonic():
                _, _, target, frame = heapq.heappop(due)
                if isinstance(target, int):
                    os.write(target, frame)
                else:
                    self.captured[target].append((time.time_ns(), frame))


class Lane(Wire):
    """One of many connections that share a wire: a scene plays on it as on a Wire of its own.

    It has a client's port of its own; where `listener` is given, the server's port is the one that all share.
    """

    def __init__(self, wire: Wire, client_port: int, server_port: int, listener: Listener | None) -> None:
        self.client, self.server = wire.client, wire.server
        self.ports: dict[Side, int] = {"client": client_port, "server": server_port}
        self.drop: Callable[[Segment], bool] = lambda segment: False
        self._listener = listener

    def connect(self, family: socket.AddressFamily = socket.AF_INET) -> tuple[socket.socket, socket.socket]:
        """As Wire.connect."""
        listener = self._listener or Listener(self.listen())
        client = self.client.new_socket(self.ports["client"], family)
        client.connect(self.at("server", family))
        server = self.server.keep(listener.accept(self.ports["client"]))
        server.settimeout(20)
        self.settle()
        return client, server


class Listener:
    """A listening socket that many threads accept from, each the connection of one client's port."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._accepted: dict[int, socket.socket] = {}
        self._lock = threading.Lock()

    def accept(self, client_port: int) -> socket.socket:
        """Return the server's socket of the connection from this port."""
        with self._lock:
            while client_port not in self._accepted:
                accepted, (_, port, *_) = self._listener.accept()
                self._accepted[port] = accepted
            return self._accepted.pop(client_port)


def is_icmp_error(frame: bytes) -> bool:
    """Whether an Ethernet frame is an ICMP destination unreachable, of IPv4 or IPv6."""
    if frame[14] >> 4 == 4:
        return frame[23] == socket.IPPROTO_ICMP and frame[14 + (frame[14] & 15) * 4] == 3
    return frame[20] == socket.IPPROTO_ICMPV6 and frame[54] == 1


def remove_namespaces_of_the_dead() -> None:
    """Remove the namespaces of processes that were killed before they could."""
    for path in Path("/run/netns").glob("handshake-*-*-*"):
        if not Path("/proc", path.name.split("-")[2]).exists():
            run("ip", "netns", "del", path.name)


def require_linux_root() -> None:
    """Raise CannotRecord, with what to do, where namespaces cannot be made."""
    if not Path("/proc/self/ns/net").exists():
        raise CannotRecord("network namespaces need Linux")
    if os.geteuid() != 0:
        raise CannotRecord("network namespaces need root: run this with sudo")
    if not Path("/dev/net/tun").exists():
        raise CannotRecord("/dev/net/tun is missing: load the kernel's tun module (modprobe tun)")


def run(*command: str) -> None:
    """Run a command; a failure raises CannotRecord with the command and what it said."""
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except FileNotFoundError:
        raise CannotRecord(f"{command[0]} is missing: install iproute2") from None
    except subprocess.CalledProcessError as failure:
        raise CannotRecord(f"{' '.join(command)}: {failure.stderr.strip()}") from None


def enter(namespace: str) -> None:
    """Move the calling thread into a namespace that `ip netns add` made."""
    with open(f"/run/netns/{namespace}") as handle:
        if ctypes.CDLL(None, use_errno=True).setns(handle.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"cannot enter the network namespace {namespace}")


def open_tap() -> int:
    """Make the device "wire" in the calling thread's namespace and return its file descriptor."""
    tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH14x", b"wire", IFF_TAP_NO_PI))
    return tap


def write_pcap(path: Path, frames: list[tuple[int, bytes]]) -> None:
    """Write a classic pcap: little-endian, microseconds, Ethernet."""
    with path.open("wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))
        for time_ns, frame in frames:
            seconds, rest = divmod(time_ns, 1_000_000_000)
            out.write(struct.pack("<IIII", seconds, rest // 1000, len(frame), len(frame)))
            out.write(frame)
