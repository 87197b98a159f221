from __future__ import annotations

from collections.abc import Callable

import numpy as np

import smartvm
from smartvm.compiler.abi import encode_call
from smartvm.compiler.contract import build_contract
from smartvm.compiler.contract_abi import CLASSIFY
from smartvm.compiler.integer_graph import Interval
from smartvm.compiler.layers import Layer
from smartvm.compiler.sequential import Sequential

Call = Callable[..., smartvm.Execution]


def test_each_step_belongs_to_the_layer_that_it_leads_to(call: Call) -> None:
    pixels = Interval(0, 255)
    network = Sequential("n", (6,), scale=1020, input_range=pixels, input_scale=255)
    weights, bias = np.ones((3, 6), dtype=int), np.array([1, 2, 3])
    contract = build_contract(network.fully_connected("fc", weights, bias).relu("relu").graph)
    execution = call(contract, encode_call(CLASSIFY, bytes(6)), trace=True)
    steps = list(contract.attribute(execution.steps))
    assert [step for step, _ in steps] == execution.steps
    inside = {
        layer: [step.mnemonic for step, name in steps if name == layer] for layer in ("fc", "relu")
    }
    named = {layer: [m for m in found if "PUSH" not in m] for layer, found in inside.items()}
    assert named == {"fc": ["FULL_CON", "BUF_SCL1"], "relu": ["ACT_RL"]}
    assert contract.layers == (
        Layer("fc", len(inside["fc"]), 18, (3,)),
        Layer("relu", len(inside["relu"]), 0, (3,)),
    )
    outside = [step.mnemonic for step, name in steps if not name]
    assert {"MTOB", "BUF_SCL0", "BUF_REDUCE", "BTOS0", "RETURN"} <= set(outside)
