"""Gas of one inference by layer, of deployment and of upload, and what weights take in the state.

SmartVM's figures are exact, whatever the machine: nothing is estimated (docs/gas.md). What the same
weights would cost with one a slot is worked out from Ethereum's prices. The gas of LeNet-5's layers
in stock instructions is measured by `paper.plain_evm`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from eth.constants import GAS_SSET
from eth.vm.forks.berlin.constants import COLD_SLOAD_COST

from paper.model import GAS, PLAIN_EVM, SMARTVM, Finding, Measurement, Options
from paper.networks import Network, measure_each
from paper.slots import WORD
from smartvm.compiler.price import deploy_gas, run_gas, upload_gas

QUESTION = "gas_table"
AROUND = "input, output"
DEPLOY, UPLOAD = "gas of deployment", "gas of upload"
STATE = "weights in the state"


def measure(options: Options) -> list[Finding]:
    """All networks."""
    return measure_each(options, QUESTION, "", lambda network: list(_measure(network)))


def _measure(network: Network) -> Iterator[Finding]:
    contract = network.artefact.contract
    price = run_gas(contract, network.packed)
    found = partial(Measurement, QUESTION, network.name, SMARTVM)
    yield found(GAS, "gas", price.total, note="one transaction, all blocks cold")
    for x, (layer, gas) in enumerate(price.layers.items(), 1):
        yield found(GAS, "gas", gas, part=layer, x=x)
    yield found(GAS, "gas", price.around, part=AROUND, note="of the frame, outside the layers")
    yield found(DEPLOY, "gas", deploy_gas(contract), note="one transaction")
    note = f"{len(contract.blocks):,} transactions, one a block"
    yield found(UPLOAD, "gas", upload_gas(contract), note=note)
    size = sum(len(block.items) * block.item_bytes for block in contract.blocks.values())
    yield found(STATE, "bytes", size, note="items of the blocks; keys and the trie on top")
    yield from _in_slots(network)


def _in_slots(network: Network) -> Iterator[Finding]:
    found = partial(Measurement, QUESTION, network.name, PLAIN_EVM, extrapolated=True)
    price = GAS_SSET + COLD_SLOAD_COST
    note = f"{network.weights:,} new slots of {price:,} gas; calldata and transactions on top"
    yield found(UPLOAD, "gas", price * network.weights, note=note)
    size = WORD * network.weights
    yield found(STATE, "bytes", size, note="a word a weight; keys and the trie on top")
