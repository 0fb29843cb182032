"""The words of --filter: what they choose, and what is said about a slip."""

import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fake_cli import modules
from handshake_inspect.errors import FilterError
from handshake_inspect.select import compile_filter, parse
from handshake_inspect.select.tree import Both, Comparison, Either, Node, Not
from handshake_inspect.select.words import COMPARISONS, ENDS, FIELDS
from reports import NO_REPEATS, FakeReport, capture, connection, endpoint, mixed


@pytest.fixture(autouse=True, scope="module")
def made_up_findings():
    with pytest.MonkeyPatch.context() as patch:
        for name, module in modules().items():
            patch.setitem(sys.modules, name, module)
        yield


CHOSEN: tuple[tuple[str, list[int]], ...] = (
    # expression                                       ids of the mixed report
    ("host 10.0.0.1",                                  [0, 1, 2, 3]),
    ("host 10.0.0.1 and port 81",                      [1]),
    ("server host 10.0.0.1",                           []),
    ("net 10.0.0.0/8",                                 [0, 1, 2, 3]),
    ("net in (192.168.0.0/16, 10.0.0.2/32)",           [0, 1, 2, 3]),
    ("not net 10.0.0.0/8",                             []),
    ("net 2001:db8::/32",                              []),
    ("port 40002",                                     [2]),
    ("port != 80",                                     [1]),
    ("client port >= 40002",                           [2, 3]),
    ("stream 3",                                       [3]),
    ("incarnation 1",                                  [0, 1, 2, 3]),
    ("roles guessed",                                  []),
    ("opening == refused",                             [1]),
    ("OPENING Refused OR opening HALF_OPEN",           [1, 2]),
    ("certainty inferred",                             [1]),
    ("handshake >= 12.5ms",                            [0, 3]),
    ("handshake < 12.5ms",                             []),
    ("handshake != 1s",                                [0, 1, 2, 3]),
    ("closing in (four-way, half-closed)",             [0, 3]),
    ("closed-by server",                               [3]),
    ("not closed-by client",                           [1, 2, 3]),
    ("reset-by client",                                []),
    ("state CLOSE_WAIT",                               [3]),
    ("client state == time-wait",                      [0]),
    ("state in (SYN_SENT, FIN_WAIT_2)",                [2, 3]),
    ("time-wait capture-end",                          [0]),
    ("finding refused",                                [1, 3]),
    ("finding == refused and severity < error",        [1, 3]),
    ("severity >= warning",                            [1, 2, 3]),
    ("severity none",                                  [0]),
    ("duration == 1ms",                                [1]),
    ("duration > 1s",                                  [0, 2, 3]),
    ("bytes > 1MB",                                    [3]),
    ("bytes == 310B",                                  [0]),
    ("server bytes 300",                               [0]),
    ("segments 2",                                     [1]),
    ("retransmissions > 0",                            []),
    ("missing 0",                                      [0, 1, 2, 3]),
    ('community-id "1:LQU9qZlK+B5F3KDmev6m5PMibrg="',  [0, 1, 2, 3]),
    ("stream 0 || stream 1 && ! stream 1",             [0]),
    ("(stream 0 || stream 1) && ! stream 1",           [0]),
    ("not not stream 2",                               [2]),
    ("!(stream 0 or stream 1)",                        [2, 3]),
)  # fmt: skip


@pytest.mark.parametrize(("expression", "ids"), CHOSEN)
def test_a_filter_chooses(expression, ids):
    keep = compile_filter(expression)
    assert [one.id for one in mixed().connections if keep(one)] == ids


@pytest.mark.parametrize("field", FIELDS.values(), ids=FIELDS.keys())
def test_the_example_of_each_field_is_one_of_it(field):
    node = parse(field.example)
    assert isinstance(node, Comparison)
    assert node.field == field.name
    assert compile_filter(field.example)(connection()) in (True, False)
    assert (field.get is None) != (field.of_end is None)


def test_every_field_is_tested():
    assert {part for expression, _ in CHOSEN for part in FIELDS if part in expression.lower()} == set(FIELDS)


def test_addresses_compare_as_addresses():
    one = connection(client=endpoint("2001:db8::1", 1), server=endpoint("2001:db8::2", 2))
    assert compile_filter("host 2001:0DB8:0::0001")(one)
    assert not compile_filter("host 2001:db8::3")(one)
    assert compile_filter("server net 2001:db8::2/127")(one)


def test_retransmissions_of_both_ends_are_added():
    again = type(NO_REPEATS)(syn=1, syn_ack=1, fin=1, data=1)
    ends = [endpoint("10.0.0.1", port, retransmissions=again) for port in (1, 2)]
    one = connection(client=ends[0], server=ends[1])
    assert compile_filter("retransmissions == 8")(one)
    assert compile_filter("client retransmissions == 4")(one)


