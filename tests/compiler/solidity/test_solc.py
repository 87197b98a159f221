"""Which solc is taken, and what is said where there is none."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from smartvm.compiler.solidity import SolcFailed, SolcMissing, find_solc
from smartvm.compiler.solidity.solc import MODULES_VARIABLE, NativeSolc, NodeSolc


@pytest.fixture(autouse=True)
def _a_bare_machine(tmp_path, monkeypatch):
    """Nothing on the PATH but what a test puts there."""
    find_solc.cache_clear()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv(MODULES_VARIABLE, raising=False)
    (tmp_path / "bin").mkdir()
    yield
    find_solc.cache_clear()


def program(name: str, script: str) -> None:
    path = Path("bin", name)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def package(folder: str, version: str) -> None:
    path = Path(folder, "solc")
    path.mkdir(parents=True)
    (path / "package.json").write_text(json.dumps({"version": version}))


def test_a_native_solc_comes_first():
    program("solc", "echo 'Version: 0.8.37+commit.1234.Linux.g++'")
    program("node", "exit 1")
    package("node_modules", "0.8.37")
    assert isinstance(find_solc(), NativeSolc)


def test_one_that_is_too_old_is_passed_over():
    program("solc", "echo 'Version: 0.8.22+commit.1234.Linux.g++'")
    program("node", "exit 1")
    package("node_modules", "0.9.0")
    assert isinstance(find_solc(), NodeSolc)


def test_a_folder_that_is_named_comes_before_the_current_one(monkeypatch):
    program("node", "exit 1")
    package("node_modules", "0.8.37")
    package("mine", "0.8.38")
    monkeypatch.setenv(MODULES_VARIABLE, "mine")
    assert find_solc().modules == Path("mine").absolute()


def test_a_package_that_is_half_installed_is_passed_over():
    program("node", "exit 1")
    program("npm", "exit 1")
    Path("node_modules/solc").mkdir(parents=True)
    Path("node_modules/solc/package.json").write_text("{")
    with pytest.raises(SolcMissing, match=r"found solc 0\.0\.0 in node_modules"):
        find_solc()


def test_npms_global_folder_comes_last():
    program("node", "exit 1")
    program("npm", 'echo "$PWD/global"')
    package("node_modules", "0.8.30")
    package("global", "0.8.37")
    assert find_solc().modules == Path("global").absolute()


@pytest.mark.parametrize(
    ("programs", "found"),
    [
        ({}, "found no Node"),
        ({"solc": "echo 0.8.20"}, r"found \S+solc of version 0.8.20, no Node"),
        ({"solc": "exit 3"}, r"found \S+solc of version 0.0.0, no Node"),
        ({"node": "exit 1"}, "found none"),
    ],
)
def test_what_is_missing_is_said_with_how_to_get_it(programs, found):
    for name, script in programs.items():
        program(name, script)
    with pytest.raises(SolcMissing, match=found) as caught:
        find_solc()
    assert "npm install solc@0.8.37" in str(caught.value)


def test_a_crash_is_reported_with_its_reason():
    program("solc", "echo boom >&2; exit 7")
    with (
        pytest.raises(SolcFailed, match="ended with 7: boom"),
        NativeSolc(os.path.join("bin", "solc")).session() as compile_one,
    ):
        compile_one({})
    program("solc", "echo hello")
    with (
        pytest.raises(SolcFailed, match="expected JSON from solc, found 'hello"),
        NativeSolc(os.path.join("bin", "solc")).session() as compile_one,
    ):
        compile_one({})
    program("node", "echo no memory >&2; exit 9")
    with (
        pytest.raises(SolcFailed, match="without an answer: no memory"),
        NodeSolc(os.path.abspath("bin/node"), Path("m")).session() as compile_one,
    ):
        compile_one({"sources": "x" * 10**6})
