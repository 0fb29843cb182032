"""Reading ahead in a second thread: the same items in the same order, and what goes wrong is raised in its place."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import msgspec
import pytest

from captures import write_pcap
from frames_by_hand import SYN, ethernet, ipv4, tcp
from handshake_inspect import ahead as module
from handshake_inspect.ahead import WORTH_A_THREAD, ahead, pays
from handshake_inspect.analysis import analyse
from handshake_inspect.capture import open_capture


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "ahead"]


def test_the_items_come_in_their_order_and_the_thread_ends() -> None:
    assert list(ahead(iter(range(1000)))) == list(range(1000))
    assert threads() == []


def test_one_item_is_made_ahead_and_no_further_one() -> None:
    made: list[int] = []
    third = threading.Event()

    def items() -> Iterator[int]:
        for number in range(10):
            made.append(number)
            if number == 2:
                third.set()
            yield number

    with closing(ahead(items())) as found:
        assert next(found) == 0
        assert not third.wait(0.1)
        assert made == [0, 1]
        assert next(found) == 1
        assert third.wait(10)
    assert threads() == []


def test_an_error_is_raised_after_the_items_before_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise MemoryError("no room")

    found = ahead(items())
    assert next(found) == 1
    with pytest.raises(MemoryError, match=r"^no room$"):
        next(found)
    assert threads() == []


def test_a_caller_that_stops_ends_the_thread() -> None:
    def interrupted() -> None:
        with closing(ahead(iter(range(10)))) as found:
            next(found)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert threads() == []


def test_pipes_and_small_captures_are_read_by_the_only_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "cores", lambda: 2)
    assert [pays(size) for size in (None, WORTH_A_THREAD - 1, WORTH_A_THREAD)] == [False, False, True]
    monkeypatch.setattr(module, "cores", lambda: 1)
    assert not pays(WORTH_A_THREAD)


@pytest.mark.parametrize("handed_over", [1, 7, 10**6])
def test_a_capture_read_ahead_gives_the_same_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, handed_over: int
) -> None:
    wait_ns = 20_000_000
    frames = [
        (number * wait_ns, ethernet(ipv4(tcp(SYN, sport=number % 300 + 1, seq=number % 600)))) for number in range(2000)
    ]
    path = str(write_pcap(tmp_path / "some.pcap", frames))
    alone = analyse(path)
    analysing = sys.modules["handshake_inspect.analysis"]
    monkeypatch.setattr(analysing, "pays", lambda size: True)
    monkeypatch.setattr(analysing, "HANDED_OVER", handed_over)
    small = partial(open_capture, chunk=4096, rows=50)
    monkeypatch.setattr(analysing, "open_capture", small)
    both = analyse(path)
    assert msgspec.json.encode(list(both.connections)) == msgspec.json.encode(list(alone.connections))
    assert both.captures == alone.captures


def test_an_item_is_worked_on_ahead_only_while_the_caller_does_not_wait_for_it() -> None:
    going_on = threading.Event()
    looked: list[int] = []

    def look(item: int) -> None:
        looked.append(item)
        going_on.set()

    with closing(ahead(iter(range(3)), look)) as found:
        assert next(found) == 0  # it was waited for
        assert looked == []
        assert going_on.wait(10)  # this caller is busy, and 1 is made
        assert looked == [1]


def test_an_error_of_the_work_ahead_is_raised_too() -> None:
    def look(item: int) -> None:
        raise MemoryError(f"no room for {item}")

    with closing(ahead(iter(range(3)), look)) as found:
        assert next(found) == 0
        for thread in threading.enumerate():
            if thread.name == "ahead":
                thread.join(1)  # it waits; by then 1 was looked at
        with pytest.raises(MemoryError, match=r"^no room for 1$"):
            next(found)
    assert threads() == []
