"""Simplification of ONNX models by ONNX's own libraries, after which every shape is known.

Conversion to opset 17 or newer (`onnx.version_converter`); an initializer for each
ConstantOfShape; constants and batch normalisation folded (`onnxscript.optimizer`); the shape of
every tensor (`onnx.shape_inference`).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from smartvm.compiler import importer_checks as checks
from smartvm.exceptions import ModelError

if TYPE_CHECKING:
    import onnx

LEAST_OPSET = 17
BROADCASTING_OPSET = 7
"""The opset since which operands broadcast as in numpy."""
DEFAULT_DOMAINS = ("", "ai.onnx")
LARGEST_SHAPE = 1 << 10
"""Items of a constant that may be a shape, or indices from which one is computed."""
NO_MESSAGES = logging.NullHandler()
FOLD_LIMIT = 1 << 30
"""Items of a constant up to which operations on constants are folded."""


def simplify(proto: onnx.ModelProto) -> onnx.ModelProto:
    """The model at a recent opset, with constants folded and all shapes inferred."""
    names = {output: node.name for node in proto.graph.node for output in node.output}
    proto = convert(proto)
    make_constants_concrete(proto)
    proto = optimize(proto)
    if make_constants_concrete(proto):
        proto = optimize(proto)
    name_nodes(proto, names)
    return with_shapes(proto)


def name_nodes(proto: onnx.ModelProto, names: Mapping[str, str]) -> None:
    """Give each node a name of its own: that of the node which gave its output at first.

    Simplification gives new names to nodes that it merges or that had none. Where a name is
    empty or taken, the operator and the output stand for it.
    """
    taken: set[str] = set()
    for node in proto.graph.node:
        output = next(filter(None, node.output), "")
        name = names.get(output, "")
        node.name = name if name and name not in taken else f"{node.op_type}({output})"
        taken.add(node.name)


def convert(proto: onnx.ModelProto) -> onnx.ModelProto:
    """The model at opset 17 or newer."""
    from onnx import version_converter

    versions = [entry.version for entry in proto.opset_import if entry.domain in DEFAULT_DOMAINS]
    if not versions or min(versions) >= LEAST_OPSET:
        return proto
    if min(versions) < BROADCASTING_OPSET:
        give_slopes_axes(proto)
    try:
        return version_converter.convert_version(proto, LEAST_OPSET)
    except (RuntimeError, ValueError) as error:
        raise ModelError(
            f"model {proto.graph.name!r} cannot be converted from opset {min(versions)} to "
            f"{LEAST_OPSET}: {first_line(error)}; export it anew at opset {LEAST_OPSET} or later"
        ) from error


def give_slopes_axes(proto: onnx.ModelProto) -> None:
    """Shape the slopes of old PRelus, one a channel, as they broadcast since opset 7.

    The converter leaves them as they are, and they would broadcast along the last axis.
    """
    from onnx import numpy_helper, shape_inference

    inferred = shape_inference.infer_shapes(without_weights(proto)).graph
    values = (*inferred.input, *inferred.value_info)
    ranks = {value.name: len(value.type.tensor_type.shape.dim) for value in values}
    arrays = constants_of(proto)
    for node in proto.graph.node:
        slopes = arrays.get(node.input[1]) if node.op_type == "PRelu" else None
        if slopes is not None and slopes.ndim == 1 and slopes.size > 1:
            own = slopes.reshape(-1, *(1 for _ in range(ranks.get(node.input[0], 2) - 2)))
            node.input[1] = f"{node.output[0]}.slopes"
            proto.graph.initializer.append(numpy_helper.from_array(own, node.input[1]))


def make_constants_concrete(proto: onnx.ModelProto) -> bool:
    """Put an initializer in the place of each ConstantOfShape whose shape is known.

    Returns:
        Whether there was one.
    """
    from onnx import numpy_helper

    if all(node.op_type != "ConstantOfShape" for node in proto.graph.node):
        return False

    arrays = constants_of(proto)
    kept = []
    for node in proto.graph.node:
        if node.op_type != "ConstantOfShape" or node.input[0] not in arrays:
            kept.append(node)
            continue
        fill = next((numpy_helper.to_array(entry.t) for entry in node.attribute), np.zeros(1, "f4"))
        array = np.full(arrays[node.input[0]], fill.reshape(-1)[0], dtype=fill.dtype)
        proto.graph.initializer.append(numpy_helper.from_array(array, node.output[0]))
    found = len(kept) < len(proto.graph.node)
    del proto.graph.node[:]
    proto.graph.node.extend(kept)
    return found


def constants_of(proto: onnx.ModelProto) -> dict[str, np.ndarray]:
    """The arrays of initializers and of Constant nodes."""
    from onnx import numpy_helper

    arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in proto.graph.initializer}
    for node in proto.graph.node:
        array = constant_array(node.attribute[0]) if node.op_type == "Constant" else None
        if array is not None:
            arrays[node.output[0]] = array
    return arrays


def constant_array(attribute: onnx.AttributeProto) -> np.ndarray | None:
    """The array of a Constant node's attribute; None for text and sparse tensors."""
    from onnx import helper, numpy_helper

    if attribute.name == "value":
        return numpy_helper.to_array(attribute.t)
    kinds = {"value_float": "f4", "value_floats": "f4", "value_int": "i8", "value_ints": "i8"}
    if attribute.name not in kinds:
        return None
    return np.array(helper.get_attribute_value(attribute), kinds[attribute.name])


