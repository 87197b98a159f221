"""What `import smartvm` gives, and what it costs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import smartvm

EXTRAS = ("torch", "sklearn", "cupy", "onnx", "eth_tester", "vyper", "mpmath", "pytest")
MEASURE = """
import sys, time
from smartvm import *
print(time.process_time())
print(*sys.modules, sep="\\n")
"""


def rank(name: str) -> tuple[int, str]:
    """Constants, then classes, then functions: the order that ruff's RUF022 keeps."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2), name


def test_all_is_sorted_and_without_doubles() -> None:
    assert sorted(set(smartvm.__all__), key=rank) == list(smartvm.__all__)


def test_every_public_name_is_there() -> None:
    assert not [name for name in smartvm.__all__ if not hasattr(smartvm, name)]


def test_the_citation_is_of_this_version() -> None:
    citation = (Path(__file__).parents[1] / "CITATION.cff").read_text()
    assert f"\nversion: {smartvm.__version__}\n" in citation


def test_importing_is_quick_and_needs_no_extra() -> None:
    run = subprocess.run(
        [sys.executable, "-c", MEASURE], capture_output=True, text=True, check=True
    )
    seconds, *modules = run.stdout.splitlines()
    assert not set(EXTRAS) & set(modules)
    assert float(seconds) < 2
