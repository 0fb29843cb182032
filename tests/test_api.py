"""`import handshake_inspect`: cheap, and every public name is there."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import handshake_inspect

INIT = Path(handshake_inspect.__file__)


def test_importing_the_package_imports_no_other_module_of_it():
    program = "import sys, handshake_inspect; print(*(name for name in sys.modules if name.startswith('handshake_')))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True,
                          env={"PYTHONPATH": ":".join(sys.path)})  # fmt: skip
    assert done.stdout == "handshake_inspect\n"


@pytest.mark.parametrize("name", handshake_inspect.__all__)
def test_every_public_name_is_there(name):
    assert getattr(handshake_inspect, name)


def test_type_checkers_are_told_of_exactly_the_public_names():
    told = {
        alias.name: node.module
        for node in ast.walk(ast.parse(INIT.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module != "typing" and node.module != "__future__"
        for alias in node.names
    }
    told.pop("import_module")
    assert sorted([*told, "__version__"]) == sorted(handshake_inspect.__all__) == dir(handshake_inspect)
    for name, module in told.items():
        assert getattr(handshake_inspect, name) is getattr(import_module(str(module)), name)


def test_a_name_that_is_not_there_is_refused_as_python_does():
    with pytest.raises(AttributeError, match=r"^module 'handshake_inspect' has no attribute 'analyze'$"):
        handshake_inspect.analyze  # noqa: B018


def test_the_version_is_that_of_the_project():
    import tomllib

    project = tomllib.loads((INIT.parent.parent / "pyproject.toml").read_text())["project"]
    assert handshake_inspect.__version__ == project["version"]
