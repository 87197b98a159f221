"""How does throughput grow with the batch, and with threads?"""

from __future__ import annotations

from collections.abc import Iterator

from contenders import OnChain, medians, onnx_runtime
from cpu_scaling import BY_BATCH, by_batch

from paper.model import (
    ONNX_RUNTIME,
    SMARTVM_CPU,
    THROUGHPUT,
    Finding,
    Gap,
    Measurement,
    Options,
)
from paper.networks import Network, networks
from smartvm.dispatch import available_backends

QUESTION = "scaling"
QUICK_BATCHES, BATCHES = (1, 4, 16), (1, 2, 4, 8, 16, 32, 64)
INPUTS_A_SECOND = "inputs/s"
THREADS = (1, 2)


def measure(options: Options) -> list[Finding]:
    """Inputs a second of one network, by batch and by threads."""
    findings: list[Finding] = []
    for load in networks(options):
        network = load()
        if network.model is None:
            findings.append(Gap(QUESTION, network.name, "", "an artefact has no float model"))
            continue
        findings += [*_by_threads(network, options), *_by_batch(network.name, options)]
    return findings


def _by_threads(network: Network, options: Options) -> Iterator[Finding]:
    if "native" not in available_backends():
        yield Gap(
            QUESTION, network.name, SMARTVM_CPU, "no native kernels: numpy has its own threads"
        )
        return
    from smartvm.dispatch.native import set_threads

    chain = OnChain(network.artefact)
    data = chain.pack(network.x)
    for threads in THREADS:
        set_threads(threads)
        peer = onnx_runtime(network.model, threads)
        runs = {
            SMARTVM_CPU: lambda: chain.frame(data),
            ONNX_RUNTIME: lambda peer=peer: peer(network.x),
        }
        for contender, milliseconds in medians(runs, options.rounds).items():
            yield _throughput(network.name, contender, "by threads", threads, 1e3 / milliseconds)
    set_threads(options.threads)


def _by_batch(name: str, options: Options) -> Iterator[Finding]:
    if name not in BY_BATCH:
        yield Gap(QUESTION, name, SMARTVM_CPU, f"by batch: measured for {', '.join(BY_BATCH)}")
        return
    for batch in QUICK_BATCHES if options.quick else BATCHES:
        rounds = max(2, options.rounds // 3)
        taken = by_batch(name, batch, options.threads, rounds)
        for contender, key in ((SMARTVM_CPU, "ms"), (ONNX_RUNTIME, "peer")):
            yield _throughput(name, contender, "by batch", batch, batch * 1e3 / taken[key])


def _throughput(name: str, contender: str, part: str, x: int, value: float) -> Measurement:
    return Measurement(
        QUESTION, name, contender, THROUGHPUT, INPUTS_A_SECOND, value, part=part, x=float(x)
    )
