"""What a script found in tshark's output of each stream, with frames, and what we say of the same stream."""

import re
from collections import Counter

from corpus_answers import ACK, FIN, RST, SYN, Answer, needs_corpus, rows, stream_named
from handshake_inspect.rfc9293.states import State

pytestmark = needs_corpus


def frames_of(evidence: str) -> list[int]:
    """The numbers of `frames 865,867,869 over 0.2s`, `FINs frames 195,196 ...`, `FIN 9 by a, FIN 11`."""
    found = re.search(r"(?:FINs?|frames?) (?:frames )?(\d+(?:,\d+)*)(?: by \w, FIN (\d+))?", evidence)
    return [int(number) for group in found.groups() if group for number in group.split(",")]


def first_fins(answer: Answer) -> list[int]:
    return sorted(fin for side in (0, 1) for fin in answer.frames(side, FIN | RST | SYN, FIN)[:1])


def says(*findings):
    """One of the findings is told."""
    return lambda answer, evidence: bool(answer.findings & set(findings))


def opened(*kinds):
    return lambda answer, evidence: answer.view.opening.kind in kinds


def closed(*kinds):
    """The closing is one of the kinds, and its FINs are in the frames of the evidence."""

    def holds(answer, evidence):
        fins = first_fins(answer)
        return answer.view.closing.kind in kinds and fins == sorted(frames_of(evidence))[: len(fins)]

    return holds


def again(bits, wanted, finding):
    """The segment was sent again, in these frames; or the frames after the first are mirrored copies."""

    def holds(answer, evidence):
        frames = frames_of(evidence)
        ours = [number for side in (0, 1) for number in answer.frames(side, bits, wanted)]
        if "mirrored" in answer.findings:
            return frames[0] in ours
        return finding in answer.findings and set(frames) <= set(ours)

    return holds


def after_fin(answer, evidence):
    data = answer.view.closing.bytes_after_first_fin
    return data.client + data.server >= int(re.search(r"(\d+) bytes", evidence)[1])


def fin_of_length(answer, evidence):
    frame, length = map(int, re.search(r"frame (\d+) len (\d+)", evidence).groups())
    return any(row.frame == frame and row.flags & FIN and row.length == length for row in answer.evidence)


def fin_in(answer, evidence):
    return frames_of(evidence)[0] in answer.frames(0, FIN, FIN) + answer.frames(1, FIN, FIN)


def one_way(answer, evidence):
    client, server = answer.view.client, answer.view.server
    return not client.segments + client.duplicates or not server.segments + server.duplicates


def last_ack_missing(answer, evidence):
    """The second FIN is not acknowledged; a RST may have taken its place."""
    reset = answer.frames(0, RST, RST) + answer.frames(1, RST, RST)
    wanted = "fin-then-reset" if reset else "unacknowledged"
    return answer.view.closing.kind == wanted and first_fins(answer) == frames_of(evidence)


def time_wait_used(answer, evidence):
    return bool(answer.view.time_wait)


# fmt: off
CHECKS = {
    # behaviour: what we must say of the stream
    "syn_unanswered":            opened("unanswered"),
    "midstream_start":           says("mid-stream"),
    "missing_side":              one_way,
    "close_3way_finack":         closed("three-segment"),
    "close_4way":                closed("four-way"),
    "simultaneous_close":        closed("simultaneous"),
    "one_fin_only":              closed("half-closed", "unacknowledged"),
    "close_last_ack_missing":    last_ack_missing,
    "half_close_data":           after_fin,
    "fin_with_data":             fin_of_length,
    "fin@SYN_SENT":              fin_in,
    "fin@SYN_RCVD":              fin_in,
    "fin_retransmission":        again(FIN, FIN, "fin-retransmitted"),
    "syn_retransmission":        again(SYN | ACK, SYN, "syn-retransmitted"),
    "synack_retransmission":     again(SYN | ACK, SYN | ACK, "syn-ack-retransmitted"),
    "captured_duplicates":       says("mirrored"),
    "keep_alive":                says("keep-alive"),
    "zero_window":               says("zero-window"),
    "synack_without_syn":        lambda answer, evidence: (answer.view.client.isn is None
                                     and answer.view.opening.kind != "mid-stream"),
    "synack_before_syn":         says("out-of-order-capture"),
    "timestamps_go_backwards":   says("out-of-order-capture"),
    "port_reuse_while_open":     says("tuple-reused"),
    "port_reuse_after_rst":      says("tuple-reused"),
    "handshake_ack_missing":     opened("half-open", "reset"),
    "land_self_connection":      says("self-connected"),
    "tfo_option_syn":            says("fast-open"),
    "synack_wrong_ack":          says("wrong-ack"),
    "handshake_ack_too_low":     says("wrong-ack"),
    "ack_in_reply_to_syn":       says("wrong-ack", "syn-challenged"),
    "syn_after_rst_same_stream": lambda answer, evidence: (answer.view.client.retransmissions.syn > 0
                                     and answer.view.incarnation == 1),
    "data_after_rst":            says("rst-forged", "rst-not-delivered", "rst-ignored", "rst-challenged",
                                      "data-after-close"),
    "ecn_setup_syn":             lambda answer, evidence: answer.view.client.options.ecn is True,
    "mptcp":                     lambda answer, evidence: answer.view.client.options.mptcp is True,
    "rst_only":                  lambda answer, evidence: answer.view.closing.kind == "reset",
    "packets_in_TIME_WAIT":      time_wait_used,
    "simultaneous_open_or_split_handshake": opened("split", "simultaneous"),
}

