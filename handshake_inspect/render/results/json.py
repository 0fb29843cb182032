"""Results as JSON: expect.result.Document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TextIO

import msgspec

from handshake_inspect.expect.result import SCHEMA, Document, Verdict, worst
from handshake_inspect.render import Style


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of what `write` writes."""
    generated = msgspec.json.schema(Document)
    root: dict[str, Any] = generated["$defs"].pop("Document")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:handshake-inspect:schema:check:1",
        **root,
        "title": "handshake-inspect check --format json",
        "$defs": generated["$defs"],
    }


def write(verdicts: Sequence[Verdict], out: TextIO, style: Style) -> None:
    """One document, indented."""
    outcome = worst(verdict.outcome for verdict in verdicts)
    document = Document(schema=SCHEMA, outcome=outcome, captures=tuple(verdicts))
    out.write(dumps(document) + "\n")


def dumps(document: Any) -> str:
    """A document as indented JSON; what no terminal should be shown is an escape, which means the same."""
    text: str = msgspec.json.format(msgspec.json.encode(document), indent=2).decode()
    return text if text.isascii() else "".join(map(_escaped, text))


def _escaped(character: str) -> str:
    if character.isascii() or character.isprintable():
        return character
    pair = character.encode("utf-16-be").hex()
    return "".join(f"\\u{pair[place : place + 4]}" for place in range(0, len(pair), 4))
