"""Captures alone on the command line: the same report, without what only options need."""

import inspect
import os
import subprocess
import sys
from pathlib import Path

import pytest

from handshake_inspect.cli import main
from handshake_inspect.cli.report import report
from handshake_inspect.cli.show import show

SAMPLES = Path(__file__).resolve().parent.parent / "sample_pcaps"
REFUSED, CLOSED = (str(SAMPLES / name / "capture.pcap") for name in ("refused", "normal_close_by_client"))

IMPORTED = """import sys
before = set(sys.modules)
from handshake_inspect.cli import main
status = main(sys.argv[1:])
print(*sorted(set(sys.modules) - before), file=sys.stderr)
raise SystemExit(status)
"""

OPTIONS_NEED = {"click", "gettext", "inspect", "threading"}
OTHERS_NEED = {"dataclasses", "hashlib", "html", "importlib.metadata", "ipaddress", "jinja2", "json", "numpy", "scapy"}


def started(*arguments):
    """The names of the modules that a command line imports, in a process of its own without its own packages' hooks."""
    done = subprocess.run([sys.executable, "-c", IMPORTED, *arguments], capture_output=True, text=True, timeout=60,
                          env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))})  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stderr.split()


@pytest.mark.parametrize(
    "arguments",
    [(CLOSED,), (REFUSED, CLOSED), (__file__,), (__file__, CLOSED), (str(SAMPLES),)],
    ids=["one", "two", "no capture", "no capture and one", "a folder"],
)
def test_captures_alone_give_what_the_word_report_gives(capsys, arguments):
    alone = main(arguments), *capsys.readouterr()
    assert alone == (main(("report", *arguments)), *capsys.readouterr())
    assert alone[1] + alone[2] != ""


def test_a_report_without_options_is_what_the_options_default_to(monkeypatch):
    given = report.make_context("report", [CLOSED]).params
    defaults = {name: one.default for name, one in inspect.signature(show).parameters.items() if name != "captures"}
    assert {name: given[name] for name in defaults} == defaults
    assert set(given) == {"captures", *defaults}


def test_ctrl_c_ends_the_line_that_the_terminal_began(monkeypatch, capsys):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("handshake_inspect.cli.show.choose", interrupted)
    assert (main((CLOSED,)), *capsys.readouterr()) == (130, "", "\n")
    assert (main((CLOSED, "--utc")), *capsys.readouterr()) == (130, "", "\n")


def test_a_plain_report_imports_no_more_of_this_package_than_it_did(golden):
    ours = [name for name in started(CLOSED) if name.startswith("handshake_inspect")]
    golden("cli-start-modules.txt", "\n".join(ours) + "\n")


def test_a_plain_report_imports_nothing_that_it_does_not_need():
    # What a package imports where another one happens to be installed is not ours to hold: msgspec loads
    # typing_extensions, and that loads inspect.
    excused = {"inspect"} if "typing_extensions" in started(CLOSED) else set()
    assert (OPTIONS_NEED | OTHERS_NEED) & set(started(CLOSED)) - excused == set()


def test_an_option_imports_click():
    assert set(started(CLOSED, "--utc")) >= OPTIONS_NEED
