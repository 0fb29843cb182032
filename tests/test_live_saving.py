"""Saving in a live run: what is saved gives the same report, and what cannot be saved is told."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from frames import read
from handshake_inspect.analysis import analyse
from handshake_inspect.capture import open_capture
from handshake_inspect.live import Engine
from handshake_inspect.live.saving import Around, FromFiles, Saver, Saving, findings_of
from handshake_inspect.verdict.findings import FINDINGS
from live_runs import PATIENCE_S, Namespace, ended, listening

SAMPLES = Path(__file__).resolve().parent.parent / "sample_pcaps"
TALKS = str(Path(__file__).with_name("talks.py"))
SECOND = 10**9


@pytest.fixture
def namespace():
    with Namespace("saving") as namespace:
        yield namespace


def talk(namespace, count):
    words = namespace.words(sys.executable, TALKS, str(count))
    assert subprocess.run(words, timeout=PATIENCE_S).returncode == 0


def without_files(report):
    """The JSON of a report, without what is said of its files."""
    document = json.loads(report)
    [capture] = document.pop("captures")
    return document, capture["frames"], capture["counters"], capture["first_time_ns"], capture["last_time_ns"]


@pytest.mark.root
@pytest.mark.slow
def test_the_saved_file_gives_the_same_report_as_the_live_run(command, cli, namespace, tmp_path):
    path = tmp_path / "saved.pcapng"
    words = [*command, "live", "-i", "lo", "--format", "json", "-o", str(tmp_path / "live.json"), "-w", str(path)]
    with listening(words, namespace) as running:
        talk(namespace, 200)
        status, out, err = ended(running)
    again = cli("report", path, "--format", "json")
    before = without_files((tmp_path / "live.json").read_text())
    assert (status, out, again.returncode, again.stderr) == (0, "", 0, "")
    assert without_files(again.stdout) == before
    assert err == f"handshake-inspect: {path}: {before[1]:,} frames saved\n"
    assert before[0]["summary"]["connections"] == 200


@pytest.mark.root
@pytest.mark.slow
def test_the_files_of_a_ring_give_the_same_report_as_the_live_run(command, cli, namespace, tmp_path):
    words = [*command, "live", "-i", "lo", "--format", "json", "-o", str(tmp_path / "live.json"),
             "-w", str(tmp_path / "saved.pcapng"), "--ring", "64KiB"]  # fmt: skip
    with listening(words, namespace) as running:
        talk(namespace, 300)
        status, _, err = ended(running)
    files = sorted(tmp_path.glob("saved_0*.pcapng"))
    live = json.loads((tmp_path / "live.json").read_text())
    again = json.loads(cli("report", *files, "--format", "json").stdout)
    assert (status, len(files) > 3) == (0, True)
    assert max(file.stat().st_size for file in files) <= 65536
    assert again["summary"] == live["summary"]
    assert sum(capture["frames"] for capture in again["captures"]) == live["captures"][0]["frames"]
    assert f"{len(files)} files from {files[0]} on: " in err


TROUBLE = """
import socket, time
listener = socket.create_server(("127.0.0.1", 8000))
def talk():
    client = socket.create_connection(("127.0.0.1", 8000))
    server, _ = listener.accept()
    client.close()
    server.recv(1)
    server.close()
for _ in range(30):
    talk()
    time.sleep(0.1)
socket.socket().connect_ex(("127.0.0.1", 9))
for _ in range(30):
    talk()
    time.sleep(0.1)
