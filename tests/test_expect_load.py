"""Files of expectations: every key is understood; what means nothing is refused, with its line and what is allowed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handshake_inspect.errors import ExpectationError
from handshake_inspect.expect.keys import keys, measures, sentence_of
from handshake_inspect.expect.limits import names
from handshake_inspect.expect.load import load, loads
from handshake_inspect.expect.measures import MEASURES
from handshake_inspect.expect.places import lines_of
from handshake_inspect.expect.rules import HIDING, RULES
from handshake_inspect.verdict.findings import FINDINGS

# fmt: off
REFUSED = (
    "",
    "opening = 'three-way'",
    "\n[[expects]]\ncount = 1",
    "[expect]\ncount = 1",
    "expect = 3",
    "[[expect]]\ncount = ",
    "[[expect]]\ncount = 1\ncount = 2",
    "[[expect]]\n\n# why\nopenin = 'three-way'",
    "[[expect]]\nxyzzy = 1",
    "[[expect]]\nopening = 'three-ways'",
    "[[expect]]\nopening = 3",
    "[[expect]]\nclosing = []",
    "[[expect]]\nclosed_by = 'clients'",
    "[[expect]]\nstate = 'CLOSED'",
    "[[expect]]\nstate.sever = 'CLOSED'",
    "[[expect]]\nstate.client = 'TIMEWAIT'",
    "[[expect]]\npath.client = 'CLOSED'",
    "[[expect]]\npath.client = [[]]",
    "[[expect]]\nforbid = ['wrong_ak']",
    "[[expect]]\nhandshake = '5 ms'",
    "[[expect]]\nmax = 3",
    "[[expect]]\nmax.handshake = 50",
    "[[expect]]\nmax.handshake = '50 parsecs'",
    "[[expect]]\nmax.syn_retransmissions = -1",
    "[[expect]]\nmax.syn_retransmissions = true",
    "[[expect]]\nmin.bytes = 'lots'",
    "[[expect]]\nmax.handshak = '5 ms'",
    "[[expect]]\nmax.handshake.p101 = '5 ms'",
    "[[expect]]\nmax.time_wait_peak = '5'",
    "[[expect]]\ncount = 1.5",
    "[[expect]]\ncount = { least = 1 }",
    "[[expect]]\ncount = {}",
    "[[expect]]\ncount = { min = 3, max = 1 }",
    "[[expect]]\noptional = 1",
    "[[expect]]\ngrade = 'impossible'",
    "[[expect]]\nname = ''",
    "[[expect]]\nmatch = 'prot 80'",
    "[[expect]]\nmatch = 'port 80 and'",
    "[[expect]]\nforbid = [\n  'wrong-ack',\n  # a comment\n"
    "]\n\n[[expect]]\nname = '''\n"
    "[[expect]]\n'''\nmax.handshake = 1",
    "[[expect]]\ncount = 1\n[expect.max]\nhandshake = '1 s'\nbytes = 'x'",
    "[[expect]]\n[[expect]]\nmax = { handshake = '1 s', 'handshake.p95' = 3 }",
)
# fmt: on


def refusal_of(text: str) -> str:
    with pytest.raises(ExpectationError) as refusal:
        loads(text, "e.toml")
    return str(refusal.value)


def test_what_means_nothing_is_refused_with_its_line_and_what_is_allowed(golden):
    golden("expect-refused.txt", "\n\n".join(f"{text}\n=> {refusal_of(text)}" for text in REFUSED) + "\n")


@pytest.mark.parametrize("key", list(keys()), ids=lambda key: key.name)
def test_the_example_of_every_key_is_understood(key):
    (expectation,) = loads(f"[[expect]]\n{key.example}")
    assert expectation.line == 1
    assert [demand.line for demand in expectation.demands] in ([], [2])


def test_every_rule_and_every_measure_is_in_the_help():
    told = " ".join(sentence for _, sentence in measures()) + " ".join(name for name, _ in measures())
    assert [name for name in names() if name not in told and name != "time_wait_peak"] == []
    assert set(RULES) <= {key.name for key in keys()}


@pytest.mark.parametrize("key", [*RULES, "count", *(f"max.{name}" for name in names()), "min.bytes", "max.bytes.p5"])
def test_every_key_says_what_it_asks(key):
    assert sentence_of(key)[0].islower() or sentence_of(key).split()[0] in ("SYNs", "SYN-ACKs", "FINs", "RSTs")


def test_for_every_finding_it_is_known_what_can_hide_it():
    assert set(HIDING) == {kind.id for kind in FINDINGS}


@pytest.mark.parametrize("name", MEASURES)
def test_every_measure_takes_a_limit_and_a_percentile(name):
    value = {"duration": '"1 s"', "count": "1", "bytes": '"1 kB"'}[MEASURES[name].unit]
    (expectation,) = loads(f'[[expect]]\nmax.{name} = {value}\nmin."{name}.p50" = {value}')
    assert [(demand.key, demand.line) for demand in expectation.demands] == [(f"max.{name}", 2), (f"min.{name}.p50", 3)]


def test_every_line_is_found_without_a_second_reading_of_toml():
    text = "a.b = 1\n\n# no\n[[t]]\nx = [\n 1,\n]\n[t.u]\ny = '''\n[t]\n'''\n[[t]]\n'x' = {z = 1}\n"
    text += "[[t.v]]\nw = 2\n[[t.v]]\nw = 3\n"
    assert lines_of(text) == {
        ("a",): 1, ("a", "b"): 1, ("t", 0): 4, ("t", 0, "x"): 5, ("t", 0, "u"): 8, ("t", 0, "u", "y"): 9, ("t", 1): 12,
        ("t", 1, "x"): 13, ("t", 1, "x", "z"): 13, ("t", 1, "v", 0): 14, ("t", 1, "v", 0, "w"): 15,
        ("t", 1, "v", 1): 16, ("t", 1, "v", 1, "w"): 17,
    }  # fmt: skip


def test_a_value_of_very_many_lines_loses_lines_and_nothing_else():
    long = '[[expect]]\nname = """drain' + "\n" * 5_000 + '"""\nopening = "refused"\n'
    (expectation,) = loads(long)
    assert (expectation.line, expectation.demands[0].line) == (1, 1)


def test_any_text_is_understood_or_refused():
    pieces = (
        "[[expect]]",
        "[expect]",
        "max",
        ".",
        "handshake",
        "=",
        '"1 s"',
        "[",
        "]",
        "{",
        "}",
        "\n",
        "#",
        "\x00",
        "\u202e",
        "1",
        "é",
    )

    @given(st.lists(st.sampled_from(pieces) | st.text(max_size=3), max_size=30))
    @settings(max_examples=500, deadline=None)
    def trial(parts):
        try:
            loads(" ".join(parts))
        except ExpectationError as refusal:
            assert str(refusal)

    trial()


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(ExpectationError) as refusal:
        load(str(tmp_path / "none.toml"))
    assert str(refusal.value) == f"{tmp_path}/none.toml: cannot be read: No such file or directory"
    (tmp_path / "latin.toml").write_bytes(b"[[expect]]\nname = '\xe9'\n")
    with pytest.raises(ExpectationError) as refusal:
        load(str(tmp_path / "latin.toml"))
    assert str(refusal.value) == f"{tmp_path}/latin.toml:2: byte 0xe9 is no UTF-8"


def test_a_file_from_windows_means_the_same(tmp_path):
    (tmp_path / "e.toml").write_bytes(b"\xef\xbb\xbf[[expect]]\r\ncount = 1\r\nopening = 'refused'\r\n")
    (expectation,) = load(str(tmp_path / "e.toml"))
    assert (expectation.number_line, expectation.demands[0].line) == (2, 3)


def test_deep_nesting_is_refused_and_no_crash():
    with pytest.raises(ExpectationError, match="this is no TOML"):
        loads("x = " + "[" * 100_000, "e.toml")
