"""sample_pcaps/: each folder is what its README.md says, and can be recorded again."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

import record
from handshake_inspect import analyse
from recipes import RECIPES

SAMPLES = Path(record.__file__).parent
RECIPE = {recipe.name: recipe for recipe in RECIPES}
ALONE = [recipe.name for recipe in RECIPES if recipe.frames]
MANY = [recipe.name for recipe in RECIPES if recipe.lanes]
CLAIM = re.compile(r"^capture\.pcap: (\d+) frames, ", re.MULTILINE)
ROW = re.compile(r"^\| (\d+) \| [\d.]+ \| `([^`]+)` \|.*\| ([^|]+) \|$", re.MULTILINE)


def frames_by_tshark(name: str) -> list[list[str]]:
    """Read a capture with tshark: TCP flags, payload bytes, checksum status (1 is good) of each frame."""
    if not shutil.which("tshark"):
        pytest.skip("tshark is not installed")
    fields = [word for field in ("tcp.flags.str", "tcp.len", "tcp.checksum.status") for word in ("-e", field)]
    arguments = ("-r", str(SAMPLES / name / "capture.pcap"), "-o", "tcp.check_checksum:TRUE", "-T", "fields")
    done = subprocess.run(["tshark", *arguments, *fields], capture_output=True, text=True, check=True)
    return [line.split("\t") for line in done.stdout.splitlines()]


def frames_of(path: Path) -> record.Capture:
    """The frames of a sample, as they were recorded."""
    data, at, frames = path.read_bytes(), 24, []
    while at < len(data):
        seconds, microseconds, size, _ = struct.unpack_from("<IIII", data, at)
        frames.append((seconds * 10**9 + microseconds * 1000, data[at + 16 : at + 16 + size]))
        at += 16 + size
    return frames


def test_there_is_one_folder_for_each_recipe():
    assert {path.parent.name for path in SAMPLES.glob("*/*")} - {"__pycache__"} == set(RECIPE)


def test_the_list_of_samples_is_the_table_of_recipes():
    assert (SAMPLES / "README.md").read_text() == record.index()


@pytest.mark.parametrize("name", ALONE)
def test_a_sample_holds_the_frames_that_its_readme_explains(name):
    text = (SAMPLES / name / "README.md").read_text()
    frames = RECIPE[name].frames
    assert text.startswith(f"# {name}\n\n{RECIPE[name].shows}\n\n")
    assert ROW.findall(text) == [(str(number), sent, proof) for number, (sent, proof) in enumerate(frames, 1)]
    assert CLAIM.findall(text) == [str(len(frames))]


@pytest.mark.parametrize("name", MANY)
def test_a_sample_of_many_connections_holds_the_frames_of_each(name):
    capture = SAMPLES / name / "capture.pcap"
    frames = frames_of(capture)
    assert record.difference(RECIPE[name], record.segments_of(frames)) is None
    text = (SAMPLES / name / "README.md").read_text()
    assert text.startswith(f"# {name}\n\n{RECIPE[name].shows}\n\n{record.connections(RECIPE[name], frames)}")
    assert CLAIM.findall(text) == [str(sum(len(lane.recipe.frames) for lane in RECIPE[name].lanes))]


@pytest.mark.parametrize("name", MANY)
def test_each_of_many_connections_is_judged_as_its_sample_is(name):
    def told(path: Path) -> dict[int, tuple[str, str, str | None]]:
        return {
            each.client.port: (each.opening.kind, each.closing.kind, each.closing.first)
            for each in analyse(str(path)).connections
        }

    many = told(SAMPLES / name / "capture.pcap")
    for lane in RECIPE[name].lanes:
        (alone,) = told(SAMPLES / lane.recipe.name / "capture.pcap").values()
        assert many[lane.client_port] == alone, lane


@pytest.mark.parametrize("name", ALONE)
def test_tshark_reads_the_same_frames_with_good_checksums(name):
    def spelled(flags: str, length: str) -> str:
        names = [word for letter, word in zip("SFRA", ("SYN", "FIN", "RST", "ACK"), strict=True) if letter in flags]
        return "data" if names == ["ACK"] and length != "0" else ",".join(names)

    seen = [(spelled(flags, length), status) for flags, length, status in frames_by_tshark(name)]
    assert seen == [(sent.strip(" <>"), "1") for sent, _ in RECIPE[name].frames]


def test_all_samples_together_stay_small():
    assert sum(path.stat().st_size for path in SAMPLES.glob("*/capture.pcap")) < 60_000


@pytest.mark.root
def test_a_sample_can_be_recorded_again(tmp_path):
    arguments = (str(SAMPLES / "record.py"), "--into", str(tmp_path), "refused")
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr, done.returncode) == ("refused: 2 frames\n", "", 0)
    assert (tmp_path / "refused" / "capture.pcap").stat().st_size == (
        SAMPLES / "refused" / "capture.pcap"
    ).stat().st_size


@pytest.mark.root
def test_a_recording_leaves_no_namespace_behind(tmp_path):
    before = set(Path("/run/netns").glob("*"))
    arguments = (str(SAMPLES / "record.py"), "--into", str(tmp_path), "refused")
    subprocess.run([sys.executable, *arguments], capture_output=True, check=True, timeout=60)
    assert set(Path("/run/netns").glob("*")) - before == set()


@pytest.mark.root
def test_a_recording_that_differs_from_its_recipe_is_refused(monkeypatch):
    other = record.Recipe(RECIPE["refused"].scene, "", (("SYN >", ""), ("< SYN,ACK", "")))
    monkeypatch.setattr(record, "ATTEMPTS", 1)
    with pytest.raises(record.CannotRecord) as refusal:
        record.play(other)
    assert str(refusal.value) == "refused: expected SYN >; < SYN,ACK\n         recorded SYN >; < RST,ACK"


def test_an_unknown_sample_is_named():
    done = subprocess.run([sys.executable, str(SAMPLES / "record.py"), "nosuch"], capture_output=True, text=True)
    last_line = done.stderr.splitlines()[-1]
    assert (last_line, done.returncode) == (
        f"record.py: error: no such sample: nosuch; there are {', '.join(RECIPE)}",
        2,
    )
