"""Each row of RULES has a ladder for which it speaks, with its whole sentence, and no good connection says anything."""

from __future__ import annotations

import pytest

from handshake_inspect.looks.why import RULES, Case, explain, needs_wire
from handshake_inspect.looks.wire import Direction, Reset, Wire, read
from looking import end_of, recorded
from reports import SERVER_STEPS, closing, connection, endpoint, opening
from wrappings import only

# The rule; a ladder; the sentence; its frames.
# fmt: off
SPEAKS: dict[str, tuple[str, str, tuple[int, ...]]] = {
    "unreachable": (
        "SYN >; < ICMP(3,3)",
        'unreachable: the router or filter 203.0.113.9 answered the SYN with ICMP "port unreachable" (type 3, code '
        "3) in frame 2; it ends the attempt",
        (1, 2),
    ),
    "refused": (
        "SYN >; < RST-ACK; SYN again @0.5 >; < RST-ACK",
        "refused: RST answered the SYN after 10.0 ms, so nothing listens on port 443 of 198.51.100.2, or a filter "
        "rejects for it; 2 times, which is one attempt: this client tries again",
        (1, 2),
    ),
    "syn-challenged": (
        "open; talk; SYN isn+300 >; < ACK old",
        "SYN challenged: frame 9 answers the SYN of frame 8 with an ACK of the connection before: that one was "
        "still known there (RFC 5961)",
        (8, 9),
    ),
    "filtered": (
        "SYN @0 >; SYN again @3 >; SYN again @9 >; quiet @30",
        "filtered, not refused: 3 SYNs, no RST and no ICMP; gaps of 3, 6 s fit Windows 2000 and XP (3, 6 s); "
        "connect fails after 21 s",
        (1,),
    ),
    "half-open": (
        "SYN >; < SYN-ACK; < SYN-ACK again @1; quiet @9",
        "half-open: the SYN-ACK was sent 2 times and never acknowledged: the client is gone, its address is forged "
        "(a SYN flood), or the SYN-ACK does not reach it",
        (1, 2),
    ),
    "reset-opening": (
        "SYN >; < SYN-ACK; RST >",
        "reset while opening: the client answered the SYN-ACK with RST: a port scan, or its connect was given up "
        "before the answer came",
        (1, 2, 3),
    ),
    "failed": (
        "SYN >; < SYN-ACK ack+1",
        "failed to open: an ACK of 4294967292 where 4294967291 = 4294967290 + 1 is expected in frame 2",
        (2,),
    ),
    "accept-queue-full": (
        "SYN >; < SYN-ACK; ACK lost >; < SYN-ACK again @1; ACK >",
        "accept queue full, or the ACK was lost behind the capture point: the SYN-ACK was sent 2 times (again in "
        "frame 4) although frame 3 acknowledges it",
        (3, 4),
    ),
    "opened-late": (
        "SYN @0 lost >; SYN again @1 >; < SYN-ACK; ACK >",
        "opened late: SYN 1 time more before the handshake was complete, 1.00 s lost",
        (2, 3, 4),
    ),
    "data-after-close": (
        "open; FIN >; < ACK; < DATA(4); RST >",
        "data after close: the client had closed (FIN in frame 4) when data of frame 6 reached it, and answered "
        "with RST (frame 7): the server's program went on writing, no fault of the network",
        (6, 7),
    ),
    "not-accepted": (
        "SYN >; < SYN-ACK; ACK >; < RST",
        "not accepted: the ACK that completes the handshake (frame 3) was answered with RST (frame 4): the accept "
        "queue was full with tcp_abort_on_overflow, or the server had forgotten its SYN-ACK",
        (3, 4),
    ),
    "half-open-peer": (
        "open; talk; DATA(5) @9 >; < RST",
        "half-open peer: frame 8 reached the server, which knew no such connection any more and answered with RST "
        "(frame 9, no ACK, its SEQ taken from that frame): it had crashed, restarted or given up before, or a RST "
        "from elsewhere had ended it",
        (8, 9),
    ),
    "reset-after-fin": (
        "open; talk; FIN >; < ACK; RST-ACK @2 >",
        "reset after its own FIN: the client reset the server in CLOSE_WAIT (frame 10): its program closed while "
        "more data was coming, or gave up",
        (8, 9, 10),
    ),
    "reset-for-fin": (
        "open; talk; FIN >; < RST-ACK",
        "reset instead of a close: the server reset the client in FIN_WAIT_1 (frame 9) after the peer's FIN: the "
        "server's program closed with data unread or with linger 0, or was killed",
        (8, 9),
    ),
    "aborted": (
        "open; talk; < RST-ACK",
        "aborted: the server reset the client in ESTABLISHED (frame 8): its program closed with data unread, or "
        "aborted (linger 0, killed)",
        (8,),
    ),
    "not-closed": (
        "open; talk; FIN @1 >; < ACK; < DATA(7); ACK >; quiet @71.01",
        "leak: the server is in CLOSE_WAIT for 1 min 10 s, since frame 8: the client has closed, and the server's "
        "program has not called close; it sent 7 bytes after that, a half-close in use",
        (8, 9),
    ),
    "fin-unanswered": (
        "open; FIN @1 >; FIN again @2 >; quiet @6",
        "the client's FIN (frame 4) was sent 2 times and never acknowledged in the 5.00 s that the capture goes on: "
        "the server is gone or cannot be reached, and the client is left in FIN_WAIT_1",
        (4,),
    ),
    "peer-silent": (
        "open; talk; DATA(5) @1 lost >; DATA(5) again @2 lost >; DATA(5) again @3 lost >; DATA(5) again @4 lost >",
        "the peer does not answer: the client sent data again 3 times until the capture ends, and both ends still "
        "count as open",
        (11,),
    ),
    "rst-forged": (
        "open; < RST lost; < DATA(10); ACK >",
        'forged RST: the server goes on after "its" RST of frame 4: somebody else sent it',
        (4,),
    ),
    "rst-ignored": (
        "open; < RST seq+64240",
        "the RST of frame 4 (server) is ignored: its SEQ 64230 is 64240 past RCV.NXT, outside the window",
        (4,),
    ),
    "rst-challenged": (
        "open; < RST seq+64239",
        "the RST of frame 4 (server) is not at RCV.NXT but 64239 beyond: it calls for a challenge ACK",
        (4,),
    ),
    "rst-not-delivered": (
        "open; DATA(5) >; < RST lost; DATA(5) @1 >",
        "the client goes on after the RST of frame 5: it was not taken",
        (5,),
    ),
    "wrong-ack": (
        "open; FIN >; < ACK ack+1",
        "wrong ACK: an ACK of 4294967293 where 4294967292 = 4294967291 + 1 is expected in frame 5",
        (5,),
    ),
    "time-wait-reset": (
        "open; talk; FIN >; < FIN; ACK >; < RST",
        "the RST of frame 11 ends the client's TIME_WAIT, too early to guard against late segments (RFC 1337)",
        (11,),
    ),
    "time-wait-again": (
        "open; FIN >; < ACK; < FIN; ACK lost >; < FIN again @1; ACK >",
        "a repeated FIN reached the client in TIME_WAIT, which acknowledged it and began 2MSL again (frame 9): its "
        "last ACK had been lost, and this is what TIME_WAIT is for",
        (9,),
    ),
    "late-segment": (
        "open; talk; close; DATA(10) again >",
        "late: 1 segment after the close, the first in frame 12; the client's TIME_WAIT keeps it from a new "
        "connection",
        (12,),
    ),
}
# fmt: on
BY_HAND = {"reset-elsewhere"}
GOOD = {
    "open; talk; close": "closed in order, in four segments: the client first; TIME_WAIT on the client",
    "open; < FIN; FIN >; < ACK": "closed in order, in three segments: the server first; TIME_WAIT on the server",
    "open; FIN~ >; < FIN; ACK >; < ACK": "closed in order, both at once; TIME_WAIT on the client and the server",
    "open; talk": "in order, and still open when the capture ends",
    "open; FIN >; < ACK; < DATA(9); ACK >; < FIN; ACK >": "closed in order, in four segments: the client first; "
    "9 bytes "
    "came after the first FIN, a half-close in use; TIME_WAIT on the client",
    "mid; talk": "in order, and still open when the capture ends",
}


