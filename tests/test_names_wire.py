"""The names of whole captures: which frames tell them, and which connections carry them."""

from __future__ import annotations

import pytest

from captures import write_pcap, write_pcapng
from frames_by_hand import ACK, PSH, RST, SYN, ethernet, ipv4, ipv6, tcp, udp
from handshake_inspect import UsageError, analyse
from handshake_inspect.names import Labels, Named, names_of
from handshake_inspect.names.labels import ADDRESSES_MOST, ASKED_MOST, NAMES_MOST, Flow
from handshake_inspect.select import compile_filter
from messages import AAAA, A, client_hello, dns_response, record

CLIENT, SERVER, RESOLVER = bytes((192, 0, 2, 1)), bytes((198, 51, 100, 2)), bytes((192, 0, 2, 53))
SERVER6, CLIENT6 = bytes.fromhex("20010db8" + "00" * 11 + "02"), bytes.fromhex("20010db8" + "00" * 11 + "01")
WEB = "www.example.org"
ANSWER = dns_response(WEB, record(b"\xc0\x0c", A, SERVER))


def answer(message=ANSWER, **layers):
    return ipv4(udp(message, dport=40001, sport=53), protocol=17, src=RESOLVER, dst=CLIENT, **layers)


def segment(flags, payload=b"", seq=1001, sport=40000, back=False, dport=443, ack=5001):
    ends = {"src": SERVER, "dst": CLIENT} if back else {"src": CLIENT, "dst": SERVER}
    ports = {"sport": dport, "dport": sport} if back else {"sport": sport, "dport": dport}
    return ethernet(ipv4(tcp(flags, payload=payload, seq=seq, ack=ack, **ends, **ports), **ends))


def opened(sport=40000, dport=443):
    return [
        segment(SYN, seq=1000, sport=sport, dport=dport),
        segment(SYN | ACK, seq=5000, sport=sport, back=True, dport=dport),
        segment(ACK, sport=sport, dport=dport),
    ]


def names(tmp_path, frames, **choices):
    path = write_pcap(tmp_path / "names.pcap", [(number, frame) for number, frame in enumerate(frames)], **choices)
    return names_of(str(path)), path


@pytest.mark.parametrize(
    ("frame", "link_type"),
    [
        (ethernet(answer()), 1),
        (ethernet(bytes.fromhex("0064") + b"\x08\x00" + answer(), 0x8100), 1),
        (ethernet(bytes.fromhex("0064") + b"\x81\x00\x00\x65\x08\x00" + answer(), 0x88A8), 1),
        (answer(), 101),
        (bytes(14) + b"\x08\x00" + answer(), 113),
        (b"\x08\x00" + bytes(18) + answer(), 276),
        (b"\x02\0\0\0" + answer(), 0),
        (ipv6(udp(ANSWER, dport=40001, sport=53), 17), 101),
    ],
    ids=["ethernet", "vlan", "two vlans", "raw", "sll", "sll2", "null", "ipv6"],
)
def test_a_dns_answer_is_found_behind_each_link_type(tmp_path, frame, link_type):
    labels, _ = names(tmp_path, [frame], link_type=link_type)
    assert labels.of_address("198.51.100.2") == (WEB,)


def test_a_dns_answer_over_tcp_is_found(tmp_path):
    message = len(ANSWER).to_bytes(2) + ANSWER
    labels, _ = names(tmp_path, [*opened(dport=53), segment(ACK | PSH, message, seq=5001, back=True, dport=53)])
    assert labels.of_address("198.51.100.2") == (WEB,)


def test_a_dns_question_and_other_ports_tell_nothing(tmp_path):
    question = ethernet(ipv4(udp(ANSWER, dport=53, sport=40001), protocol=17, src=CLIENT, dst=RESOLVER))
    fragment = ethernet(ipv4(udp(ANSWER, dport=4, sport=53), protocol=17, fragment=0x2000))
    other = ethernet(ipv4(udp(ANSWER, dport=4, sport=53), protocol=18))
    labels, _ = names(tmp_path, [question, fragment, other, b"", bytes(60)])
    assert labels.of_address("198.51.100.2") == ()


