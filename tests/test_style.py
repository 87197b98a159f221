"""Habits that ruff does not know of. (Docstrings, names and the order of `__all__` it does.)"""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from smartvm.opcodes.instruction import Instruction
from smartvm.opcodes.table import INSTRUCTIONS

ROOT = Path(__file__).parents[1]
SECTIONS = ["STACK", "SHAPE", "GAS", "OPERATION"]
LONGEST_FILE = 320
CODE = (".py", ".cpp", ".h", ".cu", ".cuh")
FOLDERS = ("smartvm", "native", "tests", "benchmarks", "examples", "scripts", "docs", ".ci")
TEXT = (
    ".py",
    ".md",
    ".toml",
    ".cff",
    ".vy",
    ".sol",
    ".cpp",
    ".h",
    ".cu",
    ".cuh",
    ".js",
    ".html",
    ".css",
    ".asm",
    ".sh",
    "Makefile",
    ".gitignore",
    "run",
)
FILES = sorted(
    path
    for path in (*ROOT.iterdir(), *(p for folder in FOLDERS for p in (ROOT / folder).rglob("*")))
    if path.name.endswith(TEXT)
)
PRIVATE_PATH = re.compile(r"(?<![\w.])/(work|root|home|Users)/")
REGISTRY = re.compile(r"pypi\.|pythonhosted\.|npmjs\.|--(extra-)?index-url|https?_proxy", re.I)
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")


def name(path: Path) -> str:
    """The path within the project."""
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("row", INSTRUCTIONS, ids=lambda row: row.mnemonic)
def test_an_instruction_pops_shapes_pays_and_computes_in_that_order(row: Instruction) -> None:
    source = inspect.getsource(row.logic)
    assert re.findall(r"^ +# ([A-Z]+)$", source, re.M) == SECTIONS
    before_operation = source.partition("# OPERATION")[0]
    computes = r"frame\.kernels|buffer\.(push|replace)|\b(apply|apply_fused|_convolve)\("
    assert not re.search(computes, before_operation)


@pytest.mark.parametrize("path", [p for p in FILES if p.suffix in CODE], ids=name)
def test_a_file_can_be_read_in_one_sitting(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LONGEST_FILE


@pytest.mark.parametrize("pattern", [PRIVATE_PATH, REGISTRY, UNFINISHED], ids=lambda p: p.pattern)
def test_no_file_names_a_machine_a_registry_or_a_debt(pattern: re.Pattern[str]) -> None:
    others = [path for path in FILES if path != Path(__file__)]
    assert not [name(path) for path in others if pattern.search(path.read_text())]


@pytest.mark.parametrize("path", [p for p in FILES if p.suffix == ".md"], ids=name)
def test_every_link_leads_to_a_file(path: Path) -> None:
    targets = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", path.read_text())
    assert not [target for target in targets if not (path.parent / target).exists()]
