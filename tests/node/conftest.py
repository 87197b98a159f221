"""Nodes for the tests: in this process, and served by a process of their own."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import smartvm
from smartvm.chain import Chain
from smartvm.compiler.artefact import Artefact
from smartvm.compiler.integer_graph import Interval, as_tensor
from smartvm.compiler.sequential import Sequential
from smartvm.dispatch import make_dispatcher
from smartvm.node.node import Node

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from node_process import NodeProcess


class Served(NodeProcess):
    """A node in a process of its own, asked on a new connection each time."""

    def post(self, body: bytes, **headers: str) -> tuple[int, bytes]:
        """The status and the answer to a body."""
        with self.client() as client:
            return client.request("POST", "/", body, headers)

    def rpc(self, method: str, *params: Any) -> Any:
        """The response to one request."""
        with self.client() as client:
            return client.answer(method, *params)

    def get(self, path: str) -> Any:
        """The JSON at a path."""
        with self.client() as client:
            return json.loads(client.request("GET", path)[1])


@contextmanager
def serving(*options: str) -> Iterator[Served]:
    """A node while it is needed."""
    node = Served(*options)
    try:
        yield node
    finally:
        node.stop()


@pytest.fixture(scope="session")
def serve() -> Callable[..., Any]:
    """`serving`: options of `smartvm node` to a context with a `Served`."""
    return serving


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A node on disk, shared by the tests that do not mind one another."""
    with serving("--db", str(tmp_path_factory.mktemp("node") / "chain")) as node:
        yield node


@pytest.fixture
def node() -> Node:
    """A node on a fresh chain in memory."""
    return Node(Chain())


@pytest.fixture(scope="session")
def small_model() -> Artefact:
    """A network for images of 8 by 8 and three classes."""
    network = Sequential(
        "edges", (1, 8, 8), scale=100, input_range=Interval(0, 255), input_scale=255
    )
    weights = np.array([[[[0, -100, 0], [-100, 400, -100], [0, -100, 0]]]])
    network.convolution("conv", weights, np.zeros(1, int)).relu("relu").max_pool("pool", 2)
    network.fully_connected("dense", 10 * np.arange(27).reshape(3, 9) - 100, np.zeros(3, int))
    return smartvm.compile(network.graph)


@pytest.fixture(scope="session")
def image() -> np.ndarray:
    """An input of the small model."""
    return np.arange(64).reshape(1, 1, 8, 8)


@pytest.fixture(scope="session")
def outputs(small_model: Artefact, image: np.ndarray) -> list[int]:
    """What the small model answers to it, by the reference kernels."""
    graph = small_model.contract.graph
    inputs = {graph.inputs[0]: as_tensor(image)}
    values = graph.evaluate(make_dispatcher("reference"), inputs)
    return [int(item) for item in values[graph.outputs[0]]]


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """Where ethers is installed."""
    place = Path(os.environ.get("SMARTVM_NODE_MODULES", "node_modules")).absolute()
    if not (place / "ethers").is_dir():
        pytest.skip(
            "ethers is not installed: npm install ethers@6, SMARTVM_NODE_MODULES says where"
        )
    return place
