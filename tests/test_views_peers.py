"""What other tools would call a connection: Wireshark's completeness, Zeek's history and conn_state."""

import pytest

from captures import write_pcap
from frames_by_hand import A4, ACK, B4, FIN, RST, SYN, ethernet, ipv4, tcp
from handshake_inspect import analyse
from handshake_inspect.views.interop import community_id

SYN_ACK, RST_ACK, FIN_ACK = SYN | ACK, RST | ACK, FIN | ACK
FLAGS = {
    "S": SYN, "SA": SYN_ACK, "A": ACK, "F": FIN_ACK, "R": RST, "RA": RST_ACK, "FR": FIN_ACK | RST, "SF": SYN | FIN,
    "f": FIN, "D": 0,
}  # fmt: skip
CLIENT_ISN, SERVER_ISN = 0xFFFFFFFA, 0xFFFFFFF5


@pytest.fixture
def judge(tmp_path):
    """Analyse segments written as `>S <SA >A:10`: direction, flags, bytes of payload, `@n` a SEQ, `^n` an ACK.

    Numbers count from the ISN of their owner; they are filled in as a TCP would.  `=` before a segment repeats the
    one before it with the same IPv4 identification, as a mirror port does; `0` after the flags closes the window.
    """

    def run(text):
        following, got = [0, 0], [0, 0]
        frames, packet = [], b""
        for number, word in enumerate(text.split()):
            if word == "=":
                frames.append((number * 10**6, packet))
                continue
            side = "><".index(word[0])
            body, _, ack = word[1:].partition("^")
            body, _, seq = body.partition("@")
            name, _, size = body.partition(":")
            window = 0 if name.endswith("0") else 64240
            flags = FLAGS[name.rstrip("0")]
            length = int(size or 0)
            start = int(seq) if seq else following[side]
            isns = (CLIENT_ISN, SERVER_ISN)
            acked = int(ack) if ack else following[1 - side]
            segment = tcp(
                flags, payload=bytes(length), src=(A4, B4)[side], dst=(B4, A4)[side], sport=(49152, 443)[side],
                dport=(443, 49152)[side], seq=(isns[side] + start) % 2**32, window=window,
                ack=(isns[1 - side] + acked) % 2**32 if flags & ACK else 0,
            )  # fmt: skip
            packet = ethernet(ipv4(segment, src=(A4, B4)[side], dst=(B4, A4)[side], ip_id=number + 1))
            frames.append((number * 10**7, packet))
            if not flags & RST:
                end = start + length + bool(flags & SYN) + bool(flags & FIN)
                following[side] = max(following[side], end)
            got[side] = acked
        (connection,) = analyse(str(write_pcap(tmp_path / "capture.pcap", frames))).connections
        return connection

    return run


HANDSHAKE = ">S <SA >A "

# fmt: off
NAMES = [
    # segments, Wireshark's completeness, Zeek's conn_state, Zeek's history
    (">S",                                                1, "S0",     "S"),
    (">S >S@0",                                           1, "S0",     "S"),
    (">S <RA",                                           37, "REJ",    "Sr"),
    (">S >R@1",                                          33, "RSTOS0", "SR"),
    (HANDSHAKE,                                           7, "S1",     "ShA"),
    (HANDSHAKE + ">A:5 <A",                              15, "S1",     "ShADa"),
    (">S <SA >A:5",                                      11, "S1",     "ShD"),
    (HANDSHAKE + ">F <A <F >A",                          23, "SF",     "ShAFaf"),
    (HANDSHAKE + ">F:9",                                 31, "S2",     "ShAF"),
    (HANDSHAKE + "<F >A",                                23, "S3",     "ShAf"),
    (HANDSHAKE + ">R@1",                                 39, "RSTO",   "ShAR"),
    (HANDSHAKE + "<R@1",                                 39, "RSTR",   "ShAr"),
    (HANDSHAKE + ">F <A <F <R@2",                        55, "SF",     "ShAFafr"),
    (HANDSHAKE + ">F >R@2 <F",                           55, "SF",     "ShAFRf"),
    (HANDSHAKE + "<R@1 >R@1",                            39, "REJ",    "ShArR"),
    (HANDSHAKE + ">A:1 <R@1 >R@2",                       47, "RSTR",   "ShADrR"),
    (HANDSHAKE + ">A:5 <A0^6 >A:5 <A0^11",               15, "S1",     "ShADaw"),
    (HANDSHAKE + ">A:5 >A:5@1",                          15, "S1",     "ShADT"),
    (HANDSHAKE + ">A:5 =",                               15, "S1",     "ShADT"),
    (HANDSHAKE + ">A:5 " + ">A:5@1 " * 10,               15, "S1",     "ShADTT"),
    (HANDSHAKE + ">A:5@6 >A:5@1",                        15, "S1",     "ShADT"),
    (HANDSHAKE + ">A:5 <A^16",                           15, "S1",     "ShADaG"),
    (">S >A:3 >F",                                       29, "SH",     "SDF"),
    ("<SA",                                               0, "OTH",    "^h"),
    ("<SA >A",                                            6, "S1",     "^hA"),
    ("<SA >A <F >F",                                     22, "SF",     "^hAfF"),
    (">A:3",                                              0, "OTH",    "D"),
    (">A:3 <A",                                          12, "OTH",    "Da"),
    ("<A:3 >A",                                          12, "OTH",    "^dA"),
    (">R",                                                0, "OTH",    "R"),
    ("<RA >A",                                           36, "RSTRH",  "^rA"),
    ("<F >A",                                            20, "SHR",    "^fA"),
    (HANDSHAKE + "<FR",                                  55, "RSTR",   "ShAi"),
    (">SF <RA",                                          37, "RSTR",   "Qr"),
    (">S <A",                                             5, "S0",     "Sa"),
    (HANDSHAKE + ">D:3 >f",                              7, "S2",      "ShADF"),
]
# fmt: on


