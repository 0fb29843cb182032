"""The house rules that a program can check: who imports whom, how long things are, what is never written."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "handshake_inspect"
MODULES = sorted(PACKAGE.rglob("*.py"))
LAYOUTS = sorted(PACKAGE.rglob("*.pxd"))
OURS = [
    path
    for folder in ("handshake_inspect", "sample_pcaps", "tests", "bench", "fuzz")
    for path in (ROOT / folder).rglob("*.py")
]
TEXTS = [*OURS, *ROOT.glob("*.py"), *ROOT.glob("*.md"), ROOT / "Makefile", *LAYOUTS]

# A row imports from the rows above it, never from its own row or below.
# "api" is handshake_inspect itself, "main" is __main__.
FLOORS = (
    ("errors", "rfc9293", "columns", "ahead", "stopping"),
    ("capture", "kernel"),
    ("decode",),
    ("track",),
    ("verdict",),
    ("report",),
    ("spelling", "described"),
    ("views",),
    ("tables",),
    ("analysis",),
    ("segments", "stream"),
    ("names", "extract", "looks", "live"),
    ("api",),
    ("select",),
    ("expect",),
    ("render",),
    ("cli", "testing"),
    ("main", "pytest_plugin"),
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
CLI_REACHES = {
    "analysis",
    "api",
    "segments",
    "stream",
    "errors",
    "expect",
    "extract",
    "live",
    "looks",
    "names",
    "render",
    "select",
    "stopping",
}

# Longer than 400 lines, and why.
LONG_FILES: dict[str, str] = {
    "handshake_inspect/capture/walk.py": "a compiled stage: both formats' walks share their reads and their clock",
    "handshake_inspect/decode/layers.py": "a compiled stage: one function for each layer below IP",
    "handshake_inspect/report.py": "the JSON contract in one place: each field has its line in the docstring",
    "handshake_inspect/track/tracker.py": "a compiled stage: a segment's way from its 4-tuple to its numbers",
    "handshake_inspect/verdict/notes.py": "a compiled stage: every finding but one host's ISNs is raised here",
    "handshake_inspect/verdict/watch.py": "a compiled stage: what was told of a connection against what holds now",
    "handshake_inspect/verdict/judge.py": "a compiled stage: all, one, and the rows of tables share its pad",
    "handshake_inspect/verdict/replay.py": "a compiled stage: RFC 9293 sections 3.5 to 3.10 in one walk",
}

SCAPY_MODULES = 2
HEAVY = ("numpy", "pandas", "pyarrow", "scapy", "msgspec", "tabulate", "lz4", "zstandard", "jinja2")


def compiled() -> tuple[str, ...]:
    """Read setup.py's table COMPILED, without setuptools."""
    for node in ast.parse((ROOT / "setup.py").read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "COMPILED":
            names: tuple[str, ...] = ast.literal_eval(node.value)
            return names
    raise AssertionError("setup.py has no COMPILED")


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def stage_of(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").as_posix()


def room_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return {"__init__": "api", "__main__": "main"}.get(parts[0], parts[0])


CIMPORT = re.compile(r"^(?:from (\S+) )?cimport (\w[\w.]*)", re.MULTILINE)


def imported(path: Path) -> Iterator[tuple[str, ast.stmt]]:
    """Yield every dotted module that a file imports, cimports too, with its statement."""
    package = (*path.relative_to(ROOT).with_suffix("").parts,)[:-1]
    for node in ast.walk(ast.parse(path.read_text(), name_of(path))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name.removeprefix("cython.cimports."), node
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) + "." if node.level else ""
            source = (base + (node.module or "")).rstrip(".").removeprefix("cython.cimports.")
            for alias in node.names:
                yield f"{source}.{alias.name}", node


def cimported(path: Path) -> Iterator[tuple[str, int]]:
    """Yield every dotted module that a .pxd cimports, with its line."""
    text = path.read_text()
    for found in CIMPORT.finditer(text):
        yield ".".join(name for name in found.groups() if name), text.count("\n", 0, found.start()) + 1


def rooms_imported(path: Path) -> Iterator[tuple[str, int]]:
    """Yield the room and the line of every import of our own."""
    modules = cimported(path) if path.suffix == ".pxd" else ((module, node.lineno) for module, node in imported(path))
    for module, line in modules:
        first, *rest = module.split(".")
        if first == "handshake_inspect":
            is_room = bool(rest) and ((PACKAGE / rest[0]).is_dir() or (PACKAGE / f"{rest[0]}.py").exists())
            yield (rest[0] if is_room else "api"), line


def test_every_room_has_its_floor():
    assert {room_of(path) for path in MODULES} <= set(FLOOR), "give the new room a place in FLOORS"


@pytest.mark.parametrize("path", [*MODULES, *LAYOUTS], ids=name_of)
def test_rooms_import_only_from_rooms_before_them(path):
    room = room_of(path)
    wrong = [
        f"{name_of(path)}:{line}: {room} imports {other}"
        for other, line in rooms_imported(path)
        if other != room and FLOOR[other] >= FLOOR[room]
    ]
    assert wrong == []


def test_the_command_line_reaches_only_the_api_and_what_shows_it():
    wrong = [
        f"{name_of(path)}:{line}: imports {other}"
        for path in MODULES
        if room_of(path) == "cli"
        for other, line in rooms_imported(path)
        if other not in CLI_REACHES | {"cli"}
    ]
    assert wrong == []


@pytest.mark.parametrize("path", OURS, ids=name_of)
def test_a_file_holds_one_idea(path):
    lines = len(path.read_text().splitlines())
    assert lines <= 400 or name_of(path) in LONG_FILES, f"{lines} lines: split it, or give the reason in LONG_FILES"


def test_every_reason_for_a_long_file_is_still_needed():
    assert [name for name in LONG_FILES if len((ROOT / name).read_text().splitlines()) <= 400] == []


# A compiled stage may be longer when splitting would hide its flow.
@pytest.mark.parametrize("path", [path for path in MODULES if stage_of(path) not in compiled()], ids=name_of)
def test_a_function_fits_on_a_screen(path):
    long = [
        f"{name_of(path)}:{node.lineno}: {node.name} has {node.end_lineno - node.lineno + 1} lines"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno >= 60
    ]
    assert long == []


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_every_module_says_what_it_is(path):
    text = path.read_text()
    assert not text or ast.get_docstring(ast.parse(text)), "a docstring at its top"


def test_no_module_is_a_drawer_for_odds_and_ends():
    drawers = {"utils", "util", "helpers", "helper", "common", "misc"}
    assert [name_of(path) for path in OURS if drawers & set(path.relative_to(ROOT).with_suffix("").parts)] == []


def test_scapy_stays_at_the_edge_and_is_imported_only_when_used():
    users = {}
    at_import = []
    for path in MODULES:
        top = ast.parse(path.read_text()).body
        for module, node in imported(path):
            if module.split(".")[0] == "scapy":
                users[name_of(path)] = node.lineno
                if any(
                    ast.dump(node, include_attributes=True) == ast.dump(other, include_attributes=True) for other in top
                ):
                    at_import.append(f"{name_of(path)}:{node.lineno}")
    assert at_import == []
    assert len(users) <= SCAPY_MODULES, users


def test_starting_the_command_loads_none_of_the_heavy_packages():
    program = f"import sys, handshake_inspect.cli; print(*sorted(set({HEAVY!r}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "\n"


def test_nothing_is_left_for_later():
    # Spelled in halves, so that this file does not find itself.
    words = ("TO" + "DO", "FIX" + "ME", "XX" + "X")
    found = [
        f"{name_of(path)}:{number}: {line.strip()}"
        for path in TEXTS
        if path.exists()
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if any(word in line for word in words)
    ]
    assert found == []


def test_pyproject_excuses_exactly_the_compiled_modules():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    names = sorted(compiled())
    excused_by_ruff = project["tool"]["ruff"]["lint"]["per-file-ignores"]
    assert sorted(excused_by_ruff) == [f"handshake_inspect/{name}.py" for name in names]
    excused_by_mypy = [row["module"] for row in project["tool"]["mypy"]["overrides"] if row.get("ignore_errors")]
    assert sorted(excused_by_mypy[0]) == [f"handshake_inspect.{name.replace('/', '.')}" for name in names]


def test_the_changelog_has_a_place_for_the_next_change():
    sections = [line for line in (ROOT / "CHANGELOG.md").read_text().splitlines() if line.startswith("## ")]
    assert sections[0] == "## [Unreleased]"
