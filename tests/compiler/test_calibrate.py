"""Ranges over samples, and the samples where a user gives none."""

from __future__ import annotations

import numpy as np
import pytest

from smartvm.compiler.calibrate import Range, calibrate, random_samples
from smartvm.compiler.float_model import FloatModel
from smartvm.compiler.importer import load_model
from smartvm.exceptions import ModelError

onnx = pytest.importorskip("onnx")


@pytest.fixture
def model() -> FloatModel:
    make, declare = onnx.helper.make_node, onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [make("Gather", ["x", "i"], ["g"]), make("Log", ["g"], ["y"])],
        "net",
        [
            declare("x", onnx.TensorProto.FLOAT, (4,)),
            declare("i", onnx.TensorProto.INT64, (2,)),
        ],
        [declare("y", onnx.TensorProto.FLOAT, (2,))],
    )
    opsets = [onnx.helper.make_opsetid("", 20)]
    return load_model(onnx.helper.make_model(graph, opset_imports=opsets))


def test_ranges_are_those_of_all_samples(model) -> None:
    samples = [
        {"x": np.array([1, 2, 3, 4.0]), "i": np.array([0, 1])},
        {"x": np.array([1, 2, 3, 8.0]), "i": np.array([0, 2])},
    ]
    ranges = calibrate(model, samples)
    assert ranges["x"] == Range(1, 8) and ranges["i"] == Range(0, 2) and ranges["g"] == Range(1, 3)
    assert ranges["y"] == pytest.approx((0, np.log(3)))


def test_random_samples_are_always_the_same_and_in_range(model) -> None:
    declared = {"x": (0.5, 2.0), "i": (-4, 3)}
    samples = list(random_samples(model, declared, count=20))
    again = list(random_samples(model, declared, count=20))
    for one, other in zip(samples, again, strict=True):
        assert all((one[name] == other[name]).all() for name in declared)
    x, i = (np.concatenate([sample[name] for sample in samples]) for name in declared)
    assert x.dtype == np.float32 and 0.5 <= x.min() < 0.7 and 1.8 < x.max() <= 2
    assert i.dtype == np.int64 and (i.min(), i.max()) == (-4, 3)
    assert calibrate(model, samples)["g"].low >= 0.5


@pytest.mark.parametrize(
    ("sample", "message"),
    [
        ({"x": np.ones(4)}, r"a sample has no input 'i', but \['x'\]"),
        ({"x": np.ones(5), "i": np.zeros(2)}, r"input 'x' has the shape \(5,\), not \(4,\)"),
        ({"x": np.zeros(4), "i": np.zeros(2)}, "tensor 'y' takes values that are infinite"),
    ],
)
def test_samples_that_cannot_be_used(model, sample, message) -> None:
    with pytest.raises(ModelError, match=message):
        calibrate(model, [sample])


def test_no_samples(model) -> None:
    with pytest.raises(ModelError, match="at least one sample"):
        calibrate(model, [])
