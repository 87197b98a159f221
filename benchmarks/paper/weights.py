"""Fetching the weights in the virtual machine: in blocks, and one value a slot.

Blocks: all of a deployed model, read from the state and unpacked, cold (nothing resident) and
resident. Slots: a sample of real slots of a contract, read from py-evm's state, and multiplied by
the number of weights; the instructions of a contract that would ask for them come on top. py-evm
keeps the 2,048 slots read last, so that no model becomes resident. Both are chains in memory. The
gas is that of the reads, all of them cold.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from time import perf_counter

from contenders import OnChain
from eth.vm.forks.berlin.constants import COLD_SLOAD_COST
from eth_typing import Address

from paper.backends import cpu_backend
from paper.model import (
    PLAIN_EVM,
    SAVED,
    SMARTVM,
    SOLIDITY,
    WEIGHTS_TIME,
    Finding,
    Measurement,
    Options,
    timed,
)
from paper.networks import Network, measure_each
from paper.offchain import download
from paper.slots import WORD, SlotContract
from paper.timing import forgetting, repeated
from smartvm import gas

QUESTION = "weights"
RESIDENT = "weights fetching, resident"
FETCHING_GAS = "gas of fetching"
SLOTS, SLOTS_QUICK = 8_192, 2_048


def measure(options: Options) -> list[Finding]:
    """All networks."""
    return measure_each(options, QUESTION, "", lambda network: _measure(network, options))


def _measure(network: Network, options: Options) -> list[Finding]:
    cold, warm = by_blocks(network, options.rounds)
    count = SLOTS_QUICK if options.quick else SLOTS
    slots = by_slots(network, count, options.rounds)
    packed = in_packed_slots(network, slots)
    return [
        *(cold, warm, slots, packed),
        _saved(cold, slots, PLAIN_EVM),
        _saved(cold, packed, SOLIDITY),
        *_gas(network),
    ]


def by_blocks(network: Network, rounds: int) -> tuple[Measurement, Measurement]:
    """Reading and unpacking all blocks, cold and resident."""
    on_chain = OnChain(network.artefact, cpu_backend())

    def fetch() -> None:
        download(on_chain)

    count = len(network.artefact.contract.blocks)
    note = f"{network.weights:,} weights in {count:,} blocks, read and unpacked"
    return (
        _found(network, SMARTVM, WEIGHTS_TIME, forgetting(fetch, rounds), note),
        _found(network, SMARTVM, RESIDENT, repeated(fetch, rounds), f"{note} before"),
    )


def by_slots(network: Network, count: int, rounds: int) -> Measurement:
    """Reading a slot a weight, from a sample, each time in a state that has read nothing yet."""
    weights = network.first_weights(count)
    contract = SlotContract(weights)
    address = Address(contract.address)
    taken = []
    for _ in range(rounds):
        state = contract.chain.state
        started = perf_counter()
        for slot in range(len(weights)):
            state.get_storage(address, slot)
        taken.append((perf_counter() - started) * network.weights / len(weights))
    note = f"{len(weights):,} real slots of py-evm's state, times {network.weights:,} weights"
    found = _found(network, PLAIN_EVM, WEIGHTS_TIME, taken, note)
    return replace(found, extrapolated=len(weights) < network.weights)


def in_packed_slots(network: Network, slots: Measurement) -> Measurement:
    """The same where as many weights share a slot as fit, as in Solidity's `int16[]`."""
    share = packed_slots(network) / network.weights
    return replace(
        slots,
        contender=SOLIDITY,
        value=slots.value * share,
        spread=slots.spread * share,
        note=f"{packed_slots(network):,} slots at the time of one, unpacking left out",
        extrapolated=True,
    )


def packed_slots(network: Network) -> int:
    """Slots that hold the weights, each as wide as in its block."""
    blocks = network.artefact.contract.blocks.values()
    return sum(-(-len(block.items) // (WORD // block.item_bytes)) for block in blocks)


def _saved(blocks: Measurement, slots: Measurement, against: str) -> Measurement:
    return Measurement(
        QUESTION,
        blocks.network,
        SMARTVM,
        SAVED,
        "%",
        100 * (1 - blocks.value / slots.value),
        note=f"against {against}, {slots.note}",
        extrapolated=slots.extrapolated,
        part="" if against == PLAIN_EVM else against,
    )


def _gas(network: Network) -> Iterable[Finding]:
    blocks = network.artefact.contract.blocks
    counts = {
        SMARTVM: sum(
            gas.block_access(True) + gas.block_read(block.tensor.nbytes)
            for block in blocks.values()
        ),
        PLAIN_EVM: COLD_SLOAD_COST * network.weights,
        SOLIDITY: COLD_SLOAD_COST * packed_slots(network),
    }
    note = "all reads cold, by the price of each"
    for contender, count in counts.items():
        yield Measurement(QUESTION, network.name, contender, FETCHING_GAS, "gas", count, note=note)


def _found(
    network: Network, contender: str, quantity: str, taken: list[float], note: str
) -> Measurement:
    return Measurement(QUESTION, network.name, contender, quantity, "s", **timed(taken), note=note)
