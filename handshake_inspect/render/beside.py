"""The wire and the kernel side by side: for a line, for the board, and as a table at the end of a live run."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, TextIO

from handshake_inspect.render import Style
from handshake_inspect.render.lines import columns, width_of
from handshake_inspect.render.paint import Paint, painter, wrapped
from handshake_inspect.render.text import counted, duration, host_port

if TYPE_CHECKING:
    from handshake_inspect.kernel import Beside, Disagreement, Row
    from handshake_inspect.live.beside import Kernel

ROWS_MAX = 20
TITLES = ("#", "local", "peer", "wire", "kernel", "")
ALIGN = "><<<<<"
NONE = "no socket"
WORDS = {"agrees": "", "": "differs, just now", "explained": "explained", "lasting": "lasting"}
COLOURS = {"agrees": "ok", "": "aside", "explained": "note", "lasting": "error"}
ORDER = ("lasting", "explained", "", "agrees")


def in_a_word(row: Row, paint: Paint) -> str:
    """`kernel ESTABLISHED`, in the colour of how it compares."""
    return paint(f"kernel {row.kernel or NONE}", COLOURS[row.verdict])


def in_short(beside: Beside) -> tuple[str, str]:
    """One line for the board, and its colour."""
    share = f"{beside.agreed / beside.compared:.1%} agree" if beside.compared else "nothing compared yet"
    sentence = (
        f"kernel: {beside.lasting:,} lasting, {share}; {beside.explained.total():,} explained, "
        f"{beside.passing:,} in passing"
    )
    return sentence, "error" if beside.lasting else "ok"


def disagreement(found: Disagreement) -> str:
    """One sentence on a disagreement that lasts."""
    local, port, peer, peer_port = found.end
    return (
        f"#{found.connection} {host_port(local, port)} with {host_port(peer, peer_port)}: {found.wire} by the wire, "
        f"{found.kernel or NONE} by the kernel, for {duration(int(found.lasted_s * 1e9))}"
    )


def write_object(kernel: Kernel, out: TextIO) -> None:
    """Write how the two compared as one line of JSON."""
    import msgspec

    out.write(msgspec.json.encode(kernel.counts()).decode() + "\n")


def write_table(beside: Beside, lost: int | None, out: TextIO, style: Style) -> None:
    """Write how the two compared, and the ends that are still there: those that differ first."""
    paint = painter(style)
    for line in _lines(beside, lost, style, paint):
        out.write(line.rstrip() + "\n")


def _lines(beside: Beside, lost: int | None, style: Style, paint: Paint) -> Iterator[str]:
    yield ""
    yield paint("beside the kernel's sockets", "title")
    share = f", {beside.agreed / beside.compared:.2%} agree" if beside.compared else ""
    indent = " " * 13
    yield from wrapped(
        "  compared   ", indent, f"{beside.compared:,} states in {counted(beside.polls, 'poll')}{share}", style.width
    )
    if beside.left_out:
        yield from wrapped("  left out   ", indent, f"{counted(beside.left_out, 'change')} of ends beyond those that "
                           "are compared at once", style.width)  # fmt: skip
    yield from wrapped(
        "  in passing ", indent, f"{counted(beside.passing, 'difference')} that went away: the two are never asked at "
        "one instant", style.width,
    )  # fmt: skip
    for reason, number in beside.explained.most_common():
        yield from wrapped("  explained  ", indent, f"{number:,}: {reason}", style.width)
    text = f"{beside.lasting:,}" if beside.lasting else "none"
    if beside.lasting and lost:
        text += f"; {counted(lost, 'frame')} lost, which the wire's states may lack"
    yield from wrapped("  lasting    ", indent, text, style.width)
    for found in islice(beside.disagreements, ROWS_MAX):
        yield from wrapped("    ", " " * 6, disagreement(found), style.width)
    yield from _table(beside, style)


def _table(beside: Beside, style: Style) -> Iterator[str]:
    rows = sorted(beside.rows(), key=lambda row: ORDER.index(row.verdict))
    if not rows:
        return
    yield ""
    cells = [
        (str(row.connection), host_port(row.end[0], row.end[1]), host_port(row.end[2], row.end[3]), row.wire,
         (row.kernel or NONE) if row.polls else "-", WORDS[row.verdict] if row.polls else "")
        for row in rows[:ROWS_MAX]
    ]  # fmt: skip
    if width_of(TITLES, cells) <= style.width:
        yield from columns(TITLES, ALIGN, cells)
    else:
        for number, local, peer, wire, kernel, verdict in cells:
            yield f"#{number} {local}"
            yield f"  with {peer}"
            yield f"  wire {wire}, kernel {kernel}" + (f", {verdict}" if verdict else "")
    if len(rows) > ROWS_MAX:
        yield f"and {counted(len(rows) - ROWS_MAX, 'more end')}"
