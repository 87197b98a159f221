"""How does throughput grow with the batch, and with threads?"""

from __future__ import annotations

from collections.abc import Iterator

from contenders import OnChain, medians, onnx_runtime
from cpu_scaling import by_batch

from paper.backends import cpu_backend
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
NO_BATCH = {
    "resnet18": "by batch: its residual sums are compiled for one input at a time",
    "lstm": "by batch: its steps are compiled for one sequence at a time",
}
NO_FLOAT = "an artefact has no float model to compare with: name its .onnx file instead"
NO_NATIVE = "by threads: only the native kernels, which are not built here, can be told how many"
OWN_NO_BATCH = "by batch: measured for the networks of the zoo only"


def measure(options: Options) -> list[Finding]:
    """Inputs a second of one network, by batch and by threads."""
    findings: list[Finding] = []
    for load in networks(options):
        network = load()
        if network.model is None:
            findings.append(
                Gap(
                    QUESTION,
                    network.name,
                    "",
                    NO_FLOAT,
                )
            )
            continue
        findings += [*_by_threads(network, options), *_by_batch(network, options)]
    return findings


def _by_threads(network: Network, options: Options) -> Iterator[Finding]:
    if "native" not in available_backends():
        yield Gap(
            QUESTION,
            network.name,
            SMARTVM_CPU,
            NO_NATIVE,
        )
        return
    from smartvm.dispatch.native import set_threads

    chain = OnChain(network.artefact, cpu_backend())
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


def _by_batch(network: Network, options: Options) -> Iterator[Finding]:
    name = network.name
    if network.is_own or name in NO_BATCH:
        yield Gap(QUESTION, name, SMARTVM_CPU, NO_BATCH.get(name, OWN_NO_BATCH))
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
