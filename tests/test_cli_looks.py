"""`ss`, `time-wait`, `why` and `doctor` on the samples: whole outputs, formats, refusals."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import jsonschema
import pytest

from handshake_inspect.cli.schema import LOOKS
from handshake_inspect.looks.documents import DOCUMENTS, schema_of

ROOT = Path(__file__).resolve().parent.parent


def sample(name: str) -> str:
    return f"sample_pcaps/{name}/capture.pcap"


MANY = tuple(map(sample, ("half_close", "refused", "filtered", "half_open", "reset", "close_wait_leak")))

# fmt: off
TABLES = {
    "ss":              ("ss", sample("normal_close_by_client"), "--at", "+0.3"),
    "ss-rfc":          ("ss", *MANY, "--spelling", "rfc"),
    "ss-ipv6":         ("ss", sample("ipv6"), "--at", "frame:5", "--host", "2001:db8:0::1"),
    "census":          ("ss", sample("half_close"), "--census", "--every", "50ms"),
    "census-chart":    ("ss", sample("syn_lost"), "--census", "--format", "chart"),
    "time-wait":       ("time-wait", sample("fin_into_time_wait"), sample("simultaneous_close")),
    "time-wait-none":  ("time-wait", sample("refused")),
    "why":             ("why", *MANY),
    "why-good":        ("why", sample("half_close")),
    "why-asked":       ("why", sample("half_close"), "--stream", "0"),
    "why-isn":         ("why", *(sample(path.parent.name) for path in sorted(ROOT.glob("sample_pcaps/*/capture.pcap"))),
                        "--isn"),
    "doctor":          ("doctor", sample("http_walkthrough")),
    "doctor-troubled": ("doctor", *MANY),
}
DOCUMENT_OF = {"ss-rfc": "ss", "ss-ipv6": "ss", "census-chart": "census", "time-wait-none": "time-wait",
               "why-good": "why", "why-asked": "why", "why-isn": "isn", "doctor-troubled": "doctor"}
# fmt: on


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("name", TABLES)
def test_what_people_read(cli, golden, name, width):
    done = cli(*TABLES[name], "--utc", env={"COLUMNS": str(width)})
    assert (done.returncode, done.stderr) == (0, "")
    # A sentence of a capture's own words may be longer than the line; no sample has one.
    assert [line for line in done.stdout.splitlines() if len(line) > width] == []
    golden(f"look-{name}-{width}.txt", done.stdout)


@pytest.mark.parametrize("name", TABLES)
def test_json_is_as_its_schema_says(cli, name):
    command = [word for word in TABLES[name] if word not in ("--format", "chart")]
    done = cli(*command, "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    jsonschema.validate(json.loads(done.stdout), schema_of(DOCUMENT_OF.get(name, name)))


@pytest.mark.parametrize("name", LOOKS)
def test_each_schema_is_printed(cli, name):
    done = cli("schema", "--of", name)
    assert json.loads(done.stdout) == json.loads(json.dumps(schema_of(name)))
    assert tuple(DOCUMENTS) == LOOKS


@pytest.mark.parametrize("name", ["ss", "census", "time-wait", "why", "doctor"])
def test_csv_has_one_row_each_and_a_name_for_each_column(cli, golden, name):
    done = cli(*TABLES[name], "--format", "csv")
    rows = list(csv.reader(done.stdout.splitlines()))
    assert len({len(row) for row in rows}) == 1
    golden(f"look-{name}.csv", done.stdout)


@pytest.mark.parametrize("name", ["ss", "time-wait", "why", "doctor"])
def test_the_ending_of_the_output_names_the_format(cli, tmp_path, name):
    out = tmp_path / "look.json"
    assert cli(*TABLES[name], "--output", out).stdout == ""
    assert json.loads(out.read_text())["schema"] == f"handshake-inspect/{name}/1"


@pytest.mark.parametrize("name", ["ss", "time-wait", "why", "doctor"])
def test_a_filter_chooses_the_connections(cli, name):
    done = cli(name, *MANY, "--filter", "port 1")
    assert done.returncode == 0
    assert done.stderr == "handshake-inspect: none of 6 connections matches --filter 'port 1'\n"


@pytest.mark.parametrize("name", ["ss", "time-wait", "why", "doctor"])
def test_standard_input_is_read_once(cli, name):
    done = cli(name, "-", input=(ROOT / sample("reset")).read_bytes())
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", ["ss", "time-wait", "why", "doctor"])
def test_a_damaged_capture_is_looked_at_and_told(cli, name):
    done = cli(name, "tests/damaged/cut_in_a_frame.pcap")
    assert done.returncode == 3
    assert done.stdout
    assert done.stderr == (
        "handshake-inspect: tests/damaged/cut_in_a_frame.pcap: frame 6, offset 459: record says 73 bytes, 25 are left\n"
    )


@pytest.mark.parametrize("name", ["ss", "time-wait", "why", "doctor"])
def test_colour_changes_nothing_but_colour(cli, name):
    import re

    plain = cli(*TABLES[name], "--utc").stdout
    coloured = cli(*TABLES[name], "--utc", "--color", env={"NO_COLOR": ""}).stdout
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[\d+m", "", coloured) == plain


def test_a_chart_without_unicode_is_drawn_in_ascii(cli):
    done = cli(*TABLES["census-chart"], env={"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "LC_ALL": "C"})
    assert done.stdout.isascii()
    assert "peak 1" in done.stdout


# fmt: off
REFUSED = {
    ("ss", sample("ipv6"), "--at", "+500", "--utc"):
        "--at +500 is 2026-11-21 05:34:30.462172 UTC; the capture lasts from 2026-11-21 05:26:10.462172 UTC to "
        "2026-11-21 05:26:10.813564 UTC",
    ("ss", sample("ipv6"), "--at", "+1", "--census"): "--at is one instant, --census is all of them: leave one out",
    ("ss", sample("ipv6"), "--every", "1s"): "--every and --format chart belong to --census",
    ("ss", sample("ipv6"), "--format", "chart"): "--every and --format chart belong to --census",
    ("ss", sample("ipv6"), "--census", "--every", "0s"): "--every needs a step above 0",
    ("ss", sample("ipv6"), "--census", "--every", "x"):
        "--every needs a duration such as 250ms, 1.5s or 2min, not 'x'",
    ("ss", sample("ipv6"), "--host", "web"): "--host needs an IPv4 or IPv6 address, not 'web'; names come with --names",
    ("ss", sample("ipv6"), "--host", "1.2.3", "--names"): "--host needs an IPv4 or IPv6 address, not '1.2.3'",
    ("ss", "-", "--send-q"): "--send-q reads the captures a second time, which standard input does not allow",
    ("why", sample("ipv6"), "--isn", "--format", "csv"): "--isn has no csv: use --format json",
}
# fmt: on


@pytest.mark.parametrize("arguments", REFUSED, ids=" ".join)
def test_wrong_usage_is_one_line(cli, arguments):
    done = cli(*arguments)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"handshake-inspect: {REFUSED[arguments]}\n")


def test_time_wait_is_told_from_tcp_fin_timeout(cli):
    assert "tcp_fin_timeout is not TIME_WAIT" in " ".join(cli("time-wait", "--help").stdout.split())