@pytest.mark.parametrize(("segments", "completeness", "state", "history"), NAMES, ids=[row[0] for row in NAMES])
def test_a_connection_has_the_names_that_other_tools_give_it(judge, segments, completeness, state, history):
    interop = judge(segments).interop
    assert (interop.wireshark_completeness, interop.zeek_conn_state, interop.zeek_history) == (
        completeness,
        state,
        history,
    )


def test_bytes_that_complete_a_fin_are_counted_without_it(judge):
    assert judge(HANDSHAKE + "<A@2 <F@1 <F@1 >A^2").server.bytes == 0


def test_a_fin_one_below_snd_nxt_is_no_keep_alive_probe(judge):
    findings = {finding.id for finding in judge(HANDSHAKE + ">A:5 <A >F@5").findings}
    assert "keep-alive" not in findings
    assert "keep-alive" in {finding.id for finding in judge(HANDSHAKE + ">A:5 <A >A@5").findings}


def test_what_one_side_sends_first_after_the_other_ones_fin_is_data_after_the_fin(judge):
    closing = judge(">A:3 >F@4 <A:7^5").closing
    assert (closing.bytes_after_first_fin.client, closing.bytes_after_first_fin.server) == (0, 7)


def test_a_split_handshake_that_begins_with_an_ack_is_one_connection(judge):
    connection = judge(">S <A@900^1 <S@0 >SA@0^1 <A@1^1 >A:4@1^1")
    assert connection.opening.kind == "split"
    assert [step.to for step in connection.client.transitions] == ["SYN_SENT", "SYN_RECEIVED", "ESTABLISHED"]
    assert [step.frame for step in connection.client.transitions] == [1, 3, 5]
    assert [step.to for step in connection.server.transitions] == ["SYN_SENT", "ESTABLISHED"]


def test_rival_syn_acks_without_their_syn_are_one_handshake_and_the_acknowledged_one_counts(judge):
    connection = judge("<SA@0^1 <SA@700^1 >A:5@1^701 <A@701^6")
    assert connection.opening.kind == "three-way"
    assert connection.server.isn == (SERVER_ISN + 700) % 2**32
    assert not {"wrong-ack", "capture-gap"} & {finding.id for finding in connection.findings}


def test_a_forged_refusal_and_fin_before_the_syn_ack_end_nothing(judge):
    connection = judge(">S <RA@0^1 <F@0^1 >R@1 <SA@90000^1 >A@1^90001 >A:8@1^90001 <A@90001^9 <A:3@90001^9")
    assert "rst-forged" in {finding.id for finding in connection.findings}
    assert (connection.client.state, connection.server.state) == ("ESTABLISHED", "ESTABLISHED")
    assert connection.closing.kind == "open"


def test_a_rst_past_a_fin_meets_the_receiver_that_the_fin_left(judge):
    closing = judge(HANDSHAKE + ">A:4 <A >F >R@6").closing
    assert (closing.kind, closing.reset_in_state) == ("fin-then-reset", "CLOSE_WAIT")


def test_a_refusal_that_is_followed_by_another_syn_is_no_forgery(judge):
    connection = judge(">S <RA@0^1 >S@0 <SA@50^1 >A@1^51 <A:9@51^1")
    assert "rst-forged" not in {finding.id for finding in connection.findings}
    assert (connection.opening.kind, connection.opening.refusals) == ("three-way", 1)


def test_the_community_id_is_that_of_its_specification():
    assert community_id("128.232.110.120", "66.35.250.204", 34855, 80) == "1:LQU9qZlK+B5F3KDmev6m5PMibrg="
    assert community_id("66.35.250.204", "128.232.110.120", 80, 34855) == "1:LQU9qZlK+B5F3KDmev6m5PMibrg="
