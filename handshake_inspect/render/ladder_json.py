"""A ladder for programs: looks/ladder.py's Ladder as JSON, with the lesson beside it when it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TextIO

import msgspec

from handshake_inspect.described import with_descriptions
from handshake_inspect.looks.ladder import SCHEMA, Ladder
from handshake_inspect.render import lessons

if TYPE_CHECKING:
    from handshake_inspect.render.drawings import Look

SCHEMA_ID = "urn:handshake-inspect:schema:walk-1"


def write(ladder: Ladder, out: TextIO, look: Look) -> None:
    """Write one JSON object; `lesson.rows` has the sentences of each row of `rows`."""
    plain: dict[str, Any] = msgspec.to_builtins(ladder)
    if look.lang:
        plain["lesson"] = {
            "language": look.lang,
            "before": texts(lessons.before(ladder, look.lang)),
            "rows": [texts(lessons.of_row(row, ladder, look.lang)) for row in ladder.rows],
            "after": texts(lessons.after(ladder, look.lang)),
        }
    out.write(msgspec.json.format(msgspec.json.encode(plain), indent=2).decode() + "\n")


def texts(said: list[lessons.Said]) -> list[str]:
    return [one.text for one in said]


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a walk, made from the types."""
    generated = msgspec.json.schema(Ladder)
    definitions = with_descriptions(generated["$defs"])
    root: dict[str, Any] = definitions.pop("Ladder")
    strings = {"type": "array", "items": {"type": "string"}}
    root["properties"]["lesson"] = {
        "type": "object",
        "description": "With --explain: sentences above the rows, for each row of `rows`, and below them.",
        "properties": {
            "language": {"type": "string"}, "before": strings, "rows": {"type": "array", "items": strings},
            "after": strings,
        },
        "required": ["language", "before", "rows", "after"],
    }  # fmt: skip
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        **root,
        "title": f"{SCHEMA}: one connection, segment by segment",
        "$defs": definitions,
    }
