"""A small builder of ONNX graphs with seeded weights, which the networks of the zoo share.

Weights are drawn as He et al. ("Delving Deep into Rectifiers", 2015) propose, from one numpy
Generator in the order in which layers are added, so that a network and a seed give one file.
"""

from __future__ import annotations

from math import pi, prod
from typing import Any, NamedTuple

import numpy as np

try:
    import onnx
    from onnx import TensorProto, helper, numpy_helper
except ImportError as error:
    raise ImportError("the zoo needs SmartVM's extra 'onnx'") from error

OPSET = 17
IR_VERSION = 8
INPUT = "input"
OUTPUT = "output"
RECTIFIED_VARIANCE = 0.5 - 0.5 / pi
"""Variance of max(0, x) for x of the standard normal distribution."""


class Tensor(NamedTuple):
    """A tensor of the graph: its name and its static shape."""

    name: str
    shape: tuple[int, ...]


class GraphBuilder:
    """Adds one layer a call; each takes and gives a `Tensor`.

    Attributes:
        input: the input of the graph, `input_shape` long, batch included.
        random: the generator of the weights.
    """

    def __init__(self, name: str, input_shape: tuple[int, ...], seed: int) -> None:
        self.name = name
        self.input = Tensor(INPUT, input_shape)
        self.random = np.random.default_rng(seed)
        self._nodes: list[onnx.NodeProto] = []
        self._parameters: list[onnx.TensorProto] = []
        self._counts: dict[str, int] = {}

    def conv(
        self,
        x: Tensor,
        channels: int,
        kernel: int,
        stride: int = 1,
        padding: int = 0,
        *,
        groups: int = 1,
        bias: bool = True,
    ) -> Tensor:
        """A convolution with a square kernel."""
        weights = self.he((channels, x.shape[1] // groups, kernel, kernel))
        return self.conv_with(x, weights, self.offsets(channels) if bias else None,
                              stride=stride, padding=padding, groups=groups)  # fmt: skip

    def conv_with(
        self,
        x: Tensor,
        weights: np.ndarray,
        bias: np.ndarray | None,
        *,
        stride: int = 1,
        padding: int = 0,
        groups: int = 1,
    ) -> Tensor:
        """A convolution with given weights (out, in / groups, kernel, kernel)."""
        kernel = weights.shape[2]
        return self.add_node(
            "Conv",
            [x],
            (x.shape[0], len(weights), *_windows(x, kernel, stride, padding)),
            {"weight": weights} | ({} if bias is None else {"bias": bias}),
            kernel_shape=[kernel] * 2,
            strides=[stride] * 2,
            pads=[padding] * 4,
            group=groups,
        )

    def batch_norm(self, x: Tensor, scale: float = 1.0) -> Tensor:
        """A batch normalisation in inference mode, with the statistics of normal activations."""
        channels = x.shape[1]
        parameters = {
            "scale": scale * self.random.uniform(0.9, 1.1, channels),
            "bias": self.offsets(channels),
            "mean": self.offsets(channels),
            "var": self.random.uniform(0.9, 1.1, channels),
        }
        return self.add_node("BatchNormalization", [x], x.shape, parameters)

    def normalised_conv(
        self,
        x: Tensor,
        channels: int,
        kernel: int,
        stride: int = 1,
        *,
        groups: int = 1,
        scale: float = 1.0,
    ) -> Tensor:
        """A convolution that keeps the size up to its stride, without bias, and a normalisation."""
        x = self.conv(x, channels, kernel, stride, kernel // 2, groups=groups, bias=False)
        return self.batch_norm(x, scale)

    def dense(self, x: Tensor, features: int) -> Tensor:
        """A fully connected layer of a flat tensor."""
        return self.dense_with(x, self.he((features, x.shape[1])), self.offsets(features))

    def dense_with(self, x: Tensor, weights: np.ndarray, bias: np.ndarray) -> Tensor:
        """A fully connected layer with given weights (out, in)."""
        parameters = {"weight": weights, "bias": bias}
        return self.add_node("Gemm", [x], (x.shape[0], len(weights)), parameters, transB=1)

    def relu(self, x: Tensor) -> Tensor:
        """max(0, x)."""
        return self.add_node("Relu", [x], x.shape)

    def relu6(self, x: Tensor) -> Tensor:
        """min(max(0, x), 6)."""
        bounds = {"min": np.array(0.0), "max": np.array(6.0)}
        return self.add_node("Clip", [x], x.shape, bounds)

    def add(self, x: Tensor, y: Tensor) -> Tensor:
        """The sum of two tensors of one shape."""
        return self.add_node("Add", [x, y], x.shape)

    def concat(self, *parts: Tensor) -> Tensor:
        """The parts, one after the other along the channels."""
        channels = sum(part.shape[1] for part in parts)
        shape = (parts[0].shape[0], channels, *parts[0].shape[2:])
        return self.add_node("Concat", list(parts), shape, axis=1)

    def max_pool(self, x: Tensor, kernel: int, stride: int, padding: int = 0) -> Tensor:
        """Max pooling with a square window."""
        return self.add_node(
            "MaxPool",
            [x],
            (*x.shape[:2], *_windows(x, kernel, stride, padding)),
            kernel_shape=[kernel] * 2,
            strides=[stride] * 2,
            pads=[padding] * 4,
        )

    def global_average_pool(self, x: Tensor) -> Tensor:
        """The mean of each plane."""
        return self.add_node("GlobalAveragePool", [x], (*x.shape[:2], 1, 1))

    def flatten(self, x: Tensor) -> Tensor:
        """(batch, items)."""
        return self.add_node("Flatten", [x], (x.shape[0], prod(x.shape[1:])))

    def add_node(
        self,
        operator: str,
        inputs: list[Tensor],
        shape: tuple[int, ...],
        parameters: dict[str, np.ndarray] | None = None,
        *,
        output_index: int = 0,
        **attributes: Any,
    ) -> Tensor:
        """Add a node; its parameters become float32 initializers, inputs after `inputs`.

        Args:
            operator: of ONNX.
            inputs: the tensors that it reads first.
            shape: of the output that is used.
            parameters: arrays by the last part of their name.
            output_index: which of the node's outputs is used.
            attributes: of the node.
        """
        number = self._counts[operator] = self._counts.get(operator, 0) + 1
        name = f"{operator.lower()}{number}"
        names = [tensor.name for tensor in inputs]
        names += [self._parameter(f"{name}.{k}", v) for k, v in (parameters or {}).items()]
        outputs = [""] * output_index + [f"{name}.out"]
        self._nodes.append(helper.make_node(operator, names, outputs, name=name, **attributes))
        return Tensor(outputs[-1], shape)

    def model(self, result: Tensor) -> onnx.ModelProto:
        """The finished model, whose only output is `result`."""
        self._nodes.append(helper.make_node("Identity", [result.name], [OUTPUT], name=OUTPUT))
        graph = helper.make_graph(
            self._nodes,
            self.name,
            [_declared(self.input)],
            [_declared(Tensor(OUTPUT, result.shape))],
            self._parameters,
        )
        opsets = [helper.make_opsetid("", OPSET)]
        return helper.make_model(
            graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="smartvm"
        )

    def he(self, shape: tuple[int, ...]) -> np.ndarray:
        """Weights (out, in, …) that keep the variance of rectified inputs.

        The weights of an output add up to zero, else the positive mean of rectified inputs would
        outweigh all that depends on the input, and every input would get one class. Filters of
        a single channel are left as they are: that sum is what they pass on of a smooth plane.
        """
        terms = prod(shape[1:])
        rows = self.random.standard_normal((shape[0], terms), np.float32)
        if shape[1] > 1:
            rows -= rows.mean(axis=1, keepdims=True)
        rows *= np.float32((1 / (RECTIFIED_VARIANCE * terms)) ** 0.5)
        return rows.reshape(shape)

    def offsets(self, length: int) -> np.ndarray:
        """Small numbers: biases and means."""
        return self.random.uniform(-0.1, 0.1, length)

    def _parameter(self, name: str, array: np.ndarray) -> str:
        self._parameters.append(numpy_helper.from_array(array.astype(np.float32), name))
        return name


def _windows(x: Tensor, kernel: int, stride: int, padding: int) -> tuple[int, ...]:
    return tuple((side + 2 * padding - kernel) // stride + 1 for side in x.shape[2:])


def _declared(tensor: Tensor) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(tensor.name, TensorProto.FLOAT, tensor.shape)
