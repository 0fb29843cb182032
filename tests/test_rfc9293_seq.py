"""Sequence numbers against arithmetic on integers that do not wrap (RFC 9293 section 3.4)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handshake_inspect.rfc9293.seq import seq_covers, seq_distance

WRAP = 2**32
SEQ = st.integers(0, WRAP - 1)
NEAR = st.integers(-(2**31), 2**31 - 1)


@given(start=st.integers(0, 2**40), step=NEAR)
def test_the_distance_is_what_was_added_wherever_the_numbers_wrap(start, step):
    assert seq_distance(start % WRAP, (start + step) % WRAP) == step


@given(seq=st.integers(0, 2**40), step=st.integers(-(2**31) + 1, 2**31 - 1))
def test_an_ack_covers_the_numbers_below_it(seq, step):
    assert seq_covers((seq + step) % WRAP, seq % WRAP) is (step > 0)


@given(first=SEQ, second=SEQ)
def test_two_numbers_are_never_each_behind_the_other(first, second):
    there, back = seq_distance(first, second), seq_distance(second, first)
    assert there == -back or there == back == -(2**31)
    assert not (seq_covers(first, second) and seq_covers(second, first))


@pytest.mark.parametrize(
    ("start", "end", "distance"),
    [(0, 0, 0), (WRAP - 1, 0, 1), (0, WRAP - 1, -1), (WRAP - 1, WRAP - 1, 0), (2**31 - 1, 2**31, 1),
     (0, 2**31 - 1, 2**31 - 1), (0, 2**31, -(2**31)), (2**31, 0, -(2**31)),
     (WRAP - 1, 2**31 - 1, -(2**31)), (WRAP - 6, 5, 11)],
)  # fmt: skip
def test_the_edges(start, end, distance):
    assert seq_distance(start, end) == distance
    assert seq_covers(end, start) is (distance > 0)


@pytest.mark.parametrize("wrong", [-1, WRAP])
def test_a_number_that_is_no_sequence_number_is_refused(wrong):
    with pytest.raises(OverflowError):
        seq_distance(wrong, 0)
