"""What tests of live runs share: a namespace with a loopback of its own, runs in it, and what their lines add up to."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from netns import run

ROOT = Path(__file__).resolve().parent.parent
PATIENCE_S = 60
"""What a busy machine may take for what should take a second."""


class Namespace:
    """A network namespace with its loopback up; `words(...)` runs a command inside it."""

    def __init__(self, name: str) -> None:
        self.name = f"handshake-live-{name}-{os.getpid()}"

    def __enter__(self) -> Namespace:
        run("ip", "netns", "add", self.name)
        run("ip", "-n", self.name, "link", "set", "lo", "up")
        return self

    def __exit__(self, *failure: object) -> None:
        run("ip", "netns", "del", self.name)

    def words(self, *command: str) -> list[str]:
        """Return the command that runs `command` in here."""
        return ["ip", "netns", "exec", self.name, *command]

    def ip(self, *words: str) -> None:
        """Configure it."""
        run("ip", "-n", self.name, *words)

    def python(self, program: str, *arguments: str) -> str:
        """Run a Python program in here, and return what it prints."""
        done = subprocess.run(
            self.words(sys.executable, "-c", program, *arguments), capture_output=True, text=True, timeout=PATIENCE_S
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@contextmanager
def listening(words: Sequence[str], namespace: Namespace, **options: Any) -> Iterator[subprocess.Popen[str]]:
    """Start a live run, wait until its sockets are open, and end it if the test did not."""
    running = subprocess.Popen(
        namespace.words(*words), stdout=options.pop("stdout", subprocess.PIPE), stderr=subprocess.PIPE, text=True,
        cwd=ROOT, env={**os.environ, "TZ": "UTC", "NO_COLOR": "1", "COLUMNS": "100"} | options.pop("env", {}), **options
    )  # fmt: skip
    try:
        wait_until(lambda: running.poll() is not None or has_given_up(running.pid), "the run listens")
        yield running
    finally:
        if running.poll() is None:
            running.kill()
        running.communicate()


def status_of(pid: int) -> dict[str, str]:
    """Return /proc/PID/status by its words."""
    lines = Path("/proc", str(pid), "status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def has_given_up(pid: int) -> bool:
    """Say whether a process has no capability left: a live run that listens."""
    return int(status_of(pid)["CapEff"], 16) == 0


def wait_until(holds: Any, what: str) -> None:
    """Wait until `holds()`; fail, saying what was waited for."""
    end = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < end, f"not within {PATIENCE_S} s: {what}"
        time.sleep(0.02)


def ended(running: subprocess.Popen[str], number: int = signal.SIGINT) -> tuple[int, str, str]:
    """End a run with a signal; return its status, stdout and stderr."""
    running.send_signal(number)
    out, err = running.communicate(timeout=PATIENCE_S)
    return running.returncode, out, err


def read_for(descriptor: int, seconds: float) -> bytes:
    """Return what can be read within a time, or until the end."""
    end = time.monotonic() + seconds
    read = b""
    while (left := end - time.monotonic()) > 0:
        if select.select([descriptor], [], [], left)[0]:
            try:
                more = os.read(descriptor, 65536)
            except OSError:
                break
            if not more:
                break
            read += more
    return read


def added_up(lines: Sequence[str]) -> dict[tuple[int, str], list[dict[str, Any]]]:
    """Return the transitions that ndjson lines tell, by the connection's id and the endpoint."""
    told: dict[tuple[int, str], list[dict[str, Any]]] = {}
    for line in map(json.loads, lines):
        if line["type"] == "transition":
            told.setdefault((line["id"], line["endpoint"]), []).append(line["transition"])
        elif line["type"] == "revision":
            told[line["id"], line["endpoint"]] = line["transitions"]
    return told
