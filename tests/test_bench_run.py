"""bench/run.py: figures come from whole processes, and a program that fails or is absent is named."""

from __future__ import annotations

import importlib
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

BENCH = Path(__file__).parent.parent / "bench"


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Imports a module of bench/, which is a folder of scripts."""
    monkeypatch.syspath_prepend(str(BENCH))
    return importlib.import_module


def test_the_cost_is_that_of_the_process_and_not_of_waiting(bench: Any) -> None:
    cost = bench("measure").run([sys.executable, "-c", "import time; time.sleep(0.3)"])
    assert cost.wall_s >= 0.3
    assert cost.cpu_s < cost.wall_s
    large = bench("measure").run([sys.executable, "-c", "held = bytearray(b'x' * 200_000_000)"])
    assert large.peak_bytes > 200_000_000


def test_a_program_that_fails_is_quoted(bench: Any) -> None:
    measure = bench("measure")
    with pytest.raises(measure.ProgramFailed) as failure:
        measure.run([sys.executable, "-c", "import sys; print('ignored'); sys.exit('no such capture')"])
    command = f"`{sys.executable} -c import sys; print('ignored'); sys.exit('no such capture')`"
    assert str(failure.value) == f"{command} ended with status 1: no such capture"


def test_a_slice_is_scaled_without_its_start_up(bench: Any) -> None:
    measure = bench("measure")
    start_up, part = measure.Cost(1.0, 0.5, 10, 2.0), measure.Cost(3.0, 2.5, 20, 5.0)
    assert measure.scaled(start_up, part, 10) == measure.Cost(21.0, 20.5, 20, 32.0)


def test_first_frames_keeps_the_header_and_whole_records(bench: Any, tmp_path: Path) -> None:
    records = [struct.pack("<IIII", 0, n, n, n) + bytes([n]) * n for n in (1, 2, 3)]
    whole = tmp_path / "whole.pcap"
    whole.write_bytes(b"h" * 24 + b"".join(records))
    cut = bench("run").first_frames(whole, 2)
    assert cut.name == "whole-first-2.pcap"
    assert cut.read_bytes() == b"h" * 24 + records[0] + records[1]


def test_a_program_that_is_absent_is_named_and_left_out(bench: Any) -> None:
    peers = bench("peers")
    here = peers.Peer("here", "", (sys.executable, "CAPTURE"), ())
    gone = peers.Peer("gone", "", ("no-such-program-here", "CAPTURE"), ())
    bare = peers.Peer("bare", "", (sys.executable, "CAPTURE"), (), needs_module="no_such_module_here")
    assert bench("run").present([here, gone, bare]) == (
        [here],
        [
            "gone was left out: the program no-such-program-here is not installed.",
            "bare was left out: the Python package no_such_module_here is not installed.",
        ],
    )


def test_ratios_are_medians_of_the_ratios_of_each_round(bench: Any) -> None:
    cost, ratio = bench("measure").Cost, bench("results").ratio
    costs = {
        "tcpdump": [cost(1, 1.0, 0, 1), cost(1, 2.0, 0, 1), cost(1, 4.0, 0, 1)],
        "mine": [cost(1, 3.0, 0, 1), cost(1, 4.0, 0, 1), cost(1, 40.0, 0, 1)],
    }
    assert ratio(costs, "mine", "tcpdump", "cpu_s") == "3.00"
    assert ratio(costs, "mine", "absent", "cpu_s") == "-"


def test_a_turn_is_two_runs_unless_one_takes_long(bench: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = bench("run")
    times = iter([5.0, 2.0, 4.0])
    monkeypatch.setattr(run.measure, "run", lambda _: run.measure.Cost(wall := next(times), 1.0, 0, wall))
    peer = run.Peer("some", "", ("some", "CAPTURE"), ())
    capture = tmp_path / "some.pcap"
    capture.write_bytes(b"read through before")
    costs = [run.cost_of(peer, capture, 10) for _ in range(2)]
    assert costs == [run.measure.Cost(5.0, 1.0, 0, 5.0), run.measure.Cost(4.0, 1.0, 0, 2.0)]


def test_an_aim_is_held_against_the_median_of_the_rounds(bench: Any) -> None:
    aims, cost = bench("aims"), bench("measure").Cost
    measured = aims.Measured()
    costs = {
        "handshake-inspect": [cost(2.0, 1, 0, 4.0), cost(1.0, 1, 0, 1.0), cost(2.0, 1, 0, 8.0)],
        "tcpdump": [cost(4.0, 1, 0, 4.0), cost(4.0, 1, 0, 4.0), cost(1.0, 1, 0, 4.0)],
        "softflowd": [cost(12.0, 1, 0, 12.0)],
    }
    measured.add(aims.SHORT, costs, {"frames": 10, "connections": 1})
    said = [line.split("|")[2:5] for line in aims.aims_table(measured).splitlines()[2:]]
    assert [[cell.strip() for cell in cells] for cells in said] == [
        ["at most 1", "0.50", "yes"],
        ["at most 1", "1.00", "yes"],
        ["at least 5 times", "6.00", "yes"],
    ]


def test_memory_is_shared_among_the_connections_that_came_to_it(bench: Any) -> None:
    aims, cost = bench("aims"), bench("measure").Cost
    measured = aims.Measured()
    for name, peak, connections in (
        (aims.ONE_MILLION, 26_000_000, 10_000),
        (aims.TWENTY_MILLION, 80_000_000, 110_000),
        (aims.LARGE, 20_000_000, 1),
    ):
        measured.add(name, {aims.OURS: [cost(1, 1, peak, 1)]}, {"frames": 1, "connections": connections})
    each, rest = aims.AIMS[-2:]
    assert each.row(measured) == ("bytes a connection, with its transitions", "at most 600", "540", "yes")
    assert rest.row(measured) == ("MB beyond that, whatever the size", "at most 64", "21", "yes")


def test_an_unknown_program_is_refused_with_the_names_there_are() -> None:
    asked = [sys.executable, str(BENCH / "run.py"), "--only", "wireshrak"]
    said = subprocess.run(asked, capture_output=True, text=True, check=False)
    assert said.returncode == 2
    assert said.stderr.splitlines()[-1] == (
        "run.py: error: no program is called wireshrak; there are handshake-inspect, tcpdump, softflowd, argus, "
        "tcptrace, tshark conversations, tshark completeness, scapy"
    )
