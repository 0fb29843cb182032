"""A run in surroundings that lack something: room on the disk, a reader, a locale, a home, open streams."""

from __future__ import annotations

import os
import resource
import subprocess
import sys

import pytest

from captures import write_pcap
from handshake_inspect import analyse
from handshake_inspect.segments import segments_of
from promises import COMMANDS, holds
from wrappings import capture_bytes, frames

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX files and a shell")

TALK = capture_bytes(frames("open; talk; close"))
PATIENCE_S = 60
RADIOTAP = 127
EXTRACTED = b"handshake-inspect: standard output: \n"
ONE_OF_EACH = [("report",), ("walk",), ("ss",), ("time-wait",), ("why",), ("doctor",), ("html", "-o", "-"),
               ("extract", "-o", "-", "--format", "pcap")]  # fmt: skip


@pytest.fixture
def capture(tmp_path):
    path = tmp_path / "a.pcap"
    path.write_bytes(TALK)
    return path


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """A capture whose report is longer than a pipe holds."""
    talks = [(start, frames(f"port {50_000 + start}; open; talk; RST >")) for start in range(300)]
    everything = [(time_ns + start * 10**8, data) for start, talk in talks for time_ns, data in talk]
    return write_pcap(tmp_path_factory.mktemp("many") / "many.pcap", everything)


@pytest.fixture
def shell(command):
    """Run a line of shell in which "$@" is the command; further words are its arguments."""

    def run(line, *arguments, env=None, **options):
        words = ["bash", "-c", line, "bash", *command, *map(str, arguments)]
        plain = {**os.environ, "TZ": "UTC", "NO_COLOR": "1", "COLUMNS": "100"}
        done = subprocess.run(words, capture_output=True, env={**plain, **(env or {})}, timeout=PATIENCE_S, **options)
        return done.returncode, done.stdout, done.stderr

    return run


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize("words", ONE_OF_EACH, ids=lambda words: words[0])
def test_a_disk_that_is_full_is_one_line(shell, capture, words):
    assert shell('"$@" > /dev/full', words[0], capture, *words[1:]) == (
        2, b"", b"handshake-inspect: standard output cannot be written: No space left on device\n",
    )  # fmt: skip


OUTPUTS = [("report", "-o", "out.json"), ("report", "-o", "out.csv"), ("html", "-o", "out.html"),
           ("extract", "-o", "out.pcapng"), ("walk", "-o", "out.svg"), ("why", "-o", "out.json")]  # fmt: skip


@pytest.mark.parametrize("words", OUTPUTS, ids=" ".join)
def test_a_disk_that_fills_leaves_the_old_file_and_no_half_of_a_new_one(shell, many, tmp_path, words):
    output = tmp_path / words[-1]
    output.write_text("old")
    status, out, err = shell(
        '"$@"', words[0], many, "-o", output, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
    )
    last = err.decode().splitlines()[-1]
    assert (status, out, last) == (2, b"", f"handshake-inspect: --output {output} cannot be written: File too large")
    assert (output.read_text(), os.listdir(tmp_path)) == ("old", [output.name])


@pytest.mark.root
def test_a_small_file_system_that_fills_is_one_line(shell, many, tmp_path):
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", tmp_path], check=True)
    try:
        output = tmp_path / "out.html"
        status, out, err = shell('"$@"', "html", many, "-o", output)
        said = f"handshake-inspect: --output {output} cannot be written: No space left on device\n"
        assert (status, out, err.decode()) == (2, b"", said)
        assert os.listdir(tmp_path) == []
    finally:
        subprocess.run(["umount", tmp_path], check=True)


@pytest.mark.parametrize(
    "words", [words for words in COMMANDS if words[0] != "walk" and "--expect" not in words][::2], ids=" ".join
)
def test_a_reader_that_goes_away_is_no_fault(shell, many, words):
    status, out, err = shell('"$@" | head -c 1; exit ${PIPESTATUS[0]}', words[0], many, *words[1:])
    assert (status, len(out), err) == (0, 1, b"")


