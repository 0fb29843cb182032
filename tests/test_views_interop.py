"""What other tools would call a connection."""

import pytest

from handshake_inspect.views.interop import community_id
from wrappings import Wrapping, only


@pytest.mark.parametrize(
    ("ends", "seed", "expected"),
    [
        (("128.232.110.120", "66.35.250.204", 34855, 80), 0, "1:LQU9qZlK+B5F3KDmev6m5PMibrg="),
        (("66.35.250.204", "128.232.110.120", 80, 34855), 0, "1:LQU9qZlK+B5F3KDmev6m5PMibrg="),
        (("128.232.110.120", "66.35.250.204", 34855, 80), 1, "1:3V71V58M3Ksw/yuFALMcW0LAHvc="),
        (("2001:470:e5bf:dead:4957:2174:e82c:4887", "2607:f8b0:400c:c03::1a", 63943, 25), 0,
         "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4="),
    ],
)  # fmt: skip
def test_the_community_id_is_that_of_the_published_vectors(ends, seed, expected):
    assert community_id(*ends, seed=seed) == expected


@pytest.mark.parametrize("family", [4, 6])
def test_both_directions_have_one_community_id(family):
    below = only("SYN >", Wrapping(family=family, server_below=True)).client
    above = only("SYN >", Wrapping(family=family, server_below=False)).client
    assert community_id(below.address, above.address, 1, 2) == community_id(above.address, below.address, 2, 1)
    assert community_id(below.address, above.address, 1, 2) != community_id(above.address, below.address, 1, 2)


# Wireshark's bits: SYN 1, SYN-ACK 2, ACK 4, data 8, FIN 16, RST 32.
@pytest.mark.parametrize(
    ("ladder", "bits"),
    [
        ("SYN >", 1), ("SYN >; < SYN-ACK", 3), ("open", 7), ("open; talk", 15), ("open; talk; close", 31),
        ("open; close", 23), ("SYN >; < RST-ACK", 37), ("open; talk; < RST", 47), ("mid; talk", 12),
        ("mid; RST >", 0), ("open; talk; close; < RST", 63),
    ],
)  # fmt: skip
def test_completeness_adds_up_the_kinds_of_segments_seen(ladder, bits):
    assert only(ladder).interop.wireshark_completeness == bits


@pytest.mark.parametrize(
    ("ladder", "state", "history"),
    [
        ("SYN >", "S0", "S"),
        ("open", "S1", "ShA"),
        ("open; talk; close", "SF", "ShADadFf"),
        ("open; FIN >; < ACK", "S2", "ShAFa"),
        ("open; < FIN; ACK >", "S3", "ShAf"),
        ("SYN >; < RST-ACK", "REJ", "Sr"),
        ("open; DATA(5) >; RST >", "RSTO", "ShADR"),
        ("open; DATA(5) >; < RST", "RSTR", "ShADr"),
        ("SYN >; RST >", "RSTOS0", "SR"),
        ("SYN >; FIN >", "SH", "SF"),
        ("mid; talk", "OTH", "DadA"),
    ],
)
def test_zeek_would_call_it_the_same(ladder, state, history):
    names = only(ladder).interop
    assert (names.zeek_conn_state, names.zeek_history) == (state, history)


@pytest.mark.parametrize(
    ("ladder", "code"),
    [("SYN >", "S1F0"), ("open; talk; close", "S2F2"), ("open; FIN >", "S2F1"), ("open; RST >", "S2F0/R"),
     ("mid; talk", "S0F0"), ("SYN >; SYN again >; < RST-ACK", "S1F0/R")],
)  # fmt: skip
def test_the_s_f_code_counts_the_ends_that_sent_a_syn_and_a_fin(ladder, code):
    assert only(ladder).interop.sf == code
