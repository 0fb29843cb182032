"""Names in single messages: DNS answers, the server name of a ClientHello, the Host of a request."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handshake_inspect.names.dns import Answer, answers_in
from handshake_inspect.names.http import host_in
from handshake_inspect.names.tls import MORE, NOTHING, Hello, hello_in
from handshake_inspect.names.words import NAME_MOST, host_name, name_of
from messages import AAAA, CNAME, A, client_hello, dns_name, dns_response, record

WEB, CDN = dns_name("www.example.org"), dns_name("cdn.example.net")
ADDRESS, ADDRESS6 = bytes([192, 0, 2, 2]), bytes.fromhex("20010db8000000000000000000000002")


def test_an_answer_names_its_address():
    message = dns_response("www.example.org", record(b"\xc0\x0c", A, ADDRESS), record(b"\xc0\x0c", AAAA, ADDRESS6))
    assert answers_in(message) == [
        Answer("192.0.2.2", ("www.example.org",)),
        Answer("2001:db8::2", ("www.example.org",)),
    ]


def test_a_chain_of_aliases_gives_every_name_the_question_first():
    edge = dns_name("edge.example.net")
    message = dns_response(
        "www.example.org", record(WEB, CNAME, CDN), record(CDN, CNAME, edge), record(edge, A, ADDRESS)
    )
    assert answers_in(message) == [Answer("192.0.2.2", ("www.example.org", "cdn.example.net", "edge.example.net"))]


def test_aliases_that_go_round_in_a_circle_end():
    message = dns_response("www.example.org", record(WEB, CNAME, CDN), record(CDN, CNAME, WEB),
                           record(dns_name("other.example"), A, ADDRESS))  # fmt: skip
    assert answers_in(message) == [Answer("192.0.2.2", ("other.example",))]


@pytest.mark.parametrize(
    "message",
    [
        b"",
        dns_response("www.example.org", record(WEB, A, ADDRESS))[:11],
        dns_response("www.example.org", record(WEB, A, ADDRESS), flags=0x0100),
        dns_response("www.example.org", record(WEB, A, ADDRESS), flags=0x8183),
        dns_response("www.example.org", record(WEB, A, ADDRESS[:3])),
        dns_response("www.example.org", record(WEB, A, ADDRESS, group=3)),
        dns_response("www.example.org", record(b"\xff\xff", A, ADDRESS)),
        dns_response("www.example.org", record(b"\xc0\x21", A, ADDRESS)),
        dns_response("www.example.org", record(b"\x80", A, ADDRESS)),
    ],
    ids=["empty", "cut", "question", "no such name", "short address", "chaos", "beyond", "itself", "reserved"],
)
def test_what_is_no_answer_names_nothing(message):
    assert answers_in(message) == []


def test_the_answers_before_a_damaged_place_stand():
    message = dns_response("www.example.org", record(WEB, A, ADDRESS), record(WEB, A, ADDRESS6[:4]))[:-1]
    assert answers_in(message) == [Answer("192.0.2.2", ("www.example.org",))]


@given(st.binary(max_size=300), st.binary(max_size=60))
def test_any_bytes_are_answered_without_a_fault(message, tail):
    for data in (message, dns_response("a.example")[:12] + message, dns_response("a.example", tail, count=9)):
        for answer in answers_in(data):
            assert all(len(name) <= NAME_MOST and name.isascii() and name.isprintable() for name in answer.names)


@given(st.binary(max_size=400), st.integers(0, 250))
def test_any_bytes_are_no_fault_of_a_hello_or_a_request(data, cut):
    hello_in(data)
    hello_in(b"\x16\x03\x01" + data)
    whole = client_hello("www.example.org")
    hello_in(whole[:cut] + data)
    host_in(data)
    host_in(b"GET / HTTP/1.1\r\n" + data)


def test_a_hello_names_its_server():
    assert hello_in(client_hello("WWW.Example.org")) == Hello("www.example.org", False)


def test_a_hello_without_a_name_is_over():
    assert hello_in(client_hello(None)) == NOTHING


@pytest.mark.parametrize("cut", [1, 4, 5, 8, 40, 70])
def test_a_hello_that_is_cut_needs_more(cut):
    assert hello_in(client_hello("www.example.org")[:cut]) == MORE


def test_a_hello_in_several_records_is_joined():
    assert hello_in(client_hello("www.example.org", record_bytes=20)) == Hello("www.example.org", False)


def test_a_hello_that_claims_too_much_is_given_up():
    assert hello_in(b"\x16\x03\x01\xff\xff\x01\xff\xff\xff" + bytes(100)) == NOTHING


def test_a_request_names_its_host():
    assert host_in(b"GET / HTTP/1.1\r\nAccept: */*\r\nHOST: www.Example.org:8080\r\n\r\n") == "www.example.org"
    assert host_in(b"POST /x HTTP/1.0\r\nHost:a.example\r\n") == "a.example"


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\nHost: body.example\r\n",
        b"GET / HTTP/1.1\r\nHost: 192.0.2.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: <script>\r\n\r\n",
        b"GETTING started\r\nHost: a.example\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: cut.exam",
    ],
)
def test_what_names_no_host_is_none(data):
    assert host_in(data) is None


def test_bytes_that_are_no_letters_are_spelled_out():
    assert name_of([b"a\x1b[31m", b"<b>"]) == r"a\027\09131m.\060b\062"
    assert name_of([b"\xc3\xa9", b"example"]) == r"\195\169.example"


def test_a_name_has_a_length():
    assert name_of([b"a" * 63] * 3) is not None
    assert name_of([b"a" * 63] * 4) is None
    assert name_of([]) is None
    assert name_of([b"a", b""]) is None
    assert host_name(b"a" * 300) is None


def test_a_pointer_leads_only_backwards():
    head = struct.pack(">HHHHHH", 1, 0x8180, 0, 2, 0, 0)
    first = record(b"\xc0\x1c", A, ADDRESS)
    assert len(head) + len(first) == 0x1C
    assert answers_in(head + first + record(dns_name("later.example"), A, ADDRESS)) == []


def test_an_extension_that_is_longer_than_all_of_them_is_not_read():
    whole = bytearray(client_hello("www.example.org"))
    extensions_at = whole.index(b"\x13\x01\x01\x00") + 4
    whole[extensions_at + 1] -= 1
    assert hello_in(bytes(whole)) == NOTHING
