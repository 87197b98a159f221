"""The builder: names, scales, what is left out, and all problems at once."""

from __future__ import annotations

import numpy as np
import pytest

from smartvm.compiler.integer_graph import Interval
from smartvm.compiler.lowering import lower, problems
from smartvm.compiler.operations import MultiplyConstant, Rectify, Rescale
from smartvm.exceptions import ModelError, UnsupportedModelError, WeightRangeError

onnx = pytest.importorskip("onnx")
X = np.array([[1.0, -2.0, 0.5, 0.0]], np.float32)


def make(operator, inputs, outputs, **attributes):
    return onnx.helper.make_node(operator, inputs, outputs, name=operator.lower(), **attributes)


def test_values_bear_the_names_of_tensors_and_operations_those_of_nodes(check) -> None:
    nodes = [make("MatMul", ["x", "w"], ["h"]), make("Relu", ["h"], ["y"])]
    graph = check(nodes, {"x": X}, {"w": np.eye(4, dtype=np.float32)})
    assert graph.inputs == ("x",) and graph.outputs == ("y",)
    assert list(graph.constants) == ["w"]
    assert [operation.source for operation in graph.operations] == ["matmul", "matmul", "relu"]
    assert {"x", "h", "y", "w"} < graph.values.keys()


@pytest.mark.parametrize("name", ["h#1", "x~1", "w/1"])
def test_names_of_the_model_are_never_taken(check, name) -> None:
    nodes = [
        make("MatMul", ["x", "w"], ["h"]),
        make("Sub", ["h", "h"], [name]),
        make("Add", [name, "b"], ["y"]),
    ]
    constants = {"w": np.eye(4, dtype=np.float32), "b": np.ones((4, 1), np.float32)}
    check(nodes, {"x": X}, constants)


def test_inputs_may_have_scales_of_their_own(check, model_of) -> None:
    """Pixels of 8 bits stand for numbers from 0 to 1."""
    pixels = np.array([[0, 51, 204, 255]], np.float32) / 255
    constants = {"w": np.eye(4, dtype=np.float32)}
    nodes = [make("MatMul", ["x", "w"], ["y"])]
    graph = check(nodes, {"x": pixels}, constants, input_scales={"x": 255})
    assert graph.input_ranges == {"x": Interval(0, 255)}
    assert graph.operations[-1] == Rescale("y", ("y#1",), 255, source="matmul")
    graph = check([make("Relu", ["x"], ["y"])], {"x": pixels}, input_scales={"x": 255})
    assert [type(entry) for entry in graph.operations] == [Rectify, MultiplyConstant, Rescale]


def test_ranges_are_rounded_outwards(model_of) -> None:
    model = model_of([make("Relu", ["x"], ["y"])], {"x": X})
    graph = lower(model, {"x": (-0.00125, 2.0)}, scale=1000)
    assert graph.input_ranges == {"x": Interval(-2, 2000)}


@pytest.mark.parametrize("range_", [(float("nan"), 1.0), (0.0, float("inf")), (1.0, 0.0)])
def test_a_range_must_be_one(model_of, range_) -> None:
    model = model_of([make("Relu", ["x"], ["y"])], {"x": X})
    with pytest.raises(ModelError, match=r"input 'x': .* is no range of finite numbers"):
        lower(model, {"x": range_})
    with pytest.raises(ModelError, match="input 'x': no range is given"):
        lower(model, {})


def test_weights_have_a_scale_of_their_own(check) -> None:
    weights = np.array([[1e-4], [3.3e-4], [0], [0]], np.float32)
    nodes = [make("MatMul", ["x", "w"], ["y"])]
    graph = check(nodes, {"x": 1000 * X}, {"w": weights}, weight_scale=1 << 20)
    assert graph.constants["w"].tolist() == [105, 346, 0, 0]


def test_what_no_output_needs_is_left_out(check) -> None:
    nodes = [
        make("Split", ["x"], ["a", "b"], num_outputs=2, axis=1),
        make("Relu", ["b"], ["y"]),
    ]
    graph = check(nodes, {"x": X})
    assert [operation.source for operation in graph.operations] == ["split", "relu"]


def test_an_output_that_is_another_in_another_shape_has_a_map_of_its_own(check) -> None:
    nodes = [make("Relu", ["x"], ["r"]), make("Split", ["r"], ["y", "z"], num_outputs=2, axis=1)]
    assert len(check(nodes, {"x": X}).outputs) == 2


def test_all_problems_are_listed_and_none_that_follow_from_them(model_of) -> None:
    nodes = [
        make("Det", ["m"], ["d"]),
        make("Sqrt", ["d"], ["s"]),
        make("MaxPool", ["x"], ["p", "i"], kernel_shape=[2]),
        make("Add", ["s", "p"], ["a"]),
        make("Einsum", ["a"], ["y"], equation="abc->cab"),
    ]
    inputs = {"m": np.eye(2, dtype=np.float32), "x": X.reshape(1, 1, 4)}
    model = model_of(nodes, inputs)
    found = [(problem.node, problem.operator) for problem in problems(model)]
    assert found == [("det", "Det"), ("einsum", "Einsum")]
    with pytest.raises(UnsupportedModelError) as error:
        lower(model, {})
    assert str(error.value) == (
        "model 'test' has 2 unsupported nodes:"
        "\n  Det 'det': this operator is not supported"
        "\n  Einsum 'einsum': this operator is not supported"
    )
    assert error.value.problems == tuple(problems(model))


def test_a_weight_that_is_too_large_is_named(model_of) -> None:
    weights = np.array([[1e18], [0], [0], [0]], np.float32)
    model = model_of([make("MatMul", ["x", "w"], ["y"])], {"x": X}, {"w": weights})
    with pytest.raises(WeightRangeError, match=r"^w: a weight of 1e"):
        lower(model, {"x": (-1, 1)})


@pytest.mark.parametrize("scale", [10000, 1 << 10, 1 << 24, 10**12])
def test_any_scale(check, scale) -> None:
    weights = np.array([[0.5, 1.25], [2, 0], [-1, 1], [0, 3]], np.float32)
    bias = np.array([0.75, -0.5], np.float32)
    nodes = [make("Gemm", ["x", "w", "b"], ["h"]), make("Sigmoid", ["h"], ["y"])]
    check(nodes, {"x": X}, {"w": weights, "b": bias}, scale=scale, units=1 + 2e-7 * scale)
