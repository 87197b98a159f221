"""The paper's networks in fixed point: how exact, how long, how dear, how much Buffer.

For LeNet-5, AlexNet, ResNet-18, MobileNet and the LSTM: the error of each layer and of the logits
against the float model, top-1 agreement, length of the code, gas of one inference in the VM, and
the Buffer's peak against the sum of all maps and against PyTorch's activations.

    python benchmarks/zoo_accuracy.py [--only REGEX] [--scale N] [--inputs N] [--layers]
"""

from __future__ import annotations

import argparse
import ast
import inspect
import re
from collections.abc import Iterable
from types import FunctionType
from typing import NamedTuple

import numpy as np
from model_costs import Compiled, Costs, compiled, costs, smooth_images

from smartvm.compiler import lenet5, zoo
from smartvm.compiler.integer_graph import IntegerGraph
from smartvm.compiler.plan import Copy, Drop, Plan, Run
from smartvm.dispatch import make_dispatcher
from smartvm.dispatch.tensor import Tensor

PAPER_SAVINGS = {"lenet5": 84.0, "alexnet": 90.8, "resnet18": 94.3, "mobilenet_v1": 93.7}
"""Percent of memory that the paper's Buffer saves against holding all maps."""
NETWORKS = ("lenet5", "alexnet", "resnet18", "mobilenet_v1", "lstm")
DEFAULT_SCALE = 1 << 12
SEED = 0


class LayerError(NamedTuple):
    """The greatest error of a tensor over all inputs, and its greatest magnitude."""

    tensor: str
    error: float
    magnitude: float

    @property
    def relative(self) -> float:
        """The error against the magnitude."""
        return self.error / max(self.magnitude, 1e-12)


class Accuracy(NamedTuple):
    """Fixed point against float."""

    layers: list[LayerError]
    agreement: float
    inputs: int


def inputs_for(name: str, count: int) -> Iterable[np.ndarray]:
    """Held-out digits for LeNet-5, noise for the LSTM, soft images for the others."""
    shape = zoo.NETWORKS[name].input_shape
    if name == "lenet5":
        pixels = lenet5.test_split().pixels[:count]
        return (pixels[:, None, None] / lenet5.PIXEL_MAX).astype(np.float32)
    if name == "lstm":
        noise = np.random.default_rng(SEED).standard_normal((count, *shape))
        return np.clip(noise, -3, 3).astype(np.float32)
    return smooth_images(count, shape, SEED)


def accuracy(made: Compiled, inputs: Iterable[np.ndarray]) -> Accuracy:
    """Compare every tensor that both models know, over all inputs."""
    known = [name for name in made.model.tensors if name in made.graph.values]
    errors, magnitudes = dict.fromkeys(known, 0.0), dict.fromkeys(known, 0.0)
    agreed = count = 0
    logits = made.model.outputs[-1]
    for x in inputs:
        floats = made.float_tensors(x) | {made.model.inputs[0]: x}
        fixed = made.fixed_tensors(x, known)
        for name in known:
            errors[name] = max(errors[name], float(np.abs(fixed[name] - floats[name]).max()))
            magnitudes[name] = max(magnitudes[name], float(np.abs(floats[name]).max()))
        agreed += int(fixed[logits].argmax() == floats[logits].argmax())
        count += 1
    layers = [LayerError(name, errors[name], magnitudes[name]) for name in known]
    return Accuracy(layers, agreed / count, count)


def buffer_peak_bytes(graph: IntegerGraph, plan: Plan, x: np.ndarray) -> int:
    """Most bytes on the Buffer at once for an input, each map in its narrowest form."""
    feed = {graph.inputs[0]: Tensor.from_array(x)}
    made = graph.evaluate(make_dispatcher(), feed, [op.output for op in graph.operations])
    sizes = {name: tensor.nbytes for name, tensor in (made | feed).items()}
    stack, peak = list(graph.inputs), 0
    for move in plan.moves:
        match move:
            case Copy(depth):
                stack.append(stack[-1 - depth])
            case Drop(depth):
                del stack[-1 - depth]
            case Run(operation, _):
                coming = sizes[operation.output]
                peak = max(peak, sum(sizes[name] for name in stack) + coming)
                del stack[len(stack) - len(operation.consumed) :]
                stack.append(operation.output)
        peak = max(peak, sum(sizes[name] for name in stack))
    return peak


def source_lines(name: str) -> int:
    """Lines of code of the module that defines a network, without docstrings and imports."""
    define = zoo.NETWORKS[name].define
    assert isinstance(define, FunctionType)
    tree = ast.parse(inspect.getsource(inspect.getmodule(define)))
    lines: set[int] = set()
    for node in ast.walk(tree):
        docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if isinstance(node, ast.stmt) and not docstring and not is_import(node):
            last = node.body[0].lineno - 1 if isinstance(node, ast.FunctionDef) else node.end_lineno
            lines.update(range(node.lineno, max(node.lineno, last or 0) + 1))
    return len(lines)


def is_import(node: ast.stmt) -> bool:
    """Whether a statement is an import."""
    return isinstance(node, ast.Import | ast.ImportFrom)


def pytorch_peak(made: Compiled, x: np.ndarray) -> int | None:
    """Bytes of PyTorch's activations; None where PyTorch is not installed."""
    try:
        from torch_memory import activation_peak
    except ImportError:
        return None
    return activation_peak(made.model, x)


def report(name: str, options: argparse.Namespace) -> None:
    """Measure and print one network."""
    made = compiled(zoo.build(name), options.scale)
    samples = inputs_for(name, options.inputs)
    result = accuracy(made, samples)
    first = next(iter(samples))
    cost, _ = costs(made, first)
    print(f"\n{name} at scale {options.scale}, compiled in {made.seconds:.1f} s")
    show_accuracy(result, options.layers)
    show_costs(name, cost)
    runnable = made.executable
    peak = buffer_peak_bytes(made.graph, runnable.plan, made.integers(first))
    ours = f"{peak:,} bytes on the Buffer"
    torch_peak = pytorch_peak(made, first)
    print(f"  memory: {ours}, {torch_peak or 0:,} bytes of PyTorch's activations (0: no PyTorch)")


def show_accuracy(result: Accuracy, all_layers: bool) -> None:
    """Print errors: of the logits, of the worst layer, and if asked for of all."""
    *_, logits = result.layers
    worst = max(result.layers, key=lambda layer: layer.relative)
    print(f"  top-1: {100 * result.agreement:.1f} % of {result.inputs} inputs")
    for title, layer in (("logits", logits), ("worst layer", worst)):
        print(f"  {title}: error {layer.error:.2g} of {layer.magnitude:.3g} ({layer.tensor})")
    for layer in result.layers if all_layers else ():
        print(f"    {layer.tensor:40} {layer.error:.2e} of {layer.magnitude:.3g}")


def show_costs(name: str, cost: Costs) -> None:
    """Print length of code, gas and items."""
    saved = 100 * (1 - cost.peak_items / cost.total_items)
    paper = f", the paper {PAPER_SAVINGS[name]} %" if name in PAPER_SAVINGS else ""
    print(f"  code: {source_lines(name)} lines of Python, {cost.instructions} instructions, "
          f"{cost.code_bytes:,} bytes")  # fmt: skip
    print(f"  gas: {cost.gas:,}, {cost.seconds:.2f} s in the VM, {cost.block_bytes:,} weight bytes")
    print(f"  Buffer: {cost.peak_items:,} of {cost.total_items:,} items at once: "
          f"{saved:.1f} % saved{paper}")  # fmt: skip


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
