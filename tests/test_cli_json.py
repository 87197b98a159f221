"""`--json`: every command that answers has it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from smartvm.cli import COMMANDS
from smartvm.compiler.assembler import assemble
from smartvm.dispatch.native import isa, isas, threads

Run = Callable[..., tuple[int, str, str]]
PROGRAM = "PUSH 2\nPUSH 3\nADD\nBUF_ALLO size=3\nBUF_FIL value=-7\nSTOP"


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "program.asm"
    path.write_text(PROGRAM)
    return path


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_command_that_answers_does_so_in_json(run: Run, command) -> None:
    assert ("--json" in run(command.name, "--help")[1]) == (command.name != "completion")


def test_run_as_json_has_everything(run: Run, program: Path) -> None:
    left = json.loads(run("run", program, "--json", "--trace")[1])
    assert (left["error"], left["stack"], left["buffer"]) == (None, ["0x5"], [["-7"] * 3])
    assert [step["op"] for step in left["steps"]][-1] == "STOP"
    assert left["gasUsed"] == sum(step["gasCost"] for step in left["steps"])
    code, out, err = run("run", "60aa5f5260016001fd", "--json")
    assert (code, json.loads(out)["error"]) == (1, "Revert: 0x00")
    assert err == "smartvm run: Revert: 0x00\n"


def test_bytecode_and_versions_as_json(run: Run, program: Path) -> None:
    code = assemble(PROGRAM)
    assert json.loads(run("asm", program, "--json")[1]) == {
        "code": f"0x{code.hex()}",
        "bytes": len(code),
    }
    text = json.loads(run("disasm", code.hex(), "--json")[1])
    assert (text["isDNN"], text["bytes"]) == (True, len(code))
    assert text["assembly"] == run("disasm", code.hex())[1]
    info = json.loads(run("info", "--json")[1])
    assert info["backends"]["reference"] == "available"
    assert info["native"] == {"isa": isa(), "available": isas(), "threads": threads()}
