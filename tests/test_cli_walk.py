"""`handshake-inspect walk`: which connection, in which format, and what is said when there is none."""

from __future__ import annotations

import json
import subprocess

import pytest

from handshake_inspect.render.drawings import DRAWINGS

SAMPLE = "sample_pcaps/refused/capture.pcap"
MANY = [f"sample_pcaps/{name}/capture.pcap" for name in ("half_close", "refused", "filtered")]


def test_the_only_connection_needs_no_choice(cli):
    done = cli("walk", SAMPLE)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("#0 192.0.2.1:40000 -> 192.0.2.2:80: opening refused, closing none\n")


def test_of_several_the_worst_is_taken_and_said(cli):
    done = cli("walk", *MANY)
    assert done.stdout.startswith("#1 ")
    assert done.stderr == "handshake-inspect: connection 1, the worst of 3; --stream N shows another one\n"


def test_a_stream_or_a_filter_chooses(cli):
    by_stream = cli("walk", *MANY, "--stream", "2")
    assert by_stream.stdout.startswith("#2 ")
    assert by_stream.stderr == ""
    assert cli("walk", *MANY, "--filter", "opening == unanswered").stdout == by_stream.stdout


def test_a_stream_that_is_not_there_is_said(cli):
    done = cli("walk", *MANY, "--stream", "7")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "handshake-inspect: none of 3 connections matches --stream 7\n"


def test_a_capture_without_connections_is_said(cli, tmp_path):
    empty = tmp_path / "empty.pcap"
    empty.write_bytes(bytes.fromhex("d4c3b2a1020004000000000000000000ffff000001000000"))
    done = cli("walk", empty)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "handshake-inspect: the capture holds no TCP connection\n"


def test_standard_input_is_refused_before_it_is_read(cli):
    done = cli("walk", "-", input=b"")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "handshake-inspect: walk reads a capture twice, and standard input can be read only once: "
        "save it to a file first\n"
    )


def test_a_damaged_capture_is_walked_up_to_the_damage(cli):
    done = cli("walk", "tests/damaged/cut_in_a_frame.pcap")
    assert done.returncode == 3
    assert "ESTABLISHED" in done.stdout
    assert done.stderr.endswith("frame 6, offset 459: record says 73 bytes, 25 are left\n")


def test_a_file_that_is_no_capture_is_refused(cli):
    done = cli("walk", "README.md")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("handshake-inspect: README.md: ")


@pytest.mark.parametrize("format", DRAWINGS)
def test_each_format_can_be_asked_for_by_name_or_by_ending(cli, tmp_path, format):
    file = tmp_path / f"walk{DRAWINGS[format].suffixes[0]}"
    assert cli("walk", SAMPLE, "--output", file).stdout == ""
    assert file.read_text(encoding="utf-8") == cli("walk", SAMPLE, "--format", format).stdout


def test_all_gives_each_segment_its_row(cli):
    folded, whole = (
        json.loads(cli("walk", MANY[0], "--format", "json", *more).stdout) for more in ((), ("--all",))
    )  # fmt: skip
    assert {row["kind"] for row in whole["rows"]} == {"segment"}
    assert len(whole["rows"]) == 13 > len(folded["rows"])


def test_the_lesson_is_in_the_language_that_was_asked_for(cli):
    assert "passive open" not in cli("walk", SAMPLE).stdout
    assert "The client opens actively" in cli("walk", SAMPLE, "--explain").stdout
    assert "클라이언트가 능동으로 엽니다" in cli("walk", SAMPLE, "--explain", "--lang", "ko").stdout
    assert '<html lang="ko">' in cli("walk", SAMPLE, "--format", "html", "--lang", "ko").stdout


def test_a_terminal_without_unicode_gets_ascii(cli):
    done = cli("walk", SAMPLE, env={"PYTHONIOENCODING": "ascii"})
    assert done.stdout.isascii()
    assert "->" in done.stdout


def test_korean_on_a_terminal_without_unicode_does_not_fail(cli):
    done = cli("walk", SAMPLE, "--explain", "--lang", "ko", env={"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0


def test_a_reader_that_stops_early_is_no_fault(command):
    line = [*command, "walk", SAMPLE, "--explain"]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None and running.stderr is not None
        running.stdout.read(10)
        running.stdout.close()
        assert running.stderr.read() == b""
        assert running.wait() == 0


def test_the_schema_of_a_walk_is_printed(cli, golden):
    done = cli("schema", "--of", "walk")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["$id"] == "urn:handshake-inspect:schema:walk-1"
    golden("cli-schema-walk.json", done.stdout)
