"""Measures this program beside its peers, and writes bench/RESULTS.md.

python bench/run.py                      the whole benchmark
python bench/run.py --quick              captures of a tenth of the size, three rounds, nothing written, no 20 million
python bench/run.py --only handshake-inspect --only tcptrace
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import struct
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import aims
import measure
import results
from aims import Measured
from capture_files import CAPTURES, file_name
from measure import Cost, ProgramFailed
from peers import OURS, PEERS, REFERENCE, Peer, this_program
from results import Costs

HERE = Path(__file__).parent
PATIENCE_S = 20.0
"""A program that costs more is not run again on the same capture."""
TWICE_S = 3.0
"""A program that costs more does not run a second time in its turn."""
START_UP_ROUNDS = 15
LINEAR = {aims.ONE_MILLION: 1_000_000, aims.TWENTY_MILLION: 20_000_000}
FORMATS = ("table", "ndjson", "json", "html")

TITLES = {
    "handshake-heavy": "Many short connections",
    "bulk": "Large downloads",
    "syn-flood": "A SYN flood",
}


def tell(text: str) -> None:
    """Progress, on stderr."""
    print(text, file=sys.stderr, flush=True)


def read_through(path: Path) -> None:
    """Have the whole file in the page cache."""
    with path.open("rb") as file:
        while file.read(1 << 20):
            pass


def capture(name: str, *, scale: float = 1.0, segments: int | None = None) -> tuple[Path, dict[str, int]]:
    """The file and its counts; written first if it is not there."""
    path = CAPTURES / file_name(name, scale, segments)
    if not path.exists():
        size = ["--segments", str(segments)] if segments else ["--scale", f"{scale:g}"]
        subprocess.run([sys.executable, str(HERE / "generate.py"), name, *size], check=True)
    return path, json.loads(path.with_suffix(".json").read_text())


def first_frames(path: Path, frames: int) -> Path:
    """A capture of the first so many frames of `path`."""
    cut = path.with_name(f"{path.stem}-first-{frames}.pcap")
    with path.open("rb") as whole, cut.open("wb") as part:
        part.write(whole.read(24))
        for _ in range(frames):
            head = whole.read(16)
            part.write(head + whole.read(struct.unpack_from("<I", head, 8)[0]))
    return cut


def cost_of(peer: Peer, path: Path, frames: int) -> Cost:
    """The cost of one run over one capture, scaled where the peer is measured on a slice."""
    if peer.slice_frames is None or peer.slice_frames >= frames:
        # A system may have put pages away that nobody asked for while another program had its turn.
        read_through(path)
        first = measure.run(peer.for_capture(path))
        if first.wall_s > TWICE_S:
            return first
        return replace(measure.run(peer.for_capture(path)), first_wall_s=first.wall_s)
    start_up = measure.run(peer.for_capture(first_frames(path, 1)))
    part = measure.run(peer.for_capture(first_frames(path, peer.slice_frames)))
    return measure.scaled(start_up, part, frames / peer.slice_frames)


def rounds_of(programs: list[Peer], path: Path, frames: int, rounds: int) -> Costs:
    """Every program's costs, round after round; one that fails or is slow leaves the rounds."""
    costs: Costs = {peer.name: [] for peer in programs}
    left = list(programs)
    for number in range(rounds):
        for peer in list(left):
            tell(f"{path.stem}: round {number + 1} of {rounds}: {peer.name}")
            try:
                cost = cost_of(peer, path, frames)
            except ProgramFailed as problem:
                tell(f"{peer.name} is left out of {path.stem}: {problem}")
                left.remove(peer)
                costs.pop(peer.name)
                continue
            costs[peer.name].append(cost)
            if cost.wall_s > PATIENCE_S:
                left.remove(peer)
    return costs


def compare(measured: Measured, programs: list[Peer], name: str, scale: float, rounds: int) -> tuple[str, str]:
    """One capture, all programs."""
    path, counts = capture(name, scale=scale)
    costs = rounds_of(programs, path, counts["frames"], rounds)
    measured.add(name, costs, counts)
    scaled = {peer.name for peer in programs if peer.slice_frames and peer.slice_frames < counts["frames"]}
    said = f"`{path.name}`: {counts['connections']:,} connections, {counts['frames']:,} frames, "
    said += f"{counts['bytes'] / 1e6:,.0f} MB."
    return TITLES[name], f"{said}\n\n{results.cost_table(costs, counts, scaled)}"


