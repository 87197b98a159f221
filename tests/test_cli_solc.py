"""`smartvm solc`, as its user sees it."""

from __future__ import annotations

import json

import pytest

from smartvm.cli import main
from smartvm.compiler.solidity import SolcMissing, find_solc

CONTRACT = """// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;
import {SmartVM} from "smartvm/SmartVM.sol";
interface Nothing {}
contract Net {
    uint256 public runs;
    function relu(int256[] memory x) external view returns (int256[] memory) {
        SmartVM.load(x);
        SmartVM.actRl();
        return SmartVM.read(uint64(x.length));
    }
}
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Net.sol").write_text(CONTRACT)
    return tmp_path


@pytest.fixture(scope="module")
def solc():
    try:
        return find_solc()
    except SolcMissing as error:
        pytest.skip(str(error))


def test_it_writes_what_tools_read(solc, folder, capsys):
    assert main(["solc", "Net.sol", "-o", "build", "--yul"]) == 0
    out, warnings = capsys.readouterr()
    assert out.startswith("Net ") and out.rstrip().endswith("build/Net.sol/Net.json")
    assert "Net.sol:7:5: warning: Function state mutability can be restricted to pure" in warnings
    artefact = json.loads((folder / "build/Net.sol/Net.json").read_text())
    assert artefact["bytecode"]["object"].startswith("0xfc444e4e01")
    assert artefact["storageLayout"]["storage"][0]["label"] == "runs"
    assert set(artefact["methodIdentifiers"]) == {"relu(int256[])", "runs()"}
    assert 'object "Net_' in (folder / "build/Net.sol/Net.yul").read_text()
    assert [path.name for path in (folder / "build").iterdir()] == ["Net.sol"]


def test_pure_yul_and_json(solc, folder, capsys):
    (folder / "o.yul").write_text('object "O" { code { act_rl(0) sstore(0, origin()) } }')
    assert main(["solc", "o.yul", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert list(printed) == ["out/o.yul/O.json"]
    artefact = printed["out/o.yul/O.json"]
    assert artefact["bytecode"]["object"] == "0xfc444e4e015f2cb25f5500"
    assert artefact == json.loads((folder / "out/o.yul/O.json").read_text())


def test_errors_are_those_of_the_source(solc, folder, capsys):
    (folder / "Net.sol").write_text(CONTRACT.replace("SmartVM.actRl();", "SmartVM.act();"))
    assert main(["solc", "Net.sol"]) == 2
    first, line, caret = capsys.readouterr().err.splitlines()[:3]
    assert first.startswith('smartvm solc: Net.sol:9:9: error: Member "act" not found')
    assert line.index("SmartVM.act") == caret.index("^")
    assert not (folder / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["None.sol"], "None.sol: no such file or directory"),
        (["Net.sol", "--runs", "0"], "--runs: expected 1 or more, found 0"),
        (["Net.sol", "--remap", "x"], "remapping: expected [context:]prefix=target, found 'x'"),
        (["Net.sol", "o.yul"], "a Yul file is compiled alone: expected one file, or Solidity only"),
        *(
            (["Net.sol", option, "x"], "x: expected a directory to look imports up in, found none")
            for option in ("--base", "--include")
        ),
        (["Net.sol", "-o", "Net.sol"], "Net.sol is a file: expected a directory"),
    ],
)
def test_wrong_use(folder, capsys, arguments, message):
    assert main(["solc", *arguments]) == 2
    assert capsys.readouterr().err == f"smartvm solc: {message}\n"


def test_nothing_to_write(solc, folder, capsys):
    for text in ("interface I {}", "abstract contract A {}", "function f() pure {}", ""):
        (folder / "I.sol").write_text(f"pragma solidity ^0.8.37; {text}")
        assert main(["solc", "I.sol"]) == 2
        assert "interfaces and abstract contracts have no code" in capsys.readouterr().err
