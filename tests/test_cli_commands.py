"""The table of commands, and the two that print tables of ours."""

import json
import sys

import click
import pytest

import fake_cli
from handshake_inspect.cli import COMMANDS, main
from handshake_inspect.cli.parsing import group


@pytest.fixture
def run(monkeypatch, capsys):
    for name, module in fake_cli.modules().items():
        monkeypatch.setitem(sys.modules, name, module)

    def run(*arguments):
        status = main(arguments)
        return status, *capsys.readouterr()

    return run


@pytest.mark.parametrize("row", COMMANDS.values(), ids=COMMANDS.keys())
def test_each_command_says_what_its_row_says_and_has_an_example(run, row):
    with click.Context(group) as context:
        command = group.get_command(context, row.name)
        assert command is not None
        assert command.name == row.name
        assert command.help is not None
        assert command.help.split("\n\n")[0].replace("\n", " ") == row.what
    status, out, err = run(row.name, "--help")
    assert (status, err) == (0, "")
    assert f"  handshake-inspect {row.name}" in out


def test_help_lists_every_command(run, golden):
    status, out, _ = run("--help")
    assert status == 0
    golden("cli-help.txt", out)


def test_help_of_report_lists_every_word_of_a_filter(run):
    from handshake_inspect.select.words import FIELDS

    out = run("report", "--help")[1]
    assert [field.name for field in FIELDS.values() if field.example not in out] == []


def test_nothing_at_all_shows_the_help(run):
    status, out, err = run()
    assert status in (0, 2)
    assert (out + err).startswith("Usage: handshake-inspect [OPTIONS] COMMAND [ARGS]...")


def test_the_version_is_printed(run):
    status, out, err = run("--version")
    assert (status, err) == (0, "")
    assert out.startswith("handshake-inspect")


def test_a_misspelt_command_is_told_from_a_file(run, tmp_path, monkeypatch):
    assert run("shema") == (
        2, "", "handshake-inspect: 'shema' is neither a command nor a file; did you mean 'schema'?\n"
    )  # fmt: skip
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shema").touch()
    assert run("shema")[0] == 0


def test_a_file_named_like_a_command_is_written_with_its_folder(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "schema").touch()
    assert run("./schema", "--utc")[1].startswith("web.pcap: 57 frames")
    assert run("schema")[1].startswith("{")


def test_an_unknown_option_is_wrong_usage(run):
    status, out, err = run("web.pcap", "--nope")
    assert (status, out) == (2, "")
    assert "No such option" in err


def test_the_schema_is_printed(run, golden):
    status, out, err = run("schema")
    assert (status, err) == (0, "")
    assert json.loads(out)["$id"] == "urn:handshake-inspect:schema:1"
    golden("cli-schema.json", out)


@pytest.mark.parametrize("format", ["table", "json", "markdown"])
def test_the_findings_are_printed(run, golden, format):
    status, out, err = run("findings", "--format", format)
    assert (status, err) == (0, "")
    golden(f"cli-findings-{format}.txt", out)


def test_starting_up_imports_no_more_than_click():
    import subprocess

    def loaded(imports: str) -> set[str]:
        code = f"import {imports}; print(*sorted({{m.split('.')[0] for m in sys.modules}}))"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                              env={"PYTHONPATH": ":".join(sys.path)})  # fmt: skip
        return set(done.stdout.split())

    # What the interpreter of this environment loads by itself (an editable installation does) is not ours.
    heavy = {"numpy", "scapy", "msgspec", "tabulate", "dataclasses", "difflib", "ipaddress", "json", "asyncio"}
    assert heavy & (loaded("sys, handshake_inspect.cli.report") - loaded("sys")) == set()
