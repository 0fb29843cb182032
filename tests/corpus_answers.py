"""The corpus of other people's captures, what is known of each, and our answers to it, made once for all tests."""

from __future__ import annotations

import csv
import os
import sys
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from handshake_inspect import analyse
from handshake_inspect.analysis import Report
from handshake_inspect.report import Connection

SHARED = Path(os.environ.get("HANDSHAKE_INSPECT_SHARED", Path(__file__).resolve().parents[2] / "shared"))
CORPUS = SHARED / "corpus"
CAPTURES = CORPUS / "captures"

needs_corpus = pytest.mark.skipif(
    not (CORPUS / "manifest.tsv").exists(), reason=f"there is no corpus in {CORPUS} (set HANDSHAKE_INSPECT_SHARED)"
)

FIN, SYN, RST, ACK = 1, 2, 4, 16
ICMP_MARK = 32
CLIENT, SERVER = 0, 1


class Evidence(NamedTuple):
    """A row that the tracker kept: a segment that can have moved a state, sent by CLIENT or SERVER."""

    time_ns: int
    frame: int
    detail: int
    seq: int
    ack: int
    length: int
    window: int
    flags: int
    sender: int
    marks: int
    rst_fate: int
    receiver_state: int


class Answer(NamedTuple):
    """What we say of one connection: its view, and the numbers behind it."""

    view: Connection
    plain: dict[str, Any]

    @property
    def ends(self) -> tuple[tuple[str, int], tuple[str, int]]:
        """Address and port of the client and of the server."""
        client, server = self.view.client, self.view.server
        return (client.address, client.port), (server.address, server.port)

    @property
    def findings(self) -> set[str]:
        return {finding.id for finding in self.view.findings}

    @property
    def evidence(self) -> list[Evidence]:
        """The segments kept as evidence; ICMP errors are left out."""
        return [Evidence(*row) for row in self.plain["evidence"] if not row[9] & ICMP_MARK]

    def frames(self, sender: int, bits: int, wanted: int) -> list[int]:
        """The frames of the segments of `sender` whose flags & bits == wanted."""
        return [row.frame for row in self.evidence if row.sender == sender and row.flags & bits == wanted]


def rows(name: str) -> list[dict[str, str]]:
    """The rows of a table of the corpus; none where it is absent, so that tests can be collected."""
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    if not (CORPUS / name).exists():
        return []
    quoting = csv.QUOTE_MINIMAL if name == "suricata_flow.tsv" else csv.QUOTE_NONE
    with (CORPUS / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=quoting))


@cache
def report_of(name: str) -> Report:
    """Our report on the capture `name`, a path below CAPTURES."""
    return analyse(str(CAPTURES / name))


@cache
def answers_of(name: str) -> tuple[Answer, ...]:
    """Our answers on the capture `name`, in the order of the report."""
    report = report_of(name)
    # The numbers behind a view are no part of the public report; frames of every SYN, FIN and RST are in them.
    return tuple(Answer(view, report._judge.view(number)) for number, view in enumerate(report.connections))


@cache
def by_ends(name: str) -> dict[frozenset[tuple[str, int]], list[Answer]]:
    """The answers on a capture by their two ends, whichever is the client."""
    found: dict[frozenset[tuple[str, int]], list[Answer]] = defaultdict(list)
    for answer in answers_of(name):
        found[frozenset(answer.ends)].append(answer)
    return found


class Stream(NamedTuple):
    """One of tshark's streams, and our connection that begins in the same frame or holds that frame."""

    row: dict[str, str]
    answer: Answer | None
    a: int
    """Which of CLIENT and SERVER the stream's end `a` is."""

    @property
    def name(self) -> tuple[str, int]:
        return self.row["file"], int(self.row["stream"])


@cache
def streams() -> tuple[Stream, ...]:
    """All streams of tshark_streams.tsv."""
    found = []
    for row in rows("tshark_streams.tsv"):
        a, b = (row["a"], int(row["ap"])), (row["b"], int(row["bp"]))
        first = int(row["first"])
        best = None
        for answer in by_ends(row["file"]).get(frozenset((a, b)), []):
            if answer.plain["first_frame"] <= first or best is None:
                best = answer
        found.append(Stream(row, best, CLIENT if best is None or best.ends[0] == a else SERVER))
    return tuple(found)


@cache
def stream_named() -> dict[tuple[str, int], Stream]:
    return {stream.name: stream for stream in streams()}
