"""Live captures beyond Linux's ring: frames taken one at a time, what each system needs, and no libpcap."""

from __future__ import annotations

import ctypes.util
import subprocess
import sys
import time

import pytest
from scapy.config import conf
from scapy.error import Scapy_Exception
from scapy.layers.l2 import Ether, Loopback

from frames import seen
from frames_by_hand import ethernet, ipv4, tcp
from handshake_inspect.capture import live, taps
from handshake_inspect.capture.live import OTHER_DEFAULTS, open_live
from handshake_inspect.errors import CaptureError, UsageError
from live_runs import Namespace

TO = "lo" if sys.platform == "linux" else "lo0"
SECOND = 10**9


class Sniffer:
    """A socket as scapy's are: `frames` are (bytes, seconds); None for bytes is a frame that its filter drops."""

    LL = Ether
    refused: tuple[str | None, ...] = ()
    denied: Exception | None = None
    opened: list[tuple[str, bool, str | None]]
    sockets: list[Sniffer]

    def __init__(self, iface, promisc, filter=None):
        self.opened.append((iface, promisc, filter))
        if self.denied:
            raise self.denied
        if filter in self.refused:
            raise Scapy_Exception(f"Cannot set filter: no {filter!r} here")
        self.sockets.append(self)
        self.frames = []
        self.closed = False

    @staticmethod
    def select(sockets, remain=None):
        return [each for each in sockets if each.frames]

    def recv_raw(self, most):
        assert not self.closed
        frame, seconds = self.frames.pop(0)
        return (None, None, None) if frame is None else (self.LL, frame[:most], seconds)

    def close(self):
        self.closed = True


@pytest.fixture
def sniffer(monkeypatch):
    """Have live captures open such sockets, as on a system that is not Linux."""

    fresh = type("Fresh", (Sniffer,), {"opened": [], "sockets": []})
    monkeypatch.setattr(live, "on_linux", lambda: False)
    monkeypatch.setattr(conf, "L2listen", fresh)
    return fresh


def taken(capture, frames):
    """Return what a capture yields of the frames, which all come at once, until it is told to stop."""
    capture._tap._socket.frames += frames
    found = []
    for batch in capture.batches():
        if batch is None:
            capture.stop()
        else:
            found += seen(batch)
    return found


def test_frames_that_are_taken_one_at_a_time_are_told_as_those_of_a_file(sniffer):
    syn, long = ethernet(ipv4(tcp())), ethernet(ipv4(tcp(payload=bytes(1000))))
    capture = open_live([TO], snaplen=100, promiscuous=True)
    found = taken(capture, [(syn, 5.25), (None, None), (long, 4.5), (syn, 6.0)])
    assert [(each.number, each.time_ns, each.data, each.wire) for each in found] == [
        (1, 5_250_000_000, syn, len(syn)), (2, 4_500_000_000, long[:100], len(long)), (3, 6 * SECOND, syn, len(syn)),
    ]  # fmt: skip
    assert (capture.frames, capture.bytes) == (3, 2 * len(syn) + 100)
    assert (capture.first_time_ns, capture.last_time_ns) == (4_500_000_000, 6 * SECOND)
    assert (capture.link_types, capture.interfaces, capture.lost, capture.faults) == ([1], [TO], None, [])
    assert sniffer.opened == [(TO, True, OTHER_DEFAULTS[0])]
    assert sniffer.sockets[0].closed


def test_a_frame_whose_time_the_system_does_not_tell_has_that_of_its_coming(sniffer):
    before = time.time_ns()
    (one,) = taken(open_live([TO]), [(ethernet(ipv4(tcp())), None)])
    assert before <= one.time_ns <= time.time_ns()


def test_the_link_type_is_that_of_the_socket(sniffer):
    sniffer.LL = Loopback
    capture = open_live([TO])
    taken(capture, [(bytes(4) + ipv4(tcp()), 1.0)])
    assert capture.link_types == [0]


def test_no_more_frames_are_taken_than_are_wanted_or_fit(sniffer):
    frames = [(ethernet(ipv4(tcp())), float(number)) for number in range(1, taps.ONE_BY_ONE + 6)]
    assert len(taken(open_live([TO], count=3), frames)) == 3
    assert len(taken(open_live([TO]), frames)) == taps.ONE_BY_ONE + 5
    huge = [(ethernet(bytes(taps.FRAME_MOST)), 1.0)] * 70
    capture = open_live([TO])
    room = len(capture._tap.buffer)
    found = taken(capture, huge)
    assert [len(each.data) for each in found] == [taps.FRAME_MOST] * 70
    assert len(capture._tap.buffer) == room


