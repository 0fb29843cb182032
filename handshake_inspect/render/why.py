"""`why`: what went wrong, one sentence a reason; and how hosts choose their ISNs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, TextIO

import msgspec

from handshake_inspect.looks.why import RULES, SCHEMA, Explanation
from handshake_inspect.render import Style
from handshake_inspect.render.csv import Sheet
from handshake_inspect.render.paint import Paint, painter, wrapped
from handshake_inspect.render.text import called, clean, counted, counts, frame_list, frame_number, host_port

if TYPE_CHECKING:
    from handshake_inspect.looks.isn import Document as IsnDocument

SHOWN_MAX = 20
EXAMPLES_MAX = 3
CSV = (
    "connection",
    "client_address",
    "client_port",
    "server_address",
    "server_port",
    "rule",
    "severity",
    "frames",
    "text",
    "client_names",
    "server_names",
)


def write_table(explanations: Iterable[Explanation], out: TextIO, style: Style, total: int, asked: bool) -> None:
    """Each connection that went wrong, in the order of the capture; with many, some examples of each reason.

    `asked` says that the connections were chosen one by one: then good ones speak as well.
    """
    paint = painter(style)
    first: list[Explanation] = []
    examples: dict[str, list[Explanation]] = {}
    rules: Counter[str] = Counter()
    wrong = 0
    for explanation in explanations:
        wrong += not explanation.good
        if explanation.good and not asked:
            continue
        for reason in explanation.reasons:
            rules[reason.rule] += not explanation.good
        if len(first) < SHOWN_MAX:
            first.append(explanation)
        by_rule = examples.setdefault(explanation.reasons[0].rule, [])
        if len(by_rule) < EXAMPLES_MAX:
            by_rule.append(explanation)
    told = wrong if not asked else max(len(first), wrong)
    shown = first
    if told > SHOWN_MAX:
        order = [rule.name for rule in RULES]
        shown = [each for rule in sorted(examples, key=lambda name: _place(order, name)) for each in examples[rule]]
    for line in _lines(shown, rules, wrong, total, style, paint):
        out.write(line.rstrip() + "\n")
    if told > len(shown):
        out.write(f"\n{len(shown)} of {counted(told, 'connection')}, some of each reason; all: --format csv\n")


def _place(order: list[str], name: str) -> int:
    return order.index(name) if name in order else len(order)


def _lines(
    shown: list[Explanation], rules: Counter[str], wrong: int, total: int, style: Style, paint: Paint
) -> Iterator[str]:
    if wrong:
        verb = "went wrong" if total > 1 else "and it went wrong"
        head = f"{wrong:,} of {counted(total, 'connection')} {verb}" if total > 1 else f"1 connection {verb}"
        yield from wrapped(paint(head, "title") + ": ", "  ", counts(rules), style.width, len(head) + 2)
    else:
        yield paint(f"nothing went wrong in {counted(total, 'connection')}", "ok")
    for explanation in shown:
        client = host_port(called(explanation.client_address, explanation.client_names), explanation.client_port)
        server = host_port(called(explanation.server_address, explanation.server_names), explanation.server_port)
        yield ""
        yield paint(f"#{explanation.connection} {client} -> {server}", "title")
        for reason in explanation.reasons:
            severity = "ok" if reason.rule == "good" else reason.severity
            evidence = f" [{frame_list(reason.frames)}]" if reason.frames else ""
            left = f"  {paint(f'{severity:<7}', severity)}  "
            yield from wrapped(left, " " * 11, clean(reason.text) + evidence, style.width, 11)


def write_json(explanations: Iterable[Explanation], out: TextIO, total: int, asked: bool) -> None:
    """A looks.why.Document, written connection by connection."""
    rules: Counter[str] = Counter()
    out.write(f'{{\n  "schema": "{SCHEMA}",\n  "connections": {total},\n  "explanations": [')
    separator = "\n"
    for explanation in explanations:
        if explanation.good and not asked:
            continue
        rules.update(reason.rule for reason in explanation.reasons)
        text = msgspec.json.format(msgspec.json.encode(explanation), indent=2).decode()
        out.write(separator + "    " + text.replace("\n", "\n    "))
        separator = ",\n"
    counted_rules = msgspec.json.format(msgspec.json.encode(dict(rules)), indent=2).decode().replace("\n", "\n  ")
    out.write(("" if separator == "\n" else "\n  ") + f'],\n  "rules": {counted_rules}\n}}\n')


def write_csv(explanations: Iterable[Explanation], out: TextIO, asked: bool) -> None:
    """One row a reason."""
    sheet = Sheet(out)
    sheet.writerow(CSV)
    for each in explanations:
        if each.good and not asked:
            continue
        for reason in each.reasons:
            frames = ";".join(frame_number(frame) for frame in reason.frames)
            sheet.writerow([
                each.connection, each.client_address, each.client_port, each.server_address, each.server_port,
                reason.rule, reason.severity, frames, clean(reason.text),
                ";".join(each.client_names), ";".join(each.server_names),
            ])  # fmt: skip


HOSTS_MAX = 20
WHY_IT_MATTERS = (
    "Whoever can predict an ISN can forge a connection, or end one, without seeing its traffic (RFC "
    "6528, RFC 9293 section "
    "3.4.1)."
)


def write_isns(document: IsnDocument, out: TextIO, style: Style) -> None:
    """A line or two a host; hosts with too few ISNs are only counted."""
    paint = painter(style)
    if not document.hosts:
        out.write("no connection opened: there are no ISNs to compare\n")
    known = [host for host in document.hosts if host.move != "too-few"]
    few = len(document.hosts) - len(known)
    bad = [host for host in known if host.finding is not None]
    for host in known[:HOSTS_MAX]:
        mark = paint("warning", "warning") if host.finding else paint("ok     ", "ok")
        text = f"{clean(called(host.address, host.names))}: {host.move}, {counted(host.isns, 'ISN')}: {host.text}"
        if host.finding:
            text = f"isn-predictable: {text}"
        if host.same_tuple:
            text += f"; on a 4-tuple that came again {host.same_tuple}"
        out.writelines(line + "\n" for line in wrapped(f"{mark}  ", " " * 9, text, style.width, 9))
    if len(known) > HOSTS_MAX:
        out.write(f"and {counted(len(known) - HOSTS_MAX, 'more host')}, in --format json\n")
    if few:
        out.write(f"{counted(few, 'host')} with too few ISNs to judge\n")
    if bad:
        out.writelines(line + "\n" for line in wrapped("", "  ", WHY_IT_MATTERS, style.width))
