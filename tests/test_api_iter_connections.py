"""`iter_connections`: what `analyse` says, one connection at a time."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from handshake_inspect import CaptureError, UsageError, analyse, iter_connections
from handshake_inspect import analysis as analysing
from handshake_inspect.capture import open_capture
from wrappings import capture_bytes, frames

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = sorted(map(str, ROOT.glob("sample_pcaps/*/capture.pcap")))


def saved(folder: Path, ladder: str) -> str:
    path = folder / "ladder.pcap"
    path.write_bytes(capture_bytes(frames(ladder)))
    return str(path)


@pytest.mark.parametrize(
    "paths", [*([path] for path in SAMPLES), SAMPLES], ids=lambda paths: Path(paths[0]).parent.name
)
def test_the_connections_captures_and_counts_are_those_of_analyse(paths):
    report, passing = analyse(paths), iter_connections(paths)
    assert sorted(passing, key=lambda connection: connection.id) == list(report.connections)
    assert (passing.captures, passing.summary, passing.count) == (
        report.captures, report.summary, len(report.connections),
    )  # fmt: skip
    assert (passing.faults, passing.late) == ([], 0)


def test_with_a_bound_no_more_connections_are_kept_than_that(tmp_path, monkeypatch):
    monkeypatch.setattr(analysing, "open_capture", partial(open_capture, chunk=4096, rows=4))
    path = saved(tmp_path, "; ".join(f"port {port}; open" for port in range(50000, 50100)))
    kept = []
    passing = iter_connections(path, max_connections=8)
    found = [(connection, kept.append(passing._stream.there))[0] for connection in passing]
    assert [connection.id for connection in found] == list(range(100))
    assert {connection.opening.kind for connection in found} == {"three-way"}
    # The frames of one batch come before the bound is looked at.
    assert max(kept) <= 8 + 1
    unbounded = iter_connections(path)
    assert next(iter(unbounded)).id == 0
    assert unbounded._stream.there == 100


def test_what_cannot_be_read_is_raised_or_told_as_by_analyse(tmp_path):
    with pytest.raises(UsageError, match=r"^no capture named$"):
        iter_connections([])
    with pytest.raises(UsageError, match=r"^2MSL is one of "):
        iter_connections(SAMPLES[0], two_msl="never")
    with pytest.raises(CaptureError, match=r"none\.pcap: .*No such file"):
        list(iter_connections(str(tmp_path / "none.pcap")))
    cut = str(ROOT / "tests" / "damaged" / "cut_in_a_frame.pcap")
    passing = iter_connections(cut)
    assert [connection.closing.kind for connection in passing] == ["open"]
    assert list(map(str, passing.faults)) == list(map(str, analyse(cut).faults))


def test_progress_is_told(tmp_path):
    calls = []
    path = saved(tmp_path, "open; talk; close")
    assert len(list(iter_connections(path, progress=lambda done, total: calls.append((done, total))))) == 1
    assert calls[-1] == (Path(path).stat().st_size,) * 2
