"""Traces over JSON-RPC: the DNN instructions by name, and the Buffer in each step."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from smartvm.chain import Chain
from smartvm.compiler.abi import encode_call
from smartvm.compiler.artefact import Artefact
from smartvm.compiler.contract_abi import INFER
from smartvm.node.debug import in_order
from smartvm.node.errors import INVALID_PARAMS, LIMIT_EXCEEDED, RESOURCE_NOT_FOUND, RPCError
from smartvm.node.limits import Limits
from smartvm.node.node import Node
from smartvm.trace import Step

CALLEE = "0x" + "c1" * 20
CALLER = "0x" + "c0" * 20
CALL_CALLEE = "0x" + "6000" * 4 + "73" + CALLEE[2:] + "5afa" + "00"


@pytest.fixture
def inference(node: Node, small_model: Artefact) -> tuple[dict[str, Any], str]:
    """A request that infers, and the hash of the transaction that has."""
    model = small_model.contract
    address = node.chain.deploy_model(model).address
    image = model.input_format.pack(np.arange(64).reshape(1, 1, 8, 8))
    request = {
        "from": node.handle("eth_accounts")[0],
        "to": "0x" + address.hex(),
        "data": "0x" + encode_call(INFER, image).hex(),
    }
    return request, node.handle("eth_sendTransaction", [request])


def test_a_transaction_is_traced(node: Node, inference: tuple[dict[str, Any], str]) -> None:
    trace = node.handle("debug_traceTransaction", [inference[1]])
    receipt = node.handle("eth_getTransactionReceipt", [inference[1]])
    assert trace["gas"] == int(receipt["gasUsed"], 16)
    assert trace["failed"] is False
    logs = trace["structLogs"]
    (conv,) = [step for step in logs if step["op"] == "CONV_MUL"]
    assert conv["buffer"]["maps"] == [36]
    assert conv["depth"] == 1
    assert len(conv["stack"]) >= 8
    assert "buffer" not in logs[0]
    assert sum(step["gasCost"] for step in logs) < trace["gas"]


def test_a_call_is_traced_as_the_transaction_was(
    node: Node, inference: tuple[dict[str, Any], str]
) -> None:
    call = node.handle("debug_traceCall", [inference[0], "latest"])
    transaction = node.handle("debug_traceTransaction", [inference[1]])
    assert call["returnValue"] == transaction["returnValue"]
    steps = [[(s["pc"], s["op"]) for s in trace["structLogs"]] for trace in (call, transaction)]
    assert steps[0] == steps[1]


def test_a_trace_can_be_shorter(node: Node, inference: tuple[dict[str, Any], str]) -> None:
    options = {"disableStack": True, "limit": 5}
    logs = node.handle("debug_traceTransaction", [inference[1], options])["structLogs"]
    assert len(logs) == 5
    assert "stack" not in logs[4]


def trace_of(node: Node, code: str) -> Any:
    """The trace of a contract of this code, deployed first."""
    init = f"0x60{len(code) // 2 - 1:02x}80600b6000396000f3{code[2:]}"
    request = {"from": node.handle("eth_accounts")[0], "data": init}
    sent = node.handle("eth_sendTransaction", [request])
    contract = node.handle("eth_getTransactionReceipt", [sent])["contractAddress"]
    return node.handle("debug_traceCall", [{"to": contract}])


def test_a_step_that_fails_says_why(node: Node) -> None:
    trace = trace_of(node, "0x6001fe")
    assert trace["failed"] is True
    assert trace["structLogs"][-1]["error"].startswith("InvalidInstruction")


def step(depth: int, name: str) -> Step:
    return Step(depth, 0, 0, name, 0, 0, (), 0, (), None, 0.0, None)


def test_an_end_is_no_error_and_an_account_has_no_steps(node: Node) -> None:
    steps = node.handle("debug_traceCall", [{"data": "0x60006000f3"}])["structLogs"]
    assert [(step["op"], "error" in step) for step in steps][-1] == ("RETURN", False)
    first = node.handle("eth_accounts")[0]
    sent = node.handle("eth_sendTransaction", [{"from": first, "to": first}])
    assert node.handle("debug_traceTransaction", [sent])["structLogs"] == []


def test_steps_are_in_the_order_in_which_they_began() -> None:
    ended = [
        step(0, "a"),
        step(1, "c1"),
        step(2, "d"),
        step(1, "c2"),
        step(0, "b"),
        step(1, "f"),
        step(0, "e"),
    ]
    names = "".join(found.mnemonic for found in in_order(ended))
    assert names == "abc1c2def"


def test_a_trace_has_a_bound(small_model: Artefact) -> None:
    node = Node(Chain(), limits=Limits(trace_items=100))
    with pytest.raises(RPCError, match="the trace is too long: it ends after") as raised:
        trace_of(node, "0x5b600056")
    assert raised.value.code == LIMIT_EXCEEDED
    assert node.handle("eth_blockNumber") == "0x1"


def test_maps_count_against_the_bound() -> None:
    node = Node(Chain(), limits=Limits(trace_items=1_000))
    many_maps = "0xfc444e4e01" + "600138" * 40  # BUF_ALLO size=1
    with pytest.raises(RPCError, match="too long"):
        node.handle("debug_traceCall", [{"data": many_maps}])


def test_accounts_are_changed_for_a_traced_call(node: Node) -> None:
    overrides = {"stateOverrides": {CALLEE: {"code": "0x5b00"}}}
    found = node.handle("debug_traceCall", [{"to": CALLEE}, "latest", overrides])
    assert [step["op"] for step in found["structLogs"]] == ["JUMPDEST", "STOP"]


def test_wrong_options_are_refused(node: Node) -> None:
    with pytest.raises(RPCError, match="struct logs, found 'callTracer'") as raised:
        node.handle("debug_traceCall", [{}, "latest", {"tracer": "callTracer"}])
    assert raised.value.code == INVALID_PARAMS
    with pytest.raises(RPCError) as raised:
        node.handle("debug_traceTransaction", ["0x" + "12" * 32])
    assert raised.value.code == RESOURCE_NOT_FOUND
