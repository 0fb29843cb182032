"""Our connections beside tshark's streams: segments, SYNs, FINs, RSTs, bytes and completeness of each side."""

from corpus_answers import RST, SERVER, needs_corpus, stream_named, streams

pytestmark = needs_corpus

FRAGMENT = "the first of several IP fragments: a segment only when the others come too"
MALFORMED = "its TCP header is shorter than a TCP header can be"
FORGIVING = "tshark gives up an IPv4 header whose options lie; the header's own length tells where TCP begins"
ONE_HANDSHAKE = "a split handshake, which tshark cuts in two streams; for us it is one connection"
CHRISTMAS = "SYN, FIN and RST on one segment: tshark's columns take it for no SYN-ACK"
CUMULATIVE = "the ACK of the SYN-ACK was not captured: the client's FIN acknowledges it"
AFTER_RST = "the ACK came after a RST of the same side, which is forged then"
WITH_DATA = "data rode on the SYN: the ACK's SEQ is not the client's ISN + 1"
RIVALS = "SYN-ACKs with three ISNs; tshark goes by the first, the client acknowledged the third"
OVERLAP = "bytes that were sent twice in segments of other lengths; we count a byte once"
KEEP_ALIVE = "keep-alive probes repeat a byte; we count a byte once"
RST_TEXT = "the payload of a RST is a text about the RST (RFC 9293 section 3.5.2), no data of the connection"
SAME_SEQ = "three SYNs with one ISN and other data; the first one counts"

# fmt: off
DIFFERENCES = {
    # stream: (the columns that differ, why)
    ("OISF+suricata-verify/tests/transform-base64-7296/input.pcap", 1): ("absent", MALFORMED),
    ("the-tcpdump-group+tcpdump/tests/bgp-bgp_capabilities_print-oobr-1.pcap", 0): ("absent", FRAGMENT),
    ("the-tcpdump-group+tcpdump/tests/bgp-bgp_capabilities_print-oobr-2.pcap", 0): ("absent", FRAGMENT),
    ("the-tcpdump-group+tcpdump/tests/bgp_pmsi_tunnel-oobr.pcap", 0): ("absent", FRAGMENT),
    ("OISF+suricata-verify/tests/firewall/tcp-session-decode-malformed-ipv4/input.pcap", 0):
        ("pk_a by_a", FORGIVING),
    ("OISF+suricata-verify/tests/tcp-split-handshake-02-5whs/split-handshake-5whs.pcap", 0):
        ("pk_a pk_b syn_b synack_a rst_a by_a completeness last", ONE_HANDSHAKE),
    ("OISF+suricata-verify/tests/tcp-split-handshake-02-5whs/split-handshake-5whs.pcap", 1):
        ("first pk_a pk_b syn_b hs_ack", ONE_HANDSHAKE),
    ("OISF+suricata-verify/tests/transform-base64-7296/input.pcap", 4): ("synack_b", CHRISTMAS),
    ("the-tcpdump-group+tcpdump/tests/tcp_eight_lowest_weight_flags_set.pcap", 0): ("synack_b", CHRISTMAS),
    ("zeek+zeek/testing/btest/Traces/http/bro.org-filtered.pcap", 0): ("hs_ack", CUMULATIVE),
    ("zeek+zeek/testing/btest/Traces/http/bro.org-filtered.pcap", 1): ("hs_ack", CUMULATIVE),
    ("zeek+zeek/testing/btest/Traces/http/bro.org-filtered.pcap", 2): ("hs_ack", CUMULATIVE),
    ("zeek+zeek/testing/btest/Traces/http/bro.org-filtered.pcap", 3): ("hs_ack", CUMULATIVE),
    ("zeek+zeek/testing/btest/Traces/http/bro.org-filtered.pcap", 4): ("hs_ack", CUMULATIVE),
    ("zeek+zeek/testing/btest/Traces/http/bro.org-filtered.pcap", 5): ("hs_ack", CUMULATIVE),
    ("zeek+zeek/testing/btest/Traces/http/bro.org-filtered.pcap", 6): ("hs_ack", CUMULATIVE),
    ("zeek+zeek/testing/btest/Traces/modbus/modbus-and-non-modbus-p502.pcap", 4): ("hs_ack", AFTER_RST),
    ("OISF+suricata-verify/tests/tcp-fastopen-07/tcp_fastopen_segmentation.pcap", 0): ("hs_ack", WITH_DATA),
    ("ntop+nDPI/tests/cfgs/default/pcap/tls_multiple_synack_different_seq.pcapng", 0): ("hs_ack", RIVALS),
    ("zeek+zeek/testing/btest/Traces/tcp/qi_internet_SYNACK_curl_jsonip.pcap", 0): ("by_b", OVERLAP),
    ("zeek+zeek/testing/btest/Traces/tls/dhe.pcap", 0): ("by_a", OVERLAP),
    ("the-tcpdump-group+tcpdump/tests/bgp-as-path-oobr.pcap", 0): ("by_a", OVERLAP),
    ("the-tcpdump-group+tcpdump/tests/bgp-shutdown-msg-variations.pcap", 0): ("by_a", SAME_SEQ),
    ("OISF+suricata-verify/tests/bug-6244-tcp-rst-with-data/tcp-rst-with-data.pcap", 0): ("by_a", RST_TEXT),
    ("OISF+suricata-verify/tests/tcp-rst-unacked-stream-01-raw/input.pcap", 0): ("by_a", RST_TEXT),
    ("OISF+suricata-verify/tests/tcp-rst-unacked-stream-03-gap/input.pcap", 0): ("by_a", RST_TEXT),
    ("OISF+suricata-verify/tests/tcp-rst-unacked-stream-04-gap-ips/input.pcap", 0): ("by_a", RST_TEXT),
    ("the-tcpdump-group+tcpdump/tests/tcp_rst_diag_payload-trunc.pcap", 0): ("by_a", RST_TEXT),
    ("the-tcpdump-group+tcpdump/tests/tcp_rst_diag_payload.pcap", 0): ("by_a", RST_TEXT),
    ("zeek+zeek/testing/btest/Traces/smb/smb3_multichannel.pcap", 1): ("by_a by_b", KEEP_ALIVE),
    ("zeek+zeek/testing/btest/Traces/smb/smb3_multichannel.pcap", 2): ("by_a by_b", KEEP_ALIVE),
    ("zeek+zeek/testing/btest/Traces/smb/smb3_multichannel.pcap", 3): ("by_a by_b", KEEP_ALIVE),
    ("zeek+zeek/testing/btest/Traces/smb/smb_v2_only_non_zero_reserved1.pcap", 0): ("by_a by_b", KEEP_ALIVE),
    ("zeek+zeek/testing/btest/Traces/smb/smb_v2_only_non_zero_reserved1.pcap", 1): ("by_a", KEEP_ALIVE),
    ("zeek+zeek/testing/btest/Traces/smb/smb_v2_only_non_zero_reserved1.pcap", 2): ("by_a by_b", KEEP_ALIVE),
    ("zeek+zeek/testing/btest/Traces/smb/smb_v2_only_non_zero_reserved1.pcap", 3): ("by_a", KEEP_ALIVE),
    ("ntop+nDPI/tests/cfgs/default/pcap/h323.pcap", 2): ("by_a", KEEP_ALIVE),
    ("ntop+nDPI/tests/cfgs/default/pcap/hislip.pcap", 0): ("by_b", KEEP_ALIVE),
    ("ntop+nDPI/tests/cfgs/default/pcap/hislip.pcap", 1): ("by_b", KEEP_ALIVE),
    ("ntop+nDPI/tests/cfgs/default/pcap/hislip.pcap", 2): ("by_b", KEEP_ALIVE),
    ("ntop+nDPI/tests/cfgs/default/pcap/hislip.pcap", 3): ("by_b", KEEP_ALIVE),
}
# fmt: on

