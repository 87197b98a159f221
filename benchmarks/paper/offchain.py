"""Off-chain inference, as the paper compares with it: fetch the weights from a node, then compute.

Two ways of fetching. As in the paper, a contract has one weight a slot and a function `get`, and
each weight is an eth_call: measured on a sample of real slots and multiplied by the number of
weights. And block by block: the blocks of the deployed model are read from the chain's state and
unpacked, all of them measured. Both ask the chain within the process, so that no network and no
JSON is in the way: what a user's client pays comes on top. Then ONNX Runtime computes in float32
(that the weights would have to be made floats is left out); where it is not installed, and for an
artefact of the user's own, SmartVM's kernels compute, off chain.

Beside them stands SmartVM's own call on the same chain: the weights fetched in it, and resident.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from random import Random
from time import perf_counter

import numpy as np
from contenders import OnChain, onnx_runtime

from paper.backends import backends, cpu_backend
from paper.model import (
    COMPUTE,
    OFFCHAIN_BLOCKS,
    OFFCHAIN_GET,
    SMARTVM_COLD,
    SMARTVM_CPU,
    SMARTVM_GPU,
    SMARTVM_GPU_COLD,
    TOTAL,
    WEIGHTS_TIME,
    Finding,
    Measurement,
    Options,
    timed,
)
from paper.networks import Network, measure_each
from paper.slots import SlotContract
from paper.timing import forgetting, repeated
from smartvm.compiler.integer_graph import IntegerGraph, as_tensor
from smartvm.dispatch import make_dispatcher
from smartvm.storage.cache import resident

QUESTION = "offchain"
ONE_GET = "one get()"
SLOTS, SLOTS_QUICK = 8_192, 2_048
"""Slots that the contract with `get` has. With more, a trie is deeper, and a get slower."""
GETS, GETS_QUICK = 4_000, 500
SEED = 0
COLD = {SMARTVM_CPU: SMARTVM_COLD, SMARTVM_GPU: SMARTVM_GPU_COLD}
"""The same contender, its weights not resident."""


def measure(options: Options) -> list[Finding]:
    """All networks."""
    return measure_each(options, QUESTION, OFFCHAIN_GET, lambda network: _measure(network, options))


def _measure(network: Network, options: Options) -> list[Finding]:
    compute, how = computing(network, options)
    on_chain = OnChain(network.artefact, cpu_backend())
    seconds = repeated(compute, options.rounds)
    findings: list[Finding] = [
        _found(network, contender, COMPUTE, seconds, note=how)
        for contender in (OFFCHAIN_GET, OFFCHAIN_BLOCKS)
    ]
    findings += by_get(network, float(np.median(seconds)), options)
    findings += by_blocks(network, on_chain, compute, options.rounds)
    for contender, backend in backends(options).items():
        findings += on_smartvm(network, contender, backend, options.rounds)
    return findings


def by_get(network: Network, compute_seconds: float, options: Options) -> list[Finding]:
    """Fetching by a call a weight, from a sample, and the total."""
    slots, gets = (SLOTS_QUICK, GETS_QUICK) if options.quick else (SLOTS, GETS)
    weights = network.first_weights(slots)
    contract = SlotContract(weights)
    random = Random(SEED)
    taken = []
    for slot in random.choices(range(len(weights)), k=gets):
        started = perf_counter()
        value = contract.get(slot)
        taken.append(perf_counter() - started)
        assert value == weights[slot]
    one = _found(network, OFFCHAIN_GET, ONE_GET, taken, note=f"{len(weights):,} slots")
    note = (
        f"the median of {gets:,} calls of get() on a contract of {len(weights):,} slots, in "
        f"{options.rounds} parts, times {network.weights:,} weights; within the process"
    )
    parts = np.array_split(taken, options.rounds)
    totals = [float(np.median(part)) * network.weights for part in parts]
    fetching = _found(network, OFFCHAIN_GET, WEIGHTS_TIME, totals, note=note)
    totals = [seconds + compute_seconds for seconds in totals]
    total = _found(network, OFFCHAIN_GET, TOTAL, totals, note=f"{note}; and the computing")
    return [one, *(replace(found, extrapolated=True) for found in (fetching, total))]


def by_blocks(
    network: Network, on_chain: OnChain, compute: Callable[[], object], rounds: int
) -> list[Finding]:
    """Fetching by blocks, and the total, after a run that is not counted."""
    fetching, totals = [], []
    for _ in range(rounds + 1):
        resident.clear()
        started = perf_counter()
        items = sum(map(len, download(on_chain)))
        fetching.append(perf_counter() - started)
        compute()
        totals.append(perf_counter() - started)
        assert items == network.weights
    note = "every block read from the chain's state and unpacked; within the process"
    total = f"{note}; and the computing"
    return [
        _found(network, OFFCHAIN_BLOCKS, WEIGHTS_TIME, fetching[1:], note=note),
        _found(network, OFFCHAIN_BLOCKS, TOTAL, totals[1:], note=total),
    ]


def on_smartvm(network: Network, contender: str, backend: str, rounds: int) -> list[Finding]:
    """The whole call, from the input to the decoded output."""
    on_chain = OnChain(network.artefact, backend)

    def call() -> None:
        on_chain.call(network.x)

    cold = "the whole call; weights read from the trie and unpacked in it"
    warm = "the whole call; weights resident"
    return [
        _found(network, COLD[contender], TOTAL, forgetting(call, rounds), note=cold),
        _found(network, contender, TOTAL, repeated(call, rounds), note=warm),
    ]


def download(on_chain: OnChain) -> list[np.ndarray]:
    """The items of every block of a model, as a client that has the chain reads them."""
    state = on_chain.chain.state
    numbers = on_chain.artefact.contract.blocks
    return [state.get_block(on_chain.address, number).items.data for number in numbers]


def computing(network: Network, options: Options) -> tuple[Callable[[], object], str]:
    """What computes a network off chain, its weights being there, and what that is."""
    if network.model is not None and find_spec("onnxruntime"):
        run = onnx_runtime(network.model, options.threads)
        return lambda: run(network.x), "ONNX Runtime, float32"
    graph = network.artefact.contract.graph
    return lambda: evaluate(graph, network.x), "SmartVM's kernels off chain"


def evaluate(graph: IntegerGraph, x: np.ndarray) -> None:
    """Compute a graph of integers without a virtual machine."""
    feed = {graph.inputs[0]: as_tensor(x.reshape(-1))}
    graph.evaluate(make_dispatcher(), feed, graph.outputs)


def _found(
    network: Network, contender: str, quantity: str, taken: list[float], note: str
) -> Measurement:
    return Measurement(QUESTION, network.name, contender, quantity, "s", **timed(taken), note=note)
