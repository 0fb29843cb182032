"""A ladder as a Markdown table, for a ticket or a pull request."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from handshake_inspect.render import detail, rungs
from handshake_inspect.render.markdown import escaped
from handshake_inspect.render.text import clean

if TYPE_CHECKING:
    from handshake_inspect.looks.ladder import Ladder, Row, Side
    from handshake_inspect.render.drawings import Look

TITLES = ("frame", "seconds", "client", "segment", "server", "SEQ", "ACK", "what it shows")
ALIGN = ("--:", "--:", "---", ":-:", "---", "--:", "--:", "---")


def write(ladder: Ladder, out: TextIO, look: Look) -> None:
    """Write a title, the table, TIME_WAIT and the signs."""
    from handshake_inspect.render import lessons

    lines = [f"## {escaped(rungs.title(ladder))}", "", f"Times are {rungs.zero(ladder, utc=look.style.utc)}.", ""]
    lines += [f"- {note.severity}: {escaped(clean(note.text))}" for note in ladder.remarks]
    if ladder.remarks:
        lines.append("")
    lines += [table_row(TITLES), table_row(ALIGN)]
    lines.append(
        table_row(
            ("", "", state(rungs.start_in_words(ladder.client_start)), "",
             state(rungs.start_in_words(ladder.server_start)), "", "", "")
        )
    )  # fmt: skip
    lines += [table_row(cells(row, ladder)) for row in ladder.rows]
    lines.append("")
    for stay in ladder.connection.time_wait:
        lines.append(f"- TIME_WAIT: {escaped(detail.time_wait_in_words(stay, ladder.start_ns, ladder.decimals))}")
    lines += [f"- `{sign}` {meaning}" for sign, meaning in rungs.legend(ladder)]
    if look.lang:
        lines += ["", *(f"- {escaped(said.text)}" for said in lessons.before(ladder, look.lang))]
        for row in ladder.rows:
            said = lessons.of_row(row, ladder, look.lang)
            if said:
                place = f"frame {rungs.frames_of(row)}, " if row.frame is not None else ""
                lines += ["", f"**{place}{rungs.time_of(row, ladder)} s: {escaped(rungs.label(row))}**", ""]
                lines += [f"- {escaped(one.text)}" for one in said]
        lines += ["", *(f"- {escaped(said.text)}" for said in lessons.after(ladder, look.lang))]
    out.write("\n".join(lines) + "\n")


def table_row(texts: tuple[str, ...]) -> str:
    """One line of the table; the cells are escaped already."""
    return "| " + " | ".join(texts) + " |"


def cells(row: Row, ladder: Ladder) -> tuple[str, ...]:
    """The cells of a row."""
    label = escaped(rungs.label(row))
    arrow = {"client": f"{label} →", "server": f"← {label}", None: label}[row.sender]
    told = [*rungs.run_lines(row), *([rungs.takes_in_words(row.takes)] if row.takes else [])]
    told += [rungs.sum_long(one) for one in row.sums]
    told += [text for _, text in rungs.notes_of(row, ladder)]
    return (
        rungs.frames_of(row), rungs.time_of(row, ladder), states(row.client), arrow, states(row.server),
        number(row.seq, row.relative_seq), number(row.ack, row.relative_ack), "<br>".join(map(escaped, told)),
    )  # fmt: skip


def number(raw: int | None, relative: int | None) -> str:
    """`4070827017 (1)`."""
    if raw is None:
        return ""
    return str(raw) + (f" ({relative})" if relative is not None else "")


def states(side: Side) -> str:
    """The states that a row leads to, each in code so that its sign and underlines stay."""
    return "<br>".join(
        " ".join(filter(None, (state(rungs.step_in_words(step)), rungs.cause(step)))) for step in side.steps
    )


def state(text: str) -> str:
    return f"`{text}`"
