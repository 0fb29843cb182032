"""A capture of what passes now: scapy opens the socket that sniffs, and the frames come as they do from a file.

Only raw bytes are asked of scapy's sockets; its dissection of packets would hold at some thousands a second.
"""

from __future__ import annotations

import ctypes
import errno
import logging
import os
import socket
import struct
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from handshake_inspect.capture import kernel_filter, taps
from handshake_inspect.capture.capture import Batch
from handshake_inspect.capture.homeless import homeless
from handshake_inspect.errors import CaptureError, UsageError

ANY = "any"
"""The name that stands for all interfaces, those to come too."""

SNAPLEN = 262_144
WAIT_S = 0.05
"""How long a live capture sleeps before it says that nothing came."""

FIRST = "lo"
"""The device that scapy opens a socket on before it is bound to several."""
OTHER_DEFAULTS = ("tcp or icmp or icmp6 or ip6 proto 44 or vlan", "tcp or icmp or icmp6 or ip6 proto 44", "")
"""Where libpcap filters: what kernel_filter.tcp_only takes; the same where frames have no VLAN tags, as on the loopback
of macOS; and every frame where libpcap is not there.  What follows `vlan` would count from behind the tag."""

COMPILED_FOR = {**taps.LINKS, 519: 12, 65534: 12}
"""ARPHRD_ type of a device to the DLT_ that libpcap compiles for."""

BEHIND_NS = 100_000_000
"""How long a frame may be on its way from the kernel to here."""

ALL_PROTOCOLS = 3
MEMBERSHIP, PROMISCUOUS = 1, 1

NEEDS = {
    "linux": "needs the capability CAP_NET_RAW: run it with sudo (root is given up as soon as the socket is open), or "
    "give it to this Python: sudo setcap cap_net_raw=ep {python} (every program of this Python can sniff then)",
    "darwin": "needs the right to read /dev/bpf*: run it with sudo, or install Wireshark's ChmodBPF",
    "win32": "needs Npcap (https://npcap.com) and, if Npcap was installed for administrators only, to be run as one",
}
"""What sniffing needs, by sys.platform."""


class Interface(NamedTuple):
    """One network interface of this machine."""

    name: str
    description: str
    addresses: tuple[str, ...]
    up: bool


class LiveCapture:
    """Frames of the named interfaces from now on; what it says of them are the attributes of `Capture`.

    `lost` counts frames that the kernel dropped because they were not fetched in time, None where it does not say.
    """

    format = "live"
    byte_order = None
    time_resolution_ns = 1

    def __init__(self, names: Sequence[str], tap: taps.Tap) -> None:
        self.path = ", ".join(names)
        self.index = 0
        self.frames = 0
        self.faults: list[CaptureError] = []
        self._names = list(names)
        self._tap = tap
        self._stopping = False

    @property
    def bytes(self) -> int:
        """Bytes of all frames, as captured."""
        return self._tap.bytes

    @property
    def first_time_ns(self) -> int | None:
        """The smallest time of the frames so far, nanoseconds since 1970."""
        return self._tap.first_ns if self.frames else None

    @property
    def last_time_ns(self) -> int | None:
        """The largest time of the frames so far, nanoseconds since 1970."""
        return self._tap.last_ns if self.frames else None

    @property
    def now_ns(self) -> int:
        """Nanoseconds since 1970, of a moment whose frames have all been yielded, unless the machine is overloaded."""
        return max(time.time_ns() - BEHIND_NS, self._tap.last_ns)

    @property
    def link_types(self) -> list[int]:
        """The LINKTYPE_ numbers, in order of first appearance."""
        return self._tap.link_types

    @property
    def lost(self) -> int | None:
        """Frames that the kernel dropped."""
        return self._tap.lost

    @property
    def interfaces(self) -> list[str]:
        """The names that a row's `interface` counts in, as far as frames came from them."""
        return [_device_name(number) for number in self._tap.devices] or self._names

    def stop(self) -> None:
        """Take no more frames; `batches` ends when those already taken are yielded."""
        self._stopping = True

    def batches(self) -> Iterator[Batch | None]:
        """Yield frames as they come, and None whenever there were none for a while; stale at the next step."""
        tap = self._tap
        column = taps.column_for(tap)
        try:
            while True:
                ending = self._stopping
                if ending:
                    tap.stop()
                while rows := tap.read(column):
                    yield self._batch(column, rows)
                    tap.release()
                    if self._stopping and not ending:
                        break
                if ending:
                    return
                if not self._stopping:
                    self._look_for_faults()
                    tap.wait(WAIT_S)
                    yield None
        finally:
            tap.close()

    def _batch(self, column: Any, rows: int) -> Batch:
        first = self.frames + 1
        self.frames += rows
        return Batch(self._tap.buffer, column, rows, first, self.index)

    def _look_for_faults(self) -> None:
        """End the capture when its interfaces are gone; one that is only down may come back."""
        if self._tap.fault() is None or self._names == [ANY]:
            return
        if not set(self._names) & set(interface_names()):
            self.faults.append(CaptureError(self.path, "the interface is gone", frame=self.frames + 1))
            self._stopping = True