def start_up(measured: Measured, programs: list[Peer]) -> tuple[str, str]:
    """A capture of ten frames, where starting is all there is to do."""
    path, counts = capture("small")
    costs = rounds_of(programs, path, counts["frames"], START_UP_ROUNDS)
    measured.add(aims.SMALL, costs, counts)
    return "Starting", f"`{path.name}`: {counts['frames']} frames.\n\n{results.start_up_table(costs)}"


def linear(measured: Measured, programs: list[Peer], rounds: int) -> tuple[str, str]:
    """The same traffic, twenty times as long."""
    costs = {}
    for name, segments in LINEAR.items():
        path, counts = capture("handshake-heavy", segments=segments)
        costs[counts["frames"]] = rounds_of(programs, path, counts["frames"], rounds)
        measured.add(name, costs[counts["frames"]], counts)
    return "Twenty times as much", results.linear_table(costs)


def formats(measured: Measured, command: list[str], scale: float, rounds: int) -> tuple[str, str]:
    """The default report beside the formats for programs."""
    path, counts = capture("handshake-heavy", scale=scale)
    # The page is a command of its own.
    pages = {"html": (*command, "html", "CAPTURE", "--output", "-")}
    rows = [Peer(name, "", pages.get(name, (*command, "CAPTURE", "--format", name)), ()) for name in FORMATS]
    costs = rounds_of(rows, path, counts["frames"], rounds)
    measured.add(aims.FORMATS, costs, counts)
    return "Output formats", f"`{path.name}`, {counts['connections']:,} connections.\n\n" + (
        results.format_table(costs, counts)
    )


def present(programs: list[Peer]) -> tuple[list[Peer], list[str]]:
    """The programs that are installed, and a sentence for each that is not."""
    gaps = {peer.name: peer.missing() for peer in programs}
    absent = [f"{name} was left out: {gap} is not installed." for name, gap in gaps.items() if gap]
    return [peer for peer in programs if not gaps[peer.name]], absent


def parse() -> argparse.Namespace:
    """The command line."""
    names = ", ".join([OURS, *(peer.name for peer in PEERS)])
    parser = argparse.ArgumentParser(description="Measure this program beside its peers.")
    parser.add_argument(
        "--command", default="handshake-inspect", help="how to call this program (default: %(default)s)"
    )
    parser.add_argument("--rounds", type=int, help="how often each program runs (default: 5, with --quick 3)")
    parser.add_argument("--quick", action="store_true", help="captures of a tenth of the size; RESULTS.md is kept")
    parser.add_argument(
        "--only", action="append", metavar="NAME", help=f"this program alone, beside tcpdump; may be repeated: {names}"
    )
    parser.add_argument("--capture", action="append", choices=list(TITLES), help="this capture alone; may be repeated")
    options = parser.parse_args()
    if unknown := set(options.only or ()) - set(names.split(", ")):
        parser.error(f"no program is called {', '.join(sorted(unknown))}; there are {names}")
    return options


def main() -> None:
    """Runs what the command line asks for, prints the tables, and keeps those of a whole benchmark."""
    options = parse()
    # An installed program has its bytecode beside it; nobody's users compile it at every start.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    # Nor does anybody's output go out line by line.
    os.environ.pop("PYTHONUNBUFFERED", None)
    load = os.getloadavg()[0]
    rounds = options.rounds or (3 if options.quick else 5)
    scale = 0.1 if options.quick else 1.0
    ours = this_program(shlex.split(options.command))
    wanted = [peer for peer in (ours, *PEERS) if not options.only or peer.name in (*options.only, REFERENCE)]
    programs, absent = present(wanted)
    fast = [peer for peer in programs if peer.name in (ours.name, REFERENCE)]
    measured = Measured()
    sections = [compare(measured, programs, name, scale, rounds) for name in options.capture or TITLES]
    starting = [peer for peer in programs if peer in fast or peer.name == "tshark conversations"]
    sections.append(start_up(measured, starting))
    whole = not (options.only or options.capture or options.quick)
    if whole:
        sections.append(linear(measured, fast, min(rounds, 3)))
    if whole and ours in programs:
        sections.append(formats(measured, shlex.split(options.command), scale, rounds))
    if absent:
        sections.append(("Left out", "\n".join(f"- {line}" for line in absent)))
    facts = results.machine(load, measure.run([shutil.which("true") or "true"]), measure.fresh_memory())
    if not options.quick and ours in programs:
        sections.append(("What was aimed at, and what holds", aims.aims_table(measured)))
    page = results.page(sections, facts, programs, PATIENCE_S, TWICE_S)
    print(page)
    if ours in programs and whole:
        (HERE / "RESULTS.md").write_text(page)


if __name__ == "__main__":
    main()
