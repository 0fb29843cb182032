"""Reads a corpus of 1,129 real captures and compares the frames with tshark's count."""

import csv
import os
from pathlib import Path

import pytest

from handshake_inspect.capture import open_capture
from handshake_inspect.errors import CaptureError

SHARED = Path(os.environ.get("HANDSHAKE_INSPECT_SHARED", Path(__file__).resolve().parents[2] / "shared"))
CORPUS = SHARED / "corpus"

pytestmark = pytest.mark.skipif(
    not (CORPUS / "manifest.tsv").exists(), reason=f"there is no corpus in {CORPUS} (set HANDSHAKE_INSPECT_SHARED)"
)

# fmt: off
DIFFERENT = {
    # tshark does not know the link type, and reads no frame; the records are sound.
    "tests/dsa-high-vid.pcap": 4,
    "tests/edsa-high-vid.pcap": 4,
    "tests/kday6.pcap": 1,
    "tests/vtp_asan.pcap": 5,
    "tests/juniper_es_oobr.pcap": 1,
    "Tests/Fuzzers/RegressionTests/regression_samples/clusterfuzz-testcase-minimized-FuzzTarget-5685520970809344": 1,
    # tshark shows blocks of unknown and custom types as frames without bytes; we number packets only.
    "pcapgo/tests/le/test017.pcapng": 0,
    # tshark takes the third record, which is absurd, as a sign of longer record headers; both frames are whole.
    "Tests/Fuzzers/RegressionTests/regression_samples/crash-exception-cast-constructed-record": 2,
}
"""Captures of which we read another number of frames than tshark, and why."""
# fmt: on

DAMAGED = {
    "record-caplen-absurd": "record claims ",
    "record-header-cut": "record header needs ",
    "record-data-cut": "record says ",
}
"""The words of the manifest for damage, and how our fault begins."""


def rows(name):
    if not (CORPUS / name).exists():
        return []
    with (CORPUS / name).open(newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def test_every_capture_has_as_many_frames_as_tshark_counts():
    different = {}
    for row in rows("manifest.tsv"):
        capture = open_capture(str(CORPUS / "captures" / row["repo"] / row["path"]))
        frames = sum(batch.count for batch in capture.batches())
        assert capture.frames == frames
        if frames != int(row["frames"]):
            different[row["path"]] = frames
    assert different == DIFFERENT


def test_only_damaged_captures_have_a_fault_and_it_is_the_one_of_the_manifest():
    for row in rows("manifest.tsv"):
        capture = open_capture(str(CORPUS / "captures" / row["repo"] / row["path"]))
        for _ in capture.batches():
            pass
        expected = [begins for word, begins in DAMAGED.items() if word in row["structure_problems"].split(",")]
        if "SHB version 2.0" in row["tshark_err"]:
            expected = ["section is of pcapng version 2.0"]
        assert len(capture.faults) == len(expected), row["path"]
        for fault, begins in zip(capture.faults, expected, strict=True):
            assert fault.problem.startswith(begins), row["path"]


def test_the_format_is_that_of_the_manifest():
    for row in rows("manifest.tsv"):
        capture = open_capture(str(CORPUS / "captures" / row["repo"] / row["path"]))
        for _ in capture.batches():
            pass
        order = {"little": "LE", "big": "BE"}[capture.byte_order]
        unit = {"pcap": {1000: "-us", 1: "-ns"}, "pcapng": {}}[capture.format].get(capture.time_resolution_ns, "")
        assert row["format"].removeprefix("gz:") == f"{capture.format}{unit}-{order}", row["path"]


def test_bad_input_is_read_or_refused_without_a_traceback():
    for row in rows("badinput.tsv"):
        try:
            capture = open_capture(str(CORPUS / "captures" / row["path"]))
        except CaptureError as error:
            assert "\n" not in str(error)
            continue
        for _ in capture.batches():
            pass
