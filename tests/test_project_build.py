"""build_backend.py: a compiler is fetched where there is none, and only there."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

BACKEND = Path(__file__).resolve().parent.parent / "build_backend.py"


@pytest.fixture
def backend(monkeypatch, tmp_path):
    """The backend on a machine whose PATH is one empty folder, `tmp_path`."""
    pytest.importorskip("setuptools", minversion="77")
    spec = importlib.util.spec_from_file_location("build_backend", BACKEND)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    for kind in ("wheel", "editable"):
        monkeypatch.setattr(module.build_meta, f"get_requires_for_build_{kind}", lambda settings: ["other"])
    return module


def install(folder, name):
    (folder / name).write_text("#!/bin/sh\n")
    (folder / name).chmod(0o755)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system's own compiler is the one to use")
def test_without_a_compiler_a_build_asks_for_ziglang(backend):
    assert backend.get_requires_for_build_wheel() == ["other", "ziglang"]
    assert backend.get_requires_for_build_editable() == ["other", "ziglang"]


@pytest.mark.skipif(sys.platform == "win32", reason="setuptools finds the compiler")
@pytest.mark.parametrize("name", ["cc", "gcc", "clang"])
def test_with_a_compiler_a_build_asks_for_nothing_more(backend, tmp_path, name):
    install(tmp_path, name)
    assert backend.get_requires_for_build_wheel() == ["other"]
    assert backend.get_requires_for_build_editable() == ["other"]


@pytest.mark.skipif(sys.platform == "win32", reason="setuptools finds the compiler")
def test_cc_names_the_compiler_before_any_other(backend, tmp_path, monkeypatch):
    install(tmp_path, "gcc")
    install(tmp_path, "my-cc")
    monkeypatch.setenv("CC", "my-cc -m64")
    assert backend.installed_compiler() == "my-cc -m64"
