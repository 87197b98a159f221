"""SmartVM in eth-tester, the chain that the Ethereum tools' own tests run on."""

from __future__ import annotations

import pytest
from eth_abi import encode
from eth_tester import EthereumTester, PyEVMBackend
from eth_utils import to_bytes

from smartvm.compiler.program import Program, init_code
from smartvm.vm import SmartVM


@pytest.fixture
def tester() -> EthereumTester:
    return EthereumTester(PyEVMBackend(vm_configuration=((0, SmartVM),)))


def send(tester: EthereumTester, to: str, data: bytes, gas: int = 3_000_000) -> dict:
    """The receipt of a transaction that its first account sends."""
    request = {"from": tester.get_accounts()[0], "to": to, "data": "0x" + data.hex(), "gas": gas}
    return tester.get_transaction_receipt(tester.send_transaction(request))


def call(tester: EthereumTester, to: str, data: bytes) -> bytes:
    request = {"from": tester.get_accounts()[0], "to": to, "data": "0x" + data.hex()}
    return to_bytes(hexstr=tester.call(request))


def test_a_vyper_contract(tester, compiled, calldata):
    supply = encode(["string", "uint256"], ["Weights", 1000])
    receipt = send(tester, "", compiled("token") + supply)
    assert receipt["status"] == 1
    token, bob = receipt["contract_address"], tester.get_accounts()[1]
    receipt = send(tester, token, calldata("transfer(address,uint256)", bob, 250))
    assert receipt["status"] == 1
    assert len(receipt["logs"]) == 1
    balance = call(tester, token, calldata("balanceOf(address)", bob))
    assert int.from_bytes(balance, "big") == 250


def test_a_dnn_contract(tester):
    """Its constructor writes a weight block; a call multiplies calldata's word by the weight."""
    constructor = Program().op("BUF_ALLO", size=1).op("BUF_FIL", value=-3)
    constructor.op("BTOS1", first=0, block=1)
    runtime = Program().op("CALLDATASIZE").push(0).push(0).op("CALLDATACOPY")
    runtime.op("MTOB", offset=0, count=1)
    runtime.op("FULL_CON", weights=1, in_features=1, out_features=1)
    runtime.op("BTOM", offset=0).push(32).push(0).op("RETURN")
    receipt = send(tester, "", init_code(runtime.bytecode(), constructor=constructor))
    assert receipt["status"] == 1
    contract = receipt["contract_address"]
    answer = call(tester, contract, (14).to_bytes(32, "big"))
    assert int.from_bytes(answer, "big", signed=True) == -42
    assert send(tester, contract, (14).to_bytes(32, "big"))["status"] == 1
    assert send(tester, contract, b"", gas=21_500)["status"] == 0


def remembering() -> bytes:
    """Calldata of one word is written as block 1; a call without any returns the block."""
    program = Program().op("CALLDATASIZE").jump_if("write").op("BUF_ALLO", size=1)
    program.op("BUF_BIAS", address=1).op("BTOM", offset=0).push(32).push(0).op("RETURN")
    program.label("write").op("CALLDATASIZE").push(0).push(0).op("CALLDATACOPY")
    return program.op("MTOB", offset=0, count=1).op("BTOS1", first=0, block=1).bytecode()


def test_blocks_follow_a_reorganisation(tester):
    """What the resident cache holds of one branch must not show in another."""
    contract = send(tester, "", init_code(remembering()))["contract_address"]

    def write(number: int) -> None:
        assert send(tester, contract, number.to_bytes(32, "big"))["status"] == 1

    def read() -> int:
        return int.from_bytes(call(tester, contract, b""), "big")

    write(5)
    snapshot = tester.take_snapshot()
    write(6)
    assert read() == 6
    tester.revert_to_snapshot(snapshot)
    assert read() == 5
    write(7)
    assert read() == 7
    tester.revert_to_snapshot(snapshot)
    assert read() == 5