ABSENT = "no stream of ours: a fragment, or a TCP header that is none (test_corpus_tshark.py)"
ICMP = "an ICMP error answers the SYN, so it is not without any answer: failed, with the error told"
CROSSED = "the FINs crossed, but a RST or the end of the capture came before both were acknowledged"
BEFORE_ACK = "a RST follows the second FIN before its ACK: the close was not complete"
AFTER_FIN = "a bare ACK below its sender's own FIN is an old ACK, no probe"
COPY = "the probes are mirrored copies"
EVIL = "a segment with SYN, FIN and RST at once is among them"
REPEATED = "what came after the FIN had been sent before it: no new byte"
OTHER_BYTES = "the two have the same numbers but not the same bytes, as their checksums show"
FLAGS = "every flag is set on the only segment: a SYN-ACK and a RST in one"
RIGHT = "the ACK is that of the SYN: this split handshake begins with it"
SYN_DATA = "the SYNs crossed, but neither was acknowledged: failed"
RIVALS = "the client acknowledges the third of three SYN-ACKs, and that is the one that counts"
NO_SYN = "the option is on later segments only, and we look for it on SYNs"

DIFFERENCES = (
    # behaviour, capture, streams, why we do not say so
    ("syn_unanswered", "OISF+suricata-verify/tests/ipv6-evasion/ipv6-dos-with-ext-headers-5/denial6-5.pcap",
        (0, 1, 2), ICMP),
    ("syn_unanswered", "OISF+suricata-verify/tests/ipv6-evasion/ipv6-kill-router-gateway/kill_router6.pcap",
        (0, 1), ICMP),
    ("syn_unanswered", "OISF+suricata-verify/tests/ipv6-evasion/ipv6-malformed-fragments-22/frag-22.pcap", (0,), ICMP),
    ("syn_unanswered", "the-tcpdump-group+tcpdump/tests/bgp-bgp_capabilities_print-oobr-1.pcap", (0,), ABSENT),
    ("syn_unanswered", "the-tcpdump-group+tcpdump/tests/bgp-bgp_capabilities_print-oobr-2.pcap", (0,), ABSENT),
    ("syn_unanswered", "the-tcpdump-group+tcpdump/tests/tcp_eight_lowest_weight_flags_set.pcap", (0,), FLAGS),
    ("rst_only", "the-tcpdump-group+tcpdump/tests/tcp_eight_lowest_weight_flags_set.pcap", (0,), FLAGS),
    ("midstream_start", "OISF+suricata-verify/tests/transform-base64-7296/input.pcap", (1,), ABSENT),
    ("midstream_start", "the-tcpdump-group+tcpdump/tests/bgp_pmsi_tunnel-oobr.pcap", (0,), ABSENT),
    ("captured_duplicates", "OISF+suricata-verify/tests/eve-overlap-payload-01/tcp-overlap.pcap", (0,), OTHER_BYTES),
    ("captured_duplicates", "the-tcpdump-group+tcpdump/tests/bgp-shutdown-communication.pcapng", (0,), OTHER_BYTES),
    ("close_4way", "ntop+nDPI/tests/cfgs/default/pcap/wow.pcap", (0, 1), BEFORE_ACK),
    ("ack_in_reply_to_syn", "OISF+suricata-verify/tests/tcp-split-handshake-02-5whs/split-handshake-5whs.pcap",
        (0,), RIGHT),
    ("simultaneous_open_or_split_handshake", "OISF+suricata-verify/tests/util-action-tests/util-action-03/input.pcap",
        (0,), SYN_DATA),
    ("simultaneous_open_or_split_handshake", "OISF+suricata-verify/tests/util-action-tests/util-action-04/input.pcap",
        (0,), SYN_DATA),
    ("handshake_ack_too_low", "ntop+nDPI/tests/cfgs/default/pcap/tls_multiple_synack_different_seq.pcapng",
        (0,), RIVALS),
    ("keep_alive", "OISF+suricata-verify/tests/transform-base64-7296/input.pcap", (4,), EVIL),
    ("keep_alive", "ntop+nDPI/tests/cfgs/default/pcap/psiphon3.pcap", (0,), COPY),
    ("keep_alive", "ntop+nDPI/tests/cfgs/default/pcap/tunnelbear.pcap", (1,), AFTER_FIN),
    ("keep_alive", "ntop+nDPI/tests/cfgs/default/pcap/waze.pcap", (1, 3, 4, 6, 29), AFTER_FIN),
    ("half_close_data", "ntop+nDPI/tests/cfgs/default/pcap/webex.pcap", (34, 50), REPEATED),
    ("mptcp", "the-tcpdump-group+tcpdump/tests/mptcp-aa-echo.pcap", (0, 1), NO_SYN),
    ("mptcp", "the-tcpdump-group+tcpdump/tests/mptcp-tcprst.pcap", (0,), NO_SYN),
    ("simultaneous_close", "zeek+zeek/testing/btest/Traces/postgresql/psql-aws-ssl-require-15432.pcap", (0,), CROSSED),
    ("simultaneous_close", "zeek+zeek/testing/btest/Traces/pppoe-over-qinq.pcap", (0,), CROSSED),
    ("simultaneous_close", "zeek+zeek/testing/btest/Traces/rfb/vnc-scanner.pcap", (0,), CROSSED),
    ("simultaneous_close", "zeek+zeek/testing/btest/Traces/ssh/ssh_version_199.pcap", (0,), CROSSED),
    ("simultaneous_close", "OISF+suricata-verify/tests/bug-1045/smtpsuricataflowbitsFN.pcap", (0,), CROSSED),
    ("simultaneous_close", "OISF+suricata-verify/tests/bug-2646-01/input.pcap", (0,), CROSSED),
    ("simultaneous_close", "OISF+suricata-verify/tests/bug-7264-tcp-3whs-ack-data-tls-01/input.pcap", (0,), CROSSED),
    ("simultaneous_close", "OISF+suricata-verify/tests/http-auth-unrecognized/input.pcap", (0,), CROSSED),
    ("simultaneous_close", "OISF+suricata-verify/tests/ips-state-1/input.pcap", (1,), CROSSED),
    ("simultaneous_close", "OISF+suricata-verify/tests/mime/mime-quoted-printable/input.pcap", (0,), CROSSED),
    ("simultaneous_close", "OISF+suricata-verify/tests/output-eve-ftp-data/input.pcap",
        (3, 7, 9, 43, 45, 63, 65), CROSSED),
    ("simultaneous_close", "OISF+suricata-verify/tests/security-4710-02/input.pcap", (0,), CROSSED),
    ("simultaneous_close", "OISF+suricata-verify/tests/smtp-bug-5981/input.pcap", (0,), CROSSED),
    ("simultaneous_close", "OISF+suricata-verify/tests/smtp-long-DATA-line/input.pcap", (0,), CROSSED),
    ("simultaneous_close", "OISF+suricata-verify/tests/smtp-raw-extraction/input.pcap", (0,), CROSSED),
    ("simultaneous_close", "OISF+suricata-verify/tests/tcp-fastopen-10-syn-data-ignore/input.pcap", (0,), CROSSED),
    ("simultaneous_close", "ntop+nDPI/tests/cfgs/default/pcap/443-firefox.pcap", (0,), CROSSED),
    ("simultaneous_close", "ntop+nDPI/tests/cfgs/default/pcap/tunnelbear.pcap", (1,), CROSSED),
    ("simultaneous_close", "ntop+nDPI/tests/cfgs/default/pcap/vxlan.pcap", (0,), CROSSED),
    ("simultaneous_close", "ntop+nDPI/tests/cfgs/default/pcap/wa_voice.pcap", (3, 4), CROSSED),
    ("simultaneous_close", "seladb+PcapPlusPlus/Tests/Pcap++Test/PcapExamples/example.pcap", (33,), CROSSED),
)

