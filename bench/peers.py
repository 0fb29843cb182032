"""The programs that are measured beside this one: to add one, add a row to PEERS."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
OURS = "handshake-inspect"
REFERENCE = "tcpdump"
"""Whose cost is 1: it reads every record and writes it, and understands none."""


@dataclass(frozen=True)
class Peer:
    """A program, and what it is asked; `CAPTURE` in the command stands for the file."""

    name: str
    does: str
    command: tuple[str, ...]
    version: tuple[str, ...]
    slice_frames: int | None = None
    """Measured on so many frames, and the figure scaled to the whole capture."""
    needs_module: str | None = None

    def for_capture(self, path: Path) -> list[str]:
        """The command line for one file."""
        return [str(path) if word == "CAPTURE" else word for word in self.command]

    def missing(self) -> str | None:
        """What is not installed, or None."""
        if self.needs_module is not None and importlib.util.find_spec(self.needs_module) is None:
            return f"the Python package {self.needs_module}"
        return None if shutil.which(self.command[0]) else f"the program {self.command[0]}"

    def version_number(self) -> str:
        """The first version number that the program says about itself."""
        said = subprocess.run(self.version, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
        found = re.search(r"\d+(\.\d+)+", said.stdout + said.stderr)
        return found[0] if found else "version not told"


PEERS = (
    Peer(
        "tcpdump", "copies the records, understands nothing",
        ("tcpdump", "-r", "CAPTURE", "-w", "/dev/null"), ("tcpdump", "--version"),
    ),
    Peer(
        "softflowd", "counts flows; no states, no report",
        ("softflowd", "-d", "-r", "CAPTURE"), ("softflowd", "-h"),
    ),
    Peer(
        "argus", "flow records with TCP state; wall time holds its own timer",
        ("argus", "-X", "-r", "CAPTURE", "-w", "/dev/null"), ("argus", "-h"),
    ),
    Peer(
        "tcptrace", "one line a connection",
        ("tcptrace", "-n", "CAPTURE"), ("tcptrace", "-version"),
    ),
    Peer(
        "tshark conversations", "bytes and frames of each conversation",
        ("tshark", "-n", "-r", "CAPTURE", "-q", "-z", "conv,tcp"), ("tshark", "-v"),
    ),
    Peer(
        "tshark completeness", "which segments of its life each connection showed",
        ("tshark", "-n", "-r", "CAPTURE", "-2", "-T", "fields", "-e", "tcp.stream", "-e", "tcp.completeness"),
        ("tshark", "-v"),
    ),
    Peer(
        "scapy", "dissects each frame, looks at IP and TCP",
        (sys.executable, str(HERE / "read_with_scapy.py"), "CAPTURE"),
        (sys.executable, "-c", "import scapy; print('scapy', scapy.__version__)"),
        slice_frames=20_000, needs_module="scapy",
    ),
)  # fmt: skip


def this_program(command: list[str]) -> Peer:
    """This program, called as `command`, with its default report."""
    return Peer(
        OURS, "both endpoints' states of each connection, the default report",
        (*command, "CAPTURE"), (*command, "--version"),
    )  # fmt: skip
