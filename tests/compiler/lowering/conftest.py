"""Single nodes, run as floats by onnxruntime and as integers by a backend and in the VM."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from smartvm.compiler.certify import certify
from smartvm.compiler.float_model import FloatModel
from smartvm.compiler.graph_execution import executable
from smartvm.compiler.integer_graph import IntegerGraph
from smartvm.compiler.lowering import lower
from smartvm.dispatch.numpy_backend import NumpyBackend
from smartvm.dispatch.tensor import Tensor

onnx = pytest.importorskip("onnx")

Arrays = Mapping[str, np.ndarray]
SCALE = 1000


def build(nodes: Sequence[Any], inputs: Arrays, constants: Arrays, opset: int) -> Any:
    """A ModelProto of nodes whose last one gives the outputs."""
    graph = onnx.helper.make_graph(
        nodes,
        "test",
        [declared(name, array) for name, array in inputs.items()],
        [onnx.helper.make_empty_tensor_value_info(name) for name in nodes[-1].output if name],
        [onnx.numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    opsets = [onnx.helper.make_opsetid("", opset)]
    model = onnx.helper.make_model(graph, opset_imports=opsets, ir_version=10)
    return onnx.shape_inference.infer_shapes(model, data_prop=True)


def declared(name: str, array: np.ndarray) -> Any:
    kind = onnx.helper.np_dtype_to_tensor_dtype(array.dtype)
    return onnx.helper.make_tensor_value_info(name, kind, array.shape)


def quantised(graph: IntegerGraph, inputs: Arrays) -> dict[str, Tensor]:
    """Inputs at the scales of the graph."""
    scales = {name: graph.values[name].scale for name in inputs}
    exact = {
        name: np.rint(array.astype(np.float64) * scales[name]) for name, array in inputs.items()
    }
    return {name: Tensor.from_array(array.astype(np.int64)) for name, array in exact.items()}


def evaluate(graph: IntegerGraph, inputs: Arrays) -> list[list[int]]:
    """The outputs by the numpy backend; every value lies where the certificate says."""
    certificate = certify(graph)
    names = list(certificate.keys() & graph.values.keys() - graph.constants.keys())
    values = graph.evaluate(NumpyBackend(), quantised(graph, inputs), keep=names)
    for name in names:
        low, high = certificate[name].interval
        assert low <= values[name].bounds[0] <= values[name].bounds[1] <= high
    return [values[name].to_ints() for name in graph.outputs]


def execute_in_vm(graph: IntegerGraph, inputs: Arrays) -> list[list[int]]:
    """The outputs of the emitted code."""
    items = {name: tensor.to_ints() for name, tensor in quantised(graph, inputs).items()}
    return executable(graph).run(items, "numpy")[0]


@pytest.fixture
def model_of() -> Callable[..., FloatModel]:
    """The imported model of nodes, given as keyword arguments of `make_node` or as nodes."""
    from smartvm.compiler.importer import float_model

    def make(
        nodes: Any, inputs: Arrays, constants: Arrays | None = None, opset: int = 20
    ) -> FloatModel:
        listed = nodes if isinstance(nodes, list) else [nodes]
        return float_model(build(listed, inputs, constants or {}, opset))

    return make


@pytest.fixture
def check(model_of: Callable[..., FloatModel]) -> Callable[..., IntegerGraph]:
    """Check that integers come within some units of the scale of the floats; give the graph.

    The VM must give the very integers that the backend gives.
    """

    def run(
        nodes: Any,
        inputs: Arrays,
        constants: Arrays | None = None,
        *,
        units: float = 0.51,
        scale: int = SCALE,
        opset: int = 20,
        **options: Any,
    ) -> IntegerGraph:
        model = model_of(nodes, inputs, constants, opset)
        ranges = {name: (float(a.min()), float(a.max())) for name, a in inputs.items()}
        graph = lower(model, ranges, scale=scale, **options)
        found = evaluate(graph, inputs)
        expected = model.run(inputs, model.outputs)
        for tensor, value, items in zip(model.outputs, graph.outputs, found, strict=True):
            assert graph.values[value].shape == model.shapes[tensor]
            exact = expected[tensor].reshape(-1).astype(np.float64) * graph.values[value].scale
            errors = np.abs(np.array(items, dtype=np.float64) - exact)
            assert errors.max() <= units + 1e-6 * np.abs(exact).max()
        assert execute_in_vm(graph, inputs) == found
        return graph

    return run


@pytest.fixture
def node() -> Callable[..., Any]:
    """A node of one output `y`, unless others are named."""

    def make(
        operator: str, *inputs: str, outputs: Sequence[str] = ("y",), **attributes: Any
    ) -> Any:
        return onnx.helper.make_node(operator, inputs, outputs, name="it", **attributes)

    return make


@pytest.fixture
def grid() -> Callable[..., np.ndarray]:
    """Random float32 numbers that are whole at the scale."""
    generator = np.random.default_rng(7)

    def make(*shape: int, low: float = -2.0, high: float = 2.0) -> np.ndarray:
        whole = generator.integers(int(low * SCALE), int(high * SCALE) + 1, shape)
        return (whole / SCALE).astype(np.float32)

    return make