def explained(folder, ladder, row=-1):
    path, report = recorded(folder, ladder)
    wires = read([path], needs_wire(report.connections))
    one = report.connections[row]
    return explain(Case(one, end_of(report), wires.get(one.id)))


@pytest.mark.parametrize("rule", SPEAKS)
def test_each_rule_says_its_sentence_with_its_frames(tmp_path, rule):
    ladder, text, frames = SPEAKS[rule]
    explanation = explained(tmp_path, ladder)
    assert not explanation.good
    (reason,) = [reason for reason in explanation.reasons if reason.rule == rule]
    assert (reason.text, reason.frames) == (text, frames)


def test_each_rule_has_its_test():
    assert [rule.name for rule in RULES if rule.name not in SPEAKS.keys() | BY_HAND] == []
    assert len({rule.name for rule in RULES}) == len(RULES)


@pytest.mark.parametrize("ladder", GOOD)
def test_a_good_connection_says_how_it_went_and_nothing_else(tmp_path, ladder):
    explanation = explained(tmp_path, ladder)
    assert explanation.good
    assert [(reason.rule, reason.text) for reason in explanation.reasons] == [("good", GOOD[ladder])]


def foreign(ttl: int, usual: dict[int, int]) -> Case:
    """A connection that the server reset in frame 9, with these TTLs."""
    direction = Direction()
    direction.ttls.update(usual)
    reset = Reset(frame=9, time_ns=0, by_client=False, has_ack=True, ttl=ttl, answers=None, answers_data=0,
                  answers_fin=False)  # fmt: skip
    one = connection(
        server=endpoint("10.0.0.2", 80, transitions=SERVER_STEPS[:3]),
        closing=closing("reset", "server", frames=(9,), reset_by="server", reset_in_state="ESTABLISHED"),
        time_wait=(),
    )
    return Case(one, 0, Wire(server=direction, resets=[reset]))


