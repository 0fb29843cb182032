"""A ladder as a Mermaid sequence diagram: what a wiki, an issue or a README draws by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from handshake_inspect.render import rungs
from handshake_inspect.render.text import address, clean

if TYPE_CHECKING:
    from handshake_inspect.looks.ladder import Ladder, Row
    from handshake_inspect.render.drawings import Look

NAMES = {"client": "C", "server": "S"}


def write(ladder: Ladder, out: TextIO, look: Look) -> None:
    """Write the diagram; with a lesson its sentences stand in comments."""
    from handshake_inspect.render import lessons

    connection = ladder.connection
    lines = [
        "sequenceDiagram",
        f"    %% {plain(rungs.title(ladder))}",
        f"    %% {rungs.zero(ladder, utc=look.style.utc)}",
        f"    participant C as client {plain(address(connection.client))}",
        f"    participant S as server {plain(address(connection.server))}",
        f"    Note over C: {plain(rungs.start_in_words(ladder.client_start))}",
        f"    Note over S: {plain(rungs.start_in_words(ladder.server_start))}",
    ]
    for row in ladder.rows:
        lines += [f"    {line}" for line in of_row(row, ladder)]
        if look.lang:
            lines += [f"    %% {plain(said.text)}" for said in lessons.of_row(row, ladder, look.lang)]
    for sign, meaning in rungs.legend(ladder):
        lines.append(f"    %% {sign} {plain(meaning)}")
    out.write("\n".join(lines) + "\n")


def of_row(row: Row, ladder: Ladder) -> list[str]:
    """The arrow or the note of a row, then the notes on it, then the states that it leads to."""
    where = f"{rungs.time_of(row, ladder)} s"
    if row.frame is not None:
        where = f"frame {rungs.frames_of(row)}, {where}"
    words = [plain(rungs.label(row)), *map(plain, rungs.numbers(row))]
    if row.kind == "run":
        words += map(plain, rungs.run_lines(row))
    if row.sender is None:
        lines = [f"Note over C,S: {'<br/>'.join([where + ': ' + words[0], *words[1:]])}"]
    else:
        source, target = ("C", "S") if row.sender == "client" else ("S", "C")
        lines = [f"{source}->>{target}: {where}: {'<br/>'.join([words[0], ' '.join(words[1:])])}"]
    told = [plain(rungs.sum_long(one)) for one in row.sums]
    told += [plain(text) for _, text in rungs.notes_of(row, ladder)]
    if told:
        lines.append(f"Note over C,S: {'<br/>'.join(told)}")
    for name, side in (("client", row.client), ("server", row.server)):
        if side.steps:
            states = "<br/>".join(
                plain(" ".join(filter(None, (rungs.step_in_words(step), rungs.cause(step))))) for step in side.steps
            )
            lines.append(f"Note over {NAMES[name]}: {states}")
    return lines


INSTEAD = {"#": "no. ", ";": ",", "<": "\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}",
           ">": "\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}"}  # fmt: skip
"""Mermaid takes these for a comment, the end of a statement or a tag; its own escapes are not shown everywhere."""


def plain(text: str) -> str:
    """Text that Mermaid takes as text."""
    return "".join(INSTEAD.get(character, character) for character in clean(text))
