"""Each layer of the package imports only those before it, and only what pyproject.toml declares."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "smartvm"
LAYERS = (
    "exceptions",
    "words",
    "shapes",
    "gas",
    "dispatch",
    "buffer",
    "storage",
    "opcodes",
    "trace",
    "vm",
    "execution",
    "compiler",
    "chain",
    "node",
    "cli",
    "__main__",
)
"""From the bottom up; `smartvm/__init__.py` stands above them all."""
MODULES = sorted(PACKAGE.rglob("*.py"))


def layer_of(parts: tuple[str, ...]) -> str:
    """The layer of a module, given its dotted name's parts without `smartvm`."""
    return parts[0] if parts else "__init__"


def imports(tree: ast.AST, package: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The dotted names, in parts, that the imports of a module in `package` may refer to."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (tuple(alias.name.split(".")) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            module = above + tuple(node.module.split(".") if node.module else ())
            yield from ((*module, alias.name) for alias in node.names)


def parse(path: Path) -> tuple[ast.Module, tuple[str, ...]]:
    """The tree of a module and the parts of the package that it lies in."""
    return ast.parse(path.read_text()), path.relative_to(ROOT).parts[:-1]


def test_every_layer_is_known() -> None:
    found = {layer_of(p.relative_to(PACKAGE).with_suffix("").parts) for p in MODULES}
    assert found - {"__init__"} <= set(LAYERS)


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_layer_imports_only_those_before_it(path: Path) -> None:
    layer = layer_of(path.relative_to(PACKAGE).with_suffix("").parts)
    if layer == "__init__":
        return
    allowed = LAYERS[: LAYERS.index(layer) + 1]
    tree, package = parse(path)
    used = {layer_of(name[1:]) for name in imports(tree, package) if name[0] == "smartvm"}
    assert used - {"__version__"} <= set(allowed)


def test_the_check_sees_every_form_of_import() -> None:
    source = "import smartvm.vm\nfrom smartvm import cli\nfrom . import tensor\nfrom ..vm import x"
    assert list(imports(ast.parse(source), ("smartvm", "dispatch"))) == [
        ("smartvm", "vm"),
        ("smartvm", "cli"),
        ("smartvm", "dispatch", "tensor"),
        ("smartvm", "vm", "x"),
    ]


def requirement_name(requirement: str) -> str:
    """`eth-hash` of `eth-hash[pycryptodome]>=0.7`."""
    return re.split(r"[^\w-]", requirement, maxsplit=1)[0].lower()


def top_level_imports(tree: ast.Module, package: tuple[str, ...]) -> set[str]:
    """Roots of what a module imports as soon as it is imported itself."""
    statements = [n for n in tree.body if isinstance(n, ast.Import | ast.ImportFrom)]
    return {name[0] for name in imports(ast.Module(statements, []), package)}


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_what_a_module_imports_is_a_declared_dependency(path: Path) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = {requirement_name(requirement) for requirement in project["dependencies"]}
    third_party = top_level_imports(*parse(path)) - sys.stdlib_module_names - {"smartvm"}
    distributions = packages_distributions()
    undeclared = {
        name
        for name in third_party
        if not declared & {d.lower().replace("_", "-") for d in distributions.get(name, [name])}
    }
    assert not undeclared, "declare it, or import it where it is used if it belongs to an extra"
