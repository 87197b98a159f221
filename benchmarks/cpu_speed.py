"""Every network on the CPU beside ONNX Runtime and PyTorch in float32, batch 1, weights resident.

    python benchmarks/cpu_speed.py [--only REGEX] [--threads 1 2] [--scale N] [--rounds N]
                                   [--json FILE]

Each engine has a process of its own for each network and thread count, for the idle threads of one
would disturb the others; they are measured in turns. SmartVM is measured as the frame (the compute)
and as the whole call from eth_call to decoded logits, on the native backend and on numpy. Prints
medians in milliseconds and the ratio to a float model; whether native and numpy gave the same bits,
and the float model's top-1 answer.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from statistics import median
from time import sleep
from typing import Any

import numpy as np
from contenders import (
    OnChain,
    child_environment,
    onnx_runtime,
    output_scale,
    prepare,
    pytorch,
    table,
    timings,
)
from model_costs import smooth_images

from smartvm.compiler import lenet5
from smartvm.compiler.artefact import Artefact
from smartvm.dispatch import available_backends

NETWORKS = ("lenet5", "alexnet", "resnet18", "mobilenet_v1")
FLOAT_ENGINES = {"onnxruntime": onnx_runtime, "pytorch": pytorch}
BACKENDS = ("native", "numpy")
WARM_UP, REPEATS = 5, 15
"""Runs of a contender in its turn: those that do not count, those that do."""
PAUSE_SECONDS = 0.3
"""Until the idle threads of the engine before have gone to sleep."""
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
    """Measure and print."""
    options = _options()
    if options.engine:
        serve(options.engine, options.only, options.threads[0], options.scale)
        return
    results = []
    for name in NETWORKS:
        if re.search(options.only, name):
            prepare(name, options.scale)
            for threads in options.threads:
                print(f"{name}, {threads} threads ...", file=sys.stderr, flush=True)
                results.append(measure(name, threads, options))
    _print(results)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="networks whose name matches")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--scale", type=int, help="the compiler's choice by default")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    parser.add_argument("--engine", help=argparse.SUPPRESS)
    return parser.parse_args()


class Engine:
    """One engine in a process of its own.

    Attributes:
        facts: what it said of its answer when it was ready.
    """

    def __init__(self, engine: str, name: str, threads: int, scale: int | None) -> None:
        command = [sys.executable, __file__, "--engine", engine, "--only", name]
        command += ["--threads", str(threads), *(["--scale", str(scale)] if scale else [])]
        self._process = subprocess.Popen(
            command,
            env=child_environment(threads),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.facts = self._answer()

    def times(self) -> dict[str, list[float]]:
        """Milliseconds of a few runs of each of its contenders."""
        assert self._process.stdin is not None
        print(file=self._process.stdin, flush=True)
        taken: dict[str, list[float]] = self._answer()
        return taken

    def close(self) -> None:
        """End the process."""
        self._process.communicate()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("an engine failed; its error stands above")
        answer: dict[str, Any] = json.loads(line)
        return answer


def measure(name: str, threads: int, options: argparse.Namespace) -> dict[str, Any]:
    """The figures of one network with one thread count."""
    names = ["onnxruntime", "pytorch", *(b for b in available_backends() if b in BACKENDS)]
    engines = [Engine(engine, name, threads, options.scale) for engine in names]
    taken: dict[str, list[float]] = {}
    for _ in range(options.rounds):
        for engine in engines:
            sleep(PAUSE_SECONDS)
            for contender, times in engine.times().items():
                taken.setdefault(contender, []).extend(times)
    for engine in engines:
        engine.close()
    return {
        "network": name,
        "threads": threads,
        "scale": engines[-1].facts["scale"],
        "milliseconds": {contender: median(times) for contender, times in taken.items()},
        "same bits": len({e.facts["digest"] for e in engines if "digest" in e.facts}) == 1,
        "same top-1": len({e.facts["top-1"] for e in engines}) == 1,
    }


def serve(engine: str, name: str, threads: int, scale: int | None) -> None:
    """Run one engine: say what it answers, then measure at each line of standard input."""
    contenders, facts = prepared(engine, name, threads, scale)
    print(json.dumps(facts), flush=True)
    for _ in sys.stdin:
        taken = timings(contenders, rounds=1, repeats=WARM_UP + REPEATS)
        print(json.dumps({key: times[WARM_UP:] for key, times in taken.items()}), flush=True)


def prepared(
    engine: str, name: str, threads: int, scale: int | None
) -> tuple[dict[str, Callable[[], Any]], dict[str, Any]]:
    """The runs of an engine by name, and what it answers."""
    model, path = prepare(name, scale)
    x = input_of(name)
    if engine in FLOAT_ENGINES:
        run = FLOAT_ENGINES[engine](model, threads)
        return {engine: lambda: run(x)}, {"top-1": int(run(x).argmax())}
    artefact = Artefact.load(str(path))
    chain = OnChain(artefact, engine)
    data = chain.pack(x)
    facts = {
        "digest": sha256(chain.frame(data)).hexdigest(),
        "top-1": int(chain.call(x).argmax()),
        "scale": output_scale(artefact),
    }
    runs = {f"{engine} frame": lambda: chain.frame(data), f"{engine} call": lambda: chain.call(x)}
    return runs, facts


def input_of(name: str, batch: int = 1) -> np.ndarray:
    """One input of a network that takes so many images at once."""
    from smartvm.compiler import zoo

    if name == "lenet5":
        pixels = lenet5.test_split().pixels[:batch] / lenet5.PIXEL_MAX
        return pixels.astype(np.float32).reshape(batch, 1, 32, 32)
    return np.concatenate(smooth_images(batch, zoo.NETWORKS[name].input_shape))


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
