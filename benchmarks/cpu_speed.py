"""Every network on the CPU beside ONNX Runtime and PyTorch in float32, batch 1, weights resident.

    python benchmarks/cpu_speed.py [--only REGEX] [--threads 1 2] [--scale N] [--rounds N]
                                   [--json FILE]

For each network and thread count one process measures all contenders in turns: SmartVM's frame
(the compute) and the whole call from eth_call to decoded logits, with the native backend and with
numpy, and the float models. Prints medians in milliseconds and the ratios to ONNX Runtime; and
whether native and numpy gave the same bits, and the top-1 answer of the float model.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from contenders import (
    OnChain,
    child_environment,
    medians,
    onnx_runtime,
    output_scale,
    prepare,
    pytorch,
    table,
)
from model_costs import smooth_images

from smartvm.compiler import lenet5
from smartvm.compiler.artefact import Artefact
from smartvm.dispatch import available_backends

NETWORKS = ("lenet5", "alexnet", "resnet18", "mobilenet_v1")
PAPER = {"lenet5": 9.87, "alexnet": 4833.0, "resnet18": 6871.0, "mobilenet_v1": 3006.0}
"""Milliseconds on the CPU that the paper published (section 4)."""
AT_MOST = {
    "lenet5": ("pytorch", 2.0),
    "alexnet": ("onnxruntime", 0.8),
    "resnet18": ("onnxruntime", 1.0),
    "mobilenet_v1": ("onnxruntime", 1.5),
}
"""What a frame of the native backend may take, as a multiple of a peer."""


def main() -> None:
    """Measure each network in processes of its own and print."""
    options = _options()
    if options.child:
        print(json.dumps(measure(options.child, options.threads[0], options)))
        return
    results = []
    for name in NETWORKS:
        if re.search(options.only, name):
            prepare(name, options.scale)
            results += [_in_process(name, threads, options) for threads in options.threads]
    _print(results)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="networks whose name matches")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--scale", type=int, help="the compiler's choice by default")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    return parser.parse_args()


def _in_process(name: str, threads: int, options: argparse.Namespace) -> dict[str, Any]:
    command = [sys.executable, __file__, "--child", name, "--threads", str(threads)]
    command += ["--rounds", str(options.rounds)]
    command += ["--scale", str(options.scale)] if options.scale else []
    print(f"{name}, {threads} threads ...", file=sys.stderr, flush=True)
    environment = child_environment(threads)
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def measure(name: str, threads: int, options: argparse.Namespace) -> dict[str, Any]:
    """The figures of one network with one thread count."""
    model, path = prepare(name, options.scale)
    artefact = Artefact.load(str(path))
    x = input_of(name)
    floats = {"onnxruntime": onnx_runtime(model, threads), "pytorch": pytorch(model, threads)}
    chains = {
        backend: OnChain(artefact, backend)
        for backend in available_backends()
        if backend != "reference"
    }
    runs = {peer: (lambda run=run: run(x)) for peer, run in floats.items()}
    outputs = {}
    for backend, chain in chains.items():
        data = chain.pack(x)
        outputs[backend] = chain.frame(data)
        runs[f"{backend} frame"] = lambda chain=chain, data=data: chain.frame(data)
        runs[f"{backend} call"] = lambda chain=chain: chain.call(x)
    logits = next(iter(chains.values())).call(x)
    return {
        "network": name,
        "threads": threads,
        "scale": output_scale(artefact),
        "milliseconds": medians(runs, options.rounds),
        "same bits": len(set(outputs.values())) == 1,
        "same top-1": int(logits.argmax()) == int(floats["onnxruntime"](x).argmax()),
    }


def input_of(name: str) -> np.ndarray:
    """One input, batch of one."""
    from smartvm.compiler import zoo

    if name == "lenet5":
        pixels = lenet5.test_split().pixels[:1]
        return (pixels[:, None, None] / lenet5.PIXEL_MAX).astype(np.float32).reshape(1, 1, 32, 32)
    images: np.ndarray = smooth_images(1, zoo.NETWORKS[name].input_shape)[0]
    return images


def _print(results: list[dict[str, Any]]) -> None:
    contenders = list(dict.fromkeys(key for r in results for key in r["milliseconds"]))
    headings = [
        "network",
        "threads",
        "paper",
        *contenders,
        "frame : peer",
        "at most",
        "bits, top-1",
    ]
    print(table(headings, [_row(result, contenders) for result in results]))


def _row(result: dict[str, Any], contenders: list[str]) -> list[str]:
    taken, name = result["milliseconds"], result["network"]
    peer, limit = AT_MOST[name]
    frame = taken.get("native frame", taken["numpy frame"])
    return [
        name,
        str(result["threads"]),
        f"{PAPER[name]:,.2f}",
        *(f"{taken[key]:.3f}" if key in taken else "" for key in contenders),
        f"{frame / taken[peer]:.2f} × {peer}",
        f"{limit:.1f} ×",
        f"{'equal' if result['same bits'] else 'DIFFERENT'}, "
        f"{'equal' if result['same top-1'] else 'different'}",
    ]


if __name__ == "__main__":
    main()
