"""`smartvm completion`: the shells themselves run the scripts."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable

import pytest

from smartvm.cli import COMMANDS

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def complete(run: Run) -> Callable[..., set[str]]:
    """What bash offers for the last of some words."""
    script = run("completion", "bash")[1]

    def offer(*words: str) -> set[str]:
        asked = f"COMP_WORDS=({' '.join(words)}); [ -n '{words[-1]}' ] || COMP_WORDS+=('')"
        source = f"{script}\n{asked}; COMP_CWORD={len(words) - 1}; _smartvm; echo ${{COMPREPLY[@]}}"
        shell = subprocess.run(
            ["bash", "--norc", "-uc", source], capture_output=True, text=True, check=True
        )
        return set(shell.stdout.split())

    return offer


def test_commands_are_completed(complete: Callable[..., set[str]]) -> None:
    assert complete("smartvm", "") == {c.name for c in COMMANDS} | {"--help", "--version"}
    assert complete("smartvm", "pr") == {"predict", "prove"}


def test_options_and_words_are_completed(complete: Callable[..., set[str]]) -> None:
    assert complete("smartvm", "upload", "--r") == {"--resume", "--rpc"}
    assert complete("smartvm", "completion", "") >= {"bash", "zsh", "fish"}
    assert complete("smartvm", "nonsense", "--") == set()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_shell_accepts_its_script(run: Run, shell: str) -> None:
    code, script, _ = run("completion", shell)
    assert code == 0
    assert all(command.name in script for command in COMMANDS)
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    subprocess.run([shell, "-n"], input=script, text=True, check=True)


def test_another_shell_is_refused(run: Run) -> None:
    code, _, err = run("completion", "tcsh")
    assert (code, "invalid choice: 'tcsh'" in err) == (2, True)
