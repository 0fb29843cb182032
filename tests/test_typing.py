"""The types of the installed package: mypy --strict on a user's program, as an installation has it."""

from __future__ import annotations

import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = ROOT / "tests" / "typed_user.py"

LINE = re.compile(r"wrong\.py:(\d+): error: .*  \[(\S+)\]")
WRONG = """\
from handshake_inspect import analyse
from handshake_inspect.testing import Handshakes

report = analyse("web.pcap", two_msl=30)
kind: int = report.connections[0].opening.kind
report.connections[0].closing.kind = "reset"
report.to_numpy("states")
Handshakes("web.pcap").only().opened("threeway").closed(by="me")
"""
FOUND = [
    (4, "arg-type"), (5, "assignment"), (6, "misc"), (7, "arg-type"), (8, "arg-type"), (8, "arg-type"),
]  # fmt: skip


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The Python of an environment in which the package lies as its wheel lays it out."""
    pytest.importorskip("mypy")
    folder = tmp_path_factory.mktemp("installed")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "env"], check=True)
    python = folder / "env" / "bin" / "python"
    packages = subprocess.check_output(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], text=True
    ).strip()
    # What a wheel holds, but for the compiled modules, of which mypy reads the source.
    build = [
        sys.executable,
        "setup.py",
        "--quiet",
        "egg_info",
        "--egg-base",
        folder,
        "build_py",
        "--build-lib",
        packages,
    ]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (Path(packages) / "others.pth").write_text(sysconfig.get_path("purelib"))
    return python


def mypy(python: Path, program: Path, folder: Path) -> list[str]:
    (folder / "mypy.ini").write_text("[mypy]\n")
    command = [sys.executable, "-m", "mypy", "--strict", "--python-executable", str(python), "--no-error-summary",
               "--config-file", "mypy.ini", "--cache-dir", str(folder / "cache"), str(program)]  # fmt: skip
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.stderr == ""
    return done.stdout.splitlines()


@pytest.mark.slow
def test_mypy_finds_nothing_in_a_users_program(installed, tmp_path):
    assert mypy(installed, PROGRAM, tmp_path) == []


@pytest.mark.slow
def test_mypy_finds_what_is_wrong_in_a_users_program(installed, tmp_path):
    program = tmp_path / "wrong.py"
    program.write_text(WRONG)
    lines = [LINE.fullmatch(line) for line in mypy(installed, program, tmp_path)]
    assert [(int(line[1]), line[2]) for line in lines if line] == FOUND


def test_the_program_runs():
    sample = ROOT / "sample_pcaps" / "normal_close_by_client" / "capture.pcap"
    done = subprocess.run(
        [sys.executable, PROGRAM, sample],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": ":".join(sys.path)},
    )
    assert (done.stdout, done.stderr) == ("{'CLOSED': 1} 20264000 four-way 0 1\n", "")
