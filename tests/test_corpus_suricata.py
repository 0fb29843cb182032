"""Suricata's one state a session, from its own tests, beside our two states a connection."""

import json

import pytest

from corpus_answers import answers_of, needs_corpus, rows
from handshake_inspect.views.interop import community_id

pytestmark = needs_corpus

SEED = 7
"""What the settings of those tests say; without a seed it is 0."""

GONE = {"CLOSED", "TIME_WAIT", "LISTEN"}
SILENT = {None, "LISTEN"}

# fmt: off
PAIRS = {
    # Suricata's word: what it means for our client and our server
    "syn_sent":    lambda client, server: client == "SYN_SENT" and server in SILENT,
    "established": lambda client, server: (client, server) == ("ESTABLISHED", "ESTABLISHED"),
    "fin_wait1":   lambda client, server: "FIN_WAIT_1" in (client, server),
    "last_ack":    lambda client, server: "LAST_ACK" in (client, server),
    "closed":      lambda client, server: client in GONE and server in GONE,
}
DIFFERENCES = {
    # test: (our states, why)
    "tests/bug-2646-01": (("FIN_WAIT_2", "CLOSING"),
        "the FINs crossed and the second was never acknowledged; Suricata has no word for a simultaneous close"),
}
# fmt: on


def told():
    return [row for row in rows("suricata_flow.tsv") if row["tcp_state"]]


def candidates(row):
    """Our connections that the row can mean: those with its ports, or all."""
    ports = {row["src_port"], row["dest_port"]} - {""}
    return [a for a in answers_of(row["pcap"]) if ports <= {str(a.view.client.port), str(a.view.server.port)}]


def states(answer):
    return answer.view.client.state, answer.view.server.state


@pytest.mark.parametrize("row", told(), ids=lambda row: f"{row['test']}:{row['tcp_state']}")
def test_the_session_is_in_the_state_that_suricata_says(row):
    agree = [answer for answer in candidates(row) if PAIRS[row["tcp_state"]](*states(answer))]
    if row["test"] in DIFFERENCES:
        assert not agree
        assert DIFFERENCES[row["test"]][0] in [states(answer) for answer in candidates(row)]
    else:
        assert len(agree) >= int(row["count"])


def test_segments_each_way_are_those_of_suricata():
    compared = 0
    for row in told():
        if not row["pkts_ts"] or not row["src_port"]:
            continue
        ours = [(answer.view.client.segments, answer.view.server.segments) for answer in candidates(row)]
        assert (int(row["pkts_ts"]), int(row["pkts_tc"])) in ours, row["test"]
        compared += 1
    assert compared == 15


def test_the_community_id_is_that_of_suricata_with_its_seed():
    compared = 0
    for row in told():
        theirs = json.loads(row["match_json"]).get("community_id")
        if theirs:
            (answer,) = candidates(row)
            (client, client_port), (server, server_port) = answer.ends
            assert community_id(client, server, client_port, server_port, seed=SEED) == theirs, row["test"]
            compared += 1
    assert compared == 2
