"""What tshark and tcptrace say of the lifecycles that test_scenarios.py writes as ladders, beside what we say.

The README shows the table; it is measured where both programs are installed, and `make golden` writes it again.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from test_scenarios import SCENARIOS, found
from wrappings import capture_bytes, frames, play

README = Path(__file__).resolve().parent.parent / "README.md"
TABLE = re.compile(r"<!-- peers -->\n(?:\|[^\n]*\n)*")


def said_by_tshark(capture: Path) -> str:
    """Return the completeness of each stream after its last frame."""
    done = subprocess.run(
        ["tshark", "-2", "-r", capture, "-T", "fields", "-e", "tcp.stream", "-e", "tcp.completeness"],
        capture_output=True,
        text=True,
        check=True,
    )
    last = dict(line.split("\t") for line in done.stdout.splitlines() if line.strip())
    return ", ".join(last.values())


def said_by_tcptrace(capture: Path) -> str:
    """Return what stands in parentheses behind each connection."""
    done = subprocess.run(["tcptrace", "-n", capture], capture_output=True, text=True, check=True)
    lines = [line for line in done.stdout.splitlines() if re.match(r"\s*\d+: ", line)]
    return ", ".join(" + ".join(re.findall(r"\(([a-z]+)\)", line)) or "no label" for line in lines)


def said_by_us(name: str) -> str:
    parts = []
    for connection in play(SCENARIOS[name][0]).connections:
        kinds = found(connection)
        first = f" ({kinds.first} first)" if kinds.first else ""
        findings = "".join(f" `{finding.id}`" for finding in connection.findings)
        parts.append(f"{kinds.opening}, {kinds.closing}{first}{findings}")
    return "<br>".join(parts)


def table(folder: Path) -> str:
    rows = ["| lifecycle | tshark | tcptrace | handshake-inspect |", "|---|---|---|---|"]
    for name, (ladder, _) in SCENARIOS.items():
        capture = folder / f"{name}.pcap"
        capture.write_bytes(capture_bytes(frames(ladder)))
        title = name.partition("_")[2].replace("_", " ")
        rows.append(f"| {title} | {said_by_tshark(capture)} | {said_by_tcptrace(capture)} | {said_by_us(name)} |")
    return "\n".join(rows)


@pytest.mark.skipif(
    not (shutil.which("tshark") and shutil.which("tcptrace")), reason="tshark and tcptrace are not both installed"
)
def test_the_readme_says_what_the_peers_say(request, tmp_path):
    text = README.read_text(encoding="utf-8")
    assert TABLE.search(text)
    fresh = TABLE.sub(lambda _: f"<!-- peers -->\n{table(tmp_path)}\n", text)
    if request.config.getoption("golden"):
        README.write_text(fresh, encoding="utf-8")
    assert fresh == README.read_text(encoding="utf-8"), "the README is stale; `make golden` writes it again"
