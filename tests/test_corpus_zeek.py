"""Zeek's conn_state and history, as its own tests record them, and ours."""

import pytest

from corpus_answers import answers_of, needs_corpus, rows, streams

pytestmark = needs_corpus

USED = ("plain", "input-script")
"""Runs of Zeek that saw the capture as it is; the others changed what Zeek counts."""

TIMERS = "Zeek cuts a connection 5 s after a SYN without an answer, a RST or a close; time cuts none of ours"
CHECKSUMS = "run without -C: Zeek drops segments with wrong checksums, for us they are never a reason to drop"
SCAN = "a lone SYN-ACK: Zeek takes its sender for the originator (a stealth scan?), we take its receiver for the client"
TEREDO = "Zeek takes UDP on any port for Teredo, if it looks so; we know it by its port 3544"

# fmt: off
DIFFERENCES = {
    # (capture, tshark's streams, conn_state, history): why
    ("chksums/localhost-bad-chksum.pcap", "0", "OTH", "C"): CHECKSUMS,
    ("chksums/localhost-bad-chksum.pcap", "0", "SH", "HcADF"): CHECKSUMS,
    ("tunnels/Teredo.pcap", "0", "SHR", "^fA"): TIMERS,
    ("tunnels/Teredo.pcap", "1", "SHR", "^fA"): TIMERS,
    ("tunnels/Teredo.pcap", "1", "SH", "Fa"): TIMERS,
    ("tunnels/Teredo.pcap", "0", "OTH", "R"): TIMERS,
    ("tunnels/Teredo.pcap", "2", "RSTO", "ShADadR"): TIMERS,
    ("tunnels/Teredo.pcap", "0", "RSTRH", "^r"): TIMERS,
    ("tunnels/Teredo.pcap", "1", "RSTRH", "^r"): TIMERS,
    ("tunnels/Teredo.pcap", "2", "RSTRH", "^r"): TIMERS,
    ("tunnels/Teredo.pcap", "-", "S1", "ShADad"): TEREDO,
    ("modbus/modbus-and-non-modbus-p502.pcap", "4", "RSTO", "ShR"): TIMERS,
    ("modbus/modbus-and-non-modbus-p502.pcap", "4", "RSTRH", "Dr"): TIMERS,
    ("ssh/ssh.client-side-half-duplex.pcap", "0", "S0", "SAD"): TIMERS,
    ("ssh/ssh.client-side-half-duplex.pcap", "0", "SH", "DAF"): TIMERS,
    ("ssh/ssh.client-side-half-duplex.pcap", "1", "S0", "SAD"): TIMERS,
    ("ssh/ssh.client-side-half-duplex.pcap", "1", "SH", "DAF"): TIMERS,
    ("ssh/ssh.client-side-half-duplex.pcap", "3", "S0", "SAD"): TIMERS,
    ("ssh/ssh.client-side-half-duplex.pcap", "3", "SH", "DAF"): TIMERS,
    ("ssh/ssh.client-side-half-duplex.pcap", "7", "S0", "SAD"): TIMERS,
    ("ssh/ssh.client-side-half-duplex.pcap", "7", "SH", "ADF"): TIMERS,
    ("ssh/ssh.client-side-half-duplex.pcap", "12", "S0", "SAD"): TIMERS,
    ("ssh/ssh.client-side-half-duplex.pcap", "12", "SH", "DAF"): TIMERS,
    ("vntag_vlan_sandwich_clean.pcap", "0", "OTH", "-"): SCAN,
}
# fmt: on

TOP = "testing/btest/Traces/"


def name_of(row):
    return row["path"].removeprefix(TOP), row["tshark_streams"], row["conn_state"], row["history"]


def used_rows():
    return [row for row in rows("zeek_conn.tsv") if row["run_class"] in USED]


def candidates(row):
    """Return our connections with the ends of `row`, the originator ours to name; all where the row names none."""
    found = answers_of(f"{row['repo']}/{row['path']}")
    if row["id.orig_p"] == "-":
        return found
    ends = ((row["id.orig_h"], int(row["id.orig_p"])), (row["id.resp_h"], int(row["id.resp_p"])))
    return [answer for answer in found if answer.ends == ends]


def agrees(row):
    # X and x are letters of Zeek's protocol analysers, which gave up; they say nothing of TCP.
    history = row["history"].replace("X", "").replace("x", "")
    return any(
        row["conn_state"] in ("-", answer.view.interop.zeek_conn_state)
        and history in ("-", "", answer.view.interop.zeek_history)
        for answer in candidates(row)
    )


def test_conn_state_and_history_are_those_of_zeek_unless_the_table_says_why():
    assert [name_of(row) for row in used_rows() if not agrees(row)] == [
        name_of(row) for row in used_rows() if name_of(row) in DIFFERENCES
    ]


def test_every_listed_difference_is_a_row():
    assert set(DIFFERENCES) <= {name_of(row) for row in used_rows()}


def test_what_no_timer_cut_and_no_checksum_dropped_agrees_in_98_of_100_rows():
    comparable = [row for row in used_rows() if DIFFERENCES.get(name_of(row)) not in (TIMERS, CHECKSUMS)]
    assert sum(map(agrees, comparable)) >= 0.98 * len(comparable)


@pytest.mark.parametrize("state", ["S0", "S1", "SF", "REJ", "RSTO", "RSTR", "SH", "SHR", "S2", "S3", "OTH", "RSTRH"])
def test_the_corpus_shows_every_conn_state(state):
    assert any(stream.answer and stream.answer.view.interop.zeek_conn_state == state for stream in streams())
