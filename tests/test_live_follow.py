"""Following a file in a live run: the same report as on the file, whatever tcpdump does with it."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from captures import pcap_bytes
from frames import read
from handshake_inspect import analyse
from live_runs import PATIENCE_S, ROOT, Namespace, wait_until

TALKS = str(Path(__file__).with_name("talks.py"))
SAMPLE = ROOT / "sample_pcaps" / "half_close" / "capture.pcap"


@pytest.fixture
def namespace():
    if not shutil.which("tcpdump"):
        pytest.skip("tcpdump is missing")
    with Namespace("follow") as namespace:
        yield namespace


@contextmanager
def started(words, said, ready):
    """A process that says things in a file, and is ready when its words say so; it is ended if the test did not."""
    with said.open("w") as out:
        running = subprocess.Popen(words, stdout=out, stderr=out, cwd=ROOT)
        try:
            wait_until(lambda: running.poll() is not None or ready in said.read_text(), f"{ready} of {words}")
            yield running
        finally:
            if running.poll() is None:
                running.kill()
            running.wait()


def ended(running):
    running.send_signal(signal.SIGINT)
    return running.wait(PATIENCE_S)


def lines_of(path):
    return path.read_text().splitlines() if path.exists() else []


def followed(command, namespace, tmp_path, name, save, count):
    """Follow what tcpdump saves of `count` connections; return the run's report, its stderr and the files."""
    folder = tmp_path / "saved"
    folder.mkdir()
    report = tmp_path / "report.json"
    tcpdump = namespace.words(
        "tcpdump", "-i", "lo", "-U", "--immediate-mode", "-Z", "root", "-B", "32768", "-s", "2048", *save
    )
    live = [*command, "live", "--follow", str(folder / name), "--format", "json", "-o", str(report)]
    with (
        started(live, tmp_path / "live.err", "waiting for it") as follows,
        started(tcpdump, tmp_path / "tcpdump.err", "listening on") as saves,
    ):
        for _ in range(3):
            talked = namespace.words(sys.executable, TALKS, str(count // 3))
            assert subprocess.run(talked, timeout=PATIENCE_S).returncode == 0
            time.sleep(0.6)
        assert ended(saves) == 0
        # Long enough for the last file to be gone on with.
        time.sleep(2)
        status = ended(follows)
    err = (tmp_path / "live.err").read_text()
    assert status == 0, err
    return json.loads(report.read_text()), err, sorted(folder.iterdir(), key=lambda path: first_time(path))


def first_time(path):
    return analyse(str(path)).captures[0].first_time_ns or 0


def outcome(document):
    """The connections of a report by what happened, whatever their frames are called."""
    return [
        (each["client"]["port"], each["opening"]["kind"], each["closing"]["kind"], each["client"]["state"],
         each["server"]["state"], [step["to"] for step in each["client"]["transitions"]])
        for each in document["connections"]
    ]  # fmt: skip


@pytest.mark.root
@pytest.mark.slow
def test_a_file_that_tcpdump_writes_gives_the_report_that_it_gives_afterwards(command, cli, namespace, tmp_path):
    live, err, [path] = followed(command, namespace, tmp_path, "a.pcap", ["-w", f"{tmp_path}/saved/a.pcap"], 210)
    again = json.loads(cli("report", path, "--format", "json").stdout)
    assert live["connections"] == again["connections"]
    assert live["summary"] == again["summary"]
    assert live["summary"]["connections"] == 210, (tmp_path / "tcpdump.err").read_text()
    assert live["captures"][0] == again["captures"][0]
    assert err == f"handshake-inspect: {path} is not there yet: waiting for it\n"


@pytest.mark.root
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "save"),
    [
        ("a.pcap", ["-C", "1", "-w", "a.pcap"]),
        ("a-%s.pcap", ["-G", "1", "-w", "a-%s.pcap"]),
    ],
    ids=["-C", "-G"],
)
def test_tcpdumps_rotation_loses_no_frame(command, cli, namespace, tmp_path, name, save):
    save = [*save[:-1], f"{tmp_path}/saved/{save[-1]}"]
    # Rotation takes a megabyte, or a second.
    live, err, files = followed(command, namespace, tmp_path, name, save, 1500)
    again = json.loads(cli("report", *files, "--format", "json").stdout)
    assert len(files) >= 2
    assert live["captures"][0]["frames"] == sum(capture["frames"] for capture in again["captures"])
    assert outcome(live) == outcome(again)
    assert live["summary"] == again["summary"]
    # A first file that had nothing yet when the second one came may be passed over; each file after the one that it
    # began with is told, once and in its order.
    told = re.findall(r"(\S+) comes next: its first frame is counted as frame ", err)
    began = 1 if again["captures"][0]["frames"] == 0 and len(told) == len(files) - 2 else 0
    assert told == [str(file) for file in files[began + 1 :]]


