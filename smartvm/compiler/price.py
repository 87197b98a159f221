"""What a model costs on chain, before anything is sent: deployment, upload, updates, runs.

All figures are those of whole transactions, their intrinsic gas included. Deployment, upload and
the run for a given input are exactly what the chain charges; `run_bound` holds for every input in
range. The instructions themselves compute the prices: nothing here repeats a formula of theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from eth.constants import CREATE_CONTRACT_ADDRESS, GAS_CODEDEPOSIT, GAS_TX
from eth.vm.forks.prague.constants import STANDARD_TOKEN_COST, TOTAL_COST_FLOOR_PER_TOKEN
from eth.vm.forks.shanghai.constants import INITCODE_WORD_COST

from smartvm.compiler.abi import encode_call
from smartvm.compiler.certify import Certificate
from smartvm.compiler.contract import ModelContract, classes_of, set_block_call
from smartvm.compiler.contract_abi import INFER, PREDICT
from smartvm.compiler.emit import WeightBlock
from smartvm.compiler.price_bound import bounding_vm, state_of_stand_ins
from smartvm.dispatch.tensor import Tensor
from smartvm.execution import CALLER, CONTRACT, execute
from smartvm.gas import words
from smartvm.vm import SmartVM

UNLIMITED = 1 << 62
OWNED = {0: int.from_bytes(CALLER, "big")}
"""The slots of a contract whose owner calls it."""


@dataclass(frozen=True)
class RunPrice:
    """Gas of one transaction that runs the network.

    Attributes:
        layers: gas of each layer. Growth of the Buffer counts to the layer that first reaches a
            size, so that of a bound only the total is one.
        around: gas of the frame outside the layers: reading the input, answering.
        total: of the transaction, its calldata included.
    """

    layers: Mapping[str, int]
    around: int
    total: int


def transaction_gas(data: bytes, frame_gas: int, creates: bool = False) -> int:
    """Gas of a transaction whose frame takes `frame_gas`: intrinsic gas, or EIP-7623's floor."""
    unsigned = SmartVM.get_transaction_builder().create_unsigned_transaction(
        nonce=0,
        gas_price=0,
        gas=0,
        to=CREATE_CONTRACT_ADDRESS if creates else CONTRACT,
        value=0,
        data=data,
    )
    tokens = data.count(0) + STANDARD_TOKEN_COST * (len(data) - data.count(0))
    floor = GAS_TX + TOTAL_COST_FLOOR_PER_TOKEN * tokens
    return max(int(unsigned.intrinsic_gas) + frame_gas, floor)


def deploy_gas(contract: ModelContract) -> int:
    """Gas of the transaction that creates the contract."""
    code = contract.init_code
    frame = execute(code, gas=UNLIMITED).raise_for_error().gas_used
    frame += INITCODE_WORD_COST * words(len(code)) + GAS_CODEDEPOSIT * len(contract.runtime)
    return transaction_gas(code, frame, creates=True)


def block_gas(contract: ModelContract, number: int, *, exists: bool) -> int:
    """Gas of the `setBlock` that writes one of the contract's blocks."""
    block = contract.blocks[number]
    calldata = set_block_call(number, block)
    frame = _write_gas(contract.runtime, len(block.items), block.item_bytes, exists)
    return transaction_gas(calldata, frame)


@lru_cache(maxsize=256)
def _write_gas(runtime: bytes, items: int, item_bytes: int, exists: bool) -> int:
    """Gas of the frame that writes a block, which no value of the items changes."""
    zeros = WeightBlock(np.zeros(items, np.int8), item_bytes)
    frame = execute(
        runtime,
        calldata=set_block_call(1, zeros),
        gas=UNLIMITED,
        blocks={1: Tensor.zeros(1)} if exists else {},
        storage=OWNED,
    )
    return frame.raise_for_error().gas_used


def upload_gas(contract: ModelContract) -> int:
    """Gas of all transactions that write the blocks for the first time, one a block."""
    return sum(block_gas(contract, number, exists=False) for number in contract.blocks)


def update_gas(contract: ModelContract) -> dict[str, int]:
    """Gas of writing all blocks of a layer anew, for each layer that has any."""
    return {
        layer: sum(block_gas(contract, number, exists=True) for number in numbers)
        for layer, numbers in layer_blocks(contract).items()
    }


def layer_bytes(contract: ModelContract) -> dict[str, int]:
    """Bytes of the items of each layer's blocks, for each layer that has any."""
    sizes = {n: len(block.items) * block.item_bytes for n, block in contract.blocks.items()}
    return {
        layer: sum(sizes[number] for number in numbers)
        for layer, numbers in layer_blocks(contract).items()
    }


def layer_blocks(contract: ModelContract) -> dict[str, list[int]]:
    """The numbers of the blocks that each layer reads; layers without any are left out."""
    result: dict[str, list[int]] = {}
    for operation in contract.graph.operations:
        for name in operation.inputs:
            if name in contract.tensors:
                numbers = result.setdefault(operation.source, [])
                numbers += [n for n in _tensor_blocks(contract, name) if n not in numbers]
    return result


def _tensor_blocks(contract: ModelContract, name: str) -> Iterable[int]:
    """The blocks that a constant was cut into."""
    number, items = contract.tensors[name], contract.graph.constants[name].size
    while items > 0:
        yield number
        items -= len(contract.blocks[number].items)
        number += 1


def run_gas(contract: ModelContract, packed: bytes) -> RunPrice:
    """Exactly what a transaction takes that runs the network on one packed input.

    It is `infer` where the network classifies, else `predict`.

    Raises:
        VMError: the frame would fail.
    """
    blocks = {number: block.tensor for number, block in contract.blocks.items()}
    return _run(contract, packed, blocks=blocks)


def run_bound(contract: ModelContract, certificate: Certificate) -> RunPrice:
    """What such a transaction takes at most, whatever the input in range."""
    worst = b"\xff" * contract.input_format.nbytes  # no byte of calldata costs more
    vm = bounding_vm(contract, certificate)
    return _run(contract, worst, state=state_of_stand_ins(contract, vm))


def _run(contract: ModelContract, packed: bytes, **options: Any) -> RunPrice:
    function = INFER if classes_of(contract.graph) else PREDICT
    calldata = encode_call(function, packed)
    execution = execute(
        contract.runtime, calldata=calldata, gas=UNLIMITED, storage=OWNED, trace=True, **options
    ).raise_for_error()
    layers = {layer.name: 0 for layer in contract.layers}
    around = 0
    for step, layer in contract.attribute(execution.steps):
        if layer:
            layers[layer] += step.gas_cost
        else:
            around += step.gas_cost
    return RunPrice(layers, around, transaction_gas(calldata, execution.gas_used))
