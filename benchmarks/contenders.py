"""What runs one network, for benchmarks that compare: SmartVM on a chain, ONNX Runtime, PyTorch.

Thread counts are fixed when a process starts (`child_environment`), so each is measured in a
process of its own. ONNX Runtime and PyTorch are the extras ``onnx`` and ``train``.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter, sleep
from typing import TYPE_CHECKING, Any

import numpy as np

# The float models must not load this project along: their memory is measured too.
if TYPE_CHECKING:
    from smartvm.compiler.artefact import Artefact
    from smartvm.dispatch import Backend

CACHE = Path("build/benchmarks")
"""Where compiled networks are kept between runs (git ignores it)."""
GAS = 1 << 40
PAUSE_SECONDS = 0.03
"""Between contenders, so that the idle threads of one no longer spin when the next begins."""

Run = Callable[[np.ndarray], np.ndarray]


def child_environment(threads: int) -> dict[str, str]:
    """The environment of a process in which everything computes with so many threads."""
    names = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "SMARTVM_THREADS")
    return os.environ | dict.fromkeys(names, str(threads))


def prepare(name: str, scale: int | None = None, batch: int = 1) -> tuple[Path, Path]:
    """Paths of a network of the zoo as ONNX and as an artefact, made where they are missing.

    Args:
        name: one of `zoo.names()`.
        scale: of the fixed point; the one that the compiler recommends by default.
        batch: inputs that it takes at once; a network of images if that is not 1.
    """
    from smartvm.compiler import zoo
    from smartvm.compiler.compile import SCALES
    from smartvm.compiler.compile import compile as compile_model
    from smartvm.compiler.zoo.builder import GraphBuilder

    stem = name if batch == 1 else f"{name}-batch{batch}"
    model = CACHE / f"{stem}.onnx"
    artefact = CACHE / f"{stem}-{scale or 'auto'}"
    if not model.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        define, (_, *rest) = zoo.NETWORKS[name]
        net = GraphBuilder(name, (batch, *rest), seed=0)
        built = zoo.build(name) if batch == 1 else net.model(define(net))
        model.write_bytes(built.SerializeToString())
    if not artefact.exists():
        print(f"compiling {stem} ...", file=sys.stderr, flush=True)
        tried = SCALES if batch == 1 else ()
        compile_model(str(model), scale=scale, scales=tried).save(str(artefact))
    return model, artefact


def onnx_runtime(model: Path, threads: int) -> Run:
    """ONNX Runtime in float32."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(model), options, ["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda x: session.run(None, {name: x})[0].reshape(-1)


def pytorch(model: Path, threads: int) -> Run:
    """PyTorch in float32 on the CPU, eager."""
    import torch

    torch.set_num_threads(threads)
    forward = torch_model(model, "cpu")

    def run(x: np.ndarray) -> np.ndarray:
        result: np.ndarray = forward(torch.from_numpy(x)).numpy().reshape(-1)
        return result

    return run


def torch_model(model: Path, device: str) -> Callable[[Any], Any]:
    """PyTorch, eager: the nodes of a model one by one on a tensor of the device, no gradients."""
    import torch
    from torch_memory import run_node

    from smartvm.compiler.importer import load_model

    network = load_model(str(model))
    parameters = {}
    for name, array in network.constants.items():
        # Shapes and limits are read by the host: no copy should wait for the device.
        is_weight = array.ndim > 0 and array.dtype.kind == "f"
        parameters[name] = torch.tensor(array).to(device if is_weight else "cpu")
    output = network.nodes[-1].outputs[0]

    def forward(x: Any) -> Any:
        live = {network.inputs[0]: x}
        with torch.no_grad():
            for node in network.nodes:
                run_node(node, parameters, live)
        return live[output]

    return forward


class OnChain:
    """A model contract on a chain in memory, its weights resident after the first call.

    Attributes:
        artefact: the compiled model.
        chain: where it is deployed.
        address: of the contract.
    """

    def __init__(self, artefact: Artefact, backend: str | Backend | None = None) -> None:
        from smartvm.chain import Chain
        from smartvm.vm import SmartVM

        self.artefact = artefact
        self.chain = Chain(vm=SmartVM.with_backend(backend) if backend else SmartVM)
        self.address = self.chain.deploy_model(artefact).address
        self._vm = self.chain.vm
        self._code = self.chain.code(self.address)

    def use(self, backend: str | Backend) -> None:
        """Compute with another backend from now on, in `frame`."""
        self._vm.state.use_backend(backend)

    def pack(self, x: np.ndarray) -> bytes:
        """The calldata of `predict` for an input."""
        from smartvm.compiler.abi import encode_call
        from smartvm.compiler.contract_abi import PREDICT

        return encode_call(PREDICT, self.artefact.contract.input_format.pack(x))

    def frame(self, calldata: bytes) -> bytes:
        """The compute alone: the contract's frame in one state."""
        sender = self.chain.accounts[0].address
        computation = self._vm.execute_bytecode(
            origin=sender,
            gas_price=0,
            gas=GAS,
            to=self.address,
            sender=sender,
            value=0,
            data=calldata,
            code=self._code,
        )
        computation.raise_if_error()
        return bytes(computation.output)

    def call(self, x: np.ndarray) -> np.ndarray:
        """The whole call: encode, eth_call, decode the logits."""
        from smartvm.compiler.abi import decode_int256_array

        output = self.chain.call(self.address, self.pack(x), gas=GAS)
        return np.array(decode_int256_array(output)) / output_scale(self.artefact)


def output_scale(artefact: Artefact) -> int:
    """What stands for 1.0 in the first output of a model."""
    graph = artefact.contract.graph
    return graph.values[graph.outputs[0]].scale


def medians(
    contenders: dict[str, Callable[[], Any]], rounds: int, repeats: int = 3
) -> dict[str, float]:
    """Median milliseconds of each (`timings`)."""
    taken = timings(contenders, rounds, repeats)
    return {name: median(values) for name, values in taken.items()}


def timings(
    contenders: dict[str, Callable[[], Any]], rounds: int, repeats: int = 3
) -> dict[str, list[float]]:
    """Milliseconds of every run, measured in turns so that a noisy machine hits all alike."""
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    for run in contenders.values():
        run()
        run()
    for _ in range(rounds):
        for name, run in contenders.items():
            sleep(PAUSE_SECONDS)
            run()
            taken[name] += [_milliseconds(run) for _ in range(repeats)]
    return taken


def _milliseconds(run: Callable[[], Any]) -> float:
    started = perf_counter()
    run()
    return (perf_counter() - started) * 1e3


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
