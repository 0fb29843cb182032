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


def test_two_items_are_made_ahead_and_no_further_one() -> None:
    made: list[int] = []
    second, fourth = threading.Event(), threading.Event()

    def items() -> Iterator[int]:
        for number in range(10):
            made.append(number)
            if number == 2:
                second.set()
            if number == 3:
                fourth.set()
            yield number

    with closing(ahead(items())) as found:
        assert next(found) == 0
        assert second.wait(10)
        assert not fourth.wait(0.1)
        assert made == [0, 1, 2]
        assert next(found) == 1
        assert fourth.wait(10)
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


def test_an_item_is_worked_on_ahead_only_while_the_caller_has_another_one_to_take() -> None:
    looked: list[int] = []
    taken, done = threading.Event(), threading.Event()

    def items() -> Iterator[int]:
        yield 0
        taken.wait(10)
        yield from (1, 2, 3)

    def look(item: int) -> None:
        looked.append(item)
        done.set()

    with closing(ahead(items(), look)) as found:
        assert next(found) == 0
        taken.set()  # 1 is made, and then 2, while 1 still waits for this caller
        assert done.wait(10)
        assert looked == [2]
        done.clear()
        assert next(found) == 1
        assert done.wait(10)  # 3, while 2 waits
        assert looked == [2, 3]


def test_an_error_of_the_work_ahead_is_raised_too() -> None:
    taken, looked = threading.Event(), threading.Event()

    def items() -> Iterator[int]:
        yield 0
        taken.wait(10)
        yield from (1, 2)

    def look(item: int) -> None:
        looked.set()
        raise MemoryError(f"no room for {item}")

    with closing(ahead(items(), look)) as found:
        assert next(found) == 0
        taken.set()
        assert looked.wait(10)
        assert next(found) == 1
        with pytest.raises(MemoryError, match=r"^no room for 2$"):
            next(found)
    assert threads() == []
