from __future__ import annotations

import pytest

from smartvm import assemble
from smartvm.compiler import contract as contracts
from smartvm.compiler.abi import encode_call
from smartvm.compiler.artefact import Artefact
from smartvm.compiler.contract import ModelContract, build_contract
from smartvm.compiler.integer_graph import Interval
from smartvm.compiler.operations import Clip
from smartvm.compiler.sequential import Sequential
from smartvm.execution import execute
from smartvm.node.models_layers import layers, parts_of_code, parts_of_run


def deep_model() -> ModelContract:
    """Forty operations, of three kinds."""
    graph = Sequential("deep", (1, 2, 3), scale=1, input_range=Interval(0, 255)).graph
    for number in range(40):
        name = f"clip{number}"
        clip = Clip(name, graph.outputs, -(1 << 200) - number % 3, 255, source=name)
        graph.operations.append(clip)
        graph.values[name] = graph.values["input"]
        graph.outputs = (name,)
    return build_contract(graph)


def test_shared_routines_are_seen_in_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Code with routines, read and run, gives the same layers as code without."""
    plain = deep_model()
    monkeypatch.setattr(contracts, "EIP170_CODE_SIZE_LIMIT", len(plain.runtime) - 100)
    outlined = deep_model()
    assert len(outlined.runtime) < len(plain.runtime)
    read = [part.row.mnemonic for part in parts_of_code(outlined.runtime)]
    assert read == [part.row.mnemonic for part in parts_of_code(plain.runtime)]
    blocks = {number: block.tensor for number, block in outlined.blocks.items()}
    call = encode_call("predict(bytes)", bytes(outlined.input_format.nbytes))
    run = execute(outlined.runtime, calldata=call, blocks=blocks, trace=True).raise_for_error()
    parts = parts_of_run(run.steps)
    assert [part.row.mnemonic for part in parts] == [*read, "BTOM"]
    assert sum(layer.gas or 0 for layer in layers(parts)) == run.gas_used


def test_code_says_the_same_as_its_run(small_model: Artefact) -> None:
    model = small_model.contract
    blocks = {number: block.tensor for number, block in model.blocks.items()}
    call = encode_call("predict(bytes)", bytes(64))
    run = parts_of_run(execute(model.runtime, calldata=call, blocks=blocks, trace=True).steps)
    read = parts_of_code(model.runtime)
    assert [(p.pc, p.operands) for p in read] == [(p.pc, p.operands) for p in run[: len(read)]]
    assert [layer.name for layer in layers(run)] == [
        "input",
        "conv1",
        "relu1",
        "pool1",
        "fc1",
        "answer",
    ]
    assert [layer.parts[-1].shape for layer in layers(run)][:4] == [
        (1, 8, 8),
        (1, 6, 6),
        (1, 6, 6),
        (9,),
    ]


@pytest.mark.parametrize("code", [b"", b"\x60", bytes.fromhex("fc444e4e01"), bytes(50)])
def test_code_without_a_network_has_no_parts(code: bytes) -> None:
    assert parts_of_code(code) == []
    assert layers([]) == []


def test_code_that_goes_in_a_circle_is_left() -> None:
    code = assemble("again: MTOB offset=0 count=1\nBUF_FREE size=1\nPUSH @again\nJUMP")
    assert parts_of_code(code)[0].row.mnemonic == "MTOB"
