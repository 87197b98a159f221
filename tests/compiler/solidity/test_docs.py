"""What docs/solidity.md shows is what happens."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from smartvm.compiler.solidity import SolidityError, compile_files

PAGE = (Path(__file__).parents[3] / "docs" / "solidity.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.M | re.S)


def test_its_contract_deploys_and_runs(solc, tmp_path, monkeypatch, capsys):
    (solidity,), (python,) = blocks("solidity"), blocks("python")
    (tmp_path / "Edges.sol").write_text(solidity)
    monkeypatch.chdir(tmp_path)
    exec(python, {})
    assert capsys.readouterr().out == "[36, 0, 0, 0]\n"


def test_its_assembly_compiles(compiled):
    (text,) = blocks("text")
    assert compiled(f"contract C {{ function f() external view {{ {text} }} }}")["C"].bytecode


def test_its_error_is_shown_like_that(tmp_path):
    shown = blocks("console")[1].partition("smartvm solc: ")[2].splitlines(keepends=True)
    lines = ["\n"] * 8 + [shown[1].removeprefix("    ")]
    source = f"contract C {{ function f() {{ assembly {{ {''.join(lines)} }} }} }}"
    (tmp_path / "Net.sol").write_text(source)
    with pytest.raises(SolidityError) as caught:
        compile_files([tmp_path / "Net.sol"])
    message = str(caught.value)
    assert (
        message.partition("error: ")[2].splitlines()[0] == shown[0].partition("error: ")[2].strip()
    )
    assert f"Net.sol:9:{shown[2].index('^') - 3}" in message
