"""The loop of a live run, on batches of a file and on a real interface."""

import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from handshake_inspect.analysis import analyse
from handshake_inspect.capture import open_capture
from handshake_inspect.live import Engine

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = str(ROOT / "sample_pcaps/http_walkthrough/capture.pcap")


class Replayed:
    """A file as a live source that yields a few frames at a time."""

    format = "live"
    lost = None

    def __init__(self, path):
        self.capture = open_capture(path, rows=2)
        self.stopped = False

    def __getattr__(self, name):
        return getattr(self.capture, name)

    @property
    def now_ns(self):
        return self.capture.last_time_ns or 0

    def batches(self):
        for batch in self.capture.batches():
            if self.stopped:
                return
            yield batch
            yield None

    def stop(self):
        self.stopped = True


class Heard:
    def __init__(self):
        self.news = []

    def hear(self, news):
        self.news.append(news)


def test_a_live_run_ends_with_the_report_on_the_same_frames():
    report = Engine(Replayed(SAMPLE)).run()
    assert list(report.connections) == list(analyse(SAMPLE).connections)
    assert report.summary == analyse(SAMPLE).summary


def test_a_tap_sees_every_batch_and_count_cuts_the_last_one():
    class Counted:
        frames = 0

        def batch(self, batch):
            self.frames += batch.count

    tap = Counted()
    report = Engine(Replayed(SAMPLE), taps=[tap], count=5).run()
    assert tap.frames == 5
    assert report.captures[0].counters.tcp == 5


@pytest.mark.root
def test_ctrl_c_prints_what_changed_and_then_the_report(command):
    words = [*command, "live", "-i", "lo", "--bpf", "tcp port 47111"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT) as running:
        time.sleep(2)
        with socket.create_server(("127.0.0.1", 47111)) as listener:
            client = socket.create_connection(listener.getsockname())
            server, _ = listener.accept()
            client.close()
            server.close()
        time.sleep(0.5)
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=20)
    assert (running.returncode, err) == (0, "")
    lines = out.split("\n")
    assert lines[0].split("  ", 1)[1].endswith("client  CLOSED -> SYN_SENT  snd SYN, frame 1, observed")
    assert "\n  opening  three-way" in out
    assert len([line for line in lines if line.startswith("lo: ")]) == 1
