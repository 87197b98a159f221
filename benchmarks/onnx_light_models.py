"""ONNX's light models compiled and run in the VM: what each costs, and how exact it is.

Every weight of these files is a constant fill. The weights are drawn anew, seeded, before results
are compared with those of onnxruntime.

    python benchmarks/onnx_light_models.py [--only REGEX] [--scale N] [--markdown]
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import onnx
from model_costs import INPUT_RANGE, costs, smooth_images
from onnx import numpy_helper

from smartvm.compiler.compile import compile as compile_model

FOLDER = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
DEFAULT_SCALE = 1 << 14
SEED = 0
HEADINGS = (
    "model",
    "weights",
    "seconds to compile",
    "code bytes",
    "instructions",
    "gas",
    "seconds to run",
    "Buffer peak of all items",
    "error of the logits",
    "top-1",
)


def refilled(model: onnx.ModelProto, seed: int) -> onnx.ModelProto:
    """The model with seeded weights in place of its fills, so that activations stay moderate."""
    random = np.random.default_rng(seed)
    shapes = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    places = {name: (n.op_type, i) for n in model.graph.node for i, name in enumerate(n.input)}
    result = onnx.ModelProto()
    result.CopyFrom(model)
    del result.graph.node[:]
    for node in model.graph.node:
        if node.op_type != "ConstantOfShape":
            result.graph.node.append(node)
            continue
        name = node.output[0]
        array = weights(random, tuple(shapes[node.input[0]]), *places[name])
        result.graph.initializer.append(numpy_helper.from_array(array, name))
    used = {name for node in result.graph.node for name in node.input}
    kept = [tensor for tensor in result.graph.initializer if tensor.name in used]
    del result.graph.initializer[:]
    result.graph.initializer.extend(kept)
    known = {tensor.name for tensor in kept}
    inputs = [value for value in result.graph.input if value.name in used - known]
    del result.graph.input[:]
    result.graph.input.extend(inputs)
    return result


def weights(
    random: np.random.Generator, shape: tuple[int, ...], operator: str, index: int
) -> np.ndarray:
    """Parameters for an operator's input: kernels as He et al. draw them, statistics about 1."""
    if operator in ("Conv", "Gemm", "MatMul") and index == 1:
        deviation = np.float32((2 / np.prod(shape[1:])) ** 0.5)
        return random.standard_normal(shape, np.float32) * deviation
    around_one = operator == "Mul" or (operator == "BatchNormalization" and index in (1, 4))
    low, high = (0.9, 1.1) if around_one else (-0.1, 0.1)
    return random.uniform(low, high, shape).astype(np.float32)


def measure(path: Path, scale: int) -> tuple[str, ...]:
    """One line of the table."""
    proto = refilled(onnx.load(path), SEED)
    shape = [axis.dim_value for axis in proto.graph.input[0].type.tensor_type.shape.dim]
    x = smooth_images(1, tuple(shape), SEED)
    started = perf_counter()
    artefact = compile_model(proto, scale=scale, scales=(), samples=x, input_range=INPUT_RANGE)
    seconds, report = perf_counter() - started, artefact.report
    cost = costs(artefact, x[0])
    logits = logits_of(report["tensors"])
    magnitude = max(-logits["low"], logits["high"])
    return (
        path.stem.removeprefix("light_"),
        f"{sum(array.size for array in artefact.contract.graph.constants.values()):,}",
        f"{seconds:.1f}",
        f"{cost.code_bytes:,}",
        f"{cost.instructions:,}",
        f"{cost.gas:,}",
        f"{cost.seconds:.2f}",
        f"{artefact.peak_items:,} of {artefact.total_items:,}",
        f"{logits['max_error']:.2g} of {magnitude:.3g}",
        "same" if report["agreement"] == 1 else "other",
    )


def logits_of(tensors: list[dict[str, Any]]) -> dict[str, Any]:
    """The report of the last tensor that is no probability."""
    return next(t for t in reversed(tensors) if t["operator"] not in ("Softmax", "Reshape"))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", default="", help="models whose name matches")
    parser.add_argument("--scale", type=int, default=DEFAULT_SCALE)
    parser.add_argument("--markdown", action="store_true", help="print a table for the docs")
    options = parser.parse_args()
    join = " | " if options.markdown else "; "
    print(join.join(HEADINGS))
    if options.markdown:
        print(join.join("---" for _ in HEADINGS))
    for path in sorted(FOLDER.glob("*.onnx")):
        if re.search(options.only, path.stem):
            print(join.join(measure(path, options.scale)), flush=True)


if __name__ == "__main__":
    main()
