"""Calls, estimates and access lists."""

from __future__ import annotations

from typing import Any

import pytest

from smartvm.chain import Chain
from smartvm.node.errors import EXECUTION_REVERTED, SERVER_ERROR, RPCError
from smartvm.node.limits import Limits
from smartvm.node.node import Node

CONTRACT = "0x" + "c0" * 20
OTHER = "0x" + "c1" * 20
ECHO = "0x366000600037366000f3"
"""Code that returns its calldata."""
CALLER = "0x3360005260206000f3"
"""Code that returns who calls."""
READ_SLOT_1 = "0x60015460005260206000f3"
TIME = "0x4260005260206000f3"
REVERT_REASON = (
    "0x08c379a0" + f"{32:064x}" + f"{2:064x}" + b"no".hex().ljust(64, "0")
)  # Error(string)


def run(node: Node, code: str, request: dict[str, Any] | None = None, **account: Any) -> Any:
    """Call a contract that is there only for this call."""
    overrides = {CONTRACT: {"code": code, **account}}
    return node.handle("eth_call", [{"to": CONTRACT, **(request or {})}, "latest", overrides])


def test_a_call_returns_what_the_contract_returns(node: Node) -> None:
    assert run(node, ECHO, {"data": "0x0102"}) == "0x0102"
    assert run(node, ECHO, {"input": "0x03"}) == "0x03"


def test_it_comes_from_address_zero_or_from_whom_it_says(node: Node) -> None:
    assert run(node, CALLER) == "0x" + "00" * 32
    assert run(node, CALLER, {"from": OTHER}) == "0x" + "00" * 12 + OTHER[2:]


def test_init_code_can_be_called(node: Node) -> None:
    assert node.handle("eth_call", [{"data": "0x602a60005260206000f3"}]) == f"{42:#066x}"


def test_overrides_hold_for_the_call_only(node: Node) -> None:
    slot = f"{1:#066x}"
    word = f"{7:#066x}"
    assert run(node, READ_SLOT_1, state={slot: word}) == word
    assert run(node, READ_SLOT_1, stateDiff={slot: word}) == word
    assert node.handle("eth_getCode", [CONTRACT]) == "0x"
    assert node.handle("eth_call", [{"to": CONTRACT}]) == "0x"
    rich = {OTHER: {"balance": "0x64", "nonce": "0x5"}}
    node.handle("eth_call", [{"from": OTHER, "to": CONTRACT, "value": "0x64"}, "latest", rich])
    with pytest.raises(RPCError, match="invalid transaction"):
        node.handle("eth_call", [{"from": OTHER, "to": CONTRACT, "value": "0x64"}])


def test_an_unknown_override_is_refused(node: Node) -> None:
    with pytest.raises(RPCError, match="found 'movePrecompileToAddress'"):
        run(node, ECHO, movePrecompileToAddress=OTHER)


def test_a_revert_has_its_reason_and_its_data(node: Node) -> None:
    with pytest.raises(RPCError, match=r"^execution reverted: no$") as raised:
        run(node, "0x366000600037366000fd", {"data": REVERT_REASON})
    assert (raised.value.code, raised.value.data) == (EXECUTION_REVERTED, REVERT_REASON)


def test_a_halt_has_its_error(node: Node) -> None:
    with pytest.raises(RPCError, match="execution failed: InvalidInstruction") as raised:
        run(node, "0xfe")
    assert (raised.value.code, raised.value.data) == (SERVER_ERROR, None)


def test_the_time_of_a_call_is_the_chains(node: Node) -> None:
    assert run(node, TIME) == f"{13:#066x}"


def test_a_call_has_no_more_gas_than_the_cap() -> None:
    node = Node(Chain(), limits=Limits(gas_cap=100_000))
    gas = "0x5a6000526020600" + "0f3"  # returns the gas that is left
    assert run(node, gas, {"gas": "0xffffffff"}) == run(node, gas, {"gas": "0x186a0"})
    with pytest.raises(RPCError, match="OutOfGas"):
        run(node, "0x5b600056")  # a loop without an end


def test_an_estimate_is_the_least_that_will_do(node: Node) -> None:
    first = node.handle("eth_accounts")[0]
    create = {"from": first, "data": "0x600580600b6000396000f3602a600155"}
    gas = node.handle("eth_estimateGas", [create])
    sent = node.handle("eth_sendTransaction", [{**create, "gas": gas}])
    assert node.handle("eth_getTransactionReceipt", [sent])["status"] == "0x1"
    less = hex(int(gas, 16) - 1)
    sent = node.handle("eth_sendTransaction", [{**create, "gas": less}])
    assert node.handle("eth_getTransactionReceipt", [sent])["status"] == "0x0"


def test_an_estimate_pays_the_floor_of_calldata(node: Node) -> None:
    first, second = node.handle("eth_accounts")[:2]
    request = {"from": first, "to": second, "data": "0x" + "ff" * 100}
    assert int(node.handle("eth_estimateGas", [request]), 16) == 21_000 + 40 * 100


def test_an_estimate_of_what_reverts_is_an_error(node: Node) -> None:
    overrides = {CONTRACT: {"code": "0x60006000fd"}}
    with pytest.raises(RPCError) as raised:
        node.handle("eth_estimateGas", [{"to": CONTRACT}, "latest", overrides])
    assert raised.value.code == EXECUTION_REVERTED


def test_an_access_list_names_what_is_touched(node: Node) -> None:
    first = node.handle("eth_accounts")[0]
    code = "6001546002546001545050" + "7f" + "00" * 12 + OTHER[2:] + "31" + "00"
    size = len(code) // 2
    init = f"0x60{size:02x}80600b6000396000f3{code}"
    sent = node.handle("eth_sendTransaction", [{"from": first, "data": init}])
    contract = node.handle("eth_getTransactionReceipt", [sent])["contractAddress"]
    found = node.handle("eth_createAccessList", [{"from": first, "to": contract}])
    touched = {entry["address"]: entry["storageKeys"] for entry in found["accessList"]}
    assert touched == {OTHER: [], contract: [f"{1:#066x}", f"{2:#066x}"]}
    request = {"from": first, "to": contract, "accessList": found["accessList"]}
    assert node.handle("eth_estimateGas", [request]) == found["gasUsed"]
