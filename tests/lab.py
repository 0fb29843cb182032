"""The laboratory captures of ../shared/lab, and the kernel's own record of every state beside them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from kernel_record import POINTS, STATES, Change, Key, Socket


def change_of(row: dict) -> Change:
    """Return the change that a line of truth.jsonl tells; LISTEN follows a request that was reset."""
    state = STATES.get(row["newstate"], row["newstate"])
    if row["basis"].startswith("polled request_sock gone"):
        # A request that ends leaves its listener in LISTEN: there never was a socket to close.
        state = "LISTEN"
    earliest, latest = row.get("err_ns") or (row["ts_ns"], row["ts_ns"])
    if row.get("late"):
        earliest = 0  # recorded at the third segment; it began at the SYN
    return Change(state, row["ts_ns"], earliest, latest, row["basis"] != "tp")


def sockets(scenario: Path) -> list[Socket]:
    """Return the sockets of a scenario, each with its changes, from its truth.jsonl."""
    found: dict[tuple[str, Key], list[Socket]] = defaultdict(list)
    for line in (scenario / "truth.jsonl").read_text().splitlines():
        row = json.loads(line)
        if row["proto"] != "tcp" or row["dport"] == 0 or row["newstate"] == "LISTEN":
            continue
        key = (row["saddr"], row["sport"], row["daddr"], row["dport"])
        lives = found[row["side"], key]
        before = STATES.get(row["oldstate"], row["oldstate"])
        change = change_of(row)
        open_life = next((life for life in reversed(lives) if life.changes[-1].state == before), None)
        if open_life is None and lives and lives[-1].changes[-1].state == change.state == "SYN_RECEIVED":
            continue  # the request was polled, and seen again at its third segment
        if open_life is None or before in ("CLOSED", "LISTEN"):
            open_life = Socket(row["side"], key)
            lives.append(open_life)
        open_life.changes.append(change)
    return [life for lives in found.values() for life in lives]


def captures(lab: Path) -> Iterator[tuple[Path, str, Path]]:
    """Yield (scenario's folder, capture point, capture) of each capture."""
    for scenario in sorted(path for path in lab.iterdir() if path.is_dir()):
        for point in POINTS:
            capture = scenario / f"{point}.pcap"
            if capture.exists():
                yield scenario, point, capture