def optimize(proto: onnx.ModelProto) -> onnx.ModelProto:
    """The model with constants folded, identities removed and functions inlined."""
    import onnxscript.optimizer

    for library in ("onnxscript", "onnx_ir"):  # what they skip concerns no user of this package
        logging.getLogger(library).addHandler(NO_MESSAGES)
    return onnxscript.optimizer.optimize(
        proto, input_size_limit=FOLD_LIMIT, output_size_limit=FOLD_LIMIT
    )


def with_shapes(proto: onnx.ModelProto) -> onnx.ModelProto:
    """The model with the shape of every tensor, as far as it can be known."""
    inferred = infer_shapes(without_weights(proto))
    for part in ("value_info", "output"):
        proto.graph.ClearField(part)
        getattr(proto.graph, part).extend(getattr(inferred.graph, part))
    return proto


def without_weights(proto: onnx.ModelProto) -> onnx.ModelProto:
    """The model with its large constants as inputs, whose items no shape depends on."""
    import onnx

    light = onnx.ModelProto(ir_version=proto.ir_version, opset_import=proto.opset_import)
    graph = light.graph
    graph.name = proto.graph.name
    for part in ("node", "input", "output", "value_info"):
        getattr(graph, part).extend(getattr(proto.graph, part))
    for tensor in proto.graph.initializer:
        if prod(tensor.dims) <= LARGEST_SHAPE:
            graph.initializer.append(tensor)
        else:
            value = onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims)
            graph.input.append(value)
    return light


def infer_shapes(proto: onnx.ModelProto) -> onnx.ModelProto:
    """The model with shapes inferred by ONNX; strictly, unless some operator is unknown."""
    from onnx import shape_inference

    try:
        return shape_inference.infer_shapes(
            proto, check_type=True, strict_mode=True, data_prop=True
        )
    except shape_inference.InferenceError as error:
        if checks.unknown_operators(proto):  # they are reported by name, with all the others
            return shape_inference.infer_shapes(proto, data_prop=True)
        raise ModelError(f"model {proto.graph.name!r}: {first_line(error)}") from error


def first_line(error: Exception) -> str:
    """The first line of an error's message that says something."""
    lines = (line.strip() for line in str(error).splitlines())
    return next(filter(None, lines), type(error).__name__)
