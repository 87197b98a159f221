"""The baselines of the paper's evaluation, on a network of a few weights."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

import smartvm
from smartvm.chain import Chain
from smartvm.compiler.integer_graph import Interval
from smartvm.compiler.operations import Convolution
from smartvm.compiler.plain_evm import generate, run_twin, storage_slots
from smartvm.compiler.sequential import Sequential
from smartvm.words import to_signed

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from paper import (
    buffer_memory,
    code_length,
    gas_table,
    networks,
    offchain,
    plain_evm,
    slots,
    weights,
)
from paper.model import (
    CODE_INSTRUCTIONS,
    COMPUTE,
    GAS,
    HELD,
    LARGEST_LAYER,
    OFFCHAIN_BLOCKS,
    OFFCHAIN_GET,
    PEAK_MEMORY,
    PLAIN_EVM,
    PLAIN_PY_EVM,
    PLAIN_REVM,
    SAVED,
    SMARTVM,
    SMARTVM_COLD,
    SMARTVM_CPU,
    SOURCE_LINES,
    TOTAL,
    TWIN_MEMORY,
    WEIGHTS_TIME,
    Gap,
    Measurement,
    Options,
)
from paper.plain_layers import memory_bytes, plain_layers

QUICK = Options(quick=True, networks=(), rounds=1)
LAYERS = ("conv", "relu", "average", "pool", "fc")
WEIGHTS = 2 * 9 + 2 + 3 * 8 + 3


def integers(*shape: int) -> np.ndarray:
    return np.random.default_rng(1).integers(-99, 99, shape, endpoint=True)


def graph():
    """A convolution with a border, ReLU, both poolings, and a fully connected layer."""
    return (
        Sequential("tiny", (1, 9, 9), scale=100, input_range=Interval(-99, 99))
        .convolution("conv", integers(2, 1, 3, 3), integers(2), padding=1)
        .relu("relu")
        .average_pool("average", 2)
        .max_pool("pool", 2)
        .fully_connected("fc", integers(3, 8), integers(3))
        .graph
    )


def values() -> list[int]:
    return integers(81).tolist()


@pytest.fixture(scope="module")
def options(tmp_path_factory) -> Options:
    path = tmp_path_factory.mktemp("artefacts") / "tiny"
    smartvm.compile(graph()).save(str(path))
    return Options(quick=True, networks=(), rounds=1, artefact=path)


@pytest.fixture(scope="module")
def network(options):
    (load,) = networks.networks(options)
    return load()


def by_key(findings):
    """Findings that are measurements of the whole network, by contender and quantity."""
    return {
        (f.contender, f.quantity): f
        for f in findings
        if isinstance(f, Measurement) and f.part == ""
    }


def test_counted_instructions_are_those_of_a_run():
    run = run_twin(graph(), values())
    counted = [(layer.name, layer.executed_instructions) for layer in plain_layers(graph())]
    assert counted == [(layer.name, layer.executed_instructions) for layer in run.layers]


def test_counted_memory_is_that_of_a_run():
    calldata = b"".join((value % 2**256).to_bytes(32, "big") for value in values())
    code, storage = generate(graph()).code, storage_slots(graph())
    run = smartvm.execute(code, calldata=calldata, storage=storage, gas=1 << 40)
    assert len(run.raise_for_error().memory) == memory_bytes(graph())


def test_a_depthwise_convolution_counts_as_one_convolution_a_channel():
    def executed(channels: int, groups: int) -> int:
        shape = smartvm.shapes.ConvShape(1, channels, channels, groups, (1, 4, 4), (1, 3, 3))
        network = graph()
        network.values["y"] = network.values["input"]
        network.operations = [Convolution("y", ("input", "w"), shape=shape, source="y")]
        return plain_layers(network)[0].executed_instructions

    assert executed(channels=5, groups=5) == 5 * executed(channels=1, groups=1)


def test_the_twin_is_measured_on_py_evm_and_on_revm():
    pytest.importorskip("pyrevm")
    findings, rates = plain_evm.measure_twin("tiny", graph(), values(), QUICK)
    found = by_key(findings)
    for contender in (PLAIN_PY_EVM, PLAIN_REVM):
        assert found[contender, TOTAL].value > 0
        assert rates[contender] == found[contender, plain_evm.RATE].value
    executed = {f.part: f.value for f in findings if f.contender == PLAIN_EVM and f.unit != GAS}
    assert list(executed) == list(LAYERS)


def test_without_revm_there_is_a_gap(monkeypatch, network):
    monkeypatch.setitem(sys.modules, "pyrevm", None)
    findings, rates = plain_evm.measure_twin("tiny", graph(), values(), QUICK)
    more = plain_evm.extrapolated(network, rates)
    gaps = [f for f in findings + more if isinstance(f, Gap)]
    assert [(gap.contender, "smartvm[bench]" in gap.reason) for gap in gaps] == [
        (PLAIN_REVM, True),
        (PLAIN_REVM, True),
    ]


def test_a_baseline_with_another_output_is_not_measured(monkeypatch):
    monkeypatch.setattr(plain_evm, "run_dnn", lambda *_: ([1, 2, 3], []))
    with pytest.raises(plain_evm.WrongOutput, match=r"expected SmartVM's output \[1, 2, 3\]"):
        plain_evm.measure_twin("tiny", graph(), values(), QUICK)


def test_other_networks_are_extrapolated_from_rates(network):
    executed = sum(layer.executed_instructions for layer in plain_layers(graph()))
    findings = plain_evm.extrapolated(network, {PLAIN_PY_EVM: 10.0, PLAIN_REVM: 1000.0})
    assert [f.value for f in findings] == [executed / 10, executed / 1000]
    assert all(f.extrapolated and f"{executed:,} instructions" in f.note for f in findings)


def test_a_slot_contract_gives_every_value_back():
    values = [0, 1, -1, 2**255 - 1, -(2**255), 7]
    contract = slots.SlotContract(values)
    assert [contract.get(slot) for slot in range(len(values))] == values


def test_off_chain_inference_is_measured_in_both_ways(options):
    findings = by_key(offchain.measure(options))
    one = findings[OFFCHAIN_GET, offchain.ONE_GET]
    fetching = findings[OFFCHAIN_GET, WEIGHTS_TIME]
    assert (one.runs, one.extrapolated) == (offchain.GETS_QUICK, False)
    assert fetching.extrapolated and f"times {WEIGHTS} weights" in fetching.note
    assert fetching.value > one.value * WEIGHTS / 2
    assert findings[OFFCHAIN_GET, TOTAL].value == pytest.approx(
        fetching.value + findings[OFFCHAIN_GET, COMPUTE].value
    )
    assert not findings[OFFCHAIN_BLOCKS, TOTAL].extrapolated
    assert findings[SMARTVM_COLD, TOTAL].value > 0
    assert findings[SMARTVM_CPU, TOTAL].value > 0


def test_downloaded_blocks_are_the_weights(network):
    on_chain = offchain.OnChain(network.artefact)
    downloaded = np.concatenate(offchain.download(on_chain))
    expected = [to_signed(word) for word in storage_slots(graph()).values()]
    assert downloaded.tolist() == expected


def test_fetching_in_blocks_beside_slots(options):
    findings = weights.measure(options)
    found = by_key(findings)
    slots, blocks = found[PLAIN_EVM, WEIGHTS_TIME], found[SMARTVM, WEIGHTS_TIME]
    assert not slots.extrapolated  # there are fewer weights than slots in the sample
    saved = 100 * (1 - blocks.value / slots.value)
    assert found[SMARTVM, SAVED].value == pytest.approx(saved)
    assert found[PLAIN_EVM, weights.FETCHING_GAS].value == 2100 * WEIGHTS
    words = 2 + 1 + 2 + 1  # of two bytes an item, in blocks of 18, 2, 24 and 3 items
    assert found[SMARTVM, weights.FETCHING_GAS].value == 4 * 2100 + 3 * words


def test_gas_is_what_the_chain_charges(options, network):
    findings = gas_table.measure(options)
    found = by_key(findings)
    chain = Chain()
    deployment = chain.deploy_model(network.artefact)
    assert found[SMARTVM, gas_table.DEPLOY].value == deployment.receipt.gas_used
    inference = chain.infer(deployment.address, network.packed)
    assert found[SMARTVM, GAS].value == inference.receipt.gas_used
    parts = [f.part for f in findings if f.quantity == GAS and f.part]
    assert parts == [*LAYERS, gas_table.AROUND]


def test_the_buffer_is_compared_with_all_maps_and_with_the_twin(options, network):
    findings = buffer_memory.measure(options)
    found = by_key(findings)
    maps = 81 + 3 * 162 + 162 + 2 * 16 + 2 * 4 + 2 * 3  # with sums and divisions: the paper's way
    peak = found[SMARTVM, PEAK_MEMORY].value
    over_layers = [f.value for f in findings if f.quantity == HELD]
    assert found[PLAIN_EVM, PEAK_MEMORY].value == max(over_layers) == 32 * maps
    assert peak == 32 * 162 == max(over_layers[1::2])
    assert found[SMARTVM, SAVED].value == pytest.approx(100 * (1 - 162 / maps))
    assert found[PLAIN_EVM, TWIN_MEMORY].value == memory_bytes(graph())


def test_code_is_counted_on_both_sides(options, network):
    findings = code_length.measure(options)
    found = by_key(findings)
    assert found[SMARTVM, SOURCE_LINES].value == len(network.artefact.contract.sources)
    for contender in (SMARTVM, PLAIN_EVM):
        total = found[contender, CODE_INSTRUCTIONS]
        of_layers = [
            f
            for f in findings
            if (f.contender, f.quantity) == (contender, CODE_INSTRUCTIONS) and f.part
        ]
        assert [f.part for f in of_layers] == list(LAYERS)
        assert sum(f.value for f in of_layers) == total.value
        assert not total.extrapolated
    assert found[SMARTVM, LARGEST_LAYER].note == "of conv"
    assert found[PLAIN_EVM, LARGEST_LAYER].value == max(
        layer.executed_instructions for layer in plain_layers(graph())
    )


def test_lines_of_solidity_functions():
    source = "contract C {\n    function f(\n        int x\n    ) {\n\n        g();\n    }\n}\n"
    assert code_length.function_lines(source, ["f"]) == 5
    with pytest.raises(ValueError, match="no function is called g"):
        code_length.function_lines(source, ["g"])


def test_a_network_that_fails_leaves_a_gap(tmp_path):
    options = Options(networks=(), artefact=tmp_path / "missing")
    (gap,) = networks.measure_each(options, "question", "contender", lambda _: [])
    assert (gap.question, gap.network, gap.contender) == ("question", "missing", "contender")
    assert "missing" in gap.reason
