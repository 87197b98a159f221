"""Every method, whatever its parameters are: an answer or a JSON-RPC error, and a node alive."""

from __future__ import annotations

import json
import subprocess
import sys
from threading import Timer
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smartvm.chain import Chain
from smartvm.node.errors import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    LIMIT_EXCEEDED,
    METHOD_NOT_FOUND,
    RPCError,
)
from smartvm.node.limits import Limits
from smartvm.node.node import METHODS, NAMESPACES, Node
from smartvm.opcodes.interruption import Interrupt

ADDRESS = "0x" + "ab" * 20
LOOP = "0x5b600056"
"""Code that never ends."""
VALUES = [None, True, -1, 0, 1.5, 2**256, "", "0x", "0x1", "latest", "text", ADDRESS, [], {}, [[]]]
SHARED = Node(Chain(), limits=Limits(gas_cap=200_000))


def answer(node: Node, method: str, params: Any) -> Any:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
    return json.loads(node.handle_body(body.encode()))


def test_the_namespaces_do_not_overlap() -> None:
    assert sum(len(namespace.METHODS) for namespace in NAMESPACES) == len(METHODS)


def test_what_web3_clients_need_is_there() -> None:
    needed = """
        eth_accounts eth_blockNumber eth_call eth_chainId eth_createAccessList eth_estimateGas
        eth_feeHistory eth_gasPrice eth_getBalance eth_getBlockByHash eth_getBlockByNumber
        eth_getBlockReceipts eth_getCode eth_getFilterChanges eth_getLogs eth_getProof
        eth_getStorageAt eth_getTransactionByHash eth_getTransactionCount
        eth_getTransactionReceipt eth_maxPriorityFeePerGas eth_newBlockFilter eth_newFilter
        eth_sendRawTransaction eth_sendTransaction eth_sign eth_signTypedData_v4 eth_syncing
        eth_uninstallFilter net_listening net_peerCount net_version web3_clientVersion web3_sha3
        evm_snapshot evm_revert evm_mine evm_increaseTime evm_setNextBlockTimestamp
        evm_setAutomine debug_traceTransaction debug_traceCall
        smartvm_importBlock smartvm_exportBlocks
    """
    assert set(needed.split()) <= METHODS.keys()


def test_a_method_that_is_not_there(node: Node) -> None:
    with pytest.raises(RPCError, match="eth_mining does not exist") as raised:
        node.handle("eth_mining")
    assert raised.value.code == METHOD_NOT_FOUND


def test_the_number_of_parameters_is_checked(node: Node) -> None:
    for params in ([], [1, 2, 3]):
        with pytest.raises(RPCError, match=f"expected 1 to 2 parameters, found {len(params)}"):
            node.handle("eth_getBalance", params)


@pytest.mark.parametrize("method", sorted(METHODS))
def test_no_parameters_are_an_internal_error(method: str, caplog: pytest.LogCaptureFixture) -> None:
    for value in VALUES:
        for params in ([value], [value, value], [ADDRESS, value], [ADDRESS, "0x0", value]):
            found = answer(SHARED, method, params)
            assert "result" in found or found["error"]["code"] != INTERNAL_ERROR, (params, found)
    assert "Traceback" not in caplog.text
    assert answer(SHARED, "eth_chainId", [])["result"] == "0x539"


@pytest.mark.parametrize(
    "method", ["eth_getBalance", "eth_getBlockByHash", "eth_newBlockFilter", "evm_revert"]
)
def test_too_many_parameters_are_refused(node: Node, method: str) -> None:
    assert answer(node, method, [ADDRESS] * 9)["error"]["code"] == INVALID_PARAMS


WORDS = st.sampled_from(
    ["0x", "0x0", "0x1", "0x" + "00" * 32, ADDRESS, "latest", "earliest", "0x" + "f" * 64, "data"]
)
NAMES = """
    from to gas gasPrice value data input nonce accessList address topics fromBlock toBlock
    blockHash authorizationList storageKeys code balance state stateDiff tracer limit
"""
FIELDS = st.sampled_from(NAMES.split())
VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS | WORDS, inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=300)
@given(st.sampled_from(sorted(METHODS)), st.lists(VALUE, max_size=3))
def test_any_parameters_of_any_method(method: str, params: list[Any]) -> None:
    found = answer(SHARED, method, params)
    assert "result" in found or found["error"]["code"] != INTERNAL_ERROR


def test_it_needs_no_extra() -> None:
    extras = ("starlette", "uvicorn", "web3", "eth_account", "eth_tester", "lmdb")
    check = f"import smartvm.node.node, sys; print([n for n in {extras} if n in sys.modules])"
    found = subprocess.run([sys.executable, "-c", check], capture_output=True, check=True)
    assert found.stdout.strip() == b"[]"


def test_a_node_is_closed_with_its_chain(tmp_path: Any) -> None:
    node = Node(Chain(tmp_path / "chain"))
    node.handle("evm_mine")
    node.close()
    with Chain(tmp_path / "chain") as chain:
        assert chain.block_number == 1


def test_a_request_is_interrupted_and_the_node_goes_on(node: Node) -> None:
    interrupt = Interrupt()
    Timer(0.05, lambda: setattr(interrupt, "asked", True)).start()
    with pytest.raises(RPCError, match="took too long") as raised:
        node.handle("eth_estimateGas", [{"data": LOOP, "gas": "0xfffffff"}], interrupt)
    assert raised.value.code == LIMIT_EXCEEDED
    assert node.handle("eth_call", [{"data": "0x00"}]) == "0x"


def test_a_node_ends_what_it_has_begun() -> None:
    node = Node(Chain())
    Timer(0.05, node.close).start()
    with pytest.raises(RPCError, match="the node ends"):
        node.handle("eth_call", [{"data": LOOP}])
    with pytest.raises(RPCError, match="the node ends"):
        node.handle("eth_blockNumber")


def test_a_transaction_without_an_end_is_dropped(caplog: pytest.LogCaptureFixture) -> None:
    node = Node(Chain(), automine=False)
    first = node.handle("eth_accounts")[0]
    node.handle("eth_sendTransaction", [{"from": first, "data": LOOP, "gas": "0xfffffff"}])
    interrupt = Interrupt()
    Timer(0.05, lambda: setattr(interrupt, "asked", True)).start()
    with pytest.raises(RPCError, match="took too long"):
        node.mine(interrupt)
    assert (node.chain.block_number, node.pool.waiting) == (0, {})
    assert "dropped 1 transactions" in caplog.text
    node.mine()
    assert node.newest == 1
