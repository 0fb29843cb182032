"""`handshake-inspect report`: options in, text and exit status out."""

import io
import json
import os
import signal
import subprocess
import sys
from typing import Any

import click
import pytest

import fake_cli
import reports
from handshake_inspect.cli import main
from handshake_inspect.errors import CaptureError
from reports import CUT, FakeReport, capture, connection, mixed


class Asked(dict[str, Any]):
    """What the analysis was called with."""


@pytest.fixture
def asked(monkeypatch):
    """Makes `analysis["report"]` the result of every analysis, and notes what it was asked."""
    made = fake_cli.modules()
    for name, module in made.items():
        monkeypatch.setitem(sys.modules, name, module)
    noted = Asked(report=mixed())

    def analyse(paths, *, two_msl="linux", progress=None):
        noted.update(paths=paths, two_msl=two_msl, progress=progress)
        if isinstance(noted["report"], Exception):
            raise noted["report"]
        return noted["report"]

    monkeypatch.setattr(made["handshake_inspect.analysis"], "analyse", analyse)
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)
    return noted


@pytest.fixture
def run(asked, capsys):
    """Runs a command line: (exit status, standard output, standard error)."""

    def run(*arguments):
        status = main(arguments)
        return status, *capsys.readouterr()

    return run


def test_report_is_the_default_command(run, golden):
    named = run("report", "web.pcap", "--utc")
    assert run("web.pcap", "--utc") == named
    assert run("--utc", "web.pcap") == named
    assert named[0] == 0
    assert named[2] == ""
    golden("render-mixed-100.txt", named[1])


def test_standard_input_is_a_dash(run, asked):
    assert run("-")[0] == 0
    assert asked["paths"] == ("-",)


def test_several_captures_are_read_as_one(run, asked):
    run("a.pcap", "b.pcap", "--two-msl", "RFC")
    assert (asked["paths"], asked["two_msl"]) == (("a.pcap", "b.pcap"), "rfc")


def test_two_msl_takes_a_duration_and_refuses_anything_else(run, asked):
    assert run("a.pcap", "--two-msl", "45s")[0] == 0
    assert asked["two_msl"] == "45s"
    status, out, err = run("a.pcap", "--two-msl", "beos")
    assert (status, out) == (2, "")
    assert err.endswith(
        "Error: Invalid value for '--two-msl': 'beos' is none of linux, macos, freebsd, windows, rfc, "
        "and no duration such as 45s.\n"
    )


@pytest.mark.parametrize("format", ["json", "ndjson", "csv", "markdown"])
def test_each_format_can_be_asked_for_by_name_or_by_ending(run, tmp_path, format):
    ending = {"markdown": "md"}.get(format, format)
    status, out, err = run("web.pcap", "--utc", "--format", format)
    assert (status, err) == (0, "")
    assert out
    there = tmp_path / f"report.{ending}"
    assert run("web.pcap", "--utc", "--output", str(there)) == (0, "", "")
    assert there.read_text() == out
    assert run("web.pcap", "--utc", "--output", str(there), "--format", "table")[0] == 0
    assert there.read_text() != out


def test_a_filter_chooses_what_is_shown(run):
    status, out, _ = run("web.pcap", "--filter", "opening == refused", "--format", "ndjson")
    assert status == 0
    assert [json.loads(line)["id"] for line in out.splitlines()] == [1]


def test_a_slip_in_a_filter_is_told_before_anything_is_read(run, asked):
    assert run("web.pcap", "--filter", "opening == refusd") == (
        2,
        "",
        "handshake-inspect: 'opening' does not know 'refusd'; did you mean refused?\n"
        "  opening == refusd\n"
        "             ^\n",
    )
    assert "paths" not in asked


def test_a_stream_is_shown_step_by_step(run):
    status, out, err = run("web.pcap", "--stream", "0")
    assert (status, err) == (0, "")
    assert "frame 2: SYN-ACK acknowledges 1001 = client's SYN 1000 + 1" in out


@pytest.mark.parametrize("format", ["table", "json", "ndjson", "csv", "markdown"])
def test_choosing_nothing_is_said_and_is_no_failure(run, format):
    status, _, err = run("web.pcap", "--filter", "port 1", "--stream", "7", "--format", format)
    assert (status, err) == (0, "handshake-inspect: none of 4 connections matches --stream 7 --filter 'port 1'\n")


