"""`doctor`: one line for each question that a capture has to answer, and the verdicts' grades."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, TextIO

import msgspec

from handshake_inspect.looks.doctor import SCHEMA, Totals, Vantage
from handshake_inspect.looks.grade import REASONS
from handshake_inspect.render import Style
from handshake_inspect.render.csv import Sheet
from handshake_inspect.render.facts import COUNTERS, faults
from handshake_inspect.render.json import encodable
from handshake_inspect.render.paint import painter, wrapped
from handshake_inspect.render.text import called, clean, counted, duration, size

if TYPE_CHECKING:
    from collections.abc import Callable

    from handshake_inspect.looks.grade import Grade

Answer = tuple[str, str]
"""A severity, or `ok`, and a sentence."""

# fmt: off
POINTS = {
    "client":   "client side",
    "server":   "server side",
    "middle":   "between client and server",
    "near-both": "close to both ends: one host, or two side by side",
    "mixed":    "several places, or a host that is client and server",
    "unknown":  "unknown: no complete handshake to tell by",
}
# fmt: on


def _vantage(totals: Totals) -> Answer:
    vantage = totals.vantage
    text = POINTS[vantage.point]
    if vantage.host is not None:
        host = clean(called(vantage.host, vantage.host_names))
        text += f", at {host}" if vantage.point != "mixed" else f"; most are near {host}"
    if vantage.judged:
        text += _halves(vantage)
    return ("note" if vantage.point in ("unknown", "mixed") else "ok"), text


def _halves(vantage: Vantage) -> str:
    what = "medians of " + counted(vantage.judged, "handshake") if vantage.judged > 1 else "one handshake"
    halves = f"SYN to SYN-ACK {duration(vantage.server_side_ns)}, SYN-ACK to ACK {duration(vantage.client_side_ns)}"
    return f" ({halves}; {what})"


def _direction(totals: Totals) -> Answer:
    if not totals.one_sided:
        return "ok", "both"
    return "warning", f"only one in {totals.one_sided:,} of {counted(totals.connections, 'connection')}"


def _start(totals: Totals) -> Answer:
    if not totals.mid_stream:
        return "ok", "every connection from its handshake on"
    return "note", f"after the handshake in {totals.mid_stream:,} of {counted(totals.connections, 'connection')}"


def _duplicates(totals: Totals) -> Answer:
    copies = totals.mirrored_segments
    if not copies:
        return "ok", "none"
    share = 100 * copies / (totals.segments + copies)
    return "note", f"{counted(copies, 'segment')} captured twice, {share:.3g} % of all; not counted as retransmissions"


def _gaps(totals: Totals) -> Answer:
    if not totals.gaps:
        return "ok", "none: whatever was acknowledged is in the capture"
    return (
        "warning",
        f"{size(totals.missing_bytes)} were acknowledged and are missing, in {counted(totals.gaps, 'connection')}",
    )


def _order(totals: Totals) -> Answer:
    names = {"syn-ack before syn": "SYN-ACK before SYN (repaired)", "clock goes back": "the clock goes back"}
    parts = [f"{names[kind]} in {counted(number, 'connection')}" for kind, number in totals.order.items()]
    return ("note" if parts else "ok"), "; ".join(parts) or "as it happened"


def _clock(totals: Totals) -> Answer:
    units = sorted({info.time_resolution_ns for info in totals.captures if info.time_resolution_ns is not None})
    if not units:
        return "note", "unknown"
    text = " and ".join(duration(unit) for unit in units)
    return ("note" if units[-1] > 1000 else "ok"), f"times in steps of {text}"


def _snaplen(totals: Totals) -> Answer:
    cut = totals.snaplen
    lost = sum(info.counters.truncated for info in totals.captures)
    headers = f"; {counted(lost, 'frame')} lost TCP headers" if lost else "; all TCP headers are there"
    if cut is None:
        return ("warning" if lost else "ok"), "not known: standard input was read once" + headers
    if not cut.cut:
        return "ok", f"no frame is cut; the largest has {counted(cut.largest, 'byte')}"
    return (
        "warning" if lost else "ok"
    ), f"{counted(cut.cut, 'frame')} cut to {counted(cut.kept, 'byte')} at most{headers}"


def _offload(totals: Totals) -> Answer:
    if not totals.offload:
        return "ok", "no segment is larger than the MSS"
    ends = counted(totals.offload, "end")
    return "note", f"{ends} sent segments larger than the MSS: captured where the card cuts or joins them (TSO, GRO)"


def _checksums(totals: Totals) -> Answer:
    if not totals.bad_checksums:
        return "ok", "no SYN, FIN or RST has a wrong one (data is not summed)"
    return "note", (
        f"wrong on SYN, FIN or RST in {counted(totals.bad_checksums, 'connection')}: damaged, or captured before "
        "the card filled them in; nothing was dropped for that"
    )


def _frames(totals: Totals) -> Answer:
    sums = {name: sum(getattr(info.counters, field) for info in totals.captures) for field, name in COUNTERS}
    text = ", ".join(f"{number:,} {name}" for name, number in sums.items() if number) or "none"
    bad = any(info.faults for info in totals.captures) or sums["malformed"]
    return ("warning" if bad else "ok"), text


def _verdicts(totals: Totals) -> Answer:
    text = ", ".join(f"{totals.grades.get(name, 0):,} {name}" for name in ("firm", "weak", "impossible"))
    return ("warning" if totals.grades.get("impossible") else "note" if totals.grades.get("weak") else "ok"), text


# fmt: off
QUESTIONS: tuple[tuple[str, Callable[[Totals], Answer]], ...] = (
    ("frames",     _frames),
    ("taken at",   _vantage),
    ("direction",  _direction),
    ("begins",     _start),
    ("duplicates", _duplicates),
    ("gaps",       _gaps),
    ("order",      _order),
    ("clock",      _clock),
    ("snaplen",    _snaplen),
    ("offload",    _offload),
    ("checksums",  _checksums),
    ("verdicts",   _verdicts),
)
# fmt: on
NAME_WIDTH = max(len(name) for name, _ in QUESTIONS)
MARKS = {"ok": "ok", "note": "note", "warning": "WARN"}


def write_table(totals: Totals, out: TextIO, style: Style) -> None:
    """One line a question, then what stands against the verdicts."""
    paint = painter(style)
    for info in totals.captures:
        head = f"{clean(info.path)}: {counted(info.frames, 'frame')}, {counted(totals.connections, 'connection')}"
        if len(totals.captures) > 1:
            head = f"{clean(info.path)}: {counted(info.frames, 'frame')}"
        out.writelines(paint(line, "title") + "\n" for line in wrapped("", "  ", head, style.width))
        for fault in faults(info):
            out.writelines(line + "\n" for line in wrapped(paint("  fault  ", "error"), " " * 9, fault, style.width, 9))
    indent = 2 + 4 + 2 + NAME_WIDTH + 2
    for name, answer in QUESTIONS:
        severity, text = answer(totals)
        left = f"  {paint(f'{MARKS[severity]:<4}', severity)}  {name:<{NAME_WIDTH}}  "
        out.writelines(line.rstrip() + "\n" for line in wrapped(left, " " * indent, text, style.width, indent))
    for line in _doubts(totals, style.width, indent):
        out.write(line.rstrip() + "\n")


def _doubts(totals: Totals, width: int, indent: int) -> Iterator[str]:
    rows = {reason.name: reason for reason in REASONS}
    for doubt in totals.doubts:
        row = rows[doubt.reason]
        examples = ", ".join(f"#{id}" for id in doubt.examples) + (
            ", ..." if doubt.connections > len(doubt.examples) else ""
        )
        left = " " * indent
        yield from wrapped(left, left + "  ", f"{doubt.connections:,} {row.grade}: {row.sentence} ({examples})", width)


def write_json(grades: Iterable[Grade], finish: Callable[[], Totals], out: TextIO) -> None:
    """A looks.doctor.Document: the grades one by one, then what `finish` gives once all are counted."""
    out.write(f'{{\n  "schema": "{SCHEMA}",\n  "graded": [')
    separator = "\n"
    for graded in grades:
        out.write(separator + "    " + msgspec.json.encode(graded).decode())
        separator = ",\n"
    totals = finish()
    totals = msgspec.structs.replace(totals, captures=tuple(encodable(info) for info in totals.captures))
    text = msgspec.json.format(msgspec.json.encode(totals), indent=2).decode()
    out.write(("" if separator == "\n" else "\n  ") + "]," + text.removeprefix("{") + "\n")


def write_csv(grades: Iterable[Grade], out: TextIO) -> None:
    """One row a connection."""
    sheet = Sheet(out)
    sheet.writerow(("connection", "grade", "reasons"))
    for graded in grades:
        sheet.writerow((graded.connection, graded.grade, ";".join(graded.reasons)))
