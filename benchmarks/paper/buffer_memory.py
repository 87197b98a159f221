"""How much the feature maps take over the layers: on the Buffer, and in EVM Memory.

Memory, as the paper compares with it: every operation writes its map to a place of its own,
32 bytes an item, and no place is given back. The Buffer: what is on it when an instruction has
ended, 32 bytes an item, as the instruction set sees it. Three more figures put that into
proportion: the items while an instruction runs (its output beside what it reads), the bytes that
the Buffer really holds, narrow items, and the Memory of the twin in stock instructions, which
computes bias, division and ReLU in place.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import accumulate

from paper.model import (
    HELD,
    PEAK_MEMORY,
    PLAIN_EVM,
    SAVED,
    SMARTVM,
    TWIN_MEMORY,
    Finding,
    Measurement,
    Options,
)
from paper.networks import Network, measure_each
from paper.plain_layers import memory_bytes
from smartvm.compiler.abi import encode_call
from smartvm.compiler.contract_abi import PREDICT
from smartvm.execution import execute

QUESTION = "buffer_memory"
WHILE_RUNNING = f"{PEAK_MEMORY}, while an instruction runs"
AS_HELD = f"{PEAK_MEMORY}, narrow items as held"
WORD = 32
UNLIMITED_GAS = 1 << 62


@dataclass
class Most:
    """What the Buffer holds at most when an instruction of a layer has ended."""

    items: int = 0
    nbytes: int = 0


def measure(options: Options) -> list[Finding]:
    """All networks."""
    return measure_each(options, QUESTION, "", lambda network: list(_measure(network)))


def _measure(network: Network) -> Iterator[Finding]:
    artefact = network.artefact
    held = buffer_over_layers(network)
    memory = memory_over_layers(network)
    found = partial(Measurement, QUESTION, network.name, unit="bytes")
    for x, (name, size) in enumerate(memory.items(), 1):
        yield found(PLAIN_EVM, HELD, value=size, part=name, x=x)
        yield found(SMARTVM, HELD, value=WORD * held[name].items, part=name, x=x)
    peak = WORD * max(layer.items for layer in held.values())
    every = WORD * artefact.total_items
    twin = memory_bytes(artefact.contract.graph)
    narrow = max(layer.nbytes for layer in held.values())
    yield found(PLAIN_EVM, PEAK_MEMORY, value=every, note="a place for the map of each operation")
    yield found(SMARTVM, PEAK_MEMORY, value=peak, note="between instructions, 32 bytes an item")
    yield found(SMARTVM, WHILE_RUNNING, value=WORD * artefact.peak_items, note="32 bytes an item")
    yield found(SMARTVM, AS_HELD, value=narrow, note="between instructions")
    yield found(PLAIN_EVM, TWIN_MEMORY, value=twin, note="bias, division and ReLU in place")
    saved = partial(Measurement, QUESTION, network.name, SMARTVM, SAVED, "%")
    yield saved(100 * (1 - peak / every), note="Buffer between instructions, all maps in Memory")
    yield saved(100 * (1 - peak / twin), part="against the twin's Memory", note="32 bytes an item")
    yield saved(100 * (1 - narrow / twin), part="narrow items against the twin's Memory")


def memory_over_layers(network: Network) -> dict[str, int]:
    """Bytes of Memory in which every map so far has its place, after each layer."""
    graph = network.artefact.contract.graph
    first = sum(graph.values[name].items for name in graph.inputs)
    items = {layer.name: 0 for layer in network.artefact.contract.layers}
    for operation in graph.operations:
        if operation.source in items:
            items[operation.source] += graph.values[operation.output].items
    sums = accumulate(items.values(), initial=first)
    return {name: WORD * total for name, total in zip(items, list(sums)[1:], strict=True)}


def buffer_over_layers(network: Network) -> dict[str, Most]:
    """The most that the Buffer holds in each layer, between instructions."""
    contract = network.artefact.contract
    calldata = encode_call(PREDICT, network.packed)
    blocks = {number: block.tensor for number, block in contract.blocks.items()}
    execution = execute(
        contract.runtime, calldata=calldata, gas=UNLIMITED_GAS, blocks=blocks, trace=True
    ).raise_for_error()
    held = {layer.name: Most() for layer in contract.layers}
    for step, name in contract.attribute(execution.steps):
        layer = held.setdefault(name, Most())
        layer.items = max(layer.items, sum(step.buffer_maps))
        layer.nbytes = max(layer.nbytes, step.buffer_bytes)
    return held
