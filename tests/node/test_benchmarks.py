"""The short forms of benchmarks/eight_nodes.py and benchmarks/node_soak.py."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import eight_nodes
import node_soak


def test_nodes_on_different_backends_agree(tmp_path: Path) -> None:
    found = eight_nodes.run(tmp_path, nodes=2, rounds=1, backends=["numpy", "reference"])
    assert len(found.roots) == 3
    assert len(set(found.roots)) == 3
    assert len(found.labels) == 2


def test_a_soak_has_no_wrong_answer(tmp_path: Path) -> None:
    found = node_soak.run(tmp_path, requests=100, clients=2, images=4, alone=5)
    assert found.wrong == []
    assert sum(found.requests.values()) == 100
    assert min(found.requests[kind] for kind in ("predict", "read", "infer", "malformed")) > 0
    assert found.growth <= node_soak.GROWTH_BYTES
