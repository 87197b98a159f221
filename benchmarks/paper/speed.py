"""How fast is one inference: SmartVM beside ONNX Runtime and PyTorch, and layer by layer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from contenders import GAS, OnChain, onnx_runtime, pytorch, timings

from paper.backends import backends, why_no_gpu
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
    NotMeasurableError,
    Options,
    reason,
    timed,
)
from paper.networks import Network, measure_each
from paper.text import threads_text
from smartvm.trace import Tracer

QUESTION = "speed"
MILLISECOND = 1e-3
TRACED = 5
NATIVE = {ONNX_RUNTIME: onnx_runtime, PYTORCH: pytorch}
"""Native code, whose whole call is its computing."""


def measure(options: Options) -> list[Finding]:
    """Each network, all contenders in turns."""
    return measure_each(options, QUESTION, "", lambda network: _network(network, options))


def _network(network: Network, options: Options) -> list[Finding]:
    chains = _chains(network, options)
    no_gpu = why_no_gpu(options)
    gaps: list[Finding] = [Gap(QUESTION, network.name, SMARTVM_GPU, no_gpu)] if no_gpu else []
    runs = _on_chain(chains, network)
    for contender, runner in NATIVE.items():
        try:
            runs[contender, COMPUTE] = _native(network, runner, options.threads)
        except Exception as error:
            gaps.append(Gap(QUESTION, network.name, contender, reason(error)))
    note = f"{threads_text(options.threads)}, weights resident"
    notes = {SMARTVM_GPU: f"{note}; each kernel runs where it pays, on the GPU or on the CPU"}
    figures = [
        Measurement(
            QUESTION,
            network.name,
            contender,
            quantity,
            "s",
            **timed([milliseconds * MILLISECOND for milliseconds in taken]),
            note=notes.get(contender, note),
        )
        for (contender, quantity), taken in timings(runs, options.rounds).items()
    ]
    figures += [replace(m, quantity=TOTAL) for m in figures if m.contender in NATIVE]
    return [*figures, *_layers(network, chains[SMARTVM_CPU]), *gaps]


def _chains(network: Network, options: Options) -> dict[str, OnChain]:
    """The network on a chain for each backend."""
    chosen = backends(options) | {SMARTVM_NUMPY: "numpy"}
    return {contender: OnChain(network.artefact, backend) for contender, backend in chosen.items()}


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
        raise NotMeasurableError("an artefact has no float model: name its .onnx file instead")
    run = runner(network.model, threads)
    try:
        run(network.x)
    except Exception as error:
        message = f"the benchmark's runner, made for the zoo's networks, fails: {reason(error)}"
        raise NotMeasurableError(message) from error
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
