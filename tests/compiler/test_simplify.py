"""Simplification changes no value, and leaves no shape unknown."""

from __future__ import annotations

import numpy as np
import pytest

from smartvm.compiler.importer import float_model
from smartvm.exceptions import ModelError

onnx = pytest.importorskip("onnx")
helper, numpy_helper = onnx.helper, onnx.numpy_helper
FLOAT = onnx.TensorProto.FLOAT
RANDOM = np.random.default_rng(3)


def build(nodes, x, y, constants, opset):
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", FLOAT, x)],
        [helper.make_tensor_value_info("y", FLOAT, y)],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    opsets = [helper.make_opsetid("", opset)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=3)


def vectors(names: str, count: int) -> dict[str, np.ndarray]:
    return {name: RANDOM.uniform(0.5, 2, count).astype(np.float32) for name in names}


def test_normalisation_is_folded_into_the_convolution() -> None:
    weights = RANDOM.normal(size=(4, 3, 3, 3)).astype(np.float32)
    nodes = [
        helper.make_node("Conv", ["x", "w", "b"], ["c"]),
        helper.make_node("BatchNormalization", ["c", *"gtmv"], ["y"], name="norm"),
    ]
    source = build(nodes, (1, 3, 5, 5), (1, 4, 3, 3), {"w": weights, **vectors("bgtmv", 4)}, 9)
    model = float_model(source)
    assert [node.operator for node in model.nodes] == ["Conv"]
    assert model.nodes[0].name == "norm"
    x = RANDOM.normal(size=(1, 3, 5, 5)).astype(np.float32)
    session = pytest.importorskip("onnxruntime").InferenceSession(source.SerializeToString())
    (expected,) = session.run(None, {"x": x})
    assert np.allclose(model.run({"x": x})["y"], expected, atol=1e-5)


@pytest.mark.parametrize("opset", [7, 9, 11, 13, 17, 20, 24])
def test_any_opset_is_read(opset) -> None:
    nodes = [
        helper.make_node("Softmax", ["x"], ["s"], axis=1),
        helper.make_node("Flatten", ["s"], ["y"]),
    ]
    model = float_model(build(nodes, (2, 3, 4), (2, 12), {}, opset))
    assert model.proto.opset_import[0].version == max(opset, 17)
    x = RANDOM.normal(size=(2, 3, 4)).astype(np.float32)
    axes = (1, 2) if opset < 13 else 1  # older ones flatten to two axes
    powers = np.exp(x)
    expected = (powers / powers.sum(axis=axes, keepdims=True)).reshape(2, 12)
    assert np.allclose(model.run({"x": x}, ["y"])["y"], expected, atol=1e-6)


def test_constants_that_are_filled_are_concrete() -> None:
    value = helper.make_tensor("value", FLOAT, [1], [0.25])
    nodes = [
        helper.make_node("ConstantOfShape", ["shape"], ["w"], value=value),
        helper.make_node("MatMul", ["x", "w"], ["y"]),
    ]
    model = float_model(build(nodes, (1, 4), (1, 3), {"shape": np.array([4, 3])}, 9))
    (weights,) = model.constants.values()
    assert weights.tolist() == [[0.25] * 3] * 4


def test_shapes_that_are_computed_from_shapes_are_known() -> None:
    nodes = [
        helper.make_node("Shape", ["x"], ["s"]),
        helper.make_node("ConstantOfShape", ["s"], ["zeros"]),
        helper.make_node("Add", ["x", "zeros"], ["a"]),
        helper.make_node("Gather", ["s", "first"], ["n"]),
        helper.make_node("Concat", ["n", "rest"], ["t"], axis=0),
        helper.make_node("Reshape", ["a", "t"], ["y"]),
    ]
    constants = {"first": np.array([0]), "rest": np.array([-1])}
    model = float_model(build(nodes, (2, 3, 4), (2, 12), constants, 13))
    assert model.nodes[-1].operator == "Reshape"
    assert set(model.tensors) <= model.shapes.keys()


def test_slopes_of_old_models_are_one_a_channel() -> None:
    nodes = [helper.make_node("PRelu", ["x", "w"], ["y"])]
    slopes = np.array([0.5, -1, 2], np.float32)
    model = float_model(build(nodes, (1, 3, 2, 3), (1, 3, 2, 3), {"w": slopes}, 6))
    x = -np.ones((1, 3, 2, 3), np.float32)
    assert model.run({"x": x})["y"][0, :, 0, 0].tolist() == [-0.5, 1, -2]


def test_what_cannot_be_converted_is_named() -> None:
    source = build([helper.make_node("Upsample", ["x", "s"], ["y"])], (1, 1, 2, 2), (1, 1, 4, 4),
                   {"s": np.array([1, 1, 2, 2], np.float32)}, 9)  # fmt: skip
    try:
        model = float_model(source)
    except ModelError as error:
        assert "cannot be converted from opset 9 to 17" in str(error)
    else:
        assert model.nodes[0].operator == "Resize"


def test_shapes_that_contradict_each_other() -> None:
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"])]
    source = build(nodes, (1, 4), (1, 3), {"w": np.ones((5, 3), np.float32)}, 17)
    with pytest.raises(ModelError, match=r"model 'net': .*[Ii]ncompatible dimensions"):
        float_model(source)