@pytest.mark.parametrize("cut", [None, 1, 6, 100, 1400])
def test_a_server_name_is_found_in_one_segment_or_two(tmp_path, cut):
    hello = client_hello(WEB, padding=1500)
    parts = [hello] if cut is None else [hello[:cut], hello[cut:]]
    frames, seq = opened(), 1001
    for part in parts:
        frames.append(segment(ACK | PSH, part, seq=seq))
        seq += len(part)
    labels, _ = names(tmp_path, frames)
    # A single first byte is not yet the start of a ClientHello: the price of looking at few frames.
    assert labels.of_address("198.51.100.2") == (() if cut == 1 else (WEB,))


def test_a_hello_whose_middle_was_not_captured_tells_nothing(tmp_path):
    hello = client_hello(WEB, padding=1500)
    frames = [*opened(), segment(ACK, hello[:500]), segment(ACK, hello[900:], seq=1901)]
    assert names(tmp_path, frames)[0].of_address("198.51.100.2") == ()


def test_each_connection_carries_the_name_that_it_asked_for(tmp_path):
    request = b"GET / HTTP/1.1\r\nHost: plain.example\r\n\r\n"
    frames = [
        ethernet(answer()),
        *opened(), segment(ACK | PSH, client_hello("shop.example"), seq=1001),
        *opened(40001, 80), segment(ACK | PSH, request, sport=40001, dport=80),
        *opened(40002),
    ]  # fmt: skip
    labels, path = names(tmp_path, frames)
    connections = Named(analyse(str(path)), labels).connections
    assert [connection.server.names for connection in connections] == [
        ("shop.example", WEB, "plain.example"),
        ("plain.example", WEB, "shop.example"),
        (WEB, "shop.example", "plain.example"),
    ]
    assert [connection.client.names for connection in connections] == [(), (), ()]
    assert [connection.id for connection in connections[1:]] == [1, 2]
    keep = compile_filter("server host PLAIN.example. and port 80", names=True)
    assert [connection.id for connection in connections if keep(connection)] == [1]
    assert len([connection for connection in connections if compile_filter("host 198.51.100.2")(connection)]) == 3


def test_a_reused_4_tuple_keeps_its_names_apart(tmp_path):
    def again(isn, name):
        return [
            segment(SYN, seq=isn), segment(SYN | ACK, seq=isn + 7777, back=True, ack=isn + 1),
            segment(ACK | PSH, client_hello(name), seq=isn + 1, ack=isn + 7778),
            segment(RST | ACK, seq=isn + 500, ack=isn + 7778),
        ]  # fmt: skip

    labels, path = names(tmp_path, [*again(1000, "first.example"), *again(900_000_000, "second.example")])
    connections = Named(analyse(str(path)), labels).connections
    assert [connection.server.names[0] for connection in connections] == ["first.example", "second.example"]


def test_names_of_ipv6_are_found(tmp_path):
    message = dns_response(WEB, record(b"\xc0\x0c", AAAA, SERVER6))
    path = write_pcapng(tmp_path / "six.pcapng", [(0, ethernet(answer(message)))])
    assert names_of(str(path)).of_address("2001:db8::2") == (WEB,)


def test_what_was_found_is_bounded():
    labels = Labels()
    for number in range(ADDRESSES_MOST + 10):
        labels.answered(str(number), ["a.example"])
    labels.answered("0", [f"{number}.example" for number in range(NAMES_MOST + 10)])
    assert labels.of_address(str(ADDRESSES_MOST + 1)) == ()
    assert len(labels.of_address("0")) == NAMES_MOST
    flow = Flow("1", 1, "2", 2)
    for number in range(ASKED_MOST + 10):
        labels.asked(flow, number, "b.example")
    assert labels.of_server(flow, ASKED_MOST - 1, ASKED_MOST - 1) == ("b.example", "a.example")
    assert labels._told == ASKED_MOST


def test_standard_input_is_refused():
    with pytest.raises(UsageError) as refusal:
        names_of("-")
    assert str(refusal.value) == (
        "--names reads the captures twice, and standard input only once: save it to a file first"
    )