"""


@pytest.mark.root
@pytest.mark.slow
def test_what_is_around_a_finding_is_saved_and_nothing_else(command, namespace, tmp_path):
    words = [*command, "live", "-i", "lo", "-w", str(tmp_path / "saved.pcapng"), "--save-on", "refused",
             "--before", "1s", "--after", "500ms"]  # fmt: skip
    with listening(words, namespace) as running:
        namespace.python(TROUBLE)
        status, _, err = ended(running)
    [file] = tmp_path.glob("saved_00001_*.pcapng")
    assert (status, err) == (0, f"handshake-inspect: {file}: saved around 1 finding\n")
    report = analyse(str(file))
    [refused] = [each for each in report.connections if each.opening.kind == "refused"]
    before = refused.first_time_ns - report.captures[0].first_time_ns
    after = report.captures[0].last_time_ns - refused.first_time_ns
    # The finding is told up to 0.4 s after its frame.
    assert 0.4 * SECOND < before < 1.1 * SECOND
    assert 0.3 * SECOND < after < 1.1 * SECOND


@pytest.mark.root
def test_a_disk_that_is_full_ends_the_saving_and_not_the_run(command, namespace, tmp_path):
    path = tmp_path / "saved.pcapng"
    limit = ("prlimit", "--fsize=20000")
    with listening([*limit, *command, "live", "-i", "lo", "-w", str(path)], namespace) as running:
        talk(namespace, 200)
        status, out, err = ended(running)
    first, second = err.splitlines()
    assert (status, "\n200 connections\n" in out) == (2, True)
    assert first == (
        f"handshake-inspect: {path} cannot be written after byte {path.stat().st_size}: File too large; nothing more "
        "is saved"
    )
    capture, frames = read(path)
    assert second == f"handshake-inspect: {path}: {len(frames)} frames saved"
    assert capture.faults == []


class Replayed:
    """A file as a live source, a frame at a time."""

    format = "live"
    lost = None

    def __init__(self, path):
        self.capture = open_capture(str(path), rows=1)

    def __getattr__(self, name):
        return getattr(self.capture, name)

    @property
    def now_ns(self):
        return self.capture.last_time_ns or 0

    def batches(self):
        for batch in self.capture.batches():
            yield batch
            yield None

    def stop(self):
        pass


@pytest.mark.parametrize("sample", ["simultaneous_close", "refused", "half_close", "ipv6"])
def test_a_replayed_run_is_saved_as_it_was(tmp_path, sample):
    source = SAMPLES / sample / "capture.pcap"
    said = []
    saving = Saving(Saver(str(tmp_path / "a.pcapng"), FromFiles(sample)), said.append)
    report = Engine(Replayed(source), taps=[saving], listeners=[saving]).run()
    saving.finish()
    again = analyse(str(tmp_path / "a.pcapng"))
    assert list(again.connections) == list(report.connections)
    assert (again.summary, said) == (report.summary, [])


def test_a_finding_of_another_kind_saves_nothing(tmp_path):
    for word, files in (("half-open", 0), ("refused", 1), ("error", 1)):
        folder = tmp_path / word
        folder.mkdir()
        around = Around(str(folder / "a.pcapng"), FromFiles("a"), before_ns=SECOND, after_ns=SECOND, memory=10**6)
        saving = Saving(around, print, (word,))
        Engine(Replayed(SAMPLES / "refused" / "capture.pcap"), taps=[saving], listeners=[saving]).run()
        saving.finish()
        assert len(list(folder.iterdir())) == files, word


def test_a_severity_stands_for_every_finding_that_is_at_least_so_bad():
    by = {
        severity: {kind.id for kind in FINDINGS if kind.severity == severity}
        for severity in ("error", "warning", "note")
    }
    assert findings_of(("error",)) == by["error"]
    assert findings_of(("warning",)) == by["error"] | by["warning"]
    assert findings_of(("error", "half-closed")) == by["error"] | {"half-closed"}


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("--ring", "1MB"), "--ring needs -w"),
        (("--files", "3"), "--files needs -w"),
        (("--save-on", "refused"), "--save-on needs -w"),
        (("-w", "a.pcapng", "--before", "1s"), "--before needs --save-on"),
        (("-w", "a.pcapng", "--memory", "1MB"), "--memory needs --save-on"),
        (("-w", "a.pcapng", "--files", "3"), "--files needs --ring or --save-on"),
        (("-w", "a.pcapng", "--ring", "1MB", "--save-on", "refused"),
         "--ring and --save-on exclude each other: each finding has a file of its own"),
        (("-w", "a.pcapng", "--ring", "1kB"), "--ring 1kB is too small: 64KiB at least"),
        (("-w", "a.pcapng", "--ring", "much"),
         "--ring needs a number of bytes such as 1460, 10kB, 1MB or 1MiB, not 'much'"),
        (("-w", "a.pcapng", "--save-on", "refusd"), "--save-on: no finding is called 'refusd'; did you mean refused?"),
        (("-w", "a.pcapng", "--save-on", "refused", "--after", "soon"),
         "--after needs a duration such as 250ms, 1.5s or 2min, not 'soon'"),
        (("-w", "a.pcap"), "-w writes pcapng, which .pcap does not say: name it a.pcapng"),
        (("-w", "/nowhere/a.pcapng"), "/nowhere/a.pcapng cannot be written: there is no folder /nowhere"),
        (("-w", "-"), "-w needs a file: standard output is for what changes"),
    ],
)  # fmt: skip
def test_options_that_do_not_fit_are_refused(cli, words, problem):
    done = cli("live", "-i", "lo", *words)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"handshake-inspect: {problem}\n")


@pytest.mark.root
def test_a_place_that_cannot_be_written_is_told_before_the_run(cli, tmp_path):
    (tmp_path / "a.pcapng").mkdir()
    done = cli("live", "-i", "lo", "-w", tmp_path / "a.pcapng", "--duration", "1s")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"handshake-inspect: {tmp_path}/a.pcapng cannot be written: Is a directory\n"