@pytest.mark.parametrize(
    "env",
    [
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
        {"PYTHONIOENCODING": "latin-1:strict", "PYTHONUTF8": "0"},
        {"LC_ALL": "xx_YY.nonsense", "LANG": "xx"},
    ],
    ids=lambda env: next(iter(env.values())),
)
@pytest.mark.parametrize("words", [*ONE_OF_EACH, ("walk", "--explain", "--lang", "ko")], ids=" ".join)
def test_a_locale_that_lacks_characters_is_no_fault(command, tmp_path, env, words):
    path = tmp_path / os.fsdecode(b"caf\xc3\xa9 \xed\x95\x9c \xff.pcap")
    path.write_bytes(TALK)
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG", "PYTHONUTF8"))}
    done = subprocess.run([*command, words[0], path, *words[1:]], capture_output=True, env={**plain, **env})
    assert (done.returncode, done.stderr.replace(b"11 frames of 1 connection", b"")) in ((0, b""), (0, EXTRACTED))
    assert done.stdout


def test_nothing_is_written_to_the_home_folder_whether_it_is_there_or_not(shell, tmp_path):
    """scapy, which dissects the rare link types, would keep things there."""
    radio = write_pcap(tmp_path / "radio.pcap", [(10**18, bytes((0, 0, 8, 0)) + bytes(60))], link_type=RADIOTAP)
    home = tmp_path / "home"
    for _ in ("not there", "there"):
        assert shell('unset ${!XDG_*}; "$@"', "report", radio, env={"HOME": str(home)})[::2] == (0, b"")
        assert not home.exists() or os.listdir(home) == []
        home.mkdir(exist_ok=True)
    assert shell('unset ${!XDG_*}; "$@"', "report", radio, env={"HOME": "/proc"})[::2] == (0, b"")


def test_listening_keeps_nothing_in_the_home_folder(tmp_path):
    """Run by root it would make, and read as pickles, what others may write."""
    home = {name: value for name, value in os.environ.items() if not name.startswith("XDG_")} | {"HOME": str(tmp_path)}
    listening = "from handshake_inspect.capture import live; live._scapy()"
    subprocess.run([sys.executable, "-c", listening], env=home, check=True, timeout=PATIENCE_S)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_stream_that_is_closed_is_no_fault(shell, capture, closed):
    status, out, err = shell(f'"$@" {closed}', "report", capture)
    assert (status, err) == (0, b"")
    assert (out == b"") == (">&-" in closed.replace("2>&-", ""))


def test_what_cannot_be_read_has_its_status_though_nobody_can_be_told(shell, tmp_path):
    assert shell('"$@" 2>&-', "report", tmp_path / "none.pcap") == (3, b"", b"")
    status, _, err = shell('"$@" <&-', "report", "-")
    assert status == 3
    assert err.startswith(b"handshake-inspect: -: cannot be opened: ")


@pytest.fixture
def large(tmp_path):
    """A capture of several reads."""
    talk = frames("open; talk; close")
    more = [(time_ns + 10**9, data) for time_ns, data in talk[3:5]] * 10_000
    return write_pcap(tmp_path / "large.pcap", [*talk[:7], *more, *talk[7:]])


def test_a_file_that_shrinks_while_it_is_read_ends_where_it_was_cut(large):
    size = large.stat().st_size
    calls = []

    def shrink(done, total):
        if not calls:
            os.truncate(large, size // 2 + 5)
        calls.append(done)

    report = analyse(str(large), progress=shrink)
    (fault,) = report.faults
    assert fault.problem.startswith("record ")
    assert report.captures[0].bytes + 100 > size // 2
    assert report.connections[0].client.state == "ESTABLISHED"
    holds(str(large))


def test_a_file_that_grows_while_it_is_read_is_read_as_far_as_it_came(large):
    talk = capture_bytes(frames("port 40001; open; talk; close"))[24:]
    calls = []

    def grow(done, total):
        if not calls:
            with large.open("ab") as file:
                file.write(talk)
        calls.append(done)

    report = analyse(str(large), progress=grow)
    assert (len(report.connections), report.faults) == (2, [])
    with large.open("ab") as file:
        file.write(capture_bytes(frames("port 40002; open"))[24:])
    assert len(list(segments_of(str(large), [1]))) == 11
