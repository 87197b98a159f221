"""How time grows on the CPU: with the MACs of a network, and with the batch.

    python benchmarks/cpu_scaling.py [--threads N] [--batches 1 2 4 ...] [--rounds N] [--json FILE]

Weights are resident. A batch is one map of so many inputs, one after the other; the code is that of
a single input, since instructions take the batch from the length of the map. Prints milliseconds,
milliseconds an input, and G operations a second (two a MAC) beside ONNX Runtime in float32.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from contenders import OnChain, child_environment, medians, onnx_runtime, prepare, table
from cpu_speed import input_of

from smartvm.compiler.artefact import Artefact
from smartvm.compiler.graph_execution import executable, input_bytes
from smartvm.compiler.integer_graph import IntegerGraph, as_tensor
from smartvm.compiler.program import Program
from smartvm.dispatch import make_dispatcher
from smartvm.execution import execute

BY_MACS = ("lenet5", "squeezenet", "mobilenet_v2", "mobilenet_v1", "alexnet", "resnet18", "vgg11")
BY_BATCH = ("lenet5", "mobilenet_v1", "alexnet")
SCALE = 1000
GAS = 1 << 62


def main() -> None:
    """Measure in a process with fixed thread counts and print."""
    options = _options()
    if not os.environ.get("SMARTVM_BENCHMARK_CHILD"):
        environment = child_environment(options.threads) | {"SMARTVM_BENCHMARK_CHILD": "1"}
        raise SystemExit(subprocess.run([sys.executable, *sys.argv], env=environment).returncode)
    results = {
        "threads": options.threads,
        "by MACs": [by_macs(name, options.threads, options.rounds) for name in BY_MACS],
        "by batch": [
            by_batch(name, n, options.threads, options.rounds)
            for name in BY_BATCH
            for n in options.batches
        ],
    }
    _print(results)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))


def _print(results: dict[str, Any]) -> None:
    headings = ("network", "million MACs", "ms", "G operations/s", "ONNX Runtime ms", "ratio")
    print(table(headings, [_macs_row(result) for result in results["by MACs"]]), end="\n\n")
    headings = ("network", "batch", "ms", "ms an input", "ONNX Runtime ms an input", "ratio")
    print(table(headings, [_batch_row(result) for result in results["by batch"]]))


def _macs_row(result: dict[str, Any]) -> list[str]:
    taken, peer = result["ms"], result["peer"]
    millions, rate = result["macs"] / 1e6, result["gops"]
    shown = (f"{millions:.1f}", f"{taken:.2f}", f"{rate:.0f}", f"{peer:.2f}", f"{taken / peer:.2f}")
    return [result["network"], *shown]


def _batch_row(result: dict[str, Any]) -> list[str]:
    taken, peer, batch = result["ms"], result["peer"], result["batch"]
    shown = (f"{taken:.2f}", f"{taken / batch:.3f}", f"{peer / batch:.3f}", f"{taken / peer:.2f}")
    return [result["network"], str(batch), *shown]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 2, 4, 8, 16, 32, 64])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    return parser.parse_args()


def by_macs(name: str, threads: int, rounds: int) -> dict[str, Any]:
    """Multiply-accumulates, milliseconds and G operations a second of a network and its peer."""
    print(f"{name} ...", file=sys.stderr, flush=True)
    model, path = prepare(name, SCALE)
    chain = OnChain(Artefact.load(str(path)))
    x = input_of(name)
    data, peer = chain.pack(x), onnx_runtime(model, threads)
    taken = medians({"ms": lambda: chain.frame(data), "peer": lambda: peer(x)}, rounds)
    macs = multiply_accumulates(chain.artefact.contract.graph)
    return {"network": name, "macs": macs, "gops": 2 * macs / taken["ms"] / 1e6, **taken}


def by_batch(name: str, batch: int, threads: int, rounds: int) -> dict[str, Any]:
    """Milliseconds of a network and its peer on so many inputs at once."""
    print(f"{name}, batch {batch} ...", file=sys.stderr, flush=True)
    model, path = prepare(name, SCALE)
    x = input_of(name, batch)
    run = batched(Artefact.load(str(path)), x)
    peer = onnx_runtime_batched(model, threads)
    taken = medians({"ms": run, "peer": lambda: peer(x)}, rounds, repeats=1)
    return {"network": name, "batch": batch, **taken}


def multiply_accumulates(graph: IntegerGraph) -> int:
    """MACs of one run: what the kernels are asked for."""
    kernels, total = make_dispatcher(), 0
    run, product = kernels.convolve, kernels.matmul

    def convolve(x: Any, weights: Any, shape: Any) -> Any:
        nonlocal total
        total += shape.macs
        return run(x, weights, shape)

    def matmul(a: Any, b: Any, shape: Any) -> Any:
        nonlocal total
        total += shape.macs
        return product(a, b, shape)

    kernels.convolve, kernels.matmul = convolve, matmul  # type: ignore[method-assign]
    zeros = np.zeros(graph.values[graph.inputs[0]].items, dtype=int)
    graph.evaluate(kernels, {graph.inputs[0]: as_tensor(zeros)}, list(graph.outputs))
    return total


def batched(artefact: Artefact, x: np.ndarray) -> Callable[[], object]:
    """A run of a network's code on a map of several inputs."""
    graph = artefact.contract.graph
    network, name = executable(graph), graph.inputs[0]
    calldata = b"".join(artefact.contract.input_format.pack(one[None]) for one in x)
    items, width = graph.values[name].items * len(x), input_bytes(graph, name)
    program = Program()
    program.op("CALLDATASIZE").push(0).push(0).op("CALLDATACOPY")
    program.op("MTOB", offset=0, count=items, item_bytes=width)
    # No program can return the Buffer whole: it is dropped, so that no list is made of it.
    code = program.include(network.emitted.program).op("BUF_INIT", size=1).bytecode()
    state = network._state
    return lambda: execute(code, calldata=calldata, gas=GAS, state=state).raise_for_error()


def onnx_runtime_batched(model: Path, threads: int) -> Callable[[np.ndarray], object]:
    """ONNX Runtime on a model whose batch is left open."""
    import onnx
    import onnxruntime

    proto = onnx.load(str(model))
    for value in (*proto.graph.input, *proto.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    for node in proto.graph.node:  # a Reshape to one row becomes a Flatten
        if node.op_type == "Reshape":
            node.op_type = "Flatten"
            del node.input[1:]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    content = proto.SerializeToString()
    session = onnxruntime.InferenceSession(content, options, ["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda x: session.run(None, {name: x})


if __name__ == "__main__":
    main()