def test_choosing_nothing_of_one_or_of_none_is_said_so(run, asked):
    asked["report"] = FakeReport([connection()])
    assert run("web.pcap", "--stream", "7")[2] == "handshake-inspect: the only connection does not match --stream 7\n"
    asked["report"] = FakeReport([])
    assert run("web.pcap", "--stream", "7")[2] == "handshake-inspect: none of 0 connections matches --stream 7\n"


def test_a_capture_without_connections_is_no_choice_of_nothing(run, asked):
    asked["report"] = FakeReport([])
    assert run("web.pcap")[::2] == (0, "")
    assert run("web.pcap", "--format", "ndjson") == (0, "", "")


def test_a_cut_capture_is_reported_and_its_faults_are_told(run, asked):
    asked["report"] = FakeReport([connection()], [capture(faults=(CUT,)), capture("b\x1b.pcap", faults=(
        type(CUT)(offset=None, frame=None, problem="cannot be opened"),))])  # fmt: skip
    status, out, err = run("web.pcap", "b.pcap", "--format", "json")
    assert status == 3
    assert len(json.loads(out)["connections"]) == 1
    assert err == (
        "handshake-inspect: web.pcap: frame 11, offset 1400: record says 60 bytes, 12 are left\n"
        "handshake-inspect: b\\x1b.pcap: cannot be opened\n"
    )


def test_a_capture_that_cannot_be_read_at_all_is_one_line(run, asked):
    asked["report"] = CaptureError("evil\nname", "is no capture", offset=0)
    assert run("evil") == (3, "", "handshake-inspect: evil\\x0aname: offset 0: is no capture\n")


def test_no_capture_is_wrong_usage(run):
    status, out, err = run("report")
    assert (status, out) == (2, "")
    assert err.endswith("Error: Missing argument 'CAPTURE...'.\n")


def test_colour_is_asked_for_or_left_to_the_terminal(run, monkeypatch):
    plain = run("web.pcap")[1]
    assert "\x1b" not in plain
    assert "\x1b[31m" in run("web.pcap", "--color")[1]
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert "\x1b" not in run("web.pcap", "--no-color")[1]


def test_colour_obeys_no_color(monkeypatch):
    from handshake_inspect.cli.output import style_of

    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert style_of("-", utc=False, colour=None).colour
    assert not style_of("report.txt", utc=False, colour=None).colour
    monkeypatch.setenv("NO_COLOR", "1")
    assert not style_of("-", utc=False, colour=None).colour
    assert style_of("-", utc=False, colour=True).colour
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert not style_of("-", utc=False, colour=None).colour


def test_columns_sets_the_width(run, monkeypatch, golden):
    monkeypatch.setenv("COLUMNS", "80")
    golden("render-mixed-80.txt", run("web.pcap", "--utc")[1])


def test_an_output_file_is_replaced_only_when_it_is_whole(run, asked, tmp_path):
    there = tmp_path / "report.json"
    there.write_text("old")
    there.chmod(0o640)

    asked["report"] = mixed()
    asked["report"].connections = (connection(), object())
    with pytest.raises(TypeError):
        run("web.pcap", "--output", str(there))
    assert there.read_text() == "old"
    asked["report"] = mixed()
    assert run("web.pcap", "--output", str(there)) == (0, "", "")
    assert json.loads(there.read_text())["summary"]["connections"] == 4
    assert os.listdir(tmp_path) == ["report.json"]
    assert there.stat().st_mode & 0o777 == 0o640


def test_the_output_cannot_be_a_capture(run, tmp_path):
    there = tmp_path / "web.pcap"
    there.write_text("precious")
    link = tmp_path / "link"
    link.symlink_to(there)
    status, _, err = run(str(there), "--output", str(link))
    assert (status, err) == (2, f"handshake-inspect: --output {link} would overwrite the capture {there}\n")
    assert there.read_text() == "precious"


def test_an_output_that_cannot_be_written_is_wrong_usage(run, tmp_path):
    there = tmp_path / "missing" / "report.json"
    assert run("web.pcap", "--output", str(there)) == (
        2, "", f"handshake-inspect: --output {there} cannot be written: No such file or directory\n"
    )  # fmt: skip


