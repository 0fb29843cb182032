"""The tracepoint sock:inet_sock_set_state, through a trace instance of this process: Linux 5.18, root."""

from __future__ import annotations

import ctypes
import fcntl
import os
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from kernel_record import STATES, Key
from netns import CannotRecord

TRACEFS = Path("/sys/kernel/tracing")
INSTANCES = TRACEFS / "instances"
PREFIX = "handshake-inspect-"

CLONE_NEWNS = 0x00020000  # linux/sched.h
MS_REC_PRIVATE = 0x4000 | 0x40000  # linux/mount.h

LOCK_SECONDS = 180
"""How long one run of the suite waits for another: both would use the same ports."""

ROW = re.compile(
    r"(\d+)\.(\d{6}): inet_sock_set_state: family=(\w+) protocol=IPPROTO_TCP sport=(\d+) dport=(\d+) "
    r"saddr=(\S+) daddr=(\S+) saddrv6=(\S+) daddrv6=(\S+) oldstate=TCP_(\w+) newstate=TCP_(\w+)"
)
ENTRIES = re.compile(r"entries-in-buffer/entries-written: (\d+)/(\d+)")


@dataclass(frozen=True)
class Row:
    """One change of state that the kernel told: when (ns since 1970), of which socket, from what to what."""

    time_ns: int
    key: Key
    before: str
    after: str


class StateTrace:
    """The changes of state of every TCP socket of this machine whose port lies in a range.

    tracefs is mounted in a mount namespace of one thread, so the mount ends with this process,
    however that ends.  An instance does not: the next run removes those of processes that are gone.
    """

    def __init__(self, ports: range) -> None:
        self.ports = ports
        self.instance = INSTANCES / f"{PREFIX}{os.getpid()}"
        self._inside = ThreadPoolExecutor(1, thread_name_prefix="tracefs")

    def __enter__(self) -> StateTrace:
        try:
            self._inside.submit(self._start).result()
        except OSError as refusal:
            self.__exit__()
            raise CannotRecord(f"tracefs cannot be used: {refusal}") from None
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *failure: object) -> None:
        self._inside.submit(self._remove).result()
        self._inside.shutdown()

    def rows(self) -> list[Row]:
        """Return the changes so far, in the order of their times; it is an error if the kernel lost one."""
        text = self._inside.submit((self.instance / "trace").read_text).result()
        kept, written = ENTRIES.search(text).groups()
        assert kept == written, f"the trace lost {int(written) - int(kept)} changes"
        return list(rows_in(text))

    def _start(self) -> None:
        mount_tracefs()
        self._lock()
        remove_instances_of_the_dead()
        self.instance.mkdir()
        event = self.instance / "events/sock/inet_sock_set_state"
        inside = " || ".join(
            f"({port} >= {self.ports.start} && {port} < {self.ports.stop})" for port in ("sport", "dport")
        )
        # The clock of packet timestamps, but for whole seconds.
        (self.instance / "trace_clock").write_text("tai")
        (self.instance / "buffer_size_kb").write_text("1024")
        (event / "filter").write_text(inside)
        (event / "enable").write_text("1")

    def _lock(self) -> None:
        self.handle = os.open(INSTANCES, os.O_RDONLY)
        until = time.monotonic() + LOCK_SECONDS
        while True:
            try:
                return fcntl.flock(self.handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > until:
                    raise CannotRecord("another run of this suite does not end") from None
                time.sleep(0.2)

    def _remove(self) -> None:
        if self.instance.exists():
            self.instance.rmdir()
        if hasattr(self, "handle"):
            os.close(self.handle)


def mount_tracefs() -> None:
    """Mount tracefs for the calling thread alone; CannotRecord where the kernel has no such tracepoint."""
    libc = ctypes.CDLL(None, use_errno=True)
    steps = (
        ("a mount namespace", lambda: libc.unshare(CLONE_NEWNS)),
        ("private mounts", lambda: libc.mount(b"none", b"/", None, MS_REC_PRIVATE, None)),
        ("tracefs", lambda: libc.mount(b"tracefs", bytes(TRACEFS), b"tracefs", 0, None)),
    )
    for name, step in steps:
        if step():
            raise CannotRecord(f"this machine does not give {name}: {os.strerror(ctypes.get_errno())}")
    if not (TRACEFS / "events/sock/inet_sock_set_state").is_dir():
        raise CannotRecord("this kernel has no tracepoint sock:inet_sock_set_state")
    if " tai" not in (TRACEFS / "trace_clock").read_text():
        raise CannotRecord("this kernel's trace has no clock tai: Linux 5.18 is the first that has")


def remove_instances_of_the_dead() -> None:
    """Remove the instances of processes that were killed before they could."""
    for path in INSTANCES.glob(f"{PREFIX}*"):
        if not Path("/proc", path.name.removeprefix(PREFIX)).exists():
            path.rmdir()


def instances() -> set[str]:
    """Return the names of the trace instances of this suite that exist."""

    def read() -> set[str]:
        mount_tracefs()
        return {path.name for path in INSTANCES.glob(f"{PREFIX}*")}

    with ThreadPoolExecutor(1) as inside:
        return inside.submit(read).result()


def rows_in(text: str) -> Iterator[Row]:
    """Yield what the lines of a trace file say, in our spelling."""
    tai_ahead = round((time.clock_gettime_ns(time.CLOCK_TAI) - time.time_ns()) / 1e9)
    for found in ROW.finditer(text):
        seconds, micros, family, sport, dport, saddr, daddr, saddr6, daddr6, before, after = found.groups()
        if family == "AF_INET6":
            saddr, daddr = saddr6, daddr6
        time_ns = ((int(seconds) - tai_ahead) * 1_000_000 + int(micros)) * 1000
        key = (saddr, int(sport), daddr, int(dport))
        yield Row(time_ns, key, STATES.get(before, before), STATES.get(after, after))
