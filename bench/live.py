"""What `live` keeps up with, on this machine: frames a second without a loss, and memory under a flood.

    sudo make bench-live

Root, Linux 5.18, two cores.  The kernel brings frames to one end of a veth pair (inject.py), where `live` listens, each
held to a core of its own.  The kernel's part, the filter and the copy into the ring, is done on the sender's core, so
what is measured is the analysis.
"""

from __future__ import annotations

import argparse
import os
import re
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

from inject import FIRST_PORT, Injector

ROOT = Path(__file__).resolve().parent.parent
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
CLIENT, SERVER = 0, 1
# One connection: who sends, flags, SEQ and ACK counted from the ISNs, payload bytes.
CONVERSATION = (
    (CLIENT, SYN, 0, None, 0), (SERVER, SYN | ACK, 0, 1, 0), (CLIENT, ACK, 1, 1, 0),
    (CLIENT, PSH | ACK, 1, 1, 100), (SERVER, ACK, 1, 101, 0), (SERVER, PSH | ACK, 1, 101, 100),
    (CLIENT, ACK, 101, 101, 0), (SERVER, PSH | ACK, 101, 101, 100), (CLIENT, ACK, 101, 201, 0),
    (CLIENT, FIN | ACK, 101, 201, 0), (SERVER, FIN | ACK, 201, 102, 0), (CLIENT, ACK, 102, 202, 0),
)  # fmt: skip
FLOOD = ((CLIENT, SYN, 0, None, 0),)
ISN = 1_000_000
RATES = (50_000, 100_000, 150_000, 200_000, 250_000, 300_000, 400_000)


def checksum(data: bytes) -> int:
    """The checksum of RFC 1071."""
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def frame(client: int, port: int, step: tuple[int, int, int, int | None, int]) -> bytes:
    """One frame of a connection between 10.x.y.z:port and 198.51.100.1:80."""
    sender, flags, seq, ack, length = step
    ends = [(10 << 24 | client, port), (0xC6336401, 80)]
    (source, source_port), (target, target_port) = ends if sender == CLIENT else ends[::-1]
    payload = bytes(length)
    segment = struct.pack(
        ">HHIIBBHHH", source_port, target_port, ISN + seq, 0 if ack is None else ISN + ack, 80, flags, 64240, 0, 0
    )
    pseudo = struct.pack(">IIBBH", source, target, 0, 6, 20 + length)
    segment = segment[:16] + struct.pack(">H", checksum(pseudo + segment + payload)) + segment[18:]
    head = struct.pack(">BBHHHBBHII", 0x45, 0, 40 + length, 1, 0, 64, 6, 0, source, target)
    head = head[:10] + struct.pack(">H", checksum(head)) + head[12:]
    return bytes.fromhex("020000000002 020000000001 0800") + head + segment + payload


def steps(conversation: Any) -> list[tuple[bytes, bool]]:
    """The frames of a conversation as Injector wants them: the words that it changes are 0."""
    made = []
    for step in conversation:
        data = bytearray(frame(0, FIRST_PORT, step))
        data[18:20] = data[24:26] = bytes(2)
        data[24:26] = struct.pack(">H", checksum(bytes(data[14:34])))
        made.append((bytes(data), step[0] == SERVER))
    return made


class Run(NamedTuple):
    """What came of one run: frames, seconds of sending, seconds on the core, and memory while it went on."""

    sent: int
    seconds: float
    taken: int
    lost: int
    cpu_s: float
    rss_mb: list[float]

    @property
    def sentence(self) -> str:
        """The run in one line."""
        rate, a_core = self.sent / self.seconds, self.taken / self.cpu_s if self.cpu_s else 0
        return (
            f"{rate:>9,.0f} frames/s sent, {self.taken:>9,} taken, {self.lost:>7,} lost, "
            f"core {100 * self.cpu_s / self.seconds:>3.0f} % busy ({a_core:,.0f} frames a CPU second), "
            f"{max(self.rss_mb):.0f} MB"
        )


