"""solc, and chains of SmartVM and of stock py-evm under web3.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any

import pytest
from eth.vm.forks.prague import PragueVM
from eth_tester import EthereumTester, PyEVMBackend
from web3 import EthereumTesterProvider, Web3

from smartvm import SmartVM
from smartvm.compiler.solidity import (
    Compilation,
    Settings,
    SolcMissing,
    compile_sources,
    find_solc,
)
from smartvm.compiler.solidity.solc import Solc

GAS = 10_000_000
HEAD = """// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;
import {SmartVM, Tensor} from "smartvm/SmartVM.sol";
"""


class Running(Solc):
    """One solc for the whole run: starting it takes longer than most compilations."""

    def __init__(self, compile_one: Any) -> None:
        self.compile_one = compile_one

    def session(self) -> Any:
        return nullcontext(self.compile_one)


@pytest.fixture(scope="session")
def solc() -> Iterator[Solc]:
    """The Solidity compiler; tests that need it are skipped where there is none."""
    try:
        found = find_solc()
    except SolcMissing as error:
        pytest.skip(str(error))
    with found.session() as compile_one:
        yield Running(compile_one)


@pytest.fixture(scope="session")
def compiled(solc: Solc) -> Callable[[str], Compilation]:
    """Compile one Solidity source, to which a head with the library's import is added."""

    def compile_text(text: str) -> Compilation:
        return compile_sources({"test.sol": HEAD + text}, settings=Settings(solc=solc))

    return compile_text


class Side:
    """A chain on one VM, as web3.py sees it."""

    def __init__(self, vm_class: Any) -> None:
        backend = PyEVMBackend(vm_configuration=((0, vm_class),))
        self.state = lambda: backend.chain.get_vm().state
        self.web3 = Web3(EthereumTesterProvider(EthereumTester(backend)))
        self.web3.eth.default_account = self.web3.eth.accounts[0]

    def deploy(self, abi: Any, code: bytes, *arguments: Any) -> Any:
        """The contract, by a transaction."""
        factory = self.web3.eth.contract(abi=abi, bytecode=code)
        sent = factory.constructor(*arguments).transact({"gas": GAS})
        receipt = self.web3.eth.wait_for_transaction_receipt(sent)
        assert receipt.status == 1
        return self.web3.eth.contract(address=receipt.contractAddress, abi=abi)

    def send(self, call: Any, value: int = 0) -> Any:
        """The receipt of a transaction."""
        sent = call.transact({"gas": GAS, "value": value})
        return self.web3.eth.wait_for_transaction_receipt(sent)

    def storage_root(self, contract: Any) -> bytes:
        """The root of a contract's storage trie."""
        address = bytes.fromhex(contract.address[2:])
        return self.state()._account_db._get_account(address).storage_root


@pytest.fixture
def side() -> Side:
    """A chain of SmartVM."""
    return Side(SmartVM)


@pytest.fixture
def stock_side() -> Side:
    """A chain of stock py-evm."""
    return Side(PragueVM)