def open_live(
    names: Sequence[str],
    *,
    snaplen: int = SNAPLEN,
    promiscuous: bool = False,
    expression: str | None = None,
    count: int | None = None,
) -> LiveCapture:
    """Begin to take the frames that pass the named interfaces, or all of them for "any".

    `expression` is a filter as tcpdump knows it, compiled by libpcap; "" takes every frame; None takes TCP with what
    belongs to it.  A frame is cut to `snaplen` bytes; with `count` there are no more than so many.  Raises
    CaptureError when an interface is not there or may not be listened to, UsageError for an expression that libpcap
    does not understand.
    """
    assert names and snaplen > 0
    path = ", ".join(names)
    there = interface_names()
    for name in names:
        if name not in (*there, ANY):
            raise CaptureError(name, f"no such interface; there are {', '.join(there)}, and {ANY} for all of them")
    try:
        tap = (_open_ring if on_linux() else _open_other)(names, snaplen, promiscuous, expression, count)
    except PermissionError:
        raise CaptureError(path, NEEDS.get(sys.platform, "may not be listened to").format(python=_python())) from None
    except OSError as problem:
        raise CaptureError(path, f"cannot be listened to: {problem.strerror or problem}") from None
    return LiveCapture(names, tap)


def _open_ring(
    names: Sequence[str], snaplen: int, promiscuous: bool, expression: str | None, count: int | None
) -> taps.Tap:
    """One socket for all the interfaces, so that the kernel keeps their frames in order."""
    numbers = {name: socket.if_nametoindex(name) for name in names if name != ANY}
    one = next(iter(numbers)) if len(numbers) == len(names) == 1 else None
    chosen = () if one or ANY in names else tuple(numbers.values())
    # Bound to no protocol yet; and taken out of scapy's hands, whose object closes it when it goes.
    opened = _scapy_socket(one or FIRST, type=0, promisc=False, nofilter=1)
    sniffer = socket.socket(fileno=opened.ins.detach())
    try:
        program = _program(expression, snaplen, names)
        taps.attach(sniffer, kernel_filter.guarded(program, chosen))
        tap = taps.RingTap(sniffer, count)
        for number in numbers.values() if promiscuous else ():
            sniffer.setsockopt(taps.SOL_PACKET, MEMBERSHIP, struct.pack("IHH8x", number, PROMISCUOUS, 0))
        # Only now does the socket see frames: each passes the filter and lands in the ring.
        _bind(sniffer, numbers[one] if one else 0)
    except BaseException:
        sniffer.close()
        raise
    return tap


def _bind(sniffer: socket.socket, number: int) -> None:
    """Bind to the device with this number, or to all for 0, which Python's own bind cannot say."""
    address = struct.pack("=HHiHBB8x", socket.AF_PACKET, socket.htons(ALL_PROTOCOLS), number, 0, 0, 0)
    if ctypes.CDLL(None, use_errno=True).bind(sniffer.fileno(), address, len(address)):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _open_other(
    names: Sequence[str], snaplen: int, promiscuous: bool, expression: str | None, count: int | None
) -> taps.Tap:
    """A socket of scapy's for this system, which has its own ways."""
    if len(names) > 1 or names[0] == ANY:
        raise UsageError("several interfaces at once are listened to on Linux only: name one with -i")
    sniffer = _filtered(names[0], promiscuous, OTHER_DEFAULTS if expression is None else (expression,))
    from scapy.config import conf

    return taps.SteppingTap(sniffer, int(conf.l2types.layer2num[sniffer.LL]), snaplen, count)


