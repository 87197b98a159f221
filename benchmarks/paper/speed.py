"""How fast is one inference: SmartVM beside ONNX Runtime and PyTorch, and layer by layer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from contenders import GAS, OnChain, onnx_runtime, pytorch, timings

from paper.model import (
    COMPUTE,
    ONNX_RUNTIME,
    PYTORCH,
    SMARTVM_CPU,
    SMARTVM_GPU,
    SMARTVM_NUMPY,
    TOTAL,
    Finding,
    Gap,
    Measurement,
    Options,
    timed,
)
from paper.networks import Network, measure_each
from smartvm.dispatch import available_backends
from smartvm.trace import Tracer

QUESTION = "speed"
GPU_BACKEND = "cupy"
MILLISECOND = 1e-3
TRACED = 5


def measure(options: Options) -> list[Finding]:
    """Each network, all contenders in turns."""
    return measure_each(options, QUESTION, "", lambda network: _network(network, options))


def _network(network: Network, options: Options) -> list[Finding]:
    chains, gaps = _chains(network)
    runs = _on_chain(chains, network)
    for contender, runner in ((ONNX_RUNTIME, onnx_runtime), (PYTORCH, pytorch)):
        try:
            runs[contender, COMPUTE] = _native(network, runner, options.threads)
        except Exception as error:
            gaps.append(Gap(QUESTION, network.name, contender, f"{error}"))
    figures = [
        Measurement(
            QUESTION,
            network.name,
            contender,
            quantity,
            "s",
            **timed([milliseconds * MILLISECOND for milliseconds in taken]),
            note=f"{options.threads} thread(s), weights resident",
        )
        for (contender, quantity), taken in timings(runs, options.rounds).items()
    ]
    return [*figures, *_layers(network, chains[SMARTVM_CPU]), *gaps]


def _chains(network: Network) -> tuple[dict[str, OnChain], list[Finding]]:
    """The network on a chain for each backend, and a gap for each that is not here."""
    available = available_backends()
    best = "native" if "native" in available else "numpy"
    backends = {SMARTVM_CPU: best, SMARTVM_NUMPY: "numpy", SMARTVM_GPU: GPU_BACKEND}
    chains = {
        contender: OnChain(network.artefact, backend)
        for contender, backend in backends.items()
        if backend in available
    }
    gaps: list[Finding] = [
        Gap(QUESTION, network.name, contender, f"no {backend} backend here")
        for contender, backend in backends.items()
        if contender not in chains
    ]
    return chains, gaps


def _on_chain(
    chains: dict[str, OnChain], network: Network
) -> dict[tuple[str, str], Callable[[], Any]]:
    """The frame alone and the whole call, for each chain."""
    runs: dict[tuple[str, str], Callable[[], Any]] = {}
    for contender, chain in chains.items():
        data = chain.pack(network.x)
        runs[contender, COMPUTE] = lambda chain=chain, data=data: chain.frame(data)
        runs[contender, TOTAL] = lambda chain=chain: chain.call(network.x)
    return runs


def _native(network: Network, runner: Callable[..., Any], threads: int) -> Callable[[], Any]:
    if network.model is None:
        raise ValueError("an artefact has no float model")
    run = runner(network.model, threads)
    return lambda: run(network.x)


def _layers(network: Network, on_chain: OnChain) -> list[Finding]:
    """Seconds of each layer, the median of some traced runs."""
    runs = [_traced(network, on_chain) for _ in range(TRACED)]
    note = f"{TRACED} traced runs"
    return [
        Measurement(
            QUESTION,
            network.name,
            SMARTVM_CPU,
            COMPUTE,
            "s",
            **timed([run[name] for run in runs]),
            note=note,
            part=name,
            x=float(number),
        )
        for number, name in enumerate(runs[0], 1)
    ]


def _traced(network: Network, on_chain: OnChain) -> dict[str, float]:
    """Seconds of each layer in one run."""
    tracer = Tracer()
    data = on_chain.pack(network.x)
    computation = on_chain.chain.simulate(on_chain.address, data, gas=GAS, tracer=tracer)
    computation.raise_if_error()
    seconds: dict[str, float] = defaultdict(float)
    for step, name in network.artefact.contract.attribute(tracer.steps):
        seconds[name or "call, input, output"] += step.seconds
    return seconds
