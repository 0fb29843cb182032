"""The workflows of the README and the pre-commit hook: their commands do in a tree of captures what is said of them."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
HOOKS = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
WORKFLOWS = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```\n", README, re.DOTALL)]
INSTALL = "pip install handshake-inspect"


@pytest.fixture
def tree(tmp_path: Path, command: Sequence[str]) -> Path:
    """A repository with the samples as its captures, and the command on its PATH."""
    shutil.copytree(ROOT / "sample_pcaps", tmp_path / "tree" / "tests" / "captures")
    program = tmp_path / "bin" / "handshake-inspect"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n')
    program.chmod(0o755)
    return tmp_path / "tree"


def shell(tree: Path, line: str) -> subprocess.CompletedProcess[str]:
    """Run a line as a step of a workflow does: bash, stopping at the first error."""
    environment = {**os.environ, "PATH": f"{tree.parent / 'bin'}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        ["bash", "-e", "-c", line], cwd=tree, env=environment, capture_output=True, text=True, timeout=60
    )


def break_one(tree: Path) -> None:
    shutil.copy(ROOT / "sample_pcaps/reset/capture.pcap", tree / "tests/captures/ipv6/capture.pcap")


def lines_of(workflow: dict) -> list[str]:
    """The shell lines of a workflow of GitHub or GitLab, in their order."""
    (job,) = workflow["jobs"].values() if "jobs" in workflow else workflow.values()
    return job["script"] if "script" in job else [step["run"] for step in job["steps"] if "run" in step]


def files_of(workflow: dict) -> list[str]:
    """The files of results that a workflow hands over."""
    (job,) = workflow["jobs"].values() if "jobs" in workflow else workflow.values()
    if "script" in job:
        return list(job["artifacts"]["reports"].values())
    return [step["with"]["sarif_file"] for step in job["steps"] if "sarif_file" in step.get("with", {})]


def test_there_is_one_for_github_and_one_for_gitlab():
    assert ["jobs" in workflow for workflow in WORKFLOWS] == [True, False]
    # YAML 1.1 reads the key `on` as true.
    assert WORKFLOWS[0][True] == ["push", "pull_request"]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=["github", "gitlab"])
def test_a_workflow_installs_what_this_is(workflow):
    install, *others = lines_of(workflow)
    assert install == INSTALL
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["name"] == INSTALL.split()[-1]
    assert len(others) == 1
    assert others[0].startswith("handshake-inspect check ")


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=["github", "gitlab"])
def test_a_workflow_is_green_and_turns_red(workflow, tree):
    _, line = lines_of(workflow)
    done = shell(tree, line)
    assert (done.returncode, done.stderr) == (0, "")
    (result,) = files_of(workflow)
    before = (tree / result).read_text()
    break_one(tree)
    done = shell(tree, line)
    assert done.returncode == 1
    assert "expected four-way; seen reset" in done.stdout or "seen      reset by the client" in done.stdout
    assert (tree / result).read_text() != before


def test_the_baseline_commands_record_and_compare(tree):
    (block,) = [block for block in re.findall(r"```sh\n(.*?)```\n", README, re.DOTALL) if "--baseline" in block]
    shutil.copy(tree / "tests/captures/ipv6/capture.pcap", tree / "run.pcap")
    record, compare = block.strip().splitlines()
    assert shell(tree, record).returncode == 0
    assert shell(tree, compare).returncode == 0
    shutil.copy(tree / "tests/captures/reset/capture.pcap", tree / "run.pcap")
    assert shell(tree, compare).returncode == 1


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook["id"])
def test_the_hook_is_green_and_turns_red(hook, tree):
    assert f"`{hook['id']}`" in README
    assert hook["language"] == "python"
    assert hook["pass_filenames"] is False
    line = f"{hook['entry']} {shlex.join(hook['args'])}"
    assert shell(tree, line).returncode == 0
    break_one(tree)
    assert shell(tree, line).returncode == 1


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook["id"])
def test_the_hook_runs_when_a_capture_or_its_expectations_change(hook):
    from handshake_inspect.expect.targets import COMPRESSED, ENDINGS, EXPECT, is_capture

    captures = [f"a/web{ending}{packed}" for ending in ENDINGS for packed in ("", *COMPRESSED)]
    assert all(map(is_capture, captures))
    for path in (*captures, EXPECT, f"a/{EXPECT}"):
        assert re.search(hook["files"], path), path
    for path in ("README.md", "a/unexpect.toml", "web.pcap.txt", "pcap"):
        assert not re.search(hook["files"], path), path
        assert not is_capture(path) or path.endswith(EXPECT)
