"""The contract that the node's clients use runs in eth-tester as well, by vm_configuration."""

from __future__ import annotations

from typing import Any

import numpy as np
from eth_tester import EthereumTester, PyEVMBackend
from web3 import EthereumTesterProvider, Web3

from smartvm import SmartVM
from smartvm.compiler.artefact import Artefact

GAS = 10_000_000


def test_the_same_contract(small_model: Artefact, image: np.ndarray, outputs: list[int]) -> None:
    backend = PyEVMBackend(vm_configuration=((0, SmartVM),))
    web3 = Web3(EthereumTesterProvider(EthereumTester(backend)))
    sender: Any = {"from": web3.eth.accounts[0], "gas": GAS}
    model = small_model.contract
    factory = web3.eth.contract(abi=model.abi, bytecode=model.init_code)
    receipt = web3.eth.get_transaction_receipt(factory.constructor().transact(sender))
    contract = web3.eth.contract(receipt["contractAddress"], abi=model.abi)
    for number, block in model.blocks.items():
        contract.functions.setBlock(number, block.item_bytes, block.packed).transact(sender)
    packed = model.input_format.pack(image)
    assert contract.functions.predict(packed).call(sender) == outputs
    receipt = web3.eth.get_transaction_receipt(contract.functions.infer(packed).transact(sender))
    (event,) = contract.events.Inferred().process_receipt(receipt)
    assert event["args"]["label"] == int(np.argmax(outputs))
