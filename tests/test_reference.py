"""The reference of the library: made from the code, complete, and its examples run."""

from __future__ import annotations

import doctest
from importlib import import_module
from pathlib import Path

import pytest

import handshake_inspect
from handshake_inspect.described import described
from reference import SECTIONS, reference

ROOT = Path(__file__).resolve().parent.parent
STRUCTS = [name for name in handshake_inspect.__all__ if hasattr(getattr(handshake_inspect, name), "__struct_fields__")]
EXAMPLES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in (ROOT / "handshake_inspect").rglob("*.py")
    if "\n>>> " in path.read_text() or " >>> " in path.read_text()
)


def test_the_reference_is_that_of_the_code(golden_at):
    golden_at(ROOT / "docs" / "api.md", reference())


def test_every_public_name_has_its_place_in_the_reference():
    placed = [name for _, names in SECTIONS for name in names]
    assert sorted([*placed, "__version__"]) == sorted(handshake_inspect.__all__)


@pytest.mark.parametrize("name", STRUCTS)
def test_every_field_of_a_struct_has_its_line(name):
    struct = getattr(handshake_inspect, name)
    assert tuple(described(struct.__doc__)[1]) == struct.__struct_fields__


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_examples_in_the_docstrings_hold(name, monkeypatch):
    monkeypatch.chdir(ROOT)
    failed, tried = doctest.testmod(import_module(name))
    assert failed == 0
    assert tried > 0
