"""Import of ONNX models: reading, checking and simplifying, by ONNX's own libraries.

The steps, in order: read and check the file; drop graph inputs that are weights; fix the shapes of
inputs; refuse training-mode graphs and weights that are no finite numbers; simplify (see
`simplify`); refuse tensors without a static shape and nodes without a lowering.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from smartvm.compiler import importer_checks as checks
from smartvm.compiler.float_model import FloatModel, Node
from smartvm.compiler.importer_checks import Report
from smartvm.compiler.lowering import problems, refuse
from smartvm.compiler.simplify import DEFAULT_DOMAINS, constants_of, first_line, simplify
from smartvm.exceptions import ModelError

if TYPE_CHECKING:
    import onnx

__all__ = ["Report", "check_model", "float_model", "load_model"]

LEAST_IR_VERSION = 8


def load_model(
    source: str | PathLike[str] | bytes | onnx.ModelProto,
    *,
    input_shapes: Mapping[str, Sequence[int]] | None = None,
    parameters: Mapping[str, np.ndarray] | None = None,
) -> FloatModel:
    """The checked, simplified model of an ONNX file, its bytes, or a ModelProto.

    Args:
        source: a path, the bytes of a file, or the model itself, which is not changed.
        input_shapes: shapes of inputs whose shapes the model leaves open.
        parameters: inputs that are constants from now on, such as weights.

    Raises:
        ModelError: the model cannot be compiled; the message says why and what to do.
        UnsupportedModelError: it has nodes without a lowering; all of them are listed.
    """
    model = float_model(source, input_shapes=input_shapes, parameters=parameters)
    refuse(model.name, problems(model))
    return model


def check_model(
    source: str | PathLike[str] | bytes | onnx.ModelProto,
    *,
    input_shapes: Mapping[str, Sequence[int]] | None = None,
    parameters: Mapping[str, np.ndarray] | None = None,
) -> Report:
    """What stands against compiling a model, without raising."""
    try:
        model = float_model(source, input_shapes=input_shapes, parameters=parameters)
    except ModelError as error:
        return Report(error=str(error))
    return Report(
        name=model.name,
        operators=checks.count_operators(model.nodes),
        problems=tuple(problems(model)),
    )


def float_model(
    source: str | PathLike[str] | bytes | onnx.ModelProto,
    *,
    input_shapes: Mapping[str, Sequence[int]] | None = None,
    parameters: Mapping[str, np.ndarray] | None = None,
) -> FloatModel:
    """The simplified model, whether or not all of its nodes have a lowering.

    Raises:
        ModelError: as for `load_model`.
    """
    return wrap(simplify(prepared(source, input_shapes or {}, parameters or {})))


def prepared(
    source: str | PathLike[str] | bytes | onnx.ModelProto,
    input_shapes: Mapping[str, Sequence[int]],
    parameters: Mapping[str, np.ndarray],
) -> onnx.ModelProto:
    """A copy of the model with all that is given bound, after the checks that need no more."""
    proto = read(source)
    bind(proto, parameters)
    checks.fix_shapes(proto, input_shapes)
    checks.refuse_training(proto)
    checks.refuse_numbers(proto)
    return proto


def read(source: str | PathLike[str] | bytes | onnx.ModelProto) -> onnx.ModelProto:
    """A copy of the model that may be changed, checked by ONNX's own checker."""
    if find_spec("onnx") is None or find_spec("onnxscript") is None:
        raise ModelError("reading ONNX models needs more: install SmartVM's extra 'onnx'")
    import onnx
    from google.protobuf.message import DecodeError

    name = "the model"
    try:
        if isinstance(source, onnx.ModelProto):
            proto = onnx.ModelProto()
            proto.CopyFrom(source)
        elif isinstance(source, bytes):
            proto = onnx.load_model_from_string(source)
        else:
            name = str(source)
            proto = onnx.load(Path(source), format="protobuf")
    except FileNotFoundError:
        raise ModelError(f"{name}: there is no such file") from None
    except (DecodeError, OSError, ValueError) as error:
        raise ModelError(f"{name} is no ONNX file, or is damaged: {first_line(error)}") from error
    checks.refuse_empty(proto, name)
    proto.ir_version = max(proto.ir_version, LEAST_IR_VERSION)
    checks.refuse_invalid(proto, name)
    return proto


def bind(proto: onnx.ModelProto, parameters: Mapping[str, np.ndarray]) -> None:
    """Make constants of the named inputs, and of those that have an initializer."""
    from onnx import numpy_helper

    names = [value.name for value in proto.graph.input]
    for name, array in parameters.items():
        if name not in names:
            raise ModelError(f"parameter {name!r} is no input of the model; it has {names}")
        proto.graph.initializer.append(numpy_helper.from_array(np.asarray(array), name))
    known = {tensor.name for tensor in proto.graph.initializer}
    free = [value for value in proto.graph.input if value.name not in known]
    del proto.graph.input[:]
    proto.graph.input.extend(free)


def wrap(proto: onnx.ModelProto) -> FloatModel:
    """The FloatModel of a simplified graph.

    Raises:
        ModelError: some tensor has no static shape.
    """
    constants = {name: plain(array) for name, array in constants_of(proto).items()}
    nodes = tuple(wrap_node(node) for node in proto.graph.node if node.op_type != "Constant")
    shapes = {name: array.shape for name, array in constants.items()}
    dtypes: dict[str, np.dtype[Any]] = {name: array.dtype for name, array in constants.items()}
    graph = proto.graph
    for value in (*graph.value_info, *graph.input, *graph.output):
        shape, dtype = checks.static_type(value)
        if shape is not None and dtype is not None:
            shapes[value.name], dtypes[value.name] = shape, dtype
    checks.refuse_open_shapes(nodes, shapes)
    return FloatModel(
        proto=proto,
        name=graph.name or "model",
        nodes=nodes,
        inputs=tuple(value.name for value in graph.input),
        outputs=tuple(value.name for value in graph.output),
        constants=constants,
        shapes=shapes,
        dtypes=dtypes,
    )


def plain(array: np.ndarray) -> np.ndarray:
    """The array in a dtype of numpy's own; those that ONNX adds are narrower than float32."""
    return array.astype(np.float32) if array.dtype.name == "bfloat16" else array


def wrap_node(node: onnx.NodeProto) -> Node:
    """A node with its attributes as Python values."""
    operator = node.op_type if node.domain in DEFAULT_DOMAINS else f"{node.domain}.{node.op_type}"
    attributes = {entry.name: _python_value(entry) for entry in node.attribute}
    return Node(node.name, operator, tuple(node.input), tuple(node.output), attributes)


def _python_value(attribute: onnx.AttributeProto) -> Any:
    """An attribute's value: bytes as text, lists as tuples, tensors as arrays."""
    from onnx import helper, numpy_helper

    value = helper.get_attribute_value(attribute)
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if attribute.type == attribute.TENSOR:
        return numpy_helper.to_array(value)
    if attribute.type in (attribute.INTS, attribute.FLOATS):
        return tuple(value)
    if attribute.type == attribute.STRINGS:
        return tuple(text.decode(errors="replace") for text in value)
    return value