EARLIER = {
    # a RST's receiver: (the script's state, ours): (streams, why)
    ("CLOSE_WAIT", "ESTABLISHED"): (15, "nothing proves that the FIN had come: the RST is not past it, or not taken"),
    ("LAST_ACK", "CLOSING"): (4, "the FINs crossed: who sent its FIN before it got one is never in LAST_ACK"),
    ("CLOSING", "FIN_WAIT_1"): (1, "nothing proves that the FIN had come"),
    ("CLOSED", "LAST_ACK"): (1, "the ACK of its FIN is a copy that was captured twice, of an ACK before the FIN"),
    ("LISTEN", None): (5, "it never showed a sign of life"),
    ("ESTABLISHED", None): (1, "it never showed a sign of life"),
}

NOT_ASKED = {
    # behaviour: why there is nothing to ask
    "open_at_end": "what is still open follows from the closing, and the script guesses silent sides",
    "bad_tcp_checksum": "checksums that the card was to fill in are not wrong, and only SYN, FIN and RST are looked at",
    "capture_loss": "tshark's lost_segment also marks reordering and loss on the way; the other direction is tested",
    "out_of_order_segments": "the network's order is no matter of states",
    "handshake_ack_carries_data": "the ACK is one all the same",
    "encapsulation_differs_in_stream": "the encapsulation is no part of a connection",
    "idle_gap_over_300s": "idle time never splits a connection",
    "flags_null_or_no_ack": "no state changes",
    "ecn_synack": "of ECN the SYN's offer is told for each side",
    "urgent": "no state changes",
    "syn_with_data": "counted as bytes; told when Fast Open asked for it",
    "tcp_in_ip_fragments": "the decoder's tests reassemble",
    "second_fin_other_seq": "the first FIN counts",
    "ece_or_cwr_on_non_syn": "no state changes",
    "vlan_differs_in_stream": "the encapsulation is no part of a connection",
    "rst_with_data": "the payload of a RST is a text",
    "synack_missing": "opening kinds are asked of the streams that the other rows name",
    "port_0": "a port like any other",
    "tfo_synack_acks_data": "told by fast-open",
    "fin_without_ack": "a FIN like any other",
    "tcp_inside_icmp_error": "rows without a stream",
    "tfo_option_synack": "told by fast-open",
    "flags_SYN+FIN": "no TCP sends it",
    "seq_wraparound": "every comparison is modulo 2**32",
    "synack_with_data": "counted as bytes",
    "data_after_own_fin": "forged segments before the SYN-ACK (test_corpus_behaviours.py, data_after_rst)",
    "handshake_ack_beyond_isn+1": "told by the checks",
    "synack_two_isns": "the one that the client acknowledges counts",
    "flags_SYN+RST": "no TCP sends it",
    "flags_FIN+RST": "no TCP sends it",
    "tcp_header_cut": "rows without a stream",
    "syn_partial_ecn_bits": "the ECE bit is what is told",
    "accecn_syn": "the ECE bit is what is told",
    "syn_flood_like": "rows of many streams",
    "synack_conflict": "the one that the client acknowledges counts",
    "syn_scan": "rows of many streams",
    "tcp_inside_sflow_sample": "rows without a stream",
    "several_tcp_segments_in_one_frame": "rows without a stream",
}
# fmt: on