def _filtered(name: str, promiscuous: bool, expressions: Sequence[str]) -> Any:
    """A socket of scapy's with the first of the filters that can be set; UsageError when none can."""
    refusals = []
    for expression in expressions:
        try:
            return _scapy_socket(name, promisc=promiscuous, filter=expression.strip() or None)
        except PermissionError as problem:
            refusals.append(problem.strerror)
    # scapy does not say whether the device or the filter was refused: it was the filter if this opens.
    _scapy_socket(name, promisc=promiscuous).close()
    raise UsageError(f"--bpf {expressions[-1]!r}: {refusals[-1]}")


def _scapy_socket(name: str, **options: Any) -> Any:
    """Have scapy open what sniffs on this system; PermissionError where that may not be."""
    conf = _scapy().conf
    try:
        return conf.L2listen(iface=name, **options)
    except Exception as problem:  # each back end has its own, and Python makes a refusal a PermissionError
        if isinstance(problem, OSError):
            raise
        raise PermissionError(errno.EPERM, str(problem)) from None


def _scapy() -> Any:
    """Import as much of scapy as sniffs; it must neither print, nor ask for routes, nor touch the user's files."""
    for logger in ("scapy", "scapy.loading", "scapy.runtime"):
        logging.getLogger(logger).setLevel(logging.CRITICAL)
    with homeless():
        from scapy import config

        config.conf.route_autoload = config.conf.route6_autoload = False
        import scapy.arch

        if not on_linux():
            import scapy.layers.l2  # noqa: F401  what names the link types
    return config


def _program(expression: str | None, snaplen: int, names: Sequence[str]) -> kernel_filter.Program:
    """The filter's instructions, before they are guarded."""
    if expression is None:
        return kernel_filter.tcp_only(snaplen)
    if not expression.strip():
        return kernel_filter.everything(snaplen)
    programs: dict[int, kernel_filter.Program] = {}
    for name in interface_names() if ANY in names else names:
        device_type = int(Path("/sys/class/net", name, "type").read_text())
        if device_type not in COMPILED_FOR:
            raise UsageError(f"--bpf cannot be compiled for {name}, a device of type {device_type}: leave --bpf out")
        if device_type not in programs:
            programs[device_type] = _compiled(expression, COMPILED_FOR[device_type])
    return kernel_filter.cut(kernel_filter.by_device_type(programs), snaplen)


def _compiled(expression: str, link_type: int) -> kernel_filter.Program:
    """Have libpcap compile an expression for one kind of frame."""
    _scapy()
    from scapy.arch.common import compile_filter, free_filter
    from scapy.error import Scapy_Exception

    try:
        made = compile_filter(expression, linktype=link_type)
    except Scapy_Exception as problem:
        raise UsageError(f"--bpf {expression!r}: {problem}") from None
    except ImportError:
        raise UsageError(
            "--bpf needs libpcap (Debian: libpcap0.8), which is not here; the default filter does not"
        ) from None
    program = [(each.code, each.jt, each.jf, each.k) for each in made.bf_insns[: made.bf_len]]
    free_filter(made)
    return program


def interface_names() -> list[str]:
    """The names that -i takes, besides "any"."""
    if on_linux():
        return [name for _, name in socket.if_nameindex()]
    return [interface.name for interface in interfaces()]


def interfaces() -> list[Interface]:
    """The interfaces of this machine, as the system knows them; nothing is sent to find them."""
    conf = _scapy().conf
    found = []
    for each in conf.ifaces.values():
        addresses = tuple(address for family in (4, 6) for address in each.ips.get(family, ()))
        found.append(Interface(str(each.name), str(each.description), addresses, bool(each.is_valid())))
    return found


def _device_name(number: int) -> str:
    try:
        return socket.if_indextoname(number)
    except OSError:
        return f"interface {number}"


def _python() -> str:
    return os.path.realpath(sys.executable)


def on_linux() -> bool:
    """Whether the kernel can share a ring of frames."""
    return sys.platform == "linux"
