"""ONNX's own backend interface: models run inside the VM, as bytecode with weight blocks.

>>> from smartvm.compiler.onnx_backend import SmartVMBackend
>>> outputs = SmartVMBackend.run_model(model, [x])

ONNX's backend tests pass weights, axes and shapes as inputs. An input that no node reads as data
is therefore a constant: it is compiled in, and another value of it compiles anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import frexp
from typing import Any

import numpy as np

try:
    import onnx
    from onnx import helper, shape_inference
    from onnx.backend.base import Backend, BackendRep, namedtupledict
except ImportError as error:
    raise ImportError("ONNX's backend interface needs SmartVM's extra 'onnx'") from error

from smartvm.compiler.certify import certify
from smartvm.compiler.float_model import FloatModel
from smartvm.compiler.graph_execution import ExecutableGraph, executable
from smartvm.compiler.importer import load_model
from smartvm.compiler.integer_graph import IntegerGraph
from smartvm.compiler.lowering import lower
from smartvm.dispatch import available_backends
from smartvm.exceptions import ModelError

__all__ = ["DEFAULT_SCALE", "PreparedModel", "SmartVMBackend"]

DEFAULT_SCALE = 1 << 16
DATA_ONLY = frozenset(
    {"Add", "Sub", "Mul", "Div", "Sum", "Mean", "Max", "Min", "Concat", "MatMul", "Gather"}
)
"""Operators all of whose inputs are data; of the others it is the first one."""
INTEGER_KINDS = "biu"
"""Kinds of numpy's dtypes that hold integers; all others that are supported hold real numbers."""
NAMES_OF_TYPES = """
    BOOL INT8 INT16 INT32 INT64 UINT8 UINT16 UINT32 UINT64 FLOAT16 BFLOAT16 FLOAT DOUBLE
"""
TYPES = frozenset(NAMES_OF_TYPES.split())
"""ONNX's names of the types that inputs and outputs may have."""
BACKENDS = {"CPU": ("numpy",), "CUDA": ("cupy",)}
"""The backends that compute on each of ONNX's devices, the best first."""

Arrays = dict[str, np.ndarray]
Ranges = Mapping[str, tuple[float, float]]


class SmartVMBackend(Backend):
    """Prepares and runs models and single nodes.

    Every method raises NotImplementedError for what is not supported, with the reasons.
    """

    @classmethod
    def is_compatible(cls, model: onnx.ModelProto, device: str = "CPU", **kwargs: Any) -> bool:
        """Whether `prepare` accepts the model."""
        try:
            cls.prepare(model, device, **kwargs)
        except NotImplementedError:
            return False
        return True

    @classmethod
    def prepare(
        cls,
        model: onnx.ModelProto,
        device: str = "CPU",
        *,
        scale: int = DEFAULT_SCALE,
        ranges: Ranges | None = None,
        **kwargs: Any,
    ) -> PreparedModel:
        """The model, ready to run.

        Args:
            model: the ONNX model.
            device: "CPU", or "CUDA" where there is one.
            scale: the integer that stands for 1.0.
            ranges: the least and the greatest number that inputs may hold. Without, the model is
                compiled for what the first inputs suggest, and anew when later ones pass that.
            kwargs: what ONNX's test runner hands on; ignored.
        """
        super().prepare(model, device)
        backend = backend_for(device)
        if backend is None:
            raise NotImplementedError(f"the device {device} cannot be used here")
        refuse_types(model)
        return PreparedModel(model, scale, ranges or {}, backend)

    @classmethod
    def run_node(
        cls,
        node: onnx.NodeProto,
        inputs: Any,
        device: str = "CPU",
        outputs_info: Sequence[tuple[np.dtype[Any], tuple[int, ...]]] | None = None,
        **kwargs: Any,
    ) -> tuple[Any, ...]:
        """Run a single node; types and shapes of its outputs are inferred."""
        super().run_node(node, inputs, device, outputs_info, **kwargs)
        names = filter(None, node.input)
        arrays = {name: np.asarray(x) for name, x in zip(names, inputs, strict=True)}
        model = model_of(node, arrays, kwargs.get("opset_version"))
        return cls.prepare(model, device, **kwargs).run(arrays)

    @classmethod
    def supports_device(cls, device: str) -> bool:
        """Whether it is "CPU", or "CUDA" and there is one."""
        return backend_for(device) is not None


