"""What the second pass adds: numbers in flight, a RST's own headers."""

from __future__ import annotations

import pytest

from handshake_inspect.looks.wire import read
from looking import moment, recorded
from wrappings import LINKS, ONE_FAMILY, PLAIN


def wire(folder, ladder, until=None, wrapping=PLAIN):
    path, report = recorded(folder, ladder, wrapping)
    return read([path], list(report.connections), until_ns=until)[0]


def test_sequence_numbers_are_counted_across_the_wrap(tmp_path):
    digest = wire(tmp_path, "open; DATA(9) @1 >; DATA(5) @2 >; < ACK ack-5 @3", moment(2.5))
    assert (digest.unacknowledged("client"), digest.unacknowledged("server")) == (14, 0)
    assert wire(tmp_path, "open; DATA(9) @1 >; DATA(5) @2 >; < ACK ack-5 @3").unacknowledged("client") == 5


def test_nothing_is_known_of_an_end_that_sent_nothing(tmp_path):
    assert wire(tmp_path, "SYN >").unacknowledged("server") is None


def test_a_rst_without_ack_names_the_segment_that_it_answers(tmp_path):
    (reset,) = wire(tmp_path, "open; talk; DATA(5) >; < RST").resets
    assert (reset.by_client, reset.has_ack, reset.answers, reset.answers_data) == (False, False, 8, 5)
    (reset,) = wire(tmp_path, "open; talk; < RST-ACK").resets
    assert (reset.has_ack, reset.answers) == (True, None)
    (reset,) = wire(tmp_path, "open; talk; DATA(5) >; < RST seq+1").resets
    assert reset.answers is None


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("family", [4, 6])
def test_the_ttl_is_found_behind_every_link_header(tmp_path, link, family):
    if ONE_FAMILY.get(link, family) != family:
        pytest.skip("this link type carries the other IP version")
    digest = wire(tmp_path, "open; talk; < RST", wrapping=PLAIN._replace(link=link, family=family))
    assert set(digest.client.ttls) == set(digest.server.ttls) == {digest.resets[0].ttl} == {64}


def test_the_times_of_what_is_sent_again_are_all_kept(tmp_path):
    digest = wire(
        tmp_path, "SYN @0 >; < SYN-ACK lost @1; < SYN-ACK again @2; ACK >; FIN @3 >; FIN again @4 >", moment(1.5)
    )
    assert digest.server.syn_acks_ns == [moment(1), moment(2)]
    assert digest.client.fins_ns == [moment(3), moment(4)]


def test_no_connection_reads_nothing(tmp_path):
    assert read([str(tmp_path / "absent.pcap")], []) == {}
