"""The pytest plugin in a run of its own: the fixture is there, and who does not use it does not pay for it."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
NAME, MODULE = "handshake_inspect", "handshake_inspect.pytest_plugin"
INSTALLED = any(point.name == NAME for point in importlib.metadata.entry_points(group="pytest11"))
SHOWS_MODULES = """
def pytest_sessionfinish():
    import sys
    ours = {"numpy", "msgspec", "scapy", "click", "tabulate"}
    print("loaded:", *sorted(m for m in sys.modules if m in ours or m.startswith("handshake_inspect")))
"""


@pytest.fixture
def run(tmp_path):
    """Run pytest in an empty folder on a test file, with the plugin as an installation has it."""

    def run_pytest(test: str, *arguments: str, conftest: str = "") -> subprocess.CompletedProcess[str]:
        (tmp_path / "test_it.py").write_text(test)
        (tmp_path / "conftest.py").write_text(conftest)
        plugin = [] if INSTALLED else ["-p", MODULE]
        command = [sys.executable, "-m", "pytest", *plugin, "-p", "no:cacheprovider",
                   *arguments]  # fmt: skip
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "COLUMNS": "108", "NO_COLOR": "1"}
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)

    return run_pytest


def test_the_entry_point_names_the_plugin():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["pytest11"] == {NAME: MODULE}


def test_a_run_that_does_not_use_the_fixture_loads_the_plugin_alone(run):
    done = run("def test_nothing(): pass\n", "-s", conftest=SHOWS_MODULES)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"loaded: {NAME} {MODULE}\n" in done.stdout


def test_the_fixture_opens_captures_beside_the_test(run, tmp_path):
    sample = ROOT / "sample_pcaps" / "normal_close_by_client" / "capture.pcap"
    (tmp_path / "web.pcap").write_bytes(sample.read_bytes())
    test = (
        "def test_it(handshakes): handshakes('web.pcap').only().opened('three-way').closed('four-way', by='client')\n"
    )
    done = run(test)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_failure_points_at_the_line_of_the_test_and_shows_the_ladder(run, tmp_path):
    sample = ROOT / "sample_pcaps" / "refused" / "capture.pcap"
    (tmp_path / "web.pcap").write_bytes(sample.read_bytes())
    done = run("def test_it(handshakes):\n    handshakes('web.pcap').only().opened('three-way')\n")
    assert done.returncode == 1
    shown = done.stdout
    assert (
        ">       handshakes('web.pcap').only().opened('three-way')\nE       AssertionError: expected  opening" in shown
    )
    assert f"in        {tmp_path}/web.pcap, connection 0\n" in shown
    assert "E       0.020186       CLOSED ~ │◀" in shown
    assert "\ntest_it.py:2: AssertionError\n" in shown
    assert "testing.py" not in shown