def test_changes_are_told_as_the_file_grows(command, tmp_path):
    path = tmp_path / "a.pcap"
    frames = [(frame.time_ns, frame.data) for frame in read(SAMPLE)[1]]
    path.write_bytes(pcap_bytes(frames[:3]))
    lines = tmp_path / "lines"
    with (
        lines.open("w") as out,
        subprocess.Popen([*command, "live", "--follow", str(path), "--format", "ndjson"], stdout=out, cwd=ROOT) as run,
    ):
        wait_until(lambda: len(lines_of(lines)) >= 4, "the opening is told")
        told = [json.loads(line) for line in lines_of(lines)]
        assert [line["transition"]["to"] for line in told if line["endpoint"] == "client"] == [
            "SYN_SENT",
            "ESTABLISHED",
        ]
        path.write_bytes(pcap_bytes(frames))
        wait_until(lambda: any('"TIME_WAIT"' in line for line in lines_of(lines)), "the closing is told")
        run.send_signal(signal.SIGINT)
        assert run.wait(PATIENCE_S) == 0


def test_the_end_of_the_duration_ends_it_with_the_report(cli, tmp_path):
    done = cli("live", "--follow", SAMPLE, "--duration", "500ms", "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    assert (
        json.loads(done.stdout)["connections"]
        == json.loads(cli("report", SAMPLE, "--format", "json").stdout)["connections"]
    )


def test_a_part_of_a_record_at_the_end_is_no_fault_and_damage_is(cli, tmp_path):
    path = tmp_path / "a.pcap"
    path.write_bytes(SAMPLE.read_bytes()[:-1])
    done = cli("live", "--follow", path, "--duration", "500ms")
    assert (done.returncode, done.stderr) == (0, "")
    path.write_bytes(SAMPLE.read_bytes() + b"\xff" * 16)
    done = cli("live", "--follow", path)
    assert done.returncode == 3
    assert "record claims 4294967295 bytes" in done.stderr
    assert "\n#0 " in done.stdout


@pytest.mark.parametrize(
    ("words", "status", "problem"),
    [
        (("--follow", "-"), 3, "-: standard input is no file that grows: read it with `handshake-inspect -`"),
        (("--follow", "a", "-i", "lo"), 2, "--follow reads a file: -i, --bpf and --promiscuous belong to an interface"),
    ],
)
def test_what_cannot_be_followed_is_told(cli, words, status, problem):
    done = cli("live", *words)
    assert (done.returncode, done.stdout, done.stderr) == (status, "", f"handshake-inspect: {problem}\n")


def test_what_is_followed_can_be_saved(cli, tmp_path):
    path = tmp_path / "a.pcapng"
    done = cli("live", "--follow", SAMPLE, "--duration", "500ms", "-w", path)
    assert (done.returncode, done.stderr) == (0, f"handshake-inspect: {path}: {len(read(SAMPLE)[1])} frames saved\n")
    assert list(analyse(str(path)).connections) == list(analyse(str(SAMPLE)).connections)
