"""`--names` in the commands that show connections, and `handshake-inspect html`."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import jsonschema
import pytest

from captures import write_pcap
from frames_by_hand import ACK, FIN, SYN, ethernet
from handshake_inspect.cli import COMMANDS
from handshake_inspect.cli.parsing import group
from test_names_wire import WEB, answer, opened, segment

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = "sample_pcaps/reset/capture.pcap"


@pytest.fixture
def capture(tmp_path):
    frames = [ethernet(answer()), *opened(), *opened(40001)]
    return write_pcap(tmp_path / "web.pcap", list(enumerate(frames)))


@pytest.fixture
def closed(tmp_path):
    """Four connections to a host that a DNS answer names, closed by the client, captured beside the server."""
    frames = [(0, ethernet(answer()))]
    for number, sport in enumerate(range(40000, 40004), 1):
        whole = [
            segment(SYN, seq=1000, sport=sport), segment(SYN | ACK, seq=5000, ack=1001, sport=sport, back=True),
            segment(ACK, sport=sport),
            segment(FIN | ACK, sport=sport), segment(FIN | ACK, seq=5001, ack=1002, sport=sport, back=True),
            segment(ACK, seq=1002, ack=5002, sport=sport),
        ]  # fmt: skip
        times_ms = (0, 0.02, 20, 30, 30.02, 50)
        frames += [(number * 10**9 + round(ms * 10**6), frame) for ms, frame in zip(times_ms, whole, strict=True)]
    return write_pcap(tmp_path / "closed.pcap", frames)


def test_names_stand_where_addresses_stood(cli, capture, golden):
    # From its folder: the length of another path would move where lines are folded.
    arguments = ("report", capture.name, "--names", "--stream", "0", "--utc")
    done = cli(*arguments, env={"COLUMNS": "80"}, cwd=capture.parent)
    assert done.stderr == ""
    golden("cli-names.txt", done.stdout)


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


def test_each_command_that_chooses_connections_takes_names():
    import click

    without = []
    for name in COMMANDS:
        command = group.get_command(click.Context(group), name)
        options = {option for parameter in command.params for option in parameter.opts}
        if "--filter" in options and "--names" not in options:
            without.append(name)
    assert without == []


# fmt: off
LOOKS = {
    "walk":      ("walk", "--stream", "0"),
    "ss":        ("ss",),
    "ss-host":   ("ss", "--host", WEB),
    "time-wait": ("time-wait",),
    "why":       ("why", "--stream", "0"),
    "doctor":    ("doctor",),
    "isn":       ("why", "--isn"),
}
# fmt: on


@pytest.mark.parametrize("look", LOOKS)
def test_each_look_shows_names_and_a_filter_takes_them(cli, closed, golden, look):
    command, *options = LOOKS[look]
    arguments = (command, closed.name, *options, "--names", "--filter", f"host {WEB}", "--utc")
    done = cli(*arguments, env={"COLUMNS": "100"}, cwd=closed.parent)
    assert (done.returncode, done.stderr) == (0, "")
    golden(f"cli-names-{look}.txt", done.stdout)


# fmt: off
NAMED = {
    # look       where a name stands in its JSON
    "ss":        lambda it: [socket["peer_names"] for socket in it["sockets"] if socket["role"] == "client"],
    "ss-host":   lambda it: [socket["names"] for socket in it["sockets"]],
    "time-wait": lambda it: [it["budgets"][0]["peer_names"], it["stays"][0]["peer_names"]],
    "why":       lambda it: [each["server_names"] for each in it["explanations"]],
    "walk":      lambda it: [it["connection"]["server"]["names"]],
    "doctor":    lambda it: [it["vantage"]["host_names"]],
    "isn":       lambda it: [host["names"] for host in it["hosts"] if host["address"] == "198.51.100.2"],
}
# fmt: on


@pytest.mark.parametrize("look", LOOKS)
def test_json_has_names_only_when_they_were_asked_for(cli, closed, look):
    command, *options = LOOKS[look]
    named = json.loads(cli(command, closed, *options, "--names", "--format", "json").stdout)
    assert {tuple(names) for names in NAMED[look](named)} == {(WEB,)}
    jsonschema.validate(named, json.loads(cli("schema", "--of", "isn" if look == "isn" else command).stdout))
    if look != "ss-host":
        assert WEB not in cli(command, closed, *options, "--format", "json").stdout


@pytest.mark.parametrize("look", ["ss", "time-wait", "why"])
def test_the_csv_of_each_look_has_names(cli, closed, look):
    command, *options = LOOKS[look]
    rows = list(csv.DictReader(cli(command, closed, *options, "--names", "--format", "csv").stdout.splitlines()))
    assert WEB in {row[column] for row in rows for column in row if column.endswith("names")}


@pytest.mark.parametrize("name", ["report", "html", "walk", "ss", "time-wait", "why", "doctor", "extract"])
def test_names_cannot_come_from_standard_input(cli, name):
    done = cli(name, "-", "--names", "-o", "x.html")
    assert done.returncode == 2
    if name in ("walk", "extract"):
        # These read a capture twice with or without names, and say so first.
        assert "standard input" in done.stderr
        return
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
