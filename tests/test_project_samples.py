"""sample_pcaps/: each folder is what its README.md says, and can be recorded again."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import record
from recipes import RECIPES

SAMPLES = Path(record.__file__).parent
RECIPE = {recipe.name: recipe for recipe in RECIPES}
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


def test_there_is_one_folder_for_each_recipe():
    assert {path.parent.name for path in SAMPLES.glob("*/*")} - {"__pycache__"} == set(RECIPE)


def test_the_list_of_samples_is_the_table_of_recipes():
    assert (SAMPLES / "README.md").read_text() == record.index()


@pytest.mark.parametrize("name", RECIPE)
def test_a_sample_holds_the_frames_that_its_readme_explains(name):
    text = (SAMPLES / name / "README.md").read_text()
    frames = RECIPE[name].frames
    assert text.startswith(f"# {name}\n\n{RECIPE[name].shows}\n\n")
    assert ROW.findall(text) == [(str(number), sent, proof) for number, (sent, proof) in enumerate(frames, 1)]
    assert CLAIM.findall(text) == [str(len(frames))]


@pytest.mark.parametrize("name", RECIPE)
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
