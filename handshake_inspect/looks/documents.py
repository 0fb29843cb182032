"""What each command writes as JSON: DOCUMENTS is the table, and the JSON Schemas are made from it."""

from __future__ import annotations

from importlib import import_module
from typing import Any, NamedTuple


class DocumentKind(NamedTuple):
    """One kind of document: its struct, in a module of this room."""

    name: str
    module: str
    struct: str
    what: str


# fmt: off
DOCUMENTS = {row.name: row for row in (
    DocumentKind("ss",        "sockets",   "Sockets",  "ss --format json"),
    DocumentKind("census",    "census",    "Census",   "ss --census --format json"),
    DocumentKind("time-wait", "time_wait", "Document", "time-wait --format json"),
    DocumentKind("why",       "why",       "Document", "why --format json"),
    DocumentKind("isn",       "isn",       "Document", "why --isn --format json"),
    DocumentKind("doctor",    "doctor",    "Document", "doctor --format json"),
)}
# fmt: on


def schema_of(name: str) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of one of DOCUMENTS."""
    import msgspec

    from handshake_inspect.described import with_descriptions

    row = DOCUMENTS[name]
    struct = getattr(import_module(f"handshake_inspect.looks.{row.module}"), row.struct)
    generated = msgspec.json.schema(struct)
    root: dict[str, Any] = generated["$defs"].pop(row.struct)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:handshake-inspect:schema:{name}:1",
        **root,
        "title": f"handshake-inspect {row.what}",
        "$defs": with_descriptions(generated["$defs"]),
    }
