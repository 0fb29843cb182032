"""The whole report as one JSON document (REPORT.md), written one connection at a time.

The bytes are the same as `msgspec.json.format(msgspec.json.encode(document), indent=2)`, without the
document ever being in memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TextIO

import msgspec

from handshake_inspect.described import with_descriptions
from handshake_inspect.render import Style
from handshake_inspect.render.selection import Selection
from handshake_inspect.report import SCHEMA, CaptureInfo, Connection, Plain, Summary

SCHEMA_ID = "urn:handshake-inspect:schema:1"


class Document(Plain, frozen=True, kw_only=True):
    """What `--format json` writes; a line of `--format ndjson` is one member of `connections`."""

    schema: Literal["handshake-inspect/1"]
    captures: Sequence[CaptureInfo]
    connections: Sequence[Connection]
    summary: Summary


def write(selection: Selection, out: TextIO, style: Style) -> None:
    """Head, connections one by one, summary of the connections shown."""
    out.write("{\n" + _member("schema", SCHEMA) + ",\n")
    out.write(_member("captures", [encodable(capture) for capture in selection.captures]) + ",\n")
    out.write('  "connections": [')
    separator = "\n"
    for connection in selection:
        out.write(separator + "    " + _indented(connection, 4))
        separator = ",\n"
    out.write(("" if separator == "\n" else "\n  ") + "],\n")
    out.write(_member("summary", selection.summary) + "\n}\n")


def encodable(capture: CaptureInfo) -> CaptureInfo:
    """The capture with its path in valid Unicode: a path may hold any bytes, JSON may not."""
    path = capture.path.encode("utf-8", "backslashreplace").decode()
    return capture if path == capture.path else msgspec.structs.replace(capture, path=path)


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of the document."""
    generated = msgspec.json.schema(Document)
    root: dict[str, Any] = generated["$defs"].pop("Document")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        **root,
        "title": f"{SCHEMA}: a report of TCP connections",
        "$defs": with_descriptions(generated["$defs"]),
    }


def _member(name: str, value: object) -> str:
    return f'  "{name}": {_indented(value, 2)}'


def _indented(value: object, spaces: int) -> str:
    # A newline inside a JSON string is written \n, so every newline here ends a line of the layout.
    text: str = msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    return text.replace("\n", "\n" + " " * spaces)