def streams_with(behaviour):
    return {(row["file"], int(row["stream"])) for row in rows("behaviours.tsv") if row["behaviour"] == behaviour}


def streams_told(finding):
    return {name for name, stream in stream_named().items() if stream.answer and finding in stream.answer.findings}


def test_we_say_what_the_script_found_unless_the_table_says_why():
    silent = set()
    for row in rows("behaviours.tsv"):
        check = CHECKS.get(row["behaviour"])
        if check is None:
            continue
        name = row["file"], int(row["stream"])
        answer = stream_named()[name].answer
        if answer is None or not check(answer, row["evidence"]):
            silent.add((row["behaviour"], *name))
    expected = {(behaviour, file, number) for behaviour, file, numbers, _ in DIFFERENCES for number in numbers}
    assert silent == expected


def test_a_rst_meets_its_receiver_in_the_state_that_the_script_says_or_an_earlier_one():
    differ = Counter()
    for row in rows("behaviours.tsv"):
        if not row["behaviour"].startswith("rst@"):
            continue
        stream = stream_named()[row["file"], int(row["stream"])]
        frame, by = re.search(r"frame (\d+) by (\w)", row["evidence"]).groups()
        (rst,) = [each for each in stream.answer.evidence if each.frame == int(frame)]
        assert rst.sender == (stream.a if by == "a" else 1 - stream.a), row
        theirs = row["behaviour"].removeprefix("rst@").replace("SYN_RCVD", "SYN_RECEIVED")
        ours = State(rst.receiver_state).name if rst.receiver_state in list(State) else None
        if ours != theirs:
            differ[theirs, ours] += 1
    assert differ == {states: number for states, (number, _) in EARLIER.items()}


def test_a_capture_gap_is_told_only_where_tshark_misses_bytes_too():
    told = streams_told("capture-gap")
    assert len(told) > 80
    assert told <= streams_with("capture_loss")


def test_a_bad_checksum_is_told_only_where_tshark_finds_one_too():
    told = streams_told("bad-checksum")
    assert len(told) > 40
    assert told <= streams_with("bad_tcp_checksum")


def test_every_behaviour_is_asked_or_has_a_reason_not_to_be():
    named = {row["behaviour"] for row in rows("behaviours.tsv")}
    assert {name for name in named if not name.startswith("rst@")} == set(CHECKS) | set(NOT_ASKED)
