"""Peak memory of whole processes, and of feature maps, for one inference and for ten.

    python benchmarks/process_memory.py [--only REGEX] [--threads N] [--json FILE]

Each contender runs in a process of its own, which loads what it needs and predicts once, then ten
times: SmartVM from a chain on disk, ONNX Runtime and PyTorch from the model (the latter through
this project's loader). The peak is the system's, VmHWM, which unlike ru_maxrss owes nothing to the
process that started this one; pages of mapped files count, LMDB's among them.

Feature maps: the Buffer's bytes, those of results that fusion never works out left out and each
result counted beside the map that it replaces; and PyTorch's activations. The latter need `torch`.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from contenders import CACHE, GAS, child_environment, onnx_runtime, pytorch, table

NETWORKS = ("lenet5", "mobilenet_v1", "resnet18", "alexnet")
CONTENDERS = ("smartvm", "onnxruntime", "pytorch", "buffer", "activations")
CALLS = 10
MB = 1e6


def main() -> None:
    """Measure everything in processes of its own and print."""
    options = _options()
    if options.child:
        name, contender = options.child
        print(json.dumps(globals()[f"_{contender}"](name, options.threads)))
        return
    results = {}
    for name in NETWORKS:
        if re.search(options.only, name):
            write_inputs(name)
            results[name] = {
                each: measure_child(name, each, options.threads) for each in CONTENDERS
            }
    _print(results)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="networks whose name matches")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    return parser.parse_args()


def write_inputs(name: str) -> None:
    """The chain, and an input as a file, so that children need nothing to make them."""
    import numpy as np
    from cpu_speed import input_of
    from pipeline import on_disk

    on_disk(name)
    np.save(CACHE / f"{name}.npy", input_of(name))


def _read_input(name: str) -> Any:
    import numpy as np

    return np.load(CACHE / f"{name}.npy")


def _chain(name: str) -> tuple[Path, bytes, bytes]:
    """What `pipeline.on_disk` has written: the directory, the address, the calldata."""
    noted = json.loads((CACHE / f"{name}.chain.json").read_text())
    return CACHE / f"{name}.chain", bytes.fromhex(noted["address"]), bytes.fromhex(noted["data"])


def measure_child(name: str, contender: str, threads: int) -> Any:
    """Figures of one contender in a process of its own: bytes.

    Raises:
        subprocess.CalledProcessError: the process failed; it has printed why.
    """
    command = [sys.executable, __file__, "--child", name, contender, "--threads", str(threads)]
    environment = child_environment(threads)
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def _smartvm(name: str, _: int) -> list[int]:
    from smartvm.chain import Chain

    directory, address, data = _chain(name)
    with Chain(directory) as chain:
        return _peaks(lambda: chain.call(address, data, gas=GAS))


def _onnxruntime(name: str, threads: int) -> list[int]:
    x = _read_input(name)
    run = onnx_runtime(CACHE / f"{name}.onnx", threads)
    return _peaks(lambda: run(x))


def _pytorch(name: str, threads: int) -> list[int]:
    x = _read_input(name)
    run = pytorch(CACHE / f"{name}.onnx", threads)
    return _peaks(lambda: run(x))


def _peaks(predict: Any) -> list[int]:
    """The process's peak in bytes after one call, and after more."""
    peaks = []
    for calls in (1, CALLS):
        for _ in range(calls):
            predict()
        status = Path("/proc/self/status").read_text()
        peaks.append(int(status.split("VmHWM:")[1].split()[0]) << 10)
    return peaks


def _buffer(name: str, _: int) -> list[int]:
    """Most bytes of maps that a resident call has at once, and most that gas was paid for."""
    from smartvm.buffer import Buffer
    from smartvm.chain import Chain

    peak = 0
    replace, push = Buffer.replace, Buffer.push

    def note(buffer: Buffer, result: Any) -> None:
        nonlocal peak
        maps = {id(each): _bytes_of(each) for each in (*buffer.maps, result)}
        peak = max(peak, sum(maps.values()))

    def replaced(self: Buffer, tensor: Any) -> None:
        note(self, tensor)
        replace(self, tensor)

    def pushed(self: Buffer, tensor: Any) -> None:
        note(self, tensor)
        push(self, tensor)

    Buffer.replace, Buffer.push = replaced, pushed  # type: ignore[method-assign]
    directory, address, data = _chain(name)
    with Chain(directory) as chain:
        chain.call(address, data, gas=GAS)
        peak = 0  # of a cold call it is another: fusion needs weights that are resident
        computation = chain.simulate(address, data, gas=GAS)
        return [peak, computation.buffer.paid]


def _bytes_of(tensor: Any) -> int:
    """Bytes of a map, 0 of one that nobody has asked for."""
    pending = getattr(tensor, "_compute", None) is not None
    return 0 if pending else int(tensor.data.nbytes)


def _activations(name: str, _: int) -> list[int]:
    from torch_memory import activation_peak

    from smartvm.compiler.importer import load_model

    return [activation_peak(load_model(str(CACHE / f"{name}.onnx")), _read_input(name))]


def _print(results: dict[str, dict[str, list[int]]]) -> None:
    rows = []
    for name, found in results.items():
        row = [name]
        for contender in ("smartvm", "onnxruntime", "pytorch"):
            row.append(" / ".join(f"{peak / MB:.0f}" for peak in found[contender]))
        row.append(f"{found['smartvm'][1] / found['onnxruntime'][1]:.2f}")
        row += [f"{found[key][0] / MB:.2f}" for key in ("buffer", "activations")]
        row.append(f"{found['buffer'][0] / found['activations'][0]:.2f}")
        rows.append(row)
    headings = ["network", "SmartVM, MB: 1 / 11 calls", "ONNX Runtime", "PyTorch", "ratio"]
    print(table([*headings, "Buffer, MB", "PyTorch's activations", "ratio"], rows))


if __name__ == "__main__":
    main()
