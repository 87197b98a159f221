"""The paper's networks in fixed point: how exact, how long, how dear, how much Buffer.

For LeNet-5, AlexNet, ResNet-18, MobileNet and the LSTM: the error of each layer and of the logits
against the float model, top-1 agreement, length of the code, gas of one inference, and the
Buffer's peak against the sum of all maps and against PyTorch's activations.

    python benchmarks/zoo_accuracy.py [--only REGEX] [--scale N] [--inputs N] [--layers]
"""

from __future__ import annotations

import argparse
import ast
import inspect
import re
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from model_costs import Costs, costs, smooth_images

from smartvm.compiler import lenet5, zoo
from smartvm.compiler.artefact import Artefact
from smartvm.compiler.compile import compile as compile_model
from smartvm.compiler.importer import load_model

PAPER_SAVINGS = {"lenet5": 84.0, "alexnet": 90.8, "resnet18": 94.3, "mobilenet_v1": 93.7}
"""Percent of memory that the paper's Buffer saves against holding all maps."""
NETWORKS = ("lenet5", "alexnet", "resnet18", "mobilenet_v1", "lstm")
DEFAULT_SCALE = 1 << 12
SEED = 0


def inputs_for(name: str, count: int) -> np.ndarray:
    """Held-out digits for LeNet-5, noise for the LSTM, soft images for the others."""
    shape = zoo.NETWORKS[name].input_shape
    if name == "lenet5":
        pixels = lenet5.test_split().pixels[:count]
        return (pixels[:, None, None] / lenet5.PIXEL_MAX).astype(np.float32)
    if name == "lstm":
        noise = np.random.default_rng(SEED).standard_normal((count, *shape))
        return np.clip(noise, -3, 3).astype(np.float32)
    return smooth_images(count, shape, SEED)


def source_lines(name: str) -> int:
    """Lines of code of the module that defines a network, without docstrings and imports."""
    source = Path(inspect.getfile(zoo.NETWORKS[name].define)).read_text()
    lines: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if isinstance(node, ast.FunctionDef):
            lines.update(range(node.lineno, node.body[0].lineno))
        elif isinstance(node, ast.stmt) and not docstring and not is_import(node):
            lines.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return len(lines)


def is_import(node: ast.stmt) -> bool:
    """Whether a statement is an import."""
    return isinstance(node, ast.Import | ast.ImportFrom)


def pytorch_bytes(name: str, x: np.ndarray) -> str:
    """The peak of PyTorch's activations, if PyTorch is installed."""
    try:
        from torch_memory import activation_peak
    except ImportError:
        return "not measured (PyTorch is not installed)"
    return f"{activation_peak(load_model(zoo.build(name)), x):,} bytes"


def report(name: str, options: argparse.Namespace) -> None:
    """Measure and print one network."""
    samples = inputs_for(name, options.inputs)
    proto, started = zoo.build(name), perf_counter()
    artefact = compile_model(proto, scale=options.scale, scales=(), samples=samples)
    seconds = perf_counter() - started
    print(f"\n{name} at scale {options.scale}, compiled and compared in {seconds:.1f} s")
    show_accuracy(artefact.report, options.layers)
    cost = costs(artefact, samples[0])
    show_costs(name, artefact, cost)
    print(f"  memory: {cost.buffer_bytes:,} bytes on the Buffer, of PyTorch's activations "
          f"{pytorch_bytes(name, samples[0])}")  # fmt: skip


def show_accuracy(result: Any, all_layers: bool) -> None:
    """Print errors: of the logits, of the worst layer, and if asked for of all."""
    tensors = result["tensors"]
    worst = max(tensors, key=lambda tensor: tensor["max_error"] / magnitude(tensor))
    print(f"  top-1: {100 * result['agreement']:.1f} % of {result['samples']} inputs")
    chosen = [("logits", tensors[-1]), ("worst layer", worst)]
    for title, tensor in chosen + [(t["operator"], t) for t in tensors if all_layers]:
        print(f"  {title}: error {tensor['max_error']:.2g} of {magnitude(tensor):.3g}, "
              f"on average {tensor['mean_error']:.2g} ({tensor['tensor']})")  # fmt: skip


def magnitude(tensor: dict[str, Any]) -> float:
    """The greatest magnitude of a tensor in the float model."""
    return max(-tensor["low"], tensor["high"], 1e-12)


def show_costs(name: str, artefact: Artefact, cost: Costs) -> None:
    """Print length of code, gas and items."""
    saved = 100 * (1 - artefact.peak_items / artefact.total_items)
    held = 100 * (1 - cost.held_items / artefact.total_items)
    paper = f", the paper {PAPER_SAVINGS[name]} %" if name in PAPER_SAVINGS else ""
    print(f"  code: {source_lines(name)} lines of Python, {cost.instructions} instructions, "
          f"{cost.code_bytes:,} bytes with the contract")  # fmt: skip
    print(f"  gas: {cost.gas:,} for one input, at most {cost.bound:,}; {cost.seconds:.2f} s; "
          f"{cost.block_bytes:,} bytes of weights")  # fmt: skip
    print(f"  Buffer: {cost.held_items:,} of {artefact.total_items:,} items between instructions, "
          f"{held:.1f} % saved{paper}; {artefact.peak_items:,} items while one runs, its output "
          f"beside what it reads, {saved:.1f} % saved")  # fmt: skip


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", default="", help="networks whose name matches")
    parser.add_argument("--scale", type=int, default=DEFAULT_SCALE)
    parser.add_argument("--inputs", type=int, default=100, help="how many inputs are compared")
    parser.add_argument("--layers", action="store_true", help="print the error of every layer")
    options = parser.parse_args()
    for name in NETWORKS:
        if re.search(options.only, name):
            report(name, options)


if __name__ == "__main__":
    main()
