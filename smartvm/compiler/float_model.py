"""The float model: a checked, simplified ONNX graph, and how it is run.

`importer.load_model` makes one. Every tensor has a static shape, every node an operator of the
default domain (unless it is a custom one, which no lowering takes).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from smartvm.exceptions import ModelError

if TYPE_CHECKING:
    import onnx

Shape = tuple[int, ...]
FLOATS = ("float16", "bfloat16", "float32", "float64")
"""The dtypes of real numbers; integers and booleans are counts."""
RUNTIME_IR_VERSION = 10
"""The newest file format that every onnxruntime of the last years reads."""


@dataclass(frozen=True)
class Node:
    """One operator of the graph.

    Attributes:
        name: its name in the model, or the operator and the first output where it has none.
        operator: op_type, with the domain in front of it where that is not ONNX's own.
        inputs: names of tensors; an empty name is an optional input that is left out.
        outputs: names of tensors; an empty name is an output that nothing reads.
        attributes: as Python values: int, float, str, lists of them, or arrays.
    """

    name: str
    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)

    def input(self, index: int) -> str:
        """The name of an input; empty where it is left out."""
        return self.inputs[index] if index < len(self.inputs) else ""

    def output(self, index: int) -> str:
        """The name of an output; empty where it is left out."""
        return self.outputs[index] if index < len(self.outputs) else ""


@dataclass(frozen=True)
class FloatModel:
    """A network in floating point.

    Attributes:
        proto: the simplified ONNX model.
        name: of the graph.
        nodes: in an order in which each comes after what it reads.
        inputs: names of the graph's inputs, constants not among them.
        outputs: names of the graph's outputs.
        constants: arrays by name.
        shapes: of every tensor, constants included.
        dtypes: of every tensor, constants included.
    """

    proto: onnx.ModelProto = field(repr=False)
    name: str
    nodes: tuple[Node, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    constants: Mapping[str, np.ndarray] = field(repr=False)
    shapes: Mapping[str, Shape] = field(repr=False)
    dtypes: Mapping[str, np.dtype[Any]] = field(repr=False)

    @property
    def tensors(self) -> tuple[str, ...]:
        """The inputs, then every tensor that a node gives, in order."""
        made = (name for node in self.nodes for name in node.outputs if name)
        return (*self.inputs, *made)

    def is_float(self, tensor: str) -> bool:
        """Whether a tensor holds real numbers, which get a scale; the others are counts."""
        return tensor in self.dtypes and self.dtypes[tensor].name in FLOATS

    def run(
        self, inputs: Mapping[str, np.ndarray], tensors: Iterable[str] | None = None
    ) -> dict[str, np.ndarray]:
        """The named tensors, by default all that nodes give, for one set of inputs.

        It is run by onnxruntime, or by ONNX's reference evaluator where that is not installed.
        """
        feeds = {name: np.asarray(inputs[name], self.dtypes[name]) for name in self.inputs}
        wanted = [name for node in self.nodes for name in node.outputs if name]
        if tensors is not None:
            wanted = list(tensors)
        try:
            made = {**self.constants, **self._runner(feeds)}
        except Exception as error:
            reason = str(error).partition("\n")[0]
            raise ModelError(f"the float model cannot be run: {reason}") from error
        return {name: made[name] for name in wanted}

    @cached_property
    def _runner(self) -> Any:
        """Feeds in, all tensors out."""
        runner = _onnxruntime(self) if find_spec("onnxruntime") else None
        return runner or _reference(self)


def _onnxruntime(model: FloatModel) -> Any:
    """A runner of onnxruntime, for which every tensor is declared an output.

    None where it has not that operator, that type or that opset.
    """
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as states

    names = [name for name in model.tensors if name not in model.inputs]
    if not names:
        return None
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    serialised = with_outputs(model, names).SerializeToString()
    try:
        session = onnxruntime.InferenceSession(serialised, options, ["CPUExecutionProvider"])
    except (states.NotImplemented, states.InvalidGraph, states.Fail):
        return None

    def run(feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {**feeds, **dict(zip(names, session.run(names, feeds), strict=True))}

    return run


def _reference(model: FloatModel) -> Any:
    """A runner of ONNX's reference evaluator."""
    from onnx.reference import ReferenceEvaluator

    evaluator = ReferenceEvaluator(model.proto)

    def run(feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return cast("dict[str, np.ndarray]", evaluator.run(None, feeds, intermediate=True))

    return run


def with_outputs(model: FloatModel, names: Iterable[str]) -> onnx.ModelProto:
    """The model with these tensors as its outputs, in a format that older readers know."""
    import onnx

    proto = onnx.ModelProto()
    proto.CopyFrom(model.proto)
    proto.ir_version = min(proto.ir_version, RUNTIME_IR_VERSION)
    del proto.graph.output[:]
    for name in names:
        kind = onnx.helper.np_dtype_to_tensor_dtype(model.dtypes[name])
        value = onnx.helper.make_tensor_value_info(name, kind, model.shapes[name])
        proto.graph.output.append(value)
    return proto
