"""JSON is the contract: exact, valid, and never a whole report in memory."""

import io
import json
from collections.abc import Sequence

import msgspec
import pytest

from handshake_inspect.render import Style
from handshake_inspect.render.json import Document, schema, write
from handshake_inspect.render.ndjson import write as write_lines
from handshake_inspect.render.selection import Selection
from handshake_inspect.report import Connection
from reports import CUT, FakeReport, capture, connection, mixed


def rendered(report, writer=write, **choice):
    out = io.StringIO()
    writer(Selection(report, **choice), out, Style())
    return out.getvalue()


REPORTS = {"mixed": mixed(), "none": FakeReport([]), "bare": FakeReport([connection()], [])}


@pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS.keys())
def test_the_document_is_what_msgspec_would_write_of_the_whole(report):
    whole = Document(
        schema="handshake-inspect/1", captures=report.captures, connections=report.connections, summary=report.summary
    )
    assert rendered(report) == msgspec.json.format(msgspec.json.encode(whole), indent=2).decode() + "\n"


def test_the_document_is_stable(golden):
    report = FakeReport([connection()], [capture(faults=(CUT,))])
    golden("render-one-connection.json", rendered(report))


@pytest.mark.parametrize("report", [mixed(), FakeReport([])], ids=["mixed", "none"])
def test_the_document_keeps_the_schema(report):
    jsonschema = pytest.importorskip("jsonschema")
    validator = jsonschema.Draft202012Validator(schema())
    validator.check_schema(schema())
    document = json.loads(rendered(report))
    assert [error.message for error in validator.iter_errors(document)] == []
    del document["captures"]
    assert [error.message for error in validator.iter_errors(document)] == ["'captures' is a required property"]


def test_the_schema_names_itself_and_the_states():
    generated = schema()
    assert generated["$id"] == "urn:handshake-inspect:schema:1"
    assert generated["title"] == "handshake-inspect/1: a report of TCP connections"
    assert set(generated["$defs"]["Transition"]["required"]) >= {"from", "to", "certainty"}
    assert "TIME_WAIT" in generated["$defs"]["Transition"]["properties"]["to"]["enum"]


def test_the_summary_counts_the_connections_that_are_shown():
    document = json.loads(rendered(mixed(), keep=lambda one: one.opening.kind == "refused"))
    assert [one["id"] for one in document["connections"]] == [1]
    assert document["summary"]["connections"] == 1
    assert document["summary"]["openings"] == {"refused": 1}


def test_bytes_of_a_path_that_are_no_text_are_spelled_out():
    document = json.loads(rendered(FakeReport([], [capture("a\udcff\u00e9.pcap")])))
    assert document["captures"][0]["path"] == "a\\udcff\u00e9.pcap"


def test_a_line_is_a_member_of_connections():
    lines = rendered(mixed(), write_lines).splitlines()
    assert [json.loads(line) for line in lines] == json.loads(rendered(mixed()))["connections"]


class Told(Sequence[Connection]):
    """Connections that tell when they are looked at."""

    def __init__(self, log):
        self.log = log

    def __len__(self):
        return 3

    def __getitem__(self, id):
        if id >= 3:
            raise IndexError(id)
        self.log.append(f"looked at {id}")
        return connection(id)


@pytest.mark.parametrize("choice", [{}, {"keep": lambda one: True}], ids=["all", "filtered"])
@pytest.mark.parametrize("writer", [write, write_lines], ids=["json", "ndjson"])
def test_each_connection_is_written_before_the_next_is_looked_at(writer, choice):
    log: list[str] = []
    report = FakeReport([connection(0)])
    report.connections = Told(log)  # type: ignore[assignment]

    class Out(io.StringIO):
        def write(self, text):
            if '"incarnation"' in text:
                log.append("wrote")
            return len(text)

    writer(Selection(report, **choice), Out(), Style())
    assert log == ["looked at 0", "wrote", "looked at 1", "wrote", "looked at 2", "wrote"]