def test_a_socket_that_is_always_ready_and_has_nothing_does_not_hold_the_run(sniffer):
    class Endless(list):
        def pop(self, place):
            assert time.monotonic() < end, "it asks for ever"
            return None, None

    end = time.monotonic() + 5
    capture = open_live([TO])
    capture._tap._socket.frames = Endless([None])
    assert taken(capture, []) == []


def test_frames_that_the_system_dropped_are_counted_where_it_counts_them(sniffer):
    sniffer.get_stats = lambda self: (9, 7)
    capture = open_live([TO])
    assert capture.lost == 0
    taken(capture, [(ethernet(ipv4(tcp())), 1.0)])
    assert capture.lost == 7


def test_a_device_without_vlan_tags_gets_the_filter_without_them(sniffer):
    sniffer.refused = OTHER_DEFAULTS[:1]
    open_live([TO])
    assert sniffer.opened == [(TO, False, OTHER_DEFAULTS[0]), (TO, False, OTHER_DEFAULTS[1])]


def test_without_libpcap_every_frame_is_taken(sniffer):
    sniffer.refused = OTHER_DEFAULTS[:2]
    open_live([TO])
    assert sniffer.opened[-1] == (TO, False, None)


@pytest.mark.skipif(not ctypes.util.find_library("pcap"), reason="needs libpcap")
def test_libpcap_compiles_the_default_for_frames_with_vlan_tags_and_for_those_without():
    # DLT_EN10MB and DLT_RAW.
    assert live._compiled(OTHER_DEFAULTS[0], 1)
    assert live._compiled(OTHER_DEFAULTS[1], 12)
    with pytest.raises(UsageError, match=r"(?i)vlan"):
        live._compiled(OTHER_DEFAULTS[0], 12)


def test_a_slip_in_a_filter_is_told_as_such_and_not_as_a_missing_right(sniffer):
    sniffer.refused = ("port nonsense",)
    with pytest.raises(UsageError) as told:
        open_live([TO], expression="port nonsense")
    assert str(told.value) == "--bpf 'port nonsense': Cannot set filter: no 'port nonsense' here"
    assert all(each.closed for each in sniffer.sockets)


@pytest.mark.parametrize("names", [["lo", "lo"], ["any"]])
def test_several_interfaces_are_for_linux(sniffer, names):
    with pytest.raises(UsageError) as told:
        open_live(names)
    assert str(told.value) == "several interfaces at once are listened to on Linux only: name one with -i"
    assert sniffer.opened == []


@pytest.mark.parametrize("expression", [None, "tcp"])
@pytest.mark.parametrize(
    ("platform", "denied", "needs"),
    [
        (
            "darwin",
            Scapy_Exception("No /dev/bpf handle is available !"),
            "needs the right to read /dev/bpf*: run it with sudo, or install Wireshark's ChmodBPF",
        ),
        (
            "darwin",
            PermissionError(13, "Permission denied: /dev/bpf0"),
            "needs the right to read /dev/bpf*: run it with sudo, or install Wireshark's ChmodBPF",
        ),
        (
            "win32",
            RuntimeError("Sniffing and sending packets is not available at layer 2: winpcap is not installed."),
            "needs Npcap (https://npcap.com) and, if Npcap was installed for administrators only, to be run as one",
        ),
        ("freebsd14", Scapy_Exception("No /dev/bpf handle is available !"), "may not be listened to"),
        ("darwin", OSError(6, "Device not configured"), "cannot be listened to: Device not configured"),
    ],
    ids=["macOS, no handle", "macOS, no right", "Windows", "another system", "another failure"],
)
def test_what_a_system_needs_is_told(sniffer, monkeypatch, platform, denied, needs, expression):
    sniffer.denied = denied
    monkeypatch.setattr(live.sys, "platform", platform)
    with pytest.raises(CaptureError) as told:
        open_live([TO], expression=expression)
    monkeypatch.undo()
    assert str(told.value) == f"{TO}: {needs}"


# The command on a machine where no program finds libpcap.
WITHOUT_LIBPCAP = """
import ctypes.util, sys
ctypes.util.find_library = lambda name: None
sys.argv[0] = "handshake-inspect"
from handshake_inspect.__main__ import run
run()
"""


@pytest.mark.root
def test_on_linux_only_a_filter_of_the_users_needs_libpcap():
    with Namespace("libpcap") as namespace:
        words = namespace.words(sys.executable, "-c", WITHOUT_LIBPCAP, "live", "-i", "lo", "--duration", "100ms")
        done = subprocess.run(words, capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stderr) == (0, "")
        done = subprocess.run([*words, "--bpf", "port 80"], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "handshake-inspect: --bpf needs libpcap (Debian: libpcap0.8), which is not here; the default filter does not\n"
    )
