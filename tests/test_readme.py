"""What the documents say exists: links, make targets, commands with their options, folders."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest
from typer.main import get_command

from service.cli import app

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = ("README.md", "CHANGELOG.md", "eval/LOG.md", "eval/demo/README.md")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_link_leads_somewhere(name: str) -> None:
    file = ROOT / name
    for target in re.findall(r"\]\(([^)#:]+)\)", file.read_text(encoding="utf-8")):
        assert (file.parent / target).exists(), target


def test_every_make_target_is_there() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"(?:`|\n {4})make ([a-z]+)", README))
    assert {"demo", "test", "check", "bench"} <= named
    for target in named:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def commands() -> list[str]:
    """Every command line in the README that starts with assay, without its comment."""
    lines = re.findall(r"^ +(?:\.venv/bin/)?(assay .*)$", README, re.MULTILINE)
    return [line.partition(" #")[0].strip() for line in lines]


def test_there_are_commands() -> None:
    assert len(commands()) >= 4


@pytest.mark.parametrize("line", commands())
def test_every_command_and_option_exists(line: str) -> None:
    words = shlex.split(line)[1:]
    command = get_command(app)
    while hasattr(command, "commands"):
        assert words[0] in command.commands, words[0]
        command = command.commands[words.pop(0)]
    options = {name for each in command.params for name in each.opts}
    assert {word for word in words if word.startswith("--")} <= options


def test_every_folder_of_the_map_is_there() -> None:
    tree = README.partition("## Where things are")[2]
    names = re.findall(r"^ {4,6}([a-z_]+/)", tree, re.MULTILINE)
    assert len(names) >= 6
    for name in names:
        assert any((ROOT / above / name).is_dir() for above in ("", "retrieval", "eval")), name


def test_the_changelog_has_the_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f"## {version}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
