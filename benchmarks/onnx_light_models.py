"""ONNX's light models compiled and run in the VM: what each costs, and how exact it is.

Every weight of these files is a constant fill. The weights are drawn anew, seeded, before results
are compared with those of onnxruntime.

    python benchmarks/onnx_light_models.py [--only REGEX] [--scale N] [--markdown]
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from model_costs import compiled, costs, smooth_images
from onnx import numpy_helper

FOLDER = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
DEFAULT_SCALE = 1 << 14
SEED = 0
HEADINGS = ("model", "weights", "seconds to compile", "code bytes", "instructions", "gas",
            "seconds to run", "Buffer peak / total", "largest error", "top-1")  # fmt: skip


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
    inputs = [value for value in result.graph.input if value.name in used]
    del result.graph.input[:]
    result.graph.input.extend(inputs)
    return result


def weights(
    random: np.random.Generator, shape: tuple[int, ...], operator: str, index: int
) -> np.ndarray:
    """Parameters for an operator's input: kernels as He et al. draw them, statistics about 1."""
    if operator in ("Conv", "Gemm", "MatMul") and index == 1:
        terms = np.prod(shape[1:])
        rows = random.standard_normal(shape, np.float32)
        if shape[1] > 1:
            rows -= rows.mean(axis=tuple(range(1, len(shape))), keepdims=True)
        return rows * np.float32((2.9 / terms) ** 0.5)
    around_one = operator == "Mul" or (operator == "BatchNormalization" and index in (1, 4))
    low, high = (0.9, 1.1) if around_one else (-0.1, 0.1)
    return random.uniform(low, high, shape).astype(np.float32)


def measure(path: Path, scale: int) -> tuple[str, ...]:
    """One line of the table."""
    proto = refilled(onnx.load(path), SEED)
    made = compiled(proto, scale)
    name = made.model.inputs[0]
    x = smooth_images(1, made.model.shapes[name], SEED)[0]
    cost, found = costs(made, x)
    session = onnxruntime.InferenceSession(proto.SerializeToString())
    expected = session.run(None, {name: x})[-1].reshape(-1)
    return (
        path.stem.removeprefix("light_"),
        f"{sum(array.size for array in made.graph.constants.values()):,}",
        f"{made.seconds:.1f}",
        f"{cost.code_bytes:,}",
        f"{cost.instructions:,}",
        f"{cost.gas:,}",
        f"{cost.seconds:.2f}",
        f"{100 * cost.peak_items / cost.total_items:.1f} %",
        f"{np.abs(found - expected).max():.2g} of {np.abs(expected).max():.2g}",
        "same" if found.argmax() == expected.argmax() else "other",
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", default="", help="models whose name matches")
    parser.add_argument("--scale", type=int, default=DEFAULT_SCALE)
    parser.add_argument("--markdown", action="store_true", help="print a table for the docs")
    options = parser.parse_args()
    join = " | " if options.markdown else "; "
    print(join.join(HEADINGS))
    for path in sorted(FOLDER.glob("*.onnx")):
        if re.search(options.only, path.stem):
            print(join.join(measure(path, options.scale)), flush=True)


if __name__ == "__main__":
    main()
