"""Checks of ONNX models before anything is done with them; each error says what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from smartvm.compiler.float_model import FLOATS, Node, Shape
from smartvm.compiler.lowering.registry import LOWERERS, Problem
from smartvm.exceptions import ModelError

if TYPE_CHECKING:
    import onnx

SHOWN = 5
"""Names that a message lists at most."""


@dataclass(frozen=True)
class Report:
    """What stands against compiling a model.

    Attributes:
        name: of the model's graph.
        operators: how many nodes there are of each operator, after simplification.
        problems: nodes that cannot be lowered.
        error: why the model could not even be read, or None.
    """

    name: str = ""
    operators: Mapping[str, int] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    error: str | None = None

    @property
    def is_supported(self) -> bool:
        """Whether the model can be compiled."""
        return self.error is None and not self.problems

    def __str__(self) -> str:
        if self.error is not None:
            return self.error
        total = sum(self.operators.values())
        kinds = ", ".join(f"{count} {name}" for name, count in self.operators.items())
        lines = [f"{self.name}: {total} nodes ({kinds})"]
        if not self.problems:
            return f"{lines[0]}: supported"
        lines.append(f"{len(self.problems)} of them cannot be compiled:")
        return "\n".join([*lines, *(f"  {problem}" for problem in self.problems)])


def count_operators(nodes: Sequence[Node]) -> dict[str, int]:
    """How often each operator occurs, the most frequent first."""
    return dict(Counter(node.operator for node in nodes).most_common())


def refuse_empty(proto: onnx.ModelProto, name: str) -> None:
    """Refuse a model without nodes or outputs; no bytes at all decode to one."""
    if not proto.graph.node or not proto.graph.output:
        missing = "nodes" if not proto.graph.node else "outputs"
        raise ModelError(f"{name} has an empty graph: it has no {missing}")


def refuse_invalid(proto: onnx.ModelProto, name: str) -> None:
    """Refuse what ONNX's checker refuses."""
    import onnx

    try:
        onnx.checker.check_model(proto)
    except onnx.checker.ValidationError as error:
        reason = str(error).strip().splitlines()[0]
        raise ModelError(f"{name} is no valid ONNX model: {reason}") from error


def fix_shapes(proto: onnx.ModelProto, input_shapes: Mapping[str, Sequence[int]]) -> None:
    """Set the shapes of inputs that are given, and refuse inputs whose shapes stay open."""
    inputs = {value.name: value for value in proto.graph.input}
    for name in input_shapes:
        if name not in inputs:
            raise ModelError(f"input {name!r}: the model has no such input, but {list(inputs)}")
    for name, value in inputs.items():
        if not value.type.HasField("tensor_type"):
            raise ModelError(f"input {name!r} is no tensor")
        if name in input_shapes:
            _set_shape(value, tuple(input_shapes[name]))
        shape = _dimensions(value)
        if shape is None or any(not isinstance(length, int) for length in shape):
            raise ModelError(_open_shape(name, shape))


def _set_shape(value: onnx.ValueInfoProto, shape: Shape) -> None:
    declared = _dimensions(value)
    if declared is not None:
        fits = len(declared) == len(shape) and all(
            not isinstance(old, int) or old == new for old, new in zip(declared, shape, strict=True)
        )
        if not fits:
            raise ModelError(
                f"input {value.name!r}: the shape {shape} does not fit {declared} of the model"
            )
    dims = value.type.tensor_type.shape
    del dims.dim[:]
    for length in shape:
        dims.dim.add().dim_value = length


def _dimensions(value: onnx.ValueInfoProto) -> tuple[int | str, ...] | None:
    """The lengths of a tensor's axes, a name or `?` where one is open; None: not even a rank."""
    kind = value.type.tensor_type
    if not kind.HasField("shape"):
        return None
    return tuple(
        dim.dim_value if dim.HasField("dim_value") and dim.dim_value >= 0 else dim.dim_param or "?"
        for dim in kind.shape.dim
    )