class Bed:
    """A namespace with a veth pair; the sender has the first core, `live` the last."""

    name = f"handshake-bench-{os.getpid()}"

    def __enter__(self) -> Bed:
        self.cores = sorted(os.sched_getaffinity(0))
        self._ip("netns", "add", self.name)
        self._ip("-n", self.name, "link", "add", "here", "type", "veth", "peer", "name", "there")
        for device in ("here", "there"):
            self._ip("-n", self.name, "link", "set", device, "addrgenmode", "none", "up")
        return self

    def __exit__(self, *failure: object) -> None:
        self._ip("netns", "del", self.name)

    def _ip(self, *words: str) -> None:
        subprocess.run(["ip", *words], check=True)

    def _start(self, core: int, *words: str, **streams: Any) -> subprocess.Popen[str]:
        inside = ["ip", "netns", "exec", self.name, "taskset", "-c", str(core), sys.executable, *words]
        return subprocess.Popen(inside, cwd=ROOT, text=True, **streams)

    def run(self, conversation: str, rate: int, total: int, folder: Path, *options: str) -> Run:
        """Let `live` listen while `total` frames are sent."""
        report, errors = folder / "report.txt", folder / "errors.txt"
        report.unlink(missing_ok=True)
        words = ("-m", "handshake_inspect", "live", "-i", "there", "--output", str(report), *options)
        with errors.open("w") as told:
            live = self._start(self.cores[-1], *words, stderr=told)
            wait_until_it_listens(live.pid)
            begun_s = cpu_s(live.pid)
            send = (__file__, "--send", conversation, str(rate), str(total))
            sender = self._start(self.cores[0], *send, stdout=subprocess.PIPE)
            rss = []
            while sender.poll() is None:
                rss.append(rss_mb(live.pid))
                time.sleep(0.25)
            seconds = float(sender.communicate()[0])
            time.sleep(1)
            rss.append(rss_mb(live.pid))
            busy_s = cpu_s(live.pid) - begun_s
            live.terminate()
            live.wait(timeout=120)
        text = report.read_text() if report.exists() else ""
        taken = re.search(r"there: ([\d,]+) frames?", text)
        lost = re.search(r"([\d,]+) frames? lost", errors.read_text())
        assert taken, errors.read_text()
        return Run(total, seconds, number(taken[1]), number(lost[1]) if lost else 0, busy_s, rss)


def number(text: str) -> int:
    """`1,234` as a number."""
    return int(text.replace(",", ""))


def wait_until_it_listens(pid: int) -> None:
    """Return when the process has given its capabilities up, which it does when its sockets are open."""
    for _ in range(600):
        if "CapEff:\t0000000000000000" in Path("/proc", str(pid), "status").read_text():
            time.sleep(0.3)
            return
        time.sleep(0.05)
    raise SystemExit("live did not begin to listen")


def cpu_s(pid: int) -> float:
    """Seconds that a process has had a core."""
    fields = Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rss_mb(pid: int) -> float:
    """Memory of a process that is there, without the ring, which it shares with the kernel."""
    status = Path("/proc", str(pid), "status").read_text()
    found = re.search(r"RssAnon:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found else 0.0


def main() -> None:
    """Measure and print; a rate holds when nothing is lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--send", nargs=3, metavar=("WHAT", "RATE", "TOTAL"), help=argparse.SUPPRESS)
    parser.add_argument("--seconds", type=float, default=5, help="of sending at each rate")
    parser.add_argument("--flood", type=int, default=2_000_000, help="SYNs of the flood")
    asked = parser.parse_args()
    if asked.send:
        what, rate, total = asked.send
        injector = Injector("there", steps(FLOOD if what == "flood" else CONVERSATION))
        print(injector.run(int(rate), int(total)))
        return
    with tempfile.TemporaryDirectory() as name, Bed() as bed:
        folder = Path(name)
        folder.chmod(0o777)
        print("conversations of 12 segments, 160 bytes each:")
        for rate in RATES:
            run = bed.run("talk", rate, int(rate * asked.seconds), folder)
            print(f"  asked {rate:>7,}/s: {run.sentence}", flush=True)
            if run.lost or run.sent / run.seconds < rate * 0.8:
                break
        print(f"a flood of {asked.flood:,} SYNs, each from another address and port:")
        run = bed.run("flood", 200_000, asked.flood, folder, "--max-connections", "65536")
        print(f"  {run.sentence}")
        quarters = [run.rss_mb[len(run.rss_mb) * part // 4 - 1] for part in (1, 2, 3, 4)]
        print("  memory after each quarter of it: " + ", ".join(f"{each:.0f} MB" for each in quarters))


if __name__ == "__main__":
    main()