ANNOUNCED = 26
"""Streams whose SYN tshark does not count, because another dissector (FTP, H.323) announced the conversation."""


def counts(stream, column, ours, duplicates):
    """Whether our count is tshark's: it counts mirrored copies among the segments, we keep them apart."""
    theirs = int(stream.row[column])
    return ours == theirs or (ours and ours < theirs <= ours + duplicates)


def differing(stream):
    """Return the columns of `stream` that are not as tshark has them; `completeness` apart."""
    row, answer = stream.row, stream.answer
    if answer is None:
        return {"absent"}
    columns = set()
    for letter, side in (("a", stream.a), ("b", SERVER - stream.a)):
        flow = answer.plain["flow"][side]
        copies = flow["duplicates"]
        if flow["segments"] + copies != int(row[f"pk_{letter}"]):
            columns.add(f"pk_{letter}")
        for column, ours in (
            ("syn", flow["syns"]),
            ("synack", flow["syn_acks"]),
            ("fin", flow["fins"]),
            ("rst", len(answer.frames(side, RST, RST))),
        ):
            if not counts(stream, f"{column}_{letter}", ours, copies):
                columns.add(f"{column}_{letter}")
        once = not (copies or flow["data_retransmissions"] or flow["missing"])
        if once and flow["bytes"] != int(row[f"by_{letter}"]):
            columns.add(f"by_{letter}")
    if answer.plain["first_frame"] != int(row["first"]):
        columns.add("first")
    if answer.plain["last_frame"] != int(row["last"]):
        columns.add("last")
    if completed(answer) != (row["hs_ack"] != "0"):
        columns.add("hs_ack")
    return columns


def completed(answer):
    """Whether a three-way handshake's last ACK was captured: the opening names it, after the SYN-ACK."""
    opening = answer.view.opening
    before = 1 + (answer.view.client.isn is not None)
    established = any(step.to == "ESTABLISHED" for step in answer.view.client.transitions)
    return opening.kind == "three-way" and len(opening.frames) > before and established


def test_segments_syns_fins_and_rsts_of_each_side_are_those_of_tshark():
    different = {}
    for stream in streams():
        columns = differing(stream)
        if columns:
            different[stream.name] = columns
    expected = {name: set(columns.split()) - {"completeness"} for name, (columns, _) in DIFFERENCES.items()}
    assert different == expected


def test_what_differs_in_a_count_is_less_than_one_stream_in_a_hundred():
    streams_that_differ = [name for name, (columns, _) in DIFFERENCES.items() if not columns.startswith("by_")]
    assert len(streams_that_differ) < len(streams()) / 100


def test_completeness_is_that_of_wireshark():
    announced = 0
    for stream in streams():
        if stream.answer is None or "completeness" in DIFFERENCES.get(stream.name, ("",))[0]:
            continue
        theirs, ours = int(stream.row["completeness"]), stream.answer.view.interop.wireshark_completeness
        if ours != theirs:
            assert ours == theirs | 1 and stream.answer.plain["flow"][0]["syns"] > 0, (stream.name, theirs, ours)
            announced += 1
    assert announced == ANNOUNCED


def test_every_listed_stream_exists_and_every_reason_is_given_once_or_more():
    assert set(DIFFERENCES) <= set(stream_named())
    assert all(reason for _, reason in DIFFERENCES.values())