def _open_shape(name: str, shape: tuple[int | str, ...] | None) -> str:
    lengths = [length if isinstance(length, int) else 1 for length in shape or (1, 3, 224, 224)]
    example = ", ".join(map(str, lengths)) + ("," if len(lengths) == 1 else "")
    found = "no shape" if shape is None else f"the shape ({', '.join(map(str, shape))})"
    return (
        f"input {name!r} has {found}: a contract needs every length. Give it, for example "
        f"input_shapes={{{name!r}: ({example})}} or --input {name}={'x'.join(map(str, lengths))}"
    )


def refuse_training(proto: onnx.ModelProto) -> None:
    """Refuse graphs that were exported for training: they normalise by the batch or drop items."""
    flags = dict(_tensors(proto))
    names = [
        f"{node.op_type} {node.name or node.output[0]!r}"
        for node in proto.graph.node
        if _is_training(node, flags)
    ]
    if names:
        raise ModelError(
            f"the model is in training mode ({_listed(names)}): export it for inference, "
            "for example after model.eval()"
        )


def _is_training(node: onnx.NodeProto, flags: Mapping[str, onnx.TensorProto]) -> bool:
    from onnx import numpy_helper

    if node.op_type == "BatchNormalization":
        mode = any(entry.name == "training_mode" and entry.i for entry in node.attribute)
        return mode or any(name for name in node.output[1:])
    if node.op_type != "Dropout" or len(node.input) < 3 or not node.input[2]:
        return False
    flag = flags.get(node.input[2])
    return flag is None or bool(numpy_helper.to_array(flag).any())


def refuse_numbers(proto: onnx.ModelProto) -> None:
    """Refuse weights that are infinite or no numbers."""
    from onnx import numpy_helper

    names = []
    for name, tensor in _tensors(proto):
        try:
            array = numpy_helper.to_array(tensor)
        except (TypeError, ValueError) as error:
            raise ModelError(f"weight {name!r} is damaged: {error}") from error
        if array.dtype.name in FLOATS and not np.isfinite(array).all():
            kind = "NaN" if np.isnan(array).any() else "infinite"
            names.append(f"{name!r} ({kind})")
    if names:
        raise ModelError(f"weights must be finite numbers, these are not: {_listed(names)}")


def _tensors(proto: onnx.ModelProto) -> Iterator[tuple[str, onnx.TensorProto]]:
    for tensor in proto.graph.initializer:
        yield tensor.name, tensor
    for node in proto.graph.node:
        for entry in node.attribute:
            if entry.type == entry.TENSOR:
                yield node.output[0], entry.t


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def unknown_operators(proto: onnx.ModelProto) -> bool:
    """Whether some node has an operator without a lowering."""
    return any(node.domain or node.op_type not in LOWERERS for node in proto.graph.node)


def static_type(
    value: onnx.ValueInfoProto,
) -> tuple[Shape | None, np.dtype[Any] | None]:
    """The shape and dtype of a tensor; None for what is not known."""
    import onnx

    shape = _dimensions(value) if value.type.HasField("tensor_type") else None
    kind = value.type.tensor_type.elem_type
    if shape is None or not kind or any(not isinstance(length, int) for length in shape):
        return None, None
    return tuple(int(n) for n in shape), onnx.helper.tensor_dtype_to_np_dtype(kind)


def refuse_open_shapes(nodes: Sequence[Node], shapes: Mapping[str, Shape]) -> None:
    """Refuse a model with a tensor whose shape is not known before it runs.

    Those behind an unknown operator are not looked at: the lowering reports the operator.
    """
    unknown: set[str] = set()
    for node in nodes:
        if node.operator not in LOWERERS or not unknown.isdisjoint(node.inputs):
            unknown.update(filter(None, node.outputs))
            continue
        for name in filter(None, node.outputs):
            if name not in shapes:
                raise ModelError(
                    f"{node.operator} {node.name!r}: the shape of its output {name!r} depends on "
                    "the values of the inputs; a contract needs every length beforehand"
                )
