"""`--names` in the commands that show connections, and `handshake-inspect html`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from captures import write_pcap
from test_names_wire import WEB, answer, ethernet, opened

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = "sample_pcaps/reset/capture.pcap"


@pytest.fixture
def capture(tmp_path):
    frames = [ethernet(answer()), *opened(), *opened(40001)]
    return write_pcap(tmp_path / "web.pcap", list(enumerate(frames)))


def test_names_stand_where_addresses_stood(cli, capture, golden):
    done = cli("report", capture, "--names", "--stream", "0", "--utc", env={"COLUMNS": "80"})
    assert done.stderr == ""
    golden("cli-names.txt", done.stdout.replace(str(capture.parent), "FOLDER"))


def test_a_filter_takes_a_name(cli, capture):
    done = cli(capture, "--names", "--filter", f"server host {WEB} and client port 40001", "--format", "ndjson")
    (one,) = map(json.loads, done.stdout.splitlines())
    assert (one["id"], one["server"]["names"], one["server"]["address"]) == (1, [WEB], "198.51.100.2")
    assert "names" not in one["client"]


def test_without_names_nothing_is_named(cli, capture):
    assert WEB not in cli(capture, "--format", "json").stdout
    done = cli(capture, "--filter", f"host {WEB}")
    assert done.returncode == 2
    assert done.stderr.startswith(
        f"handshake-inspect: 'host' needs an IPv4 or IPv6 address, not '{WEB}'; names come with --names\n"
    )


def test_csv_has_the_names(cli, capture):
    head, row = cli(capture, "--names", "--stream", "0", "--format", "csv").stdout.splitlines()
    assert dict(zip(head.split(","), row.split(","), strict=True))["server_names"] == WEB


@pytest.mark.parametrize("name", ["report", "html"])
def test_names_cannot_come_from_standard_input(cli, name):
    done = cli(name, "-", "--names", "-o", "x.html")
    assert done.returncode == 2
    assert done.stderr == (
        "handshake-inspect: --names reads the captures twice, and standard input only once: save it to a file first\n"
    )


def test_extract_chooses_by_name(cli, capture, tmp_path):
    done = cli("extract", capture, "--names", "--filter", f"host {WEB}", "-o", tmp_path / "x.pcap")
    assert done.stderr.endswith("x.pcap: 6 frames of 2 connections\n")


def test_a_page_is_written(cli, tmp_path):
    there = tmp_path / "report.html"
    done = cli("html", SAMPLE, "-o", there, "--utc")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert there.read_text().startswith("<!DOCTYPE html>\n")
    assert "1 connection" in there.read_text()
    assert cli("html", "-", "-o", "-", input=Path(ROOT, SAMPLE).read_bytes()).stdout.startswith("<!DOCTYPE html>\n")


def test_a_page_on_a_damaged_capture_tells_the_fault(cli, tmp_path):
    there = tmp_path / "report.html"
    done = cli("html", "tests/damaged/cut_in_a_frame.pcap", "-o", there)
    assert done.returncode == 3
    assert "fault: frame 6, offset 459: record says 73 bytes, 25 are left" in there.read_text()


def test_a_page_says_when_it_does_not_hold_everything(cli, tmp_path):
    there = tmp_path / "report.html"
    cli("html", SAMPLE, "sample_pcaps/refused/capture.pcap", "-o", there, "--most", "1")
    assert "The table has 1 of 2 connections" in there.read_text()


def test_the_command_writes_no_more_than_the_page_allows():
    from handshake_inspect.cli import html
    from handshake_inspect.render import page

    assert html.MOST == page.MOST
