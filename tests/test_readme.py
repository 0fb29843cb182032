"""The README: every command in it is run and its output compared; its tables are made from the code.

`make golden` writes outputs, tables and the picture again.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from handshake_inspect.decode import LINK_TYPES
from handshake_inspect.expect.keys import keys, measures
from handshake_inspect.rfc9293.states import TRANSITIONS
from handshake_inspect.verdict.findings import FINDINGS
from picture import svg

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
CONSOLE = re.compile(r"```console\n\$ (?P<command>[^\n]+)\n(?P<output>.*?)```\n", re.DOTALL)
PYTHON = re.compile(
    r"(?P<before>```python\n(?P<sample>.*?)```\n\n(?:[^`\n]+\n\n)?```text\n)(?P<output>.*?)```\n", re.DOTALL
)
INSTALLED = any(point.name == "handshake_inspect" for point in importlib.metadata.entry_points(group="pytest11"))
SHELL = re.compile(r"```sh\n(?P<commands>.*?)```\n", re.DOTALL)
TABLE = r"<!-- {name} -->\n(?:\|[^\n]*\n)*"


def of_states() -> str:
    rows = ["| state | what happens | in the figure | next state | source |", "|---|---|---|---|---|"]
    for arrow in TRANSITIONS:
        figure = arrow.figure or "-"
        rows.append(
            f"| {arrow.state.name} | {arrow.event.text} | {figure} | {arrow.next_state.name} | {arrow.source} |"
        )
    return "\n".join(rows)


def of_findings() -> str:
    rows = ["| finding | severity | what it means |", "|---|---|---|"]
    rows += [f"| `{kind.id}` | {kind.severity} | {kind.sentence} |" for kind in FINDINGS]
    return "\n".join(rows)


def of_link_types() -> str:
    fast = [f"{row.name} ({row.number})" for row in LINK_TYPES if row.first not in (None, "slow")]
    slow = [f"{row.name} ({row.number})" for row in LINK_TYPES if row.first == "slow"]
    rows = ["| read by | link types |", "|---|---|", f"| the compiled path | {', '.join(fast)} |"]
    rows.append(f"| scapy | {', '.join(slow)} |")
    return "\n".join(rows)


def of_keys() -> str:
    rows = ["| key | what it asks |", "|---|---|"]
    return "\n".join([*rows, *(f"| `{key.example}` | {key.sentence} |" for key in keys())])


def of_measures() -> str:
    rows = ["| measure of `max` and `min` | what it is |", "|---|---|"]
    return "\n".join([*rows, *(f"| `{name}` | {sentence} |" for name, sentence in measures())])


PEERS = {
    "`tcpdump -w /dev/null`": "tcpdump",
    "softflowd": "softflowd",
    "argus": "argus",
    "tcptrace": "tcptrace",
    "tshark's completeness": "tshark completeness",
    "scapy": "scapy (scaled)",
}


def of_speed() -> str:
    """The seconds of bench/RESULTS.md: a row a capture, a column a program."""
    results = (ROOT / "bench" / "RESULTS.md").read_text(encoding="utf-8")
    rows = [
        f"| capture | this program | {' | '.join(PEERS)} |",
        "|---|---:|" + "---:|" * len(PEERS),
    ]
    for title in ("Many short connections", "Large downloads", "A SYN flood"):
        section = results.split(f"## {title}\n")[1].split("\n## ")[0]
        size = re.search(r"([\d,]+) connections, ([\d,]+) frames, ([\d,]+) MB", section)
        wall = dict(re.findall(r"^\| ([^|]+?) +\| +\d+ \| +([\d.]+) \|", section, re.MULTILINE))
        what = f"{title.lower().replace(' syn ', ' SYN ')}: {size[1]} connections, {size[2]} frames, {size[3]} MB"
        rows.append(f"| {what} | **{wall['handshake-inspect']}** | {' | '.join(wall[row] for row in PEERS.values())} |")
    return "\n".join(rows)


TABLES: dict[str, Callable[[], str]] = {
    "speed": of_speed,
    "keys": of_keys,
    "measures": of_measures,
    "states": of_states,
    "findings": of_findings,
    "link types": of_link_types,
}


def with_outputs(text: str, cli) -> str:
    """Return the README with every command's output as it is now."""

    def rerun(found: re.Match[str]) -> str:
        program, *arguments = shlex.split(found["command"])
        assert program == "handshake-inspect"
        done = cli(*arguments, env={"COLUMNS": "100"})
        status = f"[exit status {done.returncode}]\n" if done.returncode else ""
        return f"```console\n$ {found['command']}\n{done.stdout}{done.stderr}{status}```\n"

    return CONSOLE.sub(rerun, text)


