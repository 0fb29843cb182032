"""What every test can ask for: the command, golden outputs, the shared material, root."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import settings

from netns import CannotRecord, Wire, require_linux_root

# The same examples in every run, so that a red run is red again; HYPOTHESIS_LONG=1 looks for new ones.
settings.register_profile("same", derandomize=True)
if not os.environ.get("HYPOTHESIS_LONG"):
    settings.load_profile("same")

ROOT = Path(__file__).resolve().parent.parent
GOLDEN = ROOT / "tests" / "golden"

# The command as an installation runs it; where it is not installed, the entry point that pyproject.toml names.
SCRIPT = Path(sys.executable).with_name("handshake-inspect")
ENTRY_POINT = (sys.executable, "-c", "from handshake_inspect.__main__ import run; run()")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--golden", action="store_true", help="write the outputs in tests/golden again")


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("root"):
        try:
            require_linux_root()
        except CannotRecord as reason:
            pytest.skip(str(reason))


@pytest.fixture
def golden_at(request: pytest.FixtureRequest) -> Callable[[Path, str], None]:
    """Compare a text with a file of the project: `golden_at(path, text)`; --golden writes it instead."""

    def compare(path: Path, text: str) -> None:
        if request.config.getoption("golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert path.exists(), f"{path} is missing: `make golden` writes it"
        assert text == path.read_text(encoding="utf-8"), f"{path} differs; if it should, `make golden` writes it again"

    return compare


@pytest.fixture
def golden(golden_at: Callable[[Path, str], None]) -> Callable[[str, str], None]:
    """Compare a text with tests/golden/NAME: `golden("report.txt", text)`; --golden writes it instead."""
    return lambda name, text: golden_at(GOLDEN / name, text)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of captures and answers that are not ours to give away; the test is skipped without it."""
    folder = Path(os.environ.get("HANDSHAKE_INSPECT_SHARED", ROOT.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"{folder} is absent; HANDSHAKE_INSPECT_SHARED names another place")
    return folder


@pytest.fixture(scope="session")
def command() -> Sequence[str]:
    """The words that start handshake-inspect, for a test that needs a process of its own (a pipe, a signal)."""
    return (str(SCRIPT),) if SCRIPT.exists() else ENTRY_POINT


@pytest.fixture
def cli(command: Sequence[str]) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run handshake-inspect from the project's folder: `cli("report", path)`, with stdout, stderr and returncode.

    `cwd` is another folder to run it from; `input` is bytes or text for its stdin; `env` adds to an environment that is
    the same on every machine: UTC, no colour, 120 columns.
    """

    def run(
        *arguments: str | Path, input: bytes | str | None = None, env: dict[str, str] | None = None, cwd: Path = ROOT
    ) -> subprocess.CompletedProcess[str]:
        plain = {"TZ": "UTC", "NO_COLOR": "1", "COLUMNS": "120", "LC_ALL": "C.UTF-8", "PYTHONUTF8": "1"}
        done = subprocess.run(
            [*command, *map(str, arguments)],
            input=input.encode() if isinstance(input, str) else input or b"",
            env={**os.environ, **plain, **(env or {})},
            cwd=cwd,
            capture_output=True,
            timeout=120,
        )
        return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())

    return run


@pytest.fixture
def wire() -> Iterator[Wire]:
    """Two hosts with real sockets and the wire between them; the test must be marked `root`."""
    with Wire() as wire:
        yield wire
