"""Every broken capture of the corpus, one by one: what we read of it, and what its user is told."""

import io
from contextlib import redirect_stderr, redirect_stdout

import pytest

from corpus_answers import CAPTURES, needs_corpus, rows
from handshake_inspect.cli import main

pytestmark = needs_corpus

# What tshark refuses for a reason that is none for us (a link type that it does not know, a version number that no
# file of the time has) is read, with status 0.  What is cut or lies is read up to the place, which is named.
# fmt: off
TOLD = {
    # the last words of the path: (exit status, frames read, what standard error says after the path)
    "Traces/empty.pcap": (0, 0, ""),
    "ldap/ldap-max-recursion.pcap": (0, 500, ""),
    "bug-1450-04/tls_DER-incomplete-header.pcap":
        (3, 6, "frame 7, offset 5035: record claims 4325376 bytes, more than the 262144 that it may have"),
    "bug-1450-05/tls_DER-incomplete-content.pcap":
        (3, 6, "frame 7, offset 5035: record claims 4325376 bytes, more than the 262144 that it may have"),
    "issue-3277-nfsv2-filestore/nfsv2.pcap": (0, 156, ""),
    "nfs3-01/input.pcap": (0, 128, ""),
    "smtp-to-comma/10.7.29.101_49898-178.63.41.150_25.pcap":
        (3, 18, "frame 19, offset 3695: record claims 3925868813 bytes, more than the 262144 that it may have"),
    "pcap/ceph.pcap": (0, 39, ""),
    "tests/dsa-high-vid.pcap": (0, 4, ""),
    "tests/edsa-high-vid.pcap": (0, 4, ""),
    "tests/juniper_es_oobr.pcap": (0, 1, ""),
    "tests/kday6.pcap": (0, 1, ""),
    "tests/vtp_asan.pcap": (0, 5, ""),
    "regression_samples/clusterfuzz-testcase-FuzzTarget-5188876846235648":
        (3, 1, "frame 2, offset 1064: record claims 640034342 bytes, more than the 262144 that it may have"),
    "regression_samples/clusterfuzz-testcase-FuzzTarget-6207688043397120":
        (3, 1, "frame 2, offset 57: record header needs 16 bytes, 2 are left"),
    "regression_samples/clusterfuzz-testcase-minimized-FuzzTarget-5165927376355328":
        (3, 1, "frame 2, offset 295: record header needs 16 bytes, 5 are left"),
    "regression_samples/clusterfuzz-testcase-minimized-FuzzTarget-5204104585674752":
        (3, 1, "frame 2, offset 84: record claims 1862299503 bytes, more than the 262144 that it may have"),
    "regression_samples/clusterfuzz-testcase-minimized-FuzzTarget-5468403752632320": (0, 1, ""),
    "regression_samples/clusterfuzz-testcase-minimized-FuzzTarget-5685520970809344":
        (3, 1, "frame 2, offset 126: record header needs 16 bytes, 4 are left"),
    "regression_samples/clusterfuzz-testcase-minimized-FuzzTarget-5696447256461312":
        (3, 2, "frame 3, offset 57: record says 65540 bytes, 349 are left"),
    "regression_samples/clusterfuzz-testcase-minimized-FuzzTarget-5758569646653440":
        (3, 1, "frame 2, offset 295: record claims 145032960 bytes, more than the 262144 that it may have"),
    "regression_samples/crash-81dba690a3f67ee41a41390a625db732fa1413a1":
        (3, 11, "frame 12, offset 1043: record says 19200 bytes, 8928 are left"),
    "regression_samples/crash-8534c61cdf5987482365d7877ade12eef5aaf8b7":
        (3, 2, "frame 3, offset 186: record header needs 16 bytes, 2 are left"),
    "regression_samples/crash-exception-cast-constructed-record":
        (3, 2, "frame 3, offset 574: record claims 167776960 bytes, more than the 262144 that it may have"),
    "regression_samples/igmplayer":
        (3, 2, "frame 3, offset 185: record claims 172716570 bytes, more than the 262144 that it may have"),
    "regression_samples/radiuslayer":
        (3, 5, "frame 6, offset 440: record claims 4261478435 bytes, more than the 262144 that it may have"),
    "data/truncated_dns_2.pcap":
        (3, 1, "frame 2, offset 240: record header needs 16 bytes, 7 are left"),
    "be/test003.pcapng": (0, 0, ""),
    "be/test014.pcapng": (0, 0, ""),
    "be/test015.pcapng": (0, 0, ""),
    "be/test901.pcapng":
        (3, 1, "frame 2, offset 480: section is of pcapng version 2.0, 1.x is read"),
    "le/test002.pcapng": (0, 0, ""),
    "le/test003.pcapng": (0, 0, ""),
    "le/test013.pcapng": (0, 0, ""),
    "le/test017.pcapng": (0, 0, ""),
    "le/test901.pcapng":
        (3, 1, "frame 2, offset 480: section is of pcapng version 2.0, 1.x is read"),
}
# fmt: on


def name_of(path):
    return "/".join(path.split("/")[-2:])


def test_the_table_has_every_broken_capture():
    assert sorted(TOLD) == sorted(name_of(row["path"]) for row in rows("badinput.tsv"))


@pytest.mark.parametrize("row", rows("badinput.tsv"), ids=lambda row: name_of(row["path"]))
def test_a_broken_capture_is_read_up_to_the_damage_which_is_named(row):
    path = str(CAPTURES / row["path"])
    status, frames, told = TOLD[name_of(row["path"])]
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        assert main([path, "--format", "json"]) == status
    assert err.getvalue() == (f"handshake-inspect: {path}: {told}\n" if told else "")
    assert f'"frames": {frames},' in out.getvalue()
