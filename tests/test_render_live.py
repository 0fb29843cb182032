"""The board, the lines and the objects of a live run, to the letter."""

from __future__ import annotations

import io
import json
from itertools import count
from pathlib import Path

import jsonschema
import pytest

from handshake_inspect.analysis import two_msl_ns
from handshake_inspect.capture import open_capture
from handshake_inspect.decode import Decoder
from handshake_inspect.live import News
from handshake_inspect.live.events import Lost
from handshake_inspect.live.table import Table
from handshake_inspect.render import Style, board
from handshake_inspect.render.board import Board
from handshake_inspect.render.live import Lines, Objects, schema
from picture import svg
from wrappings import START_NS, capture_bytes, frames

ROOT = Path(__file__).resolve().parent.parent
CONVERSATIONS = "; ".join([
    *(f"port {50000 + number}; open; talk" for number in range(9)),
    *(f"port {51000 + number}; open; talk; FIN >; < ACK" for number in range(3)),
    *(f"port {52000 + number}; open; talk; close" for number in range(6)),
    "port 53000; SYN >; < RST-ACK",
    "port 53001; SYN >; SYN again @+1 >",
    "quiet @+5; port 53002; open",
])  # fmt: skip


class Source:
    """What a board asks of a source."""

    path, lost = "eth0", 0

    def __init__(self, capture):
        self.frames, self.bytes = capture.frames, capture.bytes
        self.now_ns = capture.last_time_ns


@pytest.fixture
def news(tmp_path):
    """The news after a run of CONVERSATIONS, all of them at once; `lost` frames."""

    def make(lost=0):
        path = tmp_path / "run.pcap"
        path.write_bytes(capture_bytes(frames(CONVERSATIONS)))
        capture, decoder = open_capture(str(path)), Decoder()
        table = Table(two_msl_ns("linux"), "linux", 1000)
        events = []
        for batch in capture.batches():
            rows = decoder.decode(batch)
            table.take(decoder.segments, rows)
            events += table.changes(capture.last_time_ns, whole=True)
        events += table.changes(capture.last_time_ns, whole=True, last=True)
        source = Source(capture)
        source.lost = lost
        return News(events + [Lost(time_ns=START_NS, frames=lost)] * bool(lost), source, table)

    return make


@pytest.fixture
def drawn(news, monkeypatch):
    """Draw the board for a size, one second after the run began; return its lines."""

    def draw(width, height, *, lost=0, colour=False):
        seconds = count(100)
        monkeypatch.setattr(board.time, "monotonic", lambda: float(next(seconds)))
        monkeypatch.setattr(Board, "_size", lambda self: (width, height))
        out = io.StringIO()
        Board(out, Style(colour=colour, utc=True)).hear(news(lost))
        return out.getvalue().removeprefix("\x1b[H").removesuffix("\x1b[J").replace("\x1b[K", "")

    return draw


@pytest.mark.parametrize(("width", "height"), [(80, 24), (50, 16)])
def test_the_board_fits_its_terminal(drawn, golden, width, height):
    text = drawn(width, height, lost=1234)
    assert max(map(len, text.split("\n"))) <= width
    assert len(text.split("\n")) <= height
    golden(f"live-board-{width}.txt", text + "\n")


def test_the_picture_of_the_board_is_the_board(drawn, golden_at):
    text = "\n".join(line.rstrip() for line in drawn(90, 28, colour=True).split("\n"))
    golden_at(ROOT / "docs" / "live.svg", svg(text, "handshake-inspect live -i eth0", 90))


def test_a_transition_is_a_line(news, golden):
    out = io.StringIO()
    Lines(out, Style(utc=True)).hear(news(5))
    golden("live-lines.txt", out.getvalue())


def test_every_object_is_one_line_as_the_schema_says(news):
    out = io.StringIO()
    Objects(out).hear(news(5))
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert {line["type"] for line in lines} == {"transition", "finding", "connection", "lost"}
    validator = jsonschema.Draft202012Validator(schema())
    for line in lines:
        validator.validate(line)
