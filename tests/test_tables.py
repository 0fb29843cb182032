"""The tables of a report: each column says what the views say, in NumPy, Arrow, Parquet and pandas."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import handshake_inspect.tables as tables
from handshake_inspect import Connections, Report, UsageError, analyse, finding_bit
from handshake_inspect.report import Connection, Endpoint, FrameOf, Transition
from handshake_inspect.tables.fields import TABLES
from wrappings import Wrapping, play

pa = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

ARROW = "Arrow and Parquet need the package pyarrow: pip install 'handshake-inspect[arrow]'"
PANDAS = "A DataFrame needs the package pandas: pip install 'handshake-inspect[pandas]'"
ROOT = Path(__file__).resolve().parent.parent
SAMPLES = sorted(map(str, ROOT.glob("sample_pcaps/*/capture.pcap")))
LADDERS = (
    "open; talk; close",
    "SYN >; < RST-ACK",
    "SYN >; SYN again >; port 50001; SYN >; < SYN-ACK",
    "mid; talk",
    "open; talk; < FIN; ACK >",
    "open; RST >; port 50001; open; talk; close",
)
SIX = Wrapping(family=6)


def frame(name: str, value: Any) -> dict[str, Any]:
    """The two columns of a frame."""
    capture = name.replace("frame", "capture") if "frame" in name else f"{name}_capture"
    if value is None:
        return {capture: None, name: None}
    found = value if isinstance(value, FrameOf) else FrameOf(capture=0, frame=value)
    return {capture: found.capture, name: found.frame}


def of_end(role: str, end: Endpoint, connection: Connection) -> dict[str, Any]:
    repeats = end.retransmissions
    (stay,) = [stay for stay in connection.time_wait if stay.holder == role] or [None]
    found = {
        "address": end.address, "port": end.port, "state": end.state, "isn": end.isn, "mss": end.options.mss,
        "window_scale": end.options.window_scale, "segments": end.segments, "bytes": end.bytes,
        "bytes_after_fin": getattr(connection.closing.bytes_after_first_fin, role),
        "missing_bytes": end.missing_bytes, "syn_retransmissions": repeats.syn,
        "syn_ack_retransmissions": repeats.syn_ack, "fin_retransmissions": repeats.fin,
        "data_retransmissions": repeats.data, "duplicates": end.duplicates,
        "time_wait_since": stay and stay.start_ns, "time_wait_at_least": stay and stay.at_least_ns,
        "time_wait_at_most": stay and stay.at_most_ns, "time_wait_end": stay and stay.end,
    }  # fmt: skip
    return {f"{role}_{name}": value for name, value in found.items()}


def of_connection(c: Connection) -> dict[str, Any]:
    """A row of the table `connections`, from the view: times are nanoseconds."""
    severities = ("note", "warning", "error")
    worst = max((severities.index(finding.severity) for finding in c.findings), default=None)
    return {
        "id": c.id, "incarnation": c.incarnation, "roles": c.roles,
        **of_end("client", c.client, c), **of_end("server", c.server, c),
        **frame("first_frame", c.first_frame), **frame("last_frame", c.last_frame),
        "first_time": c.first_time_ns, "last_time": c.last_time_ns,
        "opening": c.opening.kind, "opening_certainty": c.opening.certainty, "handshake": c.opening.rtt_ns,
        "server_side": c.opening.server_side_ns, "client_side": c.opening.client_side_ns,
        "refusals": c.opening.refusals, "closing": c.closing.kind, "closed_first": c.closing.first,
        "reset_by": c.closing.reset_by, "reset_in_state": c.closing.reset_in_state,
        "checks": len(c.checks), "failed_checks": sum(not check.ok for check in c.checks),
        "worst": None if worst is None else severities[worst], "findings": {finding.id for finding in c.findings},
        "wireshark_completeness": c.interop.wireshark_completeness, "community_id": c.interop.community_id,
    }  # fmt: skip


def of_transition(c: Connection, role: str, t: Transition) -> dict[str, Any]:
    return {
        "connection": c.id, "endpoint": role, "from": t.from_, "to": t.to, "event": t.event, "time": t.time_ns,
        "certainty": t.certainty, **frame("frame", t.frame), **frame("earliest_frame", t.earliest_frame),
        **frame("confirmed_by", t.confirmed_by),
    }  # fmt: skip


def expected(report: Report, table: str) -> list[dict[str, Any]]:
    if table == "connections":
        return [of_connection(connection) for connection in report.connections]
    return [
        of_transition(connection, role, transition)
        for connection in report.connections
        for role in ("client", "server")
        for transition in getattr(connection, role).transitions
    ]


def in_numpy(value: Any, dtype: np.dtype[Any]) -> Any:
    """What a structured array holds for a value of `expected`."""
    if dtype.kind in "mM":
        return np.array("NaT" if value is None else value, dtype)[()]
    if dtype.kind == "U":
        return "" if value is None else value
    if isinstance(value, set):
        return sum(map(finding_bit, value))
    return -1 if value is None else value


def same(have: Any, want: Any) -> bool:
    return bool(have == want) or (
        isinstance(have, np.datetime64 | np.timedelta64) and np.isnat(have) and np.isnat(want)
    )


def plain(value: Any) -> Any:
    """A value of Arrow or pandas as `expected` spells it."""
    if isinstance(value, list | tuple):
        return set(value)
    if pd.isna(value):
        return None
    return value.value if isinstance(value, pd.Timestamp | pd.Timedelta) else value


def reports() -> Iterator[Any]:
    for path in SAMPLES:
        yield pytest.param(lambda path=path: analyse(path), id=Path(path).parent.name)
    yield pytest.param(lambda: analyse(SAMPLES), id="several")
    for ladder in LADDERS:
        yield pytest.param(lambda ladder=ladder: play(ladder), id=ladder)
        yield pytest.param(lambda ladder=ladder: play(ladder, SIX), id=f"IPv6 {ladder}")


def holds_in_every_library(report: Report, table: str) -> None:
    rows = expected(report, table)
    found = report.to_numpy(table)
    names = [field.name for field in TABLES[table]]
    assert list(found.dtype.names) == names
    assert len(found) == len(rows)
    for row, want in zip(found, rows, strict=True):
        assert set(want) == set(names)
        wrong = {
            name: (row[name], want[name])
            for name in names
            if not same(row[name], in_numpy(want[name], found.dtype[name]))
        }
        assert wrong == {}
    arrow = report.to_arrow(table)
    assert arrow.schema.names == names
    assert [{name: plain(value) for name, value in row.items()} for row in arrow.to_pylist()] == rows
    frame = report.to_pandas(table)
    assert list(frame.columns) == names
    assert [{name: plain(value) for name, value in row.items()} for row in frame.to_dict("records")] == rows


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("make", [*reports()])
def test_each_column_says_what_the_views_say(make, table):
    holds_in_every_library(make(), table)


@pytest.mark.parametrize("table", TABLES)
def test_each_column_says_what_the_views_say_in_captures_of_other_people(shared, table):
    paths = sorted((shared / "scenarios").glob("*.pcap"))
    assert len(paths) > 20
    for path in paths:
        holds_in_every_library(analyse(str(path)), table)


@pytest.mark.parametrize("table", TABLES)
def test_a_table_is_the_same_however_many_rows_are_made_at_once(monkeypatch, tmp_path, table):
    report = analyse(SAMPLES)
    whole, arrow, frame = report.to_numpy(table), report.to_arrow(table), report.to_pandas(table)
    report.to_parquet(tmp_path / "whole.parquet", table)
    monkeypatch.setattr(tables, "CHUNK", 2)
    assert report.to_numpy(table).tolist() == whole.tolist()
    assert report.to_arrow(table).equals(arrow)
    pd.testing.assert_frame_equal(report.to_pandas(table), frame)
    report.to_parquet(tmp_path / "parts.parquet", table)
    for name in ("whole", "parts"):
        assert parquet.read_table(tmp_path / f"{name}.parquet").to_pylist() == arrow.to_pylist()


@pytest.mark.parametrize("table", TABLES)
def test_a_capture_without_connections_gives_tables_without_rows_and_with_the_same_columns(tmp_path, table):
    path = tmp_path / "empty.pcap"
    path.write_bytes(Path(SAMPLES[0]).read_bytes()[:24])
    empty, full = analyse(str(path)), analyse(SAMPLES[0])
    assert empty.to_numpy(table).dtype == full.to_numpy(table).dtype
    assert empty.to_arrow(table).schema == full.to_arrow(table).schema
    assert list(empty.to_pandas(table).columns) == list(full.to_pandas(table).columns)
    assert len(empty.to_numpy(table)) == len(empty.to_arrow(table)) == len(empty.to_pandas(table)) == 0


@pytest.mark.parametrize("table", TABLES)
def test_the_types_are_those_that_the_columns_name(table):
    report = analyse(SAMPLES)
    found, schema = report.to_numpy(table).dtype, report.to_arrow(table).schema
    for field in TABLES[table]:
        assert found[field.name] == np.dtype(field.kind.dtype)
        assert str(schema.field(field.name).type) == field.kind.arrow_type
        assert schema.field(field.name).metadata == {b"meaning": field.meaning.encode()}


def test_a_table_that_there_is_none_of_is_refused():
    report = analyse(SAMPLES[0])
    for ask in (report.to_numpy, report.to_arrow, report.to_pandas):
        with pytest.raises(UsageError, match=r"^a table is one of connections, transitions, not 'states'$"):
            ask("states")


def test_a_finding_that_there_is_none_of_is_refused():
    with pytest.raises(UsageError) as refused:
        finding_bit("resets")
    assert str(refused.value) == "no finding has the id 'resets'; `handshake-inspect findings` lists them"


@pytest.mark.parametrize(
    ("method", "package", "message"),
    [
        ("to_arrow()", "pyarrow", ARROW),
        ("to_parquet('x')", "pyarrow", ARROW),
        ("to_pandas()", "pandas", PANDAS),
    ],
)  # fmt: skip
def test_a_package_that_is_not_installed_is_named_with_what_installs_it(method, package, message):
    program = (
        f"import sys; sys.modules[{package!r}] = None; from handshake_inspect import analyse\n"
        f"try: analyse({SAMPLES[0]!r}).{method}\n"
        "except ImportError as problem: print(problem.name, problem)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == (f"{package} {message}\n", "")


def test_numpy_alone_is_needed_for_the_structured_array():
    program = (
        "import sys; from handshake_inspect import analyse\n"
        f"print(len(analyse({SAMPLES[0]!r}).to_numpy()), *{{'pyarrow', 'pandas'}} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == f"{len(analyse(SAMPLES[0]).connections)}\n"


def test_no_view_is_made_for_a_table(monkeypatch):
    report = analyse(SAMPLES)

    def refuse(*_: object) -> None:
        raise AssertionError("a view was made")

    monkeypatch.setattr(Connections, "__getitem__", refuse)
    monkeypatch.setattr(Connections, "__iter__", refuse)
    assert len(report.to_numpy()) == len(report.to_arrow()) == len(report.to_pandas()) == len(report.connections)