SLIPS = (
    # expression                 position, problem
    ("",                         0, "the filter is empty; for example: opening == refused"),
    ("  ",                       0, "the filter is empty; for example: opening == refused"),
    ("prot 80",                  0, "there is no field 'prot'; did you mean port?"),
    ("client prt 80",            7, "there is no field 'prt'; did you mean port?"),
    ("== 3",                     0, "needs a field before '=='; for example: opening == refused"),
    ("port",                     4, "'port' needs a value, not the end; for example: server port 443"),
    ("port ==",                  7, "'port' needs a value, not the end; for example: server port 443"),
    ("port 70000",               5, "'port' needs a port from 0 to 65535, not '70000'"),
    ("port 80 port 81",          8, "needs 'and' or 'or' before 'port'"),
    ("port 80)",                 7, "needs 'and' or 'or' before ')'"),
    ("(port 80",                 0, "this '(' is never closed"),
    ("(port 80 port 81)",        0, "needs ')' before 'port'"),
    ("port 80 and",              11, "needs a field before the end; for example: opening == refused"),
    ("opening refusd",           8, "'opening' does not know 'refusd'; did you mean refused?"),
    ("state time",               6, "'state' does not know 'time'; did you mean TIME_WAIT?"),
    ("closed-by x",              10, "'closed-by' does not know 'x'; one of: client, server"),
    ("opening > refused",        8, "'opening' has no order; compare it with == or != or in (...)"),
    ("client opening refused",   0, "'opening' belongs to the connection, not to one end; those of an end: "
                                    "host, net, port, state, bytes, segments, retransmissions, missing"),
    ("host web",                 5, "'host' needs an IPv4 or IPv6 address, not 'web'; names come with --names"),
    ("host 10.0.0.0/8",          5, "'host' needs an IPv4 or IPv6 address, not '10.0.0.0/8'; "
                                    "a network is: net 10.0.0.0/8"),
    ("net 10.0.0.1/8",           4, "'net' needs a network such as 10.0.0.0/8 or 2001:db8::/32, not '10.0.0.1/8' "
                                    "(10.0.0.1/8 has host bits set)"),
    ("stream -1",                7, "'stream' needs a whole number, not '-1'"),
    ("handshake > 50",           12, "'handshake' needs a duration such as 250ms, 1.5s or 2min, not '50'"),
    ("bytes > 1XB",              8, "'bytes' needs a number of bytes such as 1460, 10kB, 1MB or 1MiB, not '1XB'"),
    ("port in 80",               8, "needs '(' and a list after 'in', not '80'"),
    ("port in (80 81)",          12, "needs ',' or ')' in the list, not '81'"),
    ("port in ()",               9, "'port' needs a value, not ')'; for example: server port 443"),
    ("port = 80",                5, "a filter cannot hold '=' here"),
    ("(" * 200,                  101, "nested more than 100 deep"),
    ("not " * 200 + "port 80",   404, "nested more than 100 deep"),
)  # fmt: skip


@pytest.mark.parametrize(("expression", "position", "problem"), SLIPS)
def test_a_slip_is_named_with_its_place(expression, position, problem):
    with pytest.raises(FilterError) as refusal:
        parse(expression)
    assert (refusal.value.problem, refusal.value.position) == (problem, position)


def test_and_binds_closer_than_or():
    assert str(parse("stream 1 or stream 2 and stream 3")) == str(parse("stream 1 or (stream 2 and stream 3)"))
    assert parse("stream 1 or stream 2 and stream 3") != parse("(stream 1 or stream 2) and stream 3")


def comparisons() -> st.SearchStrategy[Node]:
    values = {
        "host": "10.0.0.1", "net": "10.0.0.0/8", "roles": "seen", "opening": "refused", "certainty": "observed",
        "handshake": "50ms", "closing": "reset", "closed-by": "client", "reset-by": "server", "state": "CLOSED",
        "time-wait": "reuse", "finding": "refused", "severity": "note", "duration": "2s", "community-id": "1:a b=",
    }  # fmt: skip

    @st.composite
    def build(draw):
        field = FIELDS[draw(st.sampled_from(list(FIELDS)))]
        value = values.get(field.name, "7")
        end = draw(st.sampled_from([None, *ENDS])) if field.of_end else None
        comparison = draw(st.sampled_from(["in", *(COMPARISONS if field.kind.ordered else ("==", "!="))]))
        count = draw(st.integers(1, 3)) if comparison == "in" else 1
        return Comparison(end, field.name, comparison, (value,) * count)

    return build()


def joined(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    several = st.lists(inner, min_size=2, max_size=4).map(tuple)
    return st.one_of(st.builds(Not, inner), st.builds(Both, several), st.builds(Either, several))


nodes = st.recursive(comparisons(), joined, max_leaves=12)


@given(nodes)
def test_what_is_printed_parses_to_the_same(node):
    assert parse(str(node)) == node


@given(nodes)
def test_every_expression_has_an_answer_for_every_connection(node):
    keep, opposite = node.predicate(), Not(node).predicate()
    for one in mixed().connections:
        assert keep(one) is (not opposite(one))


marks = ("and", "or", "not", "in", "(", ")", ",", "==", "!=", "<", ">=", "&&", "||", "!", '"', "=", "\u00e9", "\n", " ")
pieces = st.sampled_from([*FIELDS, *ENDS, *marks, "443", "10.0.0.1", "50ms", "refused"])


@settings(max_examples=300)
@given(st.one_of(st.text(), st.lists(pieces, max_size=12).map(" ".join)))
def test_any_text_is_understood_or_refused_with_a_place(text):
    try:
        keep = compile_filter(text)
    except FilterError as refusal:
        assert 0 <= refusal.position <= len(text)
    else:
        assert keep(connection()) in (True, False)


def test_an_empty_report_can_be_filtered():
    assert [one for one in FakeReport([], [capture()]).connections if compile_filter("stream 0")(one)] == []
