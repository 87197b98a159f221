"""The backend's own behaviour: what is compiled when, what is refused, how errors read."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from smartvm.compiler.onnx_backend import SmartVMBackend

OPSET = 17
X = np.array([[1.5, -2.0, 0.25]], np.float32)


def model_of(
    nodes: list[onnx.NodeProto],
    inputs: dict[str, tuple[object, ...]],
    outputs: dict[str, tuple[object, ...]],
    output_type: int = TensorProto.FLOAT,
) -> onnx.ModelProto:
    graph = helper.make_graph(
        nodes,
        "model",
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in inputs.items()],
        [helper.make_tensor_value_info(n, output_type, s) for n, s in outputs.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)


def gemm_model() -> onnx.ModelProto:
    node = helper.make_node("Gemm", ["x", "w", "b"], ["y"])
    return model_of([node], {"x": (1, 3), "w": (3, 2), "b": (2,)}, {"y": (1, 2)})


def relu_model(shape: tuple[object, ...] = (1, 3)) -> onnx.ModelProto:
    node = helper.make_node("Relu", ["x"], ["y"])
    return model_of([node], {"x": shape}, {"y": shape})


def test_a_model_runs_with_a_list_or_a_dict_of_inputs() -> None:
    by_list = SmartVMBackend.run_model(relu_model(), [X])
    by_name = SmartVMBackend.run_model(relu_model(), {"x": X})
    np.testing.assert_array_equal(by_list[0], np.maximum(X, 0))
    np.testing.assert_array_equal(by_name[0], by_list[0])
    assert by_list[0].dtype == np.float32


def test_outputs_are_known_by_name() -> None:
    nodes = [helper.make_node("Relu", ["x"], ["y"]), helper.make_node("Tanh", ["x"], ["z"])]
    model = model_of(nodes, {"x": (1, 3)}, {"z": (1, 3), "y": (1, 3)})
    outputs = SmartVMBackend.run_model(model, [X])
    np.testing.assert_allclose(outputs["z"], np.tanh(X), atol=1e-4)
    np.testing.assert_array_equal(outputs["y"], np.maximum(X, 0))


def test_a_node_runs_alone() -> None:
    node = helper.make_node("ArgMax", ["x"], ["y"], axis=1, keepdims=0)
    (index,) = SmartVMBackend.run_node(node, [X], opset_version=OPSET)
    np.testing.assert_array_equal(index, np.array([0]))
    assert index.dtype == np.int64


def test_weights_given_as_inputs_become_blocks_and_other_weights_compile_anew() -> None:
    prepared = SmartVMBackend.prepare(gemm_model())
    random = np.random.default_rng(1)
    executables = []
    for _ in range(2):
        w, b = random.random((3, 2), np.float32), random.random(2, np.float32)
        (y,) = prepared.run([X, w, b])
        np.testing.assert_allclose(y, X @ w + b, atol=1e-3)
        executables.append(prepared.executable)
    assert executables[0] is not executables[1]
    assert executables[1].emitted.blocks
    prepared.run([X / 2, w, b])
    assert prepared.executable is executables[1]


def test_code_is_made_anew_only_for_inputs_that_pass_its_proved_range() -> None:
    prepared = SmartVMBackend.prepare(relu_model())
    prepared.run([X])
    first = prepared.executable
    assert first.graph.input_ranges["x"] == (-4 << 16, 4 << 16)
    prepared.run([-X])
    assert prepared.executable is first
    (y,) = prepared.run([100 * X])
    np.testing.assert_array_equal(y, np.maximum(100 * X, 0))
    assert prepared.executable is not first


def test_the_scale_and_the_ranges_can_be_given() -> None:
    prepared = SmartVMBackend.prepare(relu_model(), scale=1000, ranges={"x": (-8, 8)})
    (y,) = prepared.run([X + 0.0004])
    np.testing.assert_allclose(y, np.maximum(X, 0), atol=1e-7)
    assert prepared.executable.graph.input_ranges["x"] == (-8000, 8000)


def test_an_open_shape_is_taken_from_the_input() -> None:
    prepared = SmartVMBackend.prepare(relu_model(("batch", 3)))
    for rows in (1, 2):
        (y,) = prepared.run([np.repeat(X, rows, axis=0)])
        assert y.shape == (rows, 3)


def test_an_unsupported_operator_is_refused_when_the_model_is_prepared() -> None:
    nodes = [
        helper.make_node("Acosh", ["x"], ["a"], name="first"),
        helper.make_node("Cosh", ["a"], ["y"], name="second"),
    ]
    model = model_of(nodes, {"x": (1, 3)}, {"y": (1, 3)})
    with pytest.raises(NotImplementedError, match=r"(?s)Acosh 'first'.*Cosh 'second'"):
        SmartVMBackend.prepare(model)
    assert not SmartVMBackend.is_compatible(model)
    assert SmartVMBackend.is_compatible(relu_model())


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (helper.make_tensor_value_info("x", TensorProto.STRING, (1,)), "STRING"),
        (helper.make_tensor_sequence_value_info("x", TensorProto.FLOAT, (1,)), "sequence_type"),
    ],
)
def test_what_is_no_tensor_of_numbers_is_refused(value: onnx.ValueInfoProto, kind: str) -> None:
    output = onnx.ValueInfoProto()
    output.CopyFrom(value)
    output.name = "y"
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "g", [value], [output])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 16)], ir_version=8)
    with pytest.raises(NotImplementedError, match=f"x is of the type {kind}"):
        SmartVMBackend.prepare(model)


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_outputs_have_the_type_of_the_model(dtype: type[np.floating]) -> None:
    node = helper.make_node("Relu", ["x"], ["y"])
    (y,) = SmartVMBackend.run_node(node, [X.astype(dtype)], opset_version=OPSET)
    np.testing.assert_array_equal(y, np.maximum(X, 0).astype(dtype))
    assert y.dtype == dtype


def test_a_model_that_is_none_is_refused_by_the_checker_of_onnx() -> None:
    with pytest.raises(onnx.checker.ValidationError):
        SmartVMBackend.prepare(onnx.ModelProto())


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ([X.T], r"input x: expected shape \(1, 3\), not \(3, 1\)"),
        ([X * np.nan], "input x: not all of it are finite numbers"),
        ([], "no value is given for the inputs x"),
    ],
)
def test_wrong_inputs_are_named(inputs: list[np.ndarray], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SmartVMBackend.run_model(relu_model(), inputs)


def test_the_cpu_is_supported_and_a_device_that_is_missing_is_not() -> None:
    assert SmartVMBackend.supports_device("CPU")
    assert not SmartVMBackend.supports_device("TPU:0")
    with pytest.raises(NotImplementedError, match="TPU"):
        SmartVMBackend.prepare(relu_model(), "TPU")