def test_a_rst_with_another_ttl_came_from_elsewhere():
    explanation = explain(foreign(249, {57: 5}))
    assert [(reason.rule, reason.text) for reason in explanation.reasons] == [
        ("reset-elsewhere", "reset, likely by somebody else (a middlebox or a forger): the server reset the client in "
         "ESTABLISHED (frame 9), with TTL 249 where all other segments of the server have 57"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("ttl", "usual"), [(64, {64: 5}), (128, {64: 5}), (255, {64: 5}), (249, {57: 5, 58: 1}), (9, {})]
)
def test_a_ttl_that_accuses_nobody_is_no_evidence(ttl, usual):
    assert [reason.rule for reason in explain(foreign(ttl, usual)).reasons] == ["aborted"]


def test_without_the_second_pass_a_rst_is_still_explained():
    one = only("open; talk; DATA(5) @9 >; < RST")
    assert [reason.rule for reason in explain(Case(one, one.last_time_ns, None)).reasons] == ["aborted"]


def test_a_capture_that_starts_mid_stream_has_no_handshake_to_refuse(tmp_path):
    explanation = explained(tmp_path, "mid; DATA(5) >; < RST")
    assert [reason.rule for reason in explanation.reasons] == ["half-open-peer"]


def test_a_refusal_that_is_not_the_first_answer_is_still_one_attempt():
    one = connection(opening=opening("refused", refusals=5, frames=(1, 2)), closing=closing("none", None, frames=()))
    (reason,) = explain(Case(one, one.last_time_ns, None)).reasons
    assert "; 5 times, which is one attempt" in reason.text
