"""The native products layer by layer, beside ONNX Runtime in float32 and the processor's peak.

Each layer of ResNet-18, AlexNet and MobileNet with its bias, scaling and ReLU as one chain: its
time, its multiply-accumulates a second, and that as a part of what the same instruction set does on
registers alone. ONNX Runtime runs the same convolution with bias and ReLU. The least of many runs,
for the machine may be busy.

    python benchmarks/native_kernels.py [--threads N] [--only REGEX] [--repeats N]
                                        [--isa avx512 avx2 portable] [--bits N]

`--isa` measures one instruction set after the other. With `--bits 18`, maps and weights are those
of a scale of 10,000: maps of 18 bits, sums beyond int32.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterator
from time import perf_counter, sleep
from typing import Any

import numpy as np

from smartvm.dispatch.native import NativeBackend, isa, isas, set_isa, set_threads
from smartvm.dispatch.native.compiled import kernels
from smartvm.dispatch.steps import Step
from smartvm.dispatch.tensor import Tensor
from smartvm.shapes import ConvShape, MatmulShape

SCALE = 1000
NARROW = 1 << 14
"""What a map of the scale reaches."""
PEAK_ROUNDS = 20_000
PAUSE_SECONDS = 0.03

Layer = tuple[int, ConvShape | MatmulShape]
"""How often a network has a layer, and its shape."""


def square(ins: int, outs: int, size: int, kernel: int, stride: int, pads: int) -> ConvShape:
    """A convolution of a square plane."""
    return ConvShape(
        1, ins, outs, 1, (1, size, size), (1, kernel, kernel), (1, stride, stride),
        ((0, 0), (pads, pads), (pads, pads)),
    )  # fmt: skip


def full(inner: int, columns: int) -> MatmulShape:
    """A fully connected layer."""
    return MatmulShape(1, inner, columns, transpose_b=True)


def resnet18() -> Iterator[Layer]:
    """Its convolutions, the shortcuts last in each stage, and its classifier."""
    yield 1, square(3, 64, 224, 7, 2, 3)
    yield 4, square(64, 64, 56, 3, 1, 1)
    for channels, size in ((128, 28), (256, 14), (512, 7)):
        yield 1, square(channels // 2, channels, 2 * size, 3, 2, 1)
        yield 3, square(channels, channels, size, 3, 1, 1)
        yield 1, square(channels // 2, channels, 2 * size, 1, 2, 0)
    yield 1, full(512, 1000)


def alexnet() -> Iterator[Layer]:
    """Its five convolutions and three fully connected layers."""
    yield 1, square(3, 64, 224, 11, 4, 2)
    yield 1, square(64, 192, 27, 5, 1, 2)
    yield 1, square(192, 384, 13, 3, 1, 1)
    yield 1, square(384, 256, 13, 3, 1, 1)
    yield 1, square(256, 256, 13, 3, 1, 1)
    yield 1, full(9216, 4096)
    yield 1, full(4096, 4096)
    yield 1, full(4096, 1000)


def mobilenet() -> Iterator[Layer]:
    """Its first convolution, the pairs of a depthwise and a pointwise one, and its classifier."""
    yield 1, square(3, 32, 224, 3, 2, 1)
    pairs = [(1, 32, 64, 112, 1), (1, 64, 128, 112, 2), (1, 128, 128, 56, 1), (1, 128, 256, 56, 2),
             (1, 256, 256, 28, 1), (1, 256, 512, 28, 2), (5, 512, 512, 14, 1),
             (1, 512, 1024, 14, 2), (1, 1024, 1024, 7, 1)]  # fmt: skip
    for count, ins, outs, size, stride in pairs:
        depthwise = square(ins, ins, size, 3, stride, 1)
        yield count, ConvShape(**vars(depthwise) | {"groups": ins})
        yield count, square(ins, outs, size // stride, 1, 1, 0)
    yield 1, full(1024, 1000)


NETWORKS = {"resnet18": resnet18, "alexnet": alexnet, "mobilenet_v1": mobilenet}


def noise(length: int, low: int, high: int) -> Tensor:
    """Resident items."""
    items = np.random.default_rng(length).integers(low, high, length)
    tensor = Tensor.from_array(items)
    tensor.memo = {}
    return tensor


def ours(shape: ConvShape | MatmulShape, bits: int) -> Callable[[], Any]:
    """The layer as a chain of kernels, on a map of `bits` bits."""
    wide = max(1, (1 << bits) // NARROW)
    is_matrix = isinstance(shape, MatmulShape)
    terms = shape.inner if is_matrix else shape.terms
    limit = max(2, min(500, 8_000 // int(terms**0.5)))
    channels = shape.columns if is_matrix else shape.out_channels
    items = shape.inner if is_matrix else shape.in_items
    weights = shape.inner * shape.columns if is_matrix else shape.weight_items
    steps = [
        Step(
            "matmul" if is_matrix else "convolve",
            (noise(weights, -limit * wide, limit * wide), shape),
        ),
        Step("add", (noise(channels, -30_000, 30_000), shape.out_items // channels)),
        Step("divide", (SCALE * wide, True)),
        Step("relu", (0, (0, 1))),
    ]
    x, backend = noise(items, 0, min(1 << bits, 10_000 * wide)), NativeBackend()
    return lambda: backend.chain(x, steps)


def onnx_runtime(shape: ConvShape | MatmulShape, threads: int) -> Callable[[], Any]:
    """The layer in float32."""
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(0)
    if isinstance(shape, MatmulShape):
        x = rng.standard_normal((1, shape.inner), np.float32)
        w = rng.standard_normal((shape.columns, shape.inner), np.float32)
        node = helper.make_node("Gemm", ["x", "w", "b"], ["y"], transB=1)
    else:
        x = rng.standard_normal((1, shape.in_channels, *shape.size[1:]), np.float32)
        ins = shape.in_channels // shape.groups
        w = rng.standard_normal((shape.out_channels, ins, *shape.kernel[1:]), np.float32)
        (top, bottom), (left, right) = shape.padding[1:]
        node = helper.make_node(
            "Conv", ["x", "w", "b"], ["y"], group=shape.groups, strides=shape.stride[1:],
            pads=[top, left, bottom, right],
        )  # fmt: skip
    b = rng.standard_normal(len(w), np.float32)
    graph = helper.make_graph(
        [node, helper.make_node("Relu", ["y"], ["z"])],
        "layer",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
        [helper.make_tensor_value_info("z", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(w, "w"), numpy_helper.from_array(b, "b")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, ["CPUExecutionProvider"]
    )
    return lambda: session.run(None, {"x": x})


def least(repeats: int, *runs: Callable[[], Any]) -> list[float]:
    """The least seconds of each, one after the other: idle threads of one may spin for a while."""
    best = [float("inf")] * len(runs)
    for index, run in enumerate(runs):
        run()
        sleep(PAUSE_SECONDS)
        for _ in range(repeats):
            started = perf_counter()
            run()
            best[index] = min(best[index], perf_counter() - started)
    return best


def peak(repeats: int) -> float:
    """Products a second on registers alone."""
    products = kernels.peak(PEAK_ROUNDS)
    return products / least(repeats, lambda: kernels.peak(PEAK_ROUNDS))[0]


def name_of(shape: ConvShape | MatmulShape) -> str:
    """A layer in a few words."""
    if isinstance(shape, MatmulShape):
        return f"{shape.inner} -> {shape.columns}"
    kind = "depthwise " if shape.groups > 1 else ""
    return (f"{kind}{shape.in_channels} -> {shape.out_channels}, {shape.size[1]}², "
            f"kernel {shape.kernel[1]}, stride {shape.stride[1]}")  # fmt: skip


def report(network: str, threads: int, repeats: int, most: float, bits: int) -> None:
    """Measure and print one network."""
    sums = [0.0, 0.0]
    print(f"\n{network:44}{'µs':>9}{'GMAC/s':>9}{'of peak':>9}{'ORT µs':>9}{'ratio':>7}")
    for count, shape in NETWORKS[network]():
        native, runtime = least(repeats, ours(shape, bits), onnx_runtime(shape, threads))
        sums = [sums[0] + count * native, sums[1] + count * runtime]
        speed = shape.macs / native
        print(f"{count} × {name_of(shape):40}{native * 1e6:9.1f}{speed / 1e9:9.1f}"
              f"{speed / most:9.0%}{runtime * 1e6:9.1f}{native / runtime:7.2f}")  # fmt: skip
    macs = sum(count * shape.macs for count, shape in NETWORKS[network]())
    print(f"{'sum':44}{sums[0] * 1e6:9.1f}{macs / sums[0] / 1e9:9.1f}{macs / sums[0] / most:9.0%}"
          f"{sums[1] * 1e6:9.1f}{sums[0] / sums[1]:7.2f}")  # fmt: skip


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", default="", help="networks whose name matches")
    parser.add_argument("--repeats", type=int, default=30)
    parser.add_argument("--isa", nargs="+", choices=isas(), default=[isa()])
    parser.add_argument("--bits", type=int, default=14, help="of the maps, 14 to 18")
    options = parser.parse_args()
    set_threads(options.threads)
    for name in options.isa:
        set_isa(name)
        most = peak(options.repeats)
        print(f"{isa()}, {options.threads} threads, peak {most / 1e9:.0f} GMAC/s")
        for network in NETWORKS:
            if re.search(options.only, network):
                report(network, options.threads, options.repeats, most, options.bits)


if __name__ == "__main__":
    main()
