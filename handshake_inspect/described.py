"""What the docstring of a struct says of its fields: lines `name: text` below its sentences."""

from __future__ import annotations

import re
from inspect import cleandoc
from typing import Any

NONE = re.compile(r"\bNone\b")
FIELD = re.compile(r"^(\w+): (.+(?:\n {4,}.+)*)$", re.MULTILINE)


def described(docstring: str | None) -> tuple[str, dict[str, str]]:
    """Return the sentences of a docstring, and what it says of each field, a text on one line.

    >>> described("A place.\\n\\n    offset: bytes from the start\\n    frame: its number,\\n        from 1")
    ('A place.', {'offset': 'bytes from the start', 'frame': 'its number, from 1'})
    """
    text = cleandoc(docstring or "")
    fields = {name: " ".join(meaning.split()) for name, meaning in FIELD.findall(text)}
    return FIELD.sub("", text).strip(), fields


def with_descriptions(definitions: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the `$defs` of a JSON Schema with each field's description where the schema has the field."""
    for definition in definitions.values():
        sentences, fields = described(definition.get("description"))
        if "description" in definition:
            # Python 3.13 and later take the indentation off a docstring, and msgspec writes it as it is.
            definition["description"] = sentences
        for name, meaning in fields.items():
            definition["properties"][name.removesuffix("_")]["description"] = NONE.sub("null", meaning)
    return definitions
