from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from smartvm.compiler import operations as ops
from smartvm.compiler.certify import certify
from smartvm.compiler.graph_codec import (
    OPERATIONS,
    decode_certificate,
    decode_graph,
    encode_certificate,
    encode_graph,
)
from smartvm.compiler.integer_graph import IntegerGraph, Interval, Operation, Value
from smartvm.compiler.sequential import Sequential
from smartvm.exceptions import ArtefactError
from smartvm.shapes import ConvShape, MatmulShape, PoolShape

ONE_EACH: list[Operation] = [
    ops.Add("a", ("x", "y"), 3, 4, source="node"),
    ops.AveragePool("a", ("x",), PoolShape(2, (1, 4, 4), (1, 2, 2), (1, 2, 2)), 2),
    ops.Clip("a", ("x",), -(1 << 200), 1 << 53),
    ops.Concatenate("a", ("x", "y", "z"), outer=2),
    ops.Convolution("a", ("x", "w"), ConvShape(1, 2, 4, 2, (1, 5, 5), (1, 3, 3))),
    ops.Divide("a", ("x", "y"), 3),
    ops.FullyConnected("a", ("x", "w", "b"), MatmulShape(1, 2, 3, transpose_b=True)),
    ops.Function("a", ("x",), 1 << 63, ops.ERF),
    ops.Gather("a", ("x", "w"), 10, 2),
    ops.Load("a", ("w",), 7),
    ops.MatrixProduct("a", ("x", "y"), MatmulShape(2, 3, 4, batch=5)),
    ops.MaxPool("a", ("x",), PoolShape(2, (1, 4, 4), (1, 2, 2), (1, 2, 2), ceil_mode=True), 2),
    ops.Multiply("a", ("x", "y"), 3, 4),
    ops.MultiplyConstant("a", ("x",), -(1 << 255)),
    ops.Rectify("a", ("x",), cap=6, slope=(1, 100)),
    ops.Reduce("a", ("x",), ops.Reduction.LAST_ARG_MAX, 4, 2),
    ops.Rescale("a", ("x",), (1 << 64) - 1),
    ops.Sigmoid("a", ("x",), 1000),
    ops.Softmax("a", ("x",), 1000, 10),
    ops.Tanh("a", ("x",), 1000),
    ops.View("a", ("x",), (2, 3), (-1, 0), 5),
]


def through_json(data: dict[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(json.dumps(data))
    return result


def test_each_kind_of_operation_stands_for_one_here() -> None:
    assert sorted(type(operation).__name__ for operation in ONE_EACH) == sorted(OPERATIONS)


def test_every_operation_is_decoded_as_it_was() -> None:
    graph = IntegerGraph(
        "all",
        inputs=("x", "y"),
        outputs=("a",),
        values={"x": Value((2, 3), 1 << 70), "y": Value(())},
        operations=ONE_EACH,
        input_ranges={"x": Interval(-(1 << 255), 1), "y": Interval(0, 0)},
    )
    assert decode_graph(through_json(encode_graph(graph)), {}) == graph


def test_integers_that_other_readers_would_round_are_strings() -> None:
    entry = encode_graph(IntegerGraph("g", operations=[ops.Clip("a", ("x",), -(1 << 53), 7)]))
    assert entry["operations"][0] == {
        "operation": "Clip",
        "output": "a",
        "inputs": ["x"],
        "source": "",
        "low": "-9007199254740992",
        "high": 7,
    }


def test_certificates_are_decoded_as_they_were() -> None:
    network = Sequential("n", (2,), scale=10, input_range=Interval(-(1 << 100), 5))
    graph = network.fully_connected("fc", np.ones((1, 2), dtype=int), np.zeros(1, dtype=int)).graph
    certificate = certify(graph)
    assert decode_certificate(through_json(encode_certificate(certificate))) == certificate


@pytest.mark.parametrize(
    "change",
    [
        {"operations": [{"operation": "Explode", "output": "a", "inputs": []}]},
        {"operations": [{"operation": "Rescale", "output": "a", "inputs": ["x"]}]},
        {"operations": [{"operation": "Tanh", "output": 1, "inputs": ["x"], "scale": 1}]},
        {"operations": [{"operation": "Tanh", "output": "a", "inputs": ["x"], "scale": [1]}]},
        {"operations": [{"operation": "Tanh", "output": "a", "inputs": ["x"], "scale": "one"}]},
        {"operations": [{"operation": "Tanh", "output": "a", "inputs": ["x"], "color": 1}]},
        {"operations": ["Tanh"]},
        {"values": {"x": {"shape": 3, "scale": 1}}},
        {"values": []},
        {"input_ranges": {"x": [1]}},
        {"inputs": None},
    ],
)
def test_what_is_no_graph_is_refused(change: dict[str, object]) -> None:
    data = encode_graph(IntegerGraph("g", values={"x": Value((1,))})) | change
    with pytest.raises(ArtefactError, match="the graph cannot be read"):
        decode_graph(data, {})


@pytest.mark.parametrize("data", [[], {"x": 1}, {"x": {"interval": [0, 1]}}])
def test_what_is_no_certificate_is_refused(data: Any) -> None:
    with pytest.raises(ArtefactError, match="the certificate cannot be read"):
        decode_certificate(data)
