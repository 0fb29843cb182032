"""`check` as an installation runs it: the samples, what a mutated capture does to them, formats, exit statuses."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import time
from pathlib import Path

import jsonschema
import pytest

import mutations
from recipes import RECIPES

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "sample_pcaps"
NAMES = [recipe.name for recipe in RECIPES]
RED = "sample_pcaps/reset/capture.pcap"
GREEN = "sample_pcaps/normal_close_by_client/capture.pcap"
EXPECT = "sample_pcaps/normal_close_by_client/expect.toml"


def test_every_sample_has_expectations_that_hold(cli):
    done = cli("check", "sample_pcaps", "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    captures = json.loads(done.stdout)["captures"]
    assert [capture["capture"] for capture in captures] == sorted(f"sample_pcaps/{name}/capture.pcap" for name in NAMES)
    assert {result["outcome"] for capture in captures for result in capture["results"]} == {"held"}
    assert min(len(capture["results"]) for capture in captures) >= 10


@pytest.mark.parametrize("name", NAMES)
def test_the_expectations_of_a_sample_are_those_that_init_writes(cli, golden_at, name):
    done = cli("check", "--init", f"sample_pcaps/{name}/capture.pcap")
    assert (done.returncode, done.stderr) == (0, "")
    golden_at(SAMPLES / name / "expect.toml", done.stdout)


# A mutation that a sample has no segment for, and why; every other must turn it red.
# fmt: off
NOT_THERE = {
    ("filtered", "syn-ack"):   "nobody answers",
    ("filtered", "fin"):       "nothing opens",
    ("half_open", "fin"):      "nothing opens",
    ("mid_stream", "syn-ack"): "the capture begins after the handshake",
    ("refused", "syn-ack"):    "the answer is a RST",
    ("refused", "fin"):        "nothing opens",
    ("reset", "fin"):          "a RST ends it",
    ("simultaneous_open", "fin"): "both ends stay open",
    ("syn_lost", "fin"):       "both ends stay open",
}
# fmt: on


def mutated(folder: Path, name: str) -> dict[tuple[str, str], tuple[Path, int]]:
    """Write each mutation of a sample beside its expectations; with the frame that shows it in the new capture."""
    frames = mutations.segments(SAMPLES / name / "capture.pcap")
    made = {}
    for kind, (changed, frame) in {
        "syn-ack": _syn_ack_changed(frames),
        "fin": _fin_taken_out(frames),
        "rst": _rst_put_in(frames),
    }.items():
        if changed:
            place = folder / f"{name}-{kind}"
            place.mkdir()
            shutil.copy(SAMPLES / name / "expect.toml", place)
            made[name, kind] = (mutations.write(place / "capture.pcap", changed), frame)
    return made


def _syn_ack_changed(frames):
    """The first SYN-ACK acknowledges one more than it should."""
    for place, segment in enumerate(frames):
        if segment.flags & mutations.SYN and segment.flags & mutations.ACK:
            return [*frames[:place], mutations.with_ack(segment, segment.ack + 1), *frames[place + 1 :]], segment.frame
    return [], 0


def _fin_taken_out(frames):
    """The first FIN is not in the capture: the ACK of it shows that."""
    for place, segment in enumerate(frames):
        if segment.flags & mutations.FIN:
            rest = [*frames[:place], *frames[place + 1 :]]
            of_peer = (number for number, other in enumerate(rest, 1) if other.source != segment.source)
            after = mutations.after(segment)
            return rest, next(number for number in of_peer if rest[number - 1].ack == after)
    return [], 0


def _rst_put_in(frames):
    """Half-way through, whoever has just sent resets the connection."""
    place = (len(frames) - 1) // 2
    return [*frames[: place + 1], mutations.reset(frames[place]), *frames[place + 1 :]], place + 2


@pytest.fixture(scope="module")
def mutants(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mutants")
    return folder, {key: value for name in NAMES for key, value in mutated(folder, name).items()}


def test_every_sample_is_mutated_in_all_ways_that_it_has_a_segment_for(mutants):
    _, made = mutants
    every = {(name, kind) for name in NAMES for kind in ("syn-ack", "fin", "rst")}
    assert every - set(made) == set(NOT_THERE)


def test_every_mutation_turns_its_sample_red_and_the_frame_is_named(cli, mutants):
    folder, made = mutants
    done = cli("check", folder, "--format", "json")
    assert (done.returncode, done.stderr) == (1, "")
    verdicts = {verdict["capture"]: verdict for verdict in json.loads(done.stdout)["captures"]}
    assert len(verdicts) == len(made)
    for (name, kind), (path, frame) in made.items():
        verdict = verdicts[str(path)]
        broken = [case for result in verdict["results"] for case in result["cases"] if case["outcome"] == "broken"]
        named = {number for case in broken for number in case["frames"]}
        assert (verdict["outcome"], frame in named) == ("broken", True), (name, kind, frame, broken)


@pytest.mark.parametrize("kind", ["syn-ack", "fin", "rst"])
def test_a_person_reads_what_became_of_a_mutated_sample(cli, golden, mutants, kind):
    path, frame = mutants[1]["normal_close_by_client", kind]
    done = cli("check", path, "--expect", EXPECT, env={"COLUMNS": "100"})
    assert done.returncode == 1
    assert f"frame {frame}]" in done.stdout or f"frames {frame}," in done.stdout
    head, _, rest = done.stdout.partition("\n\n")
    assert head.split()[:2] == ["FAIL", f"{path}:"]
    golden(f"check-mutated-{kind}.txt", rest)


# fmt: off
STATUSES = {
    "held":                  (0, (GREEN,)),
    "broken":                (1, (RED, "--expect", EXPECT)),
    "broken before others":  (1, ("tests/damaged/cut_in_a_frame.pcap", RED, "--expect", EXPECT)),
    "unreadable":            (3, ("README.md", "--expect", EXPECT)),
    "damaged":               (3, ("tests/damaged/cut_in_a_frame.pcap", "--expect", EXPECT)),
}
# fmt: on


@pytest.mark.parametrize("name", STATUSES)
def test_the_exit_status_is_the_worst_there_is(cli, name):
    status, arguments = STATUSES[name]
    assert cli("check", *arguments).returncode == status


def test_a_capture_too_poor_to_judge_is_status_4(cli, tmp_path):
    (tmp_path / "e.toml").write_text('[[expect]]\nopening = "three-way"\n')
    done = cli("check", "sample_pcaps/mid_stream/capture.pcap", "--expect", tmp_path / "e.toml")
    assert (done.returncode, done.stderr) == (4, "")
    assert "opening cannot be judged: the capture begins after the handshake" in done.stdout
    done = cli("check", "sample_pcaps/mid_stream/capture.pcap", "README.md", "--expect", tmp_path / "e.toml")
    assert done.returncode == 3


# fmt: off
REFUSED = {
    ("README.md",): "there is no expect.toml: name the expectations with --expect, or write first ones: "
        "handshake-inspect check --init README.md --output expect.toml",
    ("-",): "standard input has none beside it: name the expectations with --expect, or write first ones: "
        "handshake-inspect check --init - --output expect.toml",
    ("docs",): "docs: no capture with an expect.toml beside it in this folder or below it",
    (GREEN, "--expect", "none.toml"): "none.toml: cannot be read: No such file or directory",
    (GREEN, "--expect", "pyproject.toml"):
        "pyproject.toml:1: there is no 'build-system' here: a file of expectations has [[expect]] alone",
    (GREEN, "--save", "x.html"): "--save x.html: its ending is none of .txt, .json, .xml, .sarif",
    (GREEN, RED, "--init"): "--init takes one capture, not 2; rotated files of one tap are one: --together",
    (GREEN, "--init", "--format", "json"):
        "--init writes expectations and judges none: it takes no --expect, --baseline, --tolerance, --format or --save",
    (GREEN, "--update-baseline"): "--update-baseline needs to know where: --baseline FILE",
    (GREEN, "--update-baseline", "--baseline", "x.json", "--format", "json"):
        "--update-baseline records and judges nothing: it takes no --expect, --format or --save",
    (GREEN, "--baseline", "none.json"):
        "none.json: cannot be read: No such file or directory; --update-baseline writes it",
    (GREEN, "--tolerance", "5%"): "--tolerance belongs to --baseline",
    (GREEN, "--tolerance", "5", "--baseline", "x"):
        "--tolerance '5' is no tolerance such as 50%, 100 ms, 10%, 5ms or none",
    ("docs", "--expect", EXPECT): "docs: no capture in this folder or below it",
    (GREEN, "--init", "--output", EXPECT): f"--output {EXPECT} is there already: remove it first, or name another file",
}
# fmt: on


@pytest.mark.parametrize("arguments", REFUSED, ids=" ".join)
def test_wrong_usage_is_one_line(cli, arguments):
    done = cli("check", *arguments)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"handshake-inspect: {REFUSED[arguments]}\n")


def test_several_captures_are_judged_each_on_its_own(cli, golden):
    done = cli("check", GREEN, RED, "--expect", EXPECT, env={"COLUMNS": "80"})
    assert done.returncode == 1
    golden("check-80.txt", done.stdout)
    narrow = cli("check", GREEN, RED, "--expect", EXPECT, env={"COLUMNS": "50"}).stdout
    # Only a path is never cut.
    assert max(len(line) for line in narrow.splitlines() if "/" not in line) <= 50
    golden("check-50.txt", narrow)


def test_a_reader_that_leaves_early_is_no_fault(command):
    captures = " ".join(f"sample_pcaps/{name}/capture.pcap" for name in NAMES)
    line = f"{shlex.join(command)} check {captures} --expect {EXPECT} --format json | head -n 1"
    done = subprocess.run(["bash", "-c", line], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("{\n", "")


def test_rotated_files_are_one_capture(cli, tmp_path):
    frames = mutations.segments(ROOT / GREEN)
    files = [mutations.write(tmp_path / f"{n}.pcap", part) for n, part in enumerate((frames[:6], frames[6:]))]
    assert cli("check", *files, "--together", "--expect", EXPECT).returncode == 0
    assert cli("check", *files, "--expect", EXPECT).returncode == 1


def test_standard_input_is_judged(cli):
    done = cli("check", "-", "--expect", EXPECT, input=(ROOT / GREEN).read_bytes())
    assert (done.returncode, done.stdout) == (0, "ok     -: 10 expectations hold over 1 connection\n")


def test_colour_changes_nothing_but_colour(cli):
    import re

    captures = (RED, GREEN, "sample_pcaps/filtered/capture.pcap", "README.md")
    plain = cli("check", *captures, "--expect", EXPECT).stdout
    coloured = cli("check", *captures, "--expect", EXPECT, "--color", env={"NO_COLOR": ""}).stdout
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[\d+m", "", coloured) == plain


def test_results_are_saved_beside_what_a_person_reads(cli, tmp_path):
    files = [tmp_path / f"r.{ending}" for ending in ("xml", "sarif", "json", "txt")]
    done = cli("check", RED, "--expect", EXPECT, *(word for file in files for word in ("--save", file)))
    assert done.returncode == 1
    assert (tmp_path / "r.txt").read_text().split()[0] == done.stdout.split()[0] == "FAIL"
    document = json.loads((tmp_path / "r.json").read_text())
    jsonschema.validate(document, json.loads(cli("schema", "--of", "check").stdout))
    assert document["outcome"] == "broken"
    assert (tmp_path / "r.xml").read_text().startswith("<?xml")
    assert json.loads((tmp_path / "r.sarif").read_text())["version"] == "2.1.0"


def test_the_help_lists_every_key(cli, golden):
    golden("check-help.txt", cli("check", "--help").stdout)


@pytest.mark.slow
def test_two_hundred_captures_take_less_than_five_times_one(cli, tmp_path):
    for number in range(200):
        folder = tmp_path / str(number)
        folder.mkdir()
        sample = SAMPLES / NAMES[number % len(NAMES)]
        shutil.copy(sample / "capture.pcap", folder)
        shutil.copy(sample / "expect.toml", folder)

    def seconds(*arguments: object) -> float:
        best = float("inf")
        for _ in range(3):
            start = time.perf_counter()
            done = cli("check", *arguments)
            best = min(best, time.perf_counter() - start)
            assert done.returncode == 0
        return best

    one = seconds(tmp_path / "0" / "capture.pcap")
    assert seconds(tmp_path) < 5 * one


def test_every_sample_passes_its_own_baseline_and_fails_anothers(cli, tmp_path):
    path = tmp_path / "b.json"
    done = cli("check", "sample_pcaps", "--baseline", path, "--update-baseline")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == f"handshake-inspect: {path}: 17 of 17 captures recorded anew\n"
    assert cli("check", "sample_pcaps", "--baseline", path).returncode == 0
    again = cli("check", GREEN, "--baseline", path, "--update-baseline")
    assert again.stderr == f"handshake-inspect: {path}: nothing changed\n"
    assert len(json.loads(path.read_text())["captures"]) == 17
    few = cli("check", GREEN, RED, "--baseline", path)
    assert few.returncode == 0
    assert few.stderr.startswith(
        f"handshake-inspect: {path} has more captures, which are not judged: sample_pcaps/busy_server/"
    )


def test_a_person_reads_what_a_baseline_has_otherwise(cli, golden, tmp_path):
    path = tmp_path / "b.json"
    assert cli("check", GREEN, "--baseline", path, "--update-baseline").returncode == 0
    done = cli("check", RED, "--baseline", path, "--tolerance", "10%", env={"COLUMNS": "100"})
    assert (done.returncode, done.stderr) == (1, "")
    head, _, rest = done.stdout.partition("    broken  ")
    assert head.split()[-6:] == ["#0", "192.0.2.1:40000", "->", "192.0.2.2:80,", "by", str(path)]
    golden("check-baseline.txt", "    broken  " + rest)
    both = cli("check", GREEN, "--baseline", path, "--expect", EXPECT, "--format", "json")
    assert both.returncode == 0
    keys = [result["rule"] for result in json.loads(both.stdout)["captures"][0]["results"]]
    assert set(keys) == {"all of them", "server port 80", "baseline"}


@pytest.mark.parametrize("format", ["json", "junit", "sarif", "github"])
def test_a_baseline_is_told_in_every_format(cli, tmp_path, format):
    path = tmp_path / "b.json"
    cli("check", GREEN, "--baseline", path, "--update-baseline")
    done = cli("check", RED, "--baseline", path, "--format", format)
    assert done.returncode == 1
    assert "reset by the client in ESTABLISHED" in done.stdout


def test_a_damaged_capture_is_not_recorded(cli, tmp_path):
    path = tmp_path / "b.json"
    done = cli("check", "tests/damaged/cut_in_a_frame.pcap", "--baseline", path, "--update-baseline")
    assert (done.returncode, done.stdout) == (3, "")
    assert not path.exists()


def test_a_folder_stands_for_all_its_captures_when_the_expectations_are_named(cli, tmp_path):
    shutil.copy(ROOT / GREEN, tmp_path / "a.pcap")
    shutil.copy(ROOT / GREEN, tmp_path / "b.pcapng.gz")
    (tmp_path / ".hidden").mkdir()
    shutil.copy(ROOT / RED, tmp_path / ".hidden")
    (tmp_path / "notes.txt").write_text("no capture")
    done = cli("check", tmp_path, "--expect", EXPECT, "--format", "json")
    assert done.returncode == 0
    assert [Path(one["capture"]).name for one in json.loads(done.stdout)["captures"]] == ["a.pcap", "b.pcapng.gz"]
