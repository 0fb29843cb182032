"""Over a thousand captures of other people: as many TCP frames as tshark sees, between the same ends."""

from __future__ import annotations

import csv
import ipaddress
from collections import Counter
from functools import cache

import pytest

from corpus_reader import CORPUS, batches
from frames_by_hand import rows_of
from handshake_inspect.decode import Decoder

pytestmark = pytest.mark.skipif(not CORPUS.exists(), reason=f"the corpus of captures is not at {CORPUS}")

# tshark also counts as TCP what an ICMP error quotes; these are rows of their own here, so they are added below.
DIFFERENCES = {
    "OISF+suricata-verify/tests/firewall/tcp-session-decode-malformed-ipv4/input.pcap": (
        1, "tshark stops at an IPv4 option with a false length; where TCP begins is in the header's length"),
    "OISF+suricata-verify/tests/transform-base64-7296/input.pcap": (
        -2, "two data offsets are beyond the segment: malformed"),
    "ntop+nDPI/tests/cfgs/default/pcap/ip_fragmented_garbage.pcap": (
        -2, "two reassembled segments have data offsets of 16 and 8: malformed"),
    "ntop+nDPI/tests/cfgs/default/pcap/kerberos_fuzz.pcapng": (
        -1, "a data offset of 8: malformed"),
    "the-tcpdump-group+tcpdump/tests/bgp-bgp_capabilities_print-oobr-1.pcap": (
        -1, "the first fragment of a datagram whose others never come: a fragment"),
    "the-tcpdump-group+tcpdump/tests/bgp-bgp_capabilities_print-oobr-2.pcap": (
        -1, "the first fragment of a datagram whose others never come: a fragment"),
    "the-tcpdump-group+tcpdump/tests/bgp_pmsi_tunnel-oobr.pcap": (
        -1, "the first fragment of a datagram whose others never come: a fragment"),
    "seladb+PcapPlusPlus/Tests/ExamplesTest/pcap_examples/tcp-reassembly.pcap": (
        -1, "tshark counts a header that an sFlow report samples"),
    "seladb+PcapPlusPlus/Tests/Fuzzers/RegressionTests/regression_samples/crash-exception-cast-constructed-record": (
        1, "tshark sees one frame of the two"),
}  # fmt: skip
"""Our TCP frames less tshark's, where they differ, and why."""


def _ends_of(segment: dict[str, int]) -> frozenset[tuple[int, ...]]:
    fields = ("high", "low", "port")
    return frozenset((segment["family"], *(segment[f"{end}_{field}"] for field in fields)) for end in ("src", "dst"))


@cache
def decoded():
    """Return {capture: (manifest's row, decoder, frames, ICMP rows, Counter of ends)}."""
    found = {}
    with (CORPUS / "manifest.tsv").open(newline="") as manifest:
        for row in csv.DictReader(manifest, delimiter="\t", quoting=csv.QUOTE_NONE):
            name = f"{row['repo']}/{row['path']}"
            decoder, frames, quoted, ends = Decoder(), 0, 0, Counter()
            for batch in batches(CORPUS / "captures" / row["repo"] / row["path"]):
                frames += batch.count
                for segment in rows_of(decoder, decoder.decode(batch)):
                    quoted += segment["kind"] == 2
                    ends[_ends_of(segment)] += segment["kind"] == 1
            found[name] = (row, decoder, frames, quoted, ends)
    return found


def test_every_frame_of_the_corpus_ends_in_one_counter():
    assert len(decoded()) > 1000
    for name, (_, decoder, frames, _, _) in decoded().items():
        assert sum(decoder.counters) == frames, name
        assert sum(decoder.unsupported.values()) == decoder.counters[5], name


def test_there_are_as_many_tcp_frames_as_tshark_counts():
    wrong = {}
    for name, (row, decoder, _, quoted, _) in decoded().items():
        difference = decoder.counters[0] + quoted - int(row["tcp_frames"])
        if difference != DIFFERENCES.get(name, (0, ""))[0]:
            wrong[name] = difference
    assert wrong == {}


def test_as_many_icmp_errors_quote_a_segment_as_tshark_counts():
    wrong = {
        name: (quoted, row["icmp_embedded_tcp_frames"])
        for name, (row, _, _, quoted, _) in decoded().items()
        if quoted != int(row["icmp_embedded_tcp_frames"])
    }
    assert wrong == {}


def _end(address: str, port: str) -> tuple[int, int, int, int]:
    ip = ipaddress.ip_address(address)
    return ip.version, int(ip) >> 64, int(ip) & (1 << 64) - 1, int(port)


def test_segments_go_between_the_ends_that_tshark_names():
    theirs: dict[str, Counter] = {}
    with (CORPUS / "tshark_streams.tsv").open(newline="") as streams:
        for row in csv.DictReader(streams, delimiter="\t", quoting=csv.QUOTE_NONE):
            ends = frozenset((_end(row["a"], row["ap"]), _end(row["b"], row["bp"])))
            theirs.setdefault(row["file"], Counter())[ends] += int(row["pk_a"]) + int(row["pk_b"])
    wrong = {}
    for name, (_, _, _, _, ends) in decoded().items():
        # A Counter with a 0 equals one without the key.
        if name not in DIFFERENCES and ends != theirs.get(name, Counter()):
            wrong[name] = (ends - theirs.get(name, Counter()), theirs.get(name, Counter()) - ends)
    assert wrong == {}