def test_progress_is_asked_for_or_left_out(run, asked):
    run("web.pcap")
    assert asked["progress"] is None
    run("web.pcap", "--progress")
    assert callable(asked["progress"])


def test_progress_waits_a_second_then_shows_how_far_it_is(monkeypatch):
    from handshake_inspect.cli import progress

    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    err = io.StringIO()
    monkeypatch.setattr(err, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys, "stderr", err)
    with progress.progress_bar(None) as tell:
        assert tell is not None
        tell(10, 100)
        assert err.getvalue() == ""
        now[0] = 1.5
        tell(50, 100)
        tell(100, 100)
    assert "reading" in err.getvalue()
    assert "100%" in err.getvalue()
    assert err.getvalue().endswith("\n")


def test_progress_of_an_unknown_length_counts(monkeypatch):
    from handshake_inspect.cli import progress

    err = io.StringIO()
    monkeypatch.setattr(sys, "stderr", err)
    with progress.progress_bar(True) as tell:
        assert tell is not None
        tell(2_500_000, None)
    assert err.getvalue() == "\rreading: 2.5 MB\n"
    with progress.progress_bar(None) as tell:
        assert tell is None


def process(*arguments, shell=None):
    """The command line in a process of its own, on made-up connections."""
    path = os.pathsep.join((os.path.dirname(fake_cli.__file__), *sys.path))
    command = [sys.executable, fake_cli.__file__, *arguments]
    if shell:
        command = ["bash", "-c", shell, sys.executable, *command[1:]]
    done = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path}, timeout=60,
        # What a shell starts in the background ignores Ctrl-C.
        preexec_fn=None if sys.platform == "win32" else lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


needs_a_shell = pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell")


@needs_a_shell
@pytest.mark.parametrize("format", ["table", "json", "ndjson", "csv"])
def test_a_reader_that_has_seen_enough_is_no_fault(format):
    line = '"$0" "$@" | head -1; echo ${PIPESTATUS[0]}'
    status, out, err = process("many", "--format", format, shell=line)
    assert (status, out.splitlines()[-1], err) == (0, "0", "")


@needs_a_shell
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [(("x",), "standard output cannot be written"), (("schema",), "standard output")],
)
def test_a_full_disk_is_one_line(arguments, said):
    status, out, err = process(*arguments, shell='"$0" "$@" > /dev/full')
    assert (status, out, err) == (2, "", f"handshake-inspect: {said}: No space left on device\n")


@needs_a_shell
def test_output_into_a_closed_descriptor_goes_nowhere():
    assert process("x", shell='"$0" "$@" >&-') == (0, "", "")


@needs_a_shell
def test_output_can_be_a_device():
    assert process("x", "--utc", "-o", "/dev/stdout", shell='"$0" "$@" | cat')[1].startswith("web.pcap: 57 frames")


@needs_a_shell
def test_ctrl_c_while_captures_are_read_still_gives_the_report():
    assert process("slow", "--utc") == (130, process("x", "--utc")[1], "")


def test_a_name_outside_the_encoding_of_the_terminal_is_spelled_out(asked, monkeypatch):
    asked["report"] = FakeReport([reports.connection()], [capture("caf\u00e9.pcap")])
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    assert main(["x"]) == 0
    assert raw.getvalue().startswith(b"caf\\xe9.pcap: 12 frames")


@needs_a_shell
def test_a_terminal_gets_colour_and_its_own_width():
    pty = pytest.importorskip("pty")
    fcntl = pytest.importorskip("fcntl")
    import struct
    import termios

    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 70, 0, 0))
    path = os.pathsep.join((os.path.dirname(fake_cli.__file__), *sys.path))
    env = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "COLUMNS")}
    with subprocess.Popen([sys.executable, fake_cli.__file__, "x"], stdout=follower, stderr=follower,
                          env={**env, "TERM": "xterm", "PYTHONPATH": path}):  # fmt: skip
        os.close(follower)
        shown = b""
        try:
            while piece := os.read(leader, 65536):
                shown += piece
        except OSError:
            pass  # Linux says EIO when the last writer has gone.
    os.close(leader)
    lines = shown.decode().splitlines()
    assert any("\x1b[31m\x1b[1merror" in line for line in lines)
    assert max(len(click.unstyle(line)) for line in lines) <= 70