class PreparedModel(BackendRep):
    """A model that is compiled when its first inputs are known.

    Attributes:
        executable: the graph that ran last, with its code; None before the first run.
    """

    def __init__(self, model: onnx.ModelProto, scale: int, ranges: Ranges, backend: str) -> None:
        self.executable: ExecutableGraph | None = None
        self._model, self._scale = model, scale
        self._ranges, self._backend = dict(ranges), backend
        self._fixed, self._open = fixed_inputs(model), open_inputs(model)
        self._imported: FloatModel | None = None
        self._imported_for: object = None
        if not self._fixed | self._open:
            self._import({})

    def run(self, inputs: Any, **kwargs: Any) -> tuple[Any, ...]:
        """The outputs, as arrays of the model's types, for a list or a dict of inputs."""
        arrays = self._named(inputs)
        model = self._import(arrays)
        data = {name: arrays[name] for name in model.inputs}
        check_shapes(model, data)
        runnable = self._compile(model, data)
        graph = runnable.graph
        integers = {name: to_integers(x, graph.values[name].scale) for name, x in data.items()}
        buffer, _ = runnable.run(integers, self._backend)
        outputs = (
            from_integers(items, graph.values[value].scale, model.dtypes[name], model.shapes[name])
            for items, value, name in zip(buffer, graph.outputs, model.outputs, strict=True)
        )
        named: tuple[Any, ...] = namedtupledict("Outputs", model.outputs)(*outputs)
        return named

    def _named(self, inputs: Any) -> Arrays:
        """The inputs by name."""
        names = input_names(self._model)
        if not isinstance(inputs, Mapping):
            inputs = dict(zip(names, inputs, strict=False))
        if missing := [name for name in names if name not in inputs]:
            raise ValueError(f"no value is given for the inputs {', '.join(missing)}")
        return {name: np.asarray(inputs[name]) for name in names}

    def _import(self, arrays: Arrays) -> FloatModel:
        """The float model for the constants among the inputs, and for shapes that were open."""
        fixed = {name: arrays[name] for name in self._fixed}
        shapes = {name: arrays[name].shape for name in self._open - self._fixed}
        key = (shapes, {name: (x.dtype, x.shape, x.tobytes()) for name, x in fixed.items()})
        if self._imported is None or key != self._imported_for:
            try:
                self._imported = load_model(self._model, input_shapes=shapes, parameters=fixed)
            except ModelError as error:
                raise NotImplementedError(str(error)) from error
            self._imported_for, self.executable = key, None
        return self._imported

    def _compile(self, model: FloatModel, data: Arrays) -> ExecutableGraph:
        """The code, made anew where it is not proved for inputs as large as these."""
        if self.executable is None or not covers(self.executable.graph, data):
            ranges = {name: self._ranges.get(name) or envelope(x) for name, x in data.items()}
            try:
                graph = lower(model, ranges, scale=self._scale)
            except ModelError as error:
                raise NotImplementedError(str(error)) from error
            certify(graph)
            self.executable = executable(graph)
        return self.executable


def backend_for(device: str) -> str | None:
    """The best backend for a device such as "CUDA:1"; None where it cannot be used here."""
    usable = available_backends()
    names = BACKENDS.get(device.partition(":")[0], ())
    return next((name for name in names if name in usable), None)


def refuse_types(model: onnx.ModelProto) -> None:
    """Refuse sequences, strings, complex numbers and those of less than a byte.

    Raises:
        NotImplementedError: it names the input or output.
    """
    for value in (*model.graph.input, *model.graph.output):
        kind = value.type.WhichOneof("value")
        if kind == "tensor_type":
            kind = onnx.TensorProto.DataType.Name(value.type.tensor_type.elem_type)
        if kind not in TYPES:
            raise NotImplementedError(f"{value.name} is of the type {kind}")


def input_names(model: onnx.ModelProto) -> list[str]:
    """The inputs that have no initializer."""
    known = {tensor.name for tensor in model.graph.initializer}
    return [value.name for value in model.graph.input if value.name not in known]


def open_inputs(model: onnx.ModelProto) -> set[str]:
    """The inputs whose shape the model leaves open."""
    return {
        value.name
        for value in model.graph.input
        if value.name in input_names(model)
        if not all(axis.HasField("dim_value") for axis in value.type.tensor_type.shape.dim)
        or not value.type.tensor_type.HasField("shape")
    }


def fixed_inputs(model: onnx.ModelProto) -> set[str]:
    """The inputs of the graph that no node reads as data."""
    data: set[str] = set()
    for node in model.graph.node:
        data.update(node.input if node.op_type in DATA_ONLY else node.input[:1])
    return set(input_names(model)) - data


def model_of(node: onnx.NodeProto, inputs: Arrays, opset: int | None) -> onnx.ModelProto:
    """A model of one node for inputs of these types and shapes."""
    declared = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(x.dtype), x.shape)
        for name, x in inputs.items()
    ]
    outputs = [helper.make_empty_tensor_value_info(name) for name in node.output if name]
    graph = helper.make_graph([node], node.op_type, declared, outputs)
    opsets = [helper.make_opsetid(node.domain, opset or onnx.defs.onnx_opset_version())]
    return shape_inference.infer_shapes(helper.make_model(graph, opset_imports=opsets))


def check_shapes(model: FloatModel, data: Arrays) -> None:
    """Refuse inputs of other shapes than the model's, and numbers that are none.

    Raises:
        ValueError: it names the input.
    """
    for name, array in data.items():
        if array.shape != model.shapes[name]:
            raise ValueError(
                f"input {name}: expected shape {model.shapes[name]}, not {array.shape}"
            )
        if not np.isfinite(array.astype(np.float64)).all():
            raise ValueError(f"input {name}: not all of it are finite numbers")


def envelope(array: np.ndarray) -> tuple[float, float]:
    """A range with some room around the items: powers of two, at least 1."""
    high = 2.0 ** max(0, frexp(float(np.abs(array.astype(np.float64)).max(initial=0)))[1])
    return (-high if (array < 0).any() else 0.0), high


def covers(graph: IntegerGraph, data: Arrays) -> bool:
    """Whether the graph is proved for these inputs."""
    for name, array in data.items():
        low, high = graph.input_ranges[name]
        scale = graph.values[name].scale
        if float(array.min()) * scale < low or float(array.max()) * scale > high:
            return False
    return True


def to_integers(array: np.ndarray, scale: int) -> list[int]:
    """The integers nearest array·scale, ties to even; indices and counts as they are."""
    if array.dtype.kind in INTEGER_KINDS:
        return [int(item) for item in array.reshape(-1)]
    scaled = array.reshape(-1).astype(np.float64) * scale
    return [round(item) for item in scaled.tolist()]


def from_integers(
    items: list[int], scale: int, dtype: np.dtype[Any], shape: tuple[int, ...]
) -> np.ndarray:
    """The array of the type that integers at a scale stand for."""
    if dtype.kind in INTEGER_KINDS:
        return np.array(items, dtype=object).astype(dtype).reshape(shape)
    return np.array([item / scale for item in items]).astype(dtype).reshape(shape)
