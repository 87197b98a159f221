"""Running float models, by either evaluator."""

from __future__ import annotations

import numpy as np
import pytest

from smartvm.compiler import float_model
from smartvm.compiler.float_model import FloatModel, Node, with_outputs
from smartvm.compiler.importer import load_model

onnx = pytest.importorskip("onnx")
X = np.array([[1, -2]], np.float32)


@pytest.fixture
def model() -> FloatModel:
    make, declare = onnx.helper.make_node, onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [make("MatMul", ["x", "w"], ["h"]), make("Relu", ["h"], ["r"]), make("Neg", ["r"], ["y"])],
        "net",
        [declare("x", onnx.TensorProto.FLOAT, (1, 2))],
        [declare("y", onnx.TensorProto.FLOAT, (1, 2))],
        [onnx.numpy_helper.from_array(np.array([[1, 2], [3, -4]], np.float32), "w")],
    )
    opsets = [onnx.helper.make_opsetid("", 20)]
    return load_model(onnx.helper.make_model(graph, opset_imports=opsets))


@pytest.mark.parametrize("is_there", [True, False])
def test_all_tensors_are_at_hand(model, monkeypatch, is_there) -> None:
    if is_there:
        pytest.importorskip("onnxruntime")
    else:
        monkeypatch.setattr(float_model, "find_spec", lambda name: None)
    made = model.run({"x": X})
    assert {name: array.tolist() for name, array in made.items()} == {
        "h": [[-5, 10]],
        "r": [[0, 10]],
        "y": [[0, -10]],
    }
    assert model.run({"x": X.astype(np.int64)}, ["x", "y"])["x"].tolist() == X.tolist()


def test_a_runner_steps_in_where_onnxruntime_has_no_such_operator(model, monkeypatch) -> None:
    states = pytest.importorskip("onnxruntime.capi.onnxruntime_pybind11_state")

    def fail(*arguments: object) -> None:
        raise states.NotImplemented("no such operator")

    monkeypatch.setattr("onnxruntime.InferenceSession", fail)
    assert model.run({"x": X}, ["y"])["y"].tolist() == [[0, -10]]


def test_tensors_are_listed_in_order(model) -> None:
    assert model.tensors == ("x", "h", "r", "y")
    assert model.is_float("x") and not model.is_float("no tensor")


def test_outputs_can_be_added_without_changing_the_model(model) -> None:
    other = with_outputs(model, ["h", "r"])
    assert [value.name for value in other.graph.output] == ["h", "r"]
    assert [value.name for value in model.proto.graph.output] == ["y"]


def test_optional_inputs_and_outputs_that_are_left_out() -> None:
    node = Node("n", "Clip", ("x", "", "high"), ("y",))
    assert [node.input(index) for index in range(4)] == ["x", "", "high", ""]
    assert (node.output(0), node.output(1)) == ("y", "")
