"""What the tracepoint does not show (TIME_WAIT, a listener's requests), asked of the kernel again and again."""

from __future__ import annotations

import socket
import struct
import threading
import time
from dataclasses import dataclass, field

from kernel_record import Key
from netns import Host

NETLINK_SOCK_DIAG = 4  # linux/netlink.h
SOCK_DIAG_BY_FAMILY = 20  # linux/sock_diag.h
NLM_F_REQUEST = 1
INET_DIAG_NOCOOKIE = b"\xff" * 8  # linux/inet_diag.h

# include/net/tcp_states.h
NUMBERED = (
    "ESTABLISHED", "SYN_SENT", "SYN_RECEIVED", "FIN_WAIT_1", "FIN_WAIT_2", "TIME_WAIT", "CLOSED", "CLOSE_WAIT",
    "LAST_ACK", "LISTEN", "CLOSING", "SYN_RECEIVED",
)  # fmt: skip
GONE = "LISTEN"
"""Asked for a 4-tuple that has no socket, the kernel answers with the listener, or that there is none."""

EVERY = 0.008
"""Seconds from one round of questions to the next."""


@dataclass
class Run:
    """Polls in a row that gave the same answer: `after_ns`, the start of the poll before them, then their own times."""

    state: str
    after_ns: int
    first_ns: int
    last_ns: int

    def includes(self, time_ns: int) -> bool:
        """Whether these polls may have been right at this time."""
        return self.after_ns <= time_ns <= max(self.first_ns, self.last_ns)


@dataclass
class Watch:
    """The answers about one 4-tuple of one host."""

    diag: socket.socket
    key: Key
    question: bytes
    runs: list[Run] = field(default_factory=list)

    def ask(self) -> None:
        """Poll once."""
        began = time.time_ns()
        self.diag.send(self.question)
        state = state_in(self.diag.recv(8192))
        if self.runs and self.runs[-1].state == state:
            self.runs[-1].last_ns = began
        else:
            after = self.runs[-1].last_ns if self.runs else 0
            self.runs.append(Run(state, after, time.time_ns(), began))


class Poller:
    """A thread that asks about every watched 4-tuple in turn."""

    def __init__(self) -> None:
        self._watches: list[Watch] = []
        self._lock = threading.Lock()
        self._rounds = 0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._ask_on, name="polls")
        self._failure: Exception | None = None

    def __enter__(self) -> Poller:
        self._thread.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self._stopping.set()
        self._thread.join()

    def watch(self, host: Host, keys: list[Key]) -> list[Watch]:
        """Begin to ask for these 4-tuples (local first) of a host."""
        diag = host.keep(host.inside(socket.socket, socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG))
        diag.settimeout(5)
        made = [Watch(diag, key, question(key)) for key in keys]
        with self._lock:
            self._watches += made
        return made

    def unwatch(self, watches: list[Watch]) -> None:
        """Ask no more, before the host is closed."""
        with self._lock:
            self._watches = [watch for watch in self._watches if all(watch is not other for other in watches)]

    def settle(self) -> None:
        """Wait until everything has been asked for again."""
        enough = self._rounds + 2
        while self._rounds < enough:
            if self._failure:
                raise RuntimeError("the poll of the kernel's sockets failed") from self._failure
            time.sleep(EVERY)

    def _ask_on(self) -> None:
        try:
            while not self._stopping.wait(EVERY):
                with self._lock:
                    for watch in self._watches:
                        watch.ask()
                self._rounds += 1
        except Exception as failure:  # told to whoever waits
            self._failure = failure


def question(key: Key) -> bytes:
    """Ask for one socket, as `ss` does for all (linux/inet_diag.h, struct inet_diag_req_v2)."""
    local, local_port, remote, remote_port = key
    family = socket.AF_INET6 if ":" in local else socket.AF_INET
    body = struct.pack("=BBBxI", family, socket.IPPROTO_TCP, 0, 0xFFFFFFFF)
    body += struct.pack("!HH", local_port, remote_port)
    body += socket.inet_pton(family, local).ljust(16, b"\0") + socket.inet_pton(family, remote).ljust(16, b"\0")
    body += struct.pack("=I", 0) + INET_DIAG_NOCOOKIE
    return struct.pack("=IHHII", 16 + len(body), SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST, 0, 0) + body


def state_in(answer: bytes) -> str:
    """Return the state that an answer tells; GONE for an error (there is no such socket)."""
    kind = int.from_bytes(answer[4:6], "little")
    return NUMBERED[answer[17] - 1] if kind == SOCK_DIAG_BY_FAMILY else GONE