def with_tables(text: str) -> str:
    """Return the README with every generated table as it is now."""
    for name, make in TABLES.items():
        text = re.sub(TABLE.format(name=name), lambda _, name=name, make=make: f"<!-- {name} -->\n{make()}\n", text)
    return text


def check(request: pytest.FixtureRequest, fresh: str) -> None:
    if request.config.getoption("golden"):
        README.write_text(fresh, encoding="utf-8")
    assert fresh == README.read_text(encoding="utf-8"), "the README is stale; `make golden` writes it again"


def test_every_command_prints_what_the_readme_shows(request, cli):
    text = README.read_text(encoding="utf-8")
    assert len(CONSOLE.findall(text)) >= 5
    check(request, with_outputs(text, cli))


@pytest.mark.parametrize("name", TABLES)
def test_the_readme_has_a_place_for_each_generated_table(name):
    assert f"<!-- {name} -->\n" in README.read_text(encoding="utf-8")


def test_the_tables_are_those_of_the_code(request):
    check(request, with_tables(README.read_text(encoding="utf-8")))


def test_the_shell_commands_are_those_that_ci_runs():
    checked = (ROOT / ".ci" / "run").read_text() + (ROOT / ".ci" / "readme").read_text()
    commands = [
        line.split("#")[0].strip()
        for block in SHELL.findall(README.read_text(encoding="utf-8"))
        for line in block.splitlines()
    ]
    assert commands
    assert [command for command in commands if command and command not in checked] == []


def run_sample(sample: str, folder: Path) -> str:
    """What a sample prints; of one for pytest, what its failures say."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "COLUMNS": "108", "NO_COLOR": "1"}
    command, file = [sys.executable], folder / "test_sample.py"
    if "def test_" in sample:
        command += ["-m", "pytest", "--config-file", str(folder / "pytest.ini"), "-p", "no:cacheprovider"]
        command += [] if INSTALLED else ["-p", "handshake_inspect.pytest_plugin"]
        (folder / "pytest.ini").write_text("[pytest]\n")
    file.write_text(sample)
    done = subprocess.run([*command, str(file)], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    if "def test_" not in sample:
        return done.stdout
    assert "1 failed, 2 passed" in done.stdout
    return "".join(line.rstrip() + "\n" for line in done.stdout.splitlines() if line.startswith("E  "))


def test_every_python_sample_prints_what_the_readme_shows(request, tmp_path):
    text = README.read_text(encoding="utf-8")
    assert len(PYTHON.findall(text)) >= 2

    def rerun(found: re.Match[str]) -> str:
        return f"{found['before']}{run_sample(found['sample'], tmp_path)}```\n"

    check(request, PYTHON.sub(rerun, text))


def test_the_picture_is_of_the_report_as_it_is_now(golden_at, cli):
    done = cli("sample_pcaps/close_wait_leak/capture.pcap", "--color", "--utc", env={"COLUMNS": "100", "NO_COLOR": ""})
    title = "handshake-inspect sample_pcaps/close_wait_leak/capture.pcap"
    golden_at(ROOT / "docs" / "report.svg", svg(done.stdout, title))


def test_the_ladder_is_of_the_walk_as_it_is_now(golden_at, cli):
    done = cli("walk", "sample_pcaps/http_walkthrough/capture.pcap", "--format", "svg", "--utc")
    golden_at(ROOT / "docs" / "ladder.svg", done.stdout)
