"""What the README shows is run: its Python prints what its comments say, its commands succeed."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

README = (Path(__file__).parents[1] / "README.md").read_text()


def blocks(language: str) -> list[str]:
    """The contents of the fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.M | re.S)


def commands() -> list[str]:
    """The lines `$ smartvm …` of the console blocks."""
    return [c for block in blocks("console") for c in re.findall(r"^\$ (smartvm .*)$", block, re.M)]


@pytest.mark.parametrize("source", blocks("python"), ids=lambda source: source.splitlines()[0])
def test_python(source: str) -> None:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(source, "README.md", "exec"), {"__name__": "__main__"})
    assert printed.getvalue().splitlines() == re.findall(r"^print\(.*\)  # (.*)$", source, re.M)


@pytest.mark.parametrize("command", commands())
def test_command(command: str) -> None:
    """The command exits with 0, and prints the lines that follow it in the README, if any do."""
    arguments = shlex.split(command, comments=True)[1:]
    run = subprocess.run(
        [sys.executable, "-m", "smartvm", *arguments], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    block = next(block for block in blocks("console") if command in block)
    shown = block.partition(command)[2].partition("\n$ ")[0].strip()
    assert shown in run.stdout
