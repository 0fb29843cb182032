"""Reports built by hand: `connection(...)` with sane defaults, and `FakeReport` around any of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from handshake_inspect.errors import CaptureError
from handshake_inspect.render.selection import Selection
from handshake_inspect.report import (
    BytesPerSide,
    CaptureInfo,
    Check,
    Closing,
    Connection,
    Counters,
    Endpoint,
    Fault,
    Finding,
    Interop,
    Opening,
    Options,
    Retransmissions,
    Summary,
    TimeWait,
    Transition,
)

START_NS = 1_772_359_200_000_000_000
"""2026-03-01 10:00:00 UTC."""
MS = 1_000_000


class Row(NamedTuple):
    id: str
    severity: Any
    sentence: str


FINDINGS = (
    Row("wrong-ack", "error", "An acknowledgment covers a number that its receiver has never sent."),
    Row("half-open", "warning", "The server answered with SYN-ACK, and the client never acknowledged it."),
    Row("refused", "warning", "Nothing listens there: a RST answered the SYN."),
    Row("rst-ignored", "warning", "A RST outside the window changed nothing."),
    Row("half-closed", "warning", "One side has closed and the other never did."),
    Row("fin-retransmitted", "note", "A FIN was sent more than once before its ACK came."),
    Row("time-wait-reused", "note", "A new connection took the 4-tuple while it was still in TIME_WAIT."),
)

OPTIONS = Options(mss=1460, window_scale=7, sack_permitted=True, timestamps=True, fast_open=None, mptcp=None, ecn=None)
NO_REPEATS = Retransmissions(syn=0, syn_ack=0, fin=0, data=0)


def step(from_: Any, to: Any, event: str, frame: Any, ms: float, certainty: Any = "observed", by: Any = None,
         earliest: Any = None) -> Transition:  # fmt: skip
    return Transition(
        from_=from_, to=to, event=event, frame=frame, earliest_frame=earliest, time_ns=START_NS + int(ms * MS),
        certainty=certainty, confirmed_by=by,
    )  # fmt: skip


CLIENT_STEPS = (
    step("CLOSED", "SYN_SENT", "snd SYN", 1, 0),
    step("SYN_SENT", "ESTABLISHED", "rcv SYN-ACK, snd ACK", 2, 12.25, "confirmed", 3),
    step("ESTABLISHED", "FIN_WAIT_1", "snd FIN", 6, 1500),
    step("FIN_WAIT_1", "FIN_WAIT_2", "rcv ACK of FIN", 7, 1512, "inferred"),
    step("FIN_WAIT_2", "TIME_WAIT", "rcv FIN, snd ACK", 8, 2000, "confirmed", 9),
)
SERVER_STEPS = (
    step("CLOSED", "LISTEN", "passive OPEN", None, 0, "assumed"),
    step("LISTEN", "SYN_RECEIVED", "rcv SYN, snd SYN-ACK", 1, 0, "confirmed", 2),
    step("SYN_RECEIVED", "ESTABLISHED", "rcv ACK of SYN", 3, 12.5, "confirmed", 5),
    step("ESTABLISHED", "CLOSE_WAIT", "rcv FIN, snd ACK", 6, 1500, "confirmed", 7),
    step("CLOSE_WAIT", "LAST_ACK", "snd FIN", 8, 2000),
    step("LAST_ACK", "CLOSED", "rcv ACK of FIN", 9, 2000.5, "inferred"),
)


def endpoint(address: str, port: int, **changes: Any) -> Endpoint:
    fields: dict[str, Any] = {
        "address": address, "port": port, "isn": 1000, "state": "CLOSED", "segments": 5, "bytes": 10,
        "retransmissions": NO_REPEATS, "duplicates": 0, "missing_bytes": 0, "options": OPTIONS,
        "time_in_state_ns": {}, "transitions": (),
    }  # fmt: skip
    return Endpoint(**(fields | changes))


def check(name: Any, frame: Any, expected: int, seen: int | None = None, ok: bool | None = None) -> Check:
    seen = expected if seen is None else seen
    return Check(name=name, frame=frame, expected=expected, seen=seen, ok=expected == seen if ok is None else ok)


CHECKS = (
    check("syn-ack acknowledges syn", 2, 1001),
    check("ack acknowledges syn-ack", 3, 5001),
    check("ack continues from syn", 3, 1001),
    check("client fin acknowledged", 7, 1012),
    check("server fin acknowledged", 9, 5302),
)


def opening(kind: Any = "three-way", **changes: Any) -> Opening:
    fields: dict[str, Any] = {
        "kind": kind, "certainty": "confirmed", "frames": (1, 2, 3), "server_side_ns": 12_250_000,
        "client_side_ns": 250_000, "rtt_ns": 12_500_000, "syn_times_ns": (START_NS,), "refusals": 0, "icmp": None,
        "schedule": None,
    }  # fmt: skip
    return Opening(**(fields | changes))


def closing(kind: Any = "four-way", first: Any = "client", **changes: Any) -> Closing:
    fields: dict[str, Any] = {
        "kind": kind, "first": first, "frames": (6, 7, 8, 9),
        "bytes_after_first_fin": BytesPerSide(client=0, server=0), "reset_by": None, "reset_in_state": None,
    }  # fmt: skip
    return Closing(**(fields | changes))


def finding(id: str, *frames: Any, text: str = "", endpoint: Any = None) -> Finding:
    row = next(row for row in FINDINGS if row.id == id)
    return Finding(id=id, severity=row.severity, endpoint=endpoint, frames=frames, text=text or f"{id} in detail")


TIME_WAIT = TimeWait(
    holder="client", frame=9, start_ns=START_NS + 2000 * MS, restarts=(), end="capture-end", end_frame=None,
    at_least_ns=10 * MS, at_most_ns=60_000 * MS, profile="linux",
)  # fmt: skip


def connection(id: int = 0, **changes: Any) -> Connection:
    """A clean connection: three-way open, four-way close by the client, which is left in TIME_WAIT."""
    fields: dict[str, Any] = {
        "id": id, "incarnation": 1, "roles": "seen", "first_frame": 1, "last_frame": 9, "first_time_ns": START_NS,
        "last_time_ns": START_NS + 2000 * MS,
        "client": endpoint("10.0.0.1", 40000 + id, state="TIME_WAIT", transitions=CLIENT_STEPS, time_in_state_ns={
            "SYN_SENT": 12_250_000, "ESTABLISHED": 1_487_750_000, "FIN_WAIT_1": 12 * MS, "FIN_WAIT_2": 488 * MS}),
        "server": endpoint("10.0.0.2", 80, isn=5000, bytes=300, transitions=SERVER_STEPS),
        "opening": opening(), "closing": closing(), "checks": CHECKS, "time_wait": (TIME_WAIT,), "findings": (),
        "interop": Interop(wireshark_completeness=31, zeek_conn_state="SF", zeek_history="ShADadFf", sf="S2F2",
                           community_id="1:LQU9qZlK+B5F3KDmev6m5PMibrg="),
    }  # fmt: skip
    return Connection(**(fields | changes))


def refused(id: int = 0, **changes: Any) -> Connection:
    """A SYN that a RST answered."""
    fields: dict[str, Any] = {
        "client": endpoint("10.0.0.1", 40000 + id, segments=1, bytes=0, transitions=(
            step("CLOSED", "SYN_SENT", "snd SYN", 10, 30), step("SYN_SENT", "CLOSED", "rcv RST", 11, 31, "inferred"))),
        "server": endpoint("10.0.0.2", 81, isn=None, segments=1, bytes=0),
        "opening": opening("refused", frames=(10, 11), client_side_ns=None, rtt_ns=None, server_side_ns=MS,
                           certainty="inferred", refusals=1),
        "closing": closing("none", None, frames=()), "checks": (), "time_wait": (),
        "findings": (finding("refused", 10, 11, text="10.0.0.2:81 answered the SYN with RST,ACK after 1.00 ms."),),
        "first_time_ns": START_NS + 30 * MS, "last_time_ns": START_NS + 31 * MS, "first_frame": 10, "last_frame": 11,
    }  # fmt: skip
    return connection(id, **(fields | changes))


def capture(path: str = "web.pcap", frames: int = 12, **changes: Any) -> CaptureInfo:
    fields: dict[str, Any] = {
        "path": path, "format": "pcap", "byte_order": "little", "time_resolution_ns": 1000, "link_types": ("EN10MB",),
        "bytes": 1532, "frames": frames, "first_time_ns": START_NS, "last_time_ns": START_NS + 2010 * MS,
        "counters": Counters(tcp=frames, not_tcp=0, fragment=0, truncated=0, malformed=0, unsupported=0),
        "unsupported": {}, "faults": (),
    }  # fmt: skip
    return CaptureInfo(**(fields | changes))


CUT = Fault(offset=1400, frame=11, problem="record says 60 bytes, 12 are left")


class FakeReport:
    """Connections and captures, with what an analysis has counted over them."""

    def __init__(self, connections: Sequence[Connection], captures: Sequence[CaptureInfo] | None = None) -> None:
        self.captures = tuple(captures) if captures is not None else (capture(),)
        self.connections = tuple(connections)
        self.faults = [
            CaptureError(each.path, fault.problem, offset=fault.offset, frame=fault.frame)
            for each in self.captures
            for fault in each.faults
        ]
        counted = Selection(self, keep=lambda connection: True)
        self._selection = counted
        self.summary: Summary = counted.summary

    def worst(self, count: int) -> list[int]:
        return self._selection.worst(count)

    def first_with(self, finding: str) -> int | None:
        return self._selection.first_with(finding)


def mixed() -> FakeReport:
    """One of most things: a clean connection, a refusal, a wrong ACK, a half-close and a TIME_WAIT reused."""
    wrong = check("ack acknowledges syn-ack", 17, 5001, 5003)
    return FakeReport(
        [
            connection(0),
            refused(1),
            connection(2, opening=opening("half-open", frames=(15, 16), rtt_ns=None, client_side_ns=None),
                       closing=closing("none", None, frames=()), checks=(wrong,), time_wait=(),
                       client=endpoint("10.0.0.1", 40002, state="SYN_SENT", bytes=0),
                       server=endpoint("10.0.0.2", 80, state="SYN_RECEIVED", isn=5000, bytes=0),
                       findings=(finding("wrong-ack", 17, text="Frame 17 acknowledges 5003, expected 5001 = 5000 + 1."),
                                 finding("half-open", 16))),
            connection(3, closing=closing("half-closed", "server"), time_wait=(),
                       client=endpoint("10.0.0.1", 40003, state="CLOSE_WAIT"),
                       server=endpoint("10.0.0.2", 80, state="FIN_WAIT_2", isn=5000, bytes=1_460_000),
                       findings=(finding("half-closed", 25), finding("refused", 26))),
        ],
        [capture(frames=57, counters=Counters(tcp=50, not_tcp=3, fragment=2, truncated=1, malformed=0, unsupported=1),
                 unsupported={"LOOP": 1})],
    )  # fmt: skip


def with_path(info: CaptureInfo, path: str) -> CaptureInfo:
    return msgspec.structs.replace(info, path=path)
