"""Imports are found where solc finds them."""

from __future__ import annotations

from pathlib import Path

import pytest

from smartvm.compiler.solidity import (
    ImportPaths,
    Remapping,
    Settings,
    SolidityError,
    compile_files,
)
from smartvm.compiler.solidity.sources import LIBRARY, complete, imports, load
from smartvm.exceptions import SmartVMError


@pytest.fixture
def tree(tmp_path):
    def write(name: str, text: str = "") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return write


def test_what_an_import_names():
    text = """
        import "a.sol"; // import "b.sol";
        import {A, B as C} from './c.sol';
        import * as D from "d.sol"; string constant s = 'import "e.sol";';
        contract F { string x = "y"; }
    """
    assert [path for path, _ in imports(text)] == ["a.sol", "./c.sol", "d.sol"]


def test_everything_that_is_imported_is_loaded_once(tree, tmp_path):
    main = tree("src/Main.sol", 'import "./sub/A.sol"; import "lib/B.sol";')
    tree("src/sub/A.sol", 'import "../Main.sol"; import "smartvm/SmartVM.sol";')
    tree("lib/B.sol", 'import "@oz/C.sol";')
    tree("modules/oz/C.sol")
    paths = ImportPaths(tmp_path, [tmp_path / "modules"], [Remapping.parse("@oz/=oz/")])
    texts = load([main], paths)
    names = {"src/Main.sol", "src/sub/A.sol", "lib/B.sol", "oz/C.sol", "smartvm/SmartVM.sol"}
    assert set(texts) == names
    assert texts["smartvm/SmartVM.sol"] == LIBRARY.read_text()


@pytest.mark.parametrize(
    ("importer", "path", "name"),
    [
        ("a/b.sol", "./c.sol", "a/c.sol"),
        ("a/b.sol", "../c.sol", "c.sol"),
        ("b.sol", "../c.sol", "c.sol"),
        ("/a/b.sol", "../../../c.sol", "/c.sol"),
        ("a/b.sol", ".//d/./c.sol", "a/d/c.sol"),
        ("a/b.sol", "c.sol", "c.sol"),
        ("a/b.sol", "x/c.sol", "one/c.sol"),
        ("a/b.sol", "x/y/c.sol", "two/c.sol"),
        ("special/b.sol", "x/y/c.sol", "three/y/c.sol"),
    ],
)
def test_remappings(importer, path, name):
    """The longest context wins, then the longest prefix; nothing is above the base."""
    remappings = [Remapping.parse(t) for t in ("x/=one/", "x/y/=two/", "special:x/=three/")]
    assert ImportPaths(remappings=remappings).resolve(importer, path) == name


@pytest.mark.parametrize("text", ["x", "=y", "a:=y"])
def test_what_is_no_remapping(text):
    with pytest.raises(SmartVMError, match="expected"):
        Remapping.parse(text)


def test_what_cannot_be_read(tree, tmp_path):
    with pytest.raises(SolidityError, match=r"a.sol:1:8: error: import not found: b.sol, looked"):
        complete({"a.sol": 'import "b.sol";'}, ImportPaths(tmp_path))
    tree("c.sol").write_bytes(b"\xff\xfe")
    with pytest.raises(SmartVMError, match="expected text"):
        load([tmp_path / "c.sol"], ImportPaths(tmp_path))
    with pytest.raises(FileNotFoundError):
        load([tmp_path / "d.sol"], ImportPaths(tmp_path))


def test_solc_resolves_imports_in_the_same_way(solc, tree, tmp_path):
    """Else what was loaded has another name than what it asks for."""
    head = "// SPDX-License-Identifier: MIT\npragma solidity ^0.8.37;\n"
    tree("lib/oz/C.sol", f'{head}import "../D.sol"; contract C is D {{}}')
    tree("lib/D.sol", f"{head}contract D {{}}")
    tree("lib/E.sol", f"{head}contract E {{}}")
    tree("src/E.sol", f"{head}contract Wrong {{}}")
    main = tree("src/A.sol", f'{head}import "@oz/C.sol"; import "e/E.sol"; contract A is C, E {{}}')
    remappings = ["@oz/=lib/oz/", "e/=src/", "src:e/=lib/"]
    paths = ImportPaths(tmp_path, remappings=[Remapping.parse(text) for text in remappings])
    assert list(compile_files([main], paths, Settings(solc=solc))) == ["src/A.sol:A"]


def test_contracts_that_are_imported_come_along_only_where_they_are_linked(solc, tree, tmp_path):
    head = "// SPDX-License-Identifier: MIT\npragma solidity ^0.8.37;\n"
    tree(
        "L.sol", f"{head}library L {{ function f() external {{}} }} library M {{}} contract C {{}}"
    )
    uses = "function g() external { L.f(); }"
    main = tree("A.sol", f'{head}import {{L, C}} from "./L.sol"; contract A is C {{ {uses} }}')
    compilation = compile_files([main], ImportPaths(tmp_path), Settings(solc=solc))
    assert list(compilation) == ["A.sol:A", "L.sol:L"]
    assert compilation["A"].libraries == ["L.sol:L"]
