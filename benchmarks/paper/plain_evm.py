"""Plain EVM on chain: LeNet-5 in stock instructions, run on py-evm and on revm.

The twin of LeNet-5 (docs/plain-evm.md) runs on both, and its output must be that of the DNN
instructions, bit for bit. The other networks take hours: for them the instructions of each layer
are counted (`paper.plain_layers`) and divided by the instructions a second of LeNet-5's run. revm
is the extra `bench` (pyrevm).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from time import perf_counter
from typing import Any

from eth.vm.forks.prague import PragueVM
from eth.vm.message import Message
from eth_typing import Address
from plain_evm_twin import LOADING, digit, first_layers, run_dnn

from paper.model import (
    EXECUTED,
    GAS,
    PLAIN_EVM,
    PLAIN_PY_EVM,
    PLAIN_REVM,
    SMARTVM,
    TOTAL,
    Finding,
    Gap,
    Measurement,
    Options,
    timed,
)
from paper.networks import Network, measure_each
from paper.plain_layers import plain_layers
from smartvm.chain import Chain
from smartvm.compiler.integer_graph import IntegerGraph
from smartvm.compiler.plain_evm import LayerCost, generate, run_twin, storage_slots
from smartvm.words import to_signed, to_unsigned

QUESTION = "plain_evm"
LENET5 = "lenet5"
RATE = "instructions a second"
GAS_LIMIT = 1 << 60
PY_EVM_RUNS = 3
CONTRACT, CALLER = b"\x7e" * 20, b"\xca" * 20
TWIN_NOTE = "the twin in stock instructions, output equal to SmartVM's bit for bit"
COUNTED = "counted from the code of each layer (what has no stock code as a ReLU, which is less)"
INSTALL = "pip install 'smartvm[bench]'"
NOTES = {
    PLAIN_PY_EVM: f"{TWIN_NOTE}; py-evm's Prague VM, the frame alone",
    PLAIN_REVM: f"{TWIN_NOTE}; revm by way of pyrevm, all slots in its memory and warm",
}

Runner = Callable[[], list[int]]


class WrongOutput(Exception):
    """A baseline computed something else than SmartVM."""


def measure(options: Options) -> list[Finding]:
    """LeNet-5 measured, the other networks by its rates."""
    measured, rates = _lenet5(options.quick, options.rounds)
    findings = list(measured) if LENET5 in options.networks else []

    def extrapolate(network: Network) -> list[Finding]:
        return [] if network.name == LENET5 else extrapolated(network, rates)

    return findings + measure_each(options, QUESTION, PLAIN_EVM, extrapolate)


@cache
def _lenet5(quick: bool, rounds: int) -> tuple[list[Finding], dict[str, float]]:
    """LeNet-5, measured once a process, for the other networks need its rates."""
    options = Options(quick=quick, rounds=rounds)
    return measure_twin(LENET5, first_layers(None), digit(), options)


def measure_twin(
    name: str, graph: IntegerGraph, values: list[int], options: Options
) -> tuple[list[Finding], dict[str, float]]:
    """The twin of a network on both machines, and the instructions a second of each.

    Raises:
        WrongOutput: py-evm's output is not that of the DNN instructions.
    """
    expected, dnn = run_dnn(graph, values)
    twin = run_twin(graph, values)
    _check(PLAIN_PY_EVM, twin.output, expected)
    findings = _layers(name, list(twin.layers), dnn)
    findings.append(_count(name, PLAIN_EVM, GAS, twin.gas_used, note="all slots cold"))
    rates: dict[str, float] = {}
    runs = {PLAIN_PY_EVM: 1 if options.quick else PY_EVM_RUNS, PLAIN_REVM: options.rounds}
    for contender, make in ((PLAIN_PY_EVM, py_evm), (PLAIN_REVM, revm)):
        try:
            run = make(graph, values)
        except ImportError as error:
            findings.append(Gap(QUESTION, name, contender, f"{error}; {INSTALL}"))
            continue
        taken = timed(_times(run, contender, expected, runs[contender]))
        found = partial(Measurement, QUESTION, name, contender, note=NOTES[contender])
        rates[contender] = twin.executed_instructions / taken["value"]
        findings.append(found(TOTAL, "s", **taken))
        findings.append(found(RATE, "instructions/s", rates[contender]))
    return findings, rates


def _times(run: Runner, contender: str, expected: list[int], runs: int) -> list[float]:
    """Seconds of each run."""
    taken = []
    for _ in range(runs):
        started = perf_counter()
        output = run()
        taken.append(perf_counter() - started)
        _check(contender, output, expected)
    return taken


def _check(contender: str, output: list[int], expected: list[int]) -> None:
    if output != expected:
        raise WrongOutput(f"{contender}: expected SmartVM's output {expected}, found {output}")


def _layers(name: str, plain: list[LayerCost], dnn: list[LayerCost]) -> list[Finding]:
    """What each layer took on py-evm, and with DNN instructions."""
    note = "py-evm, every instruction counted as it runs, which takes time of its own"
    findings: list[Finding] = []
    for x, cost in enumerate(plain, 1):
        seconds = Measurement(
            QUESTION, name, PLAIN_PY_EVM, TOTAL, "s", cost.seconds, note=note, part=cost.name, x=x
        )
        findings += [seconds, *_counts(name, PLAIN_EVM, cost, x)]
    for x, cost in enumerate(dnn, 1):
        if cost.name != LOADING:
            findings += _counts(name, SMARTVM, cost, x)
    return findings


def _counts(name: str, contender: str, cost: LayerCost, x: int) -> list[Finding]:
    return [
        _count(name, contender, EXECUTED, cost.executed_instructions, part=cost.name, x=x),
        _count(name, contender, GAS, cost.gas_used, part=cost.name, x=x),
    ]


def _count(name: str, contender: str, quantity: str, value: int, **more: Any) -> Measurement:
    unit = GAS if quantity == GAS else "instructions"
    return Measurement(QUESTION, name, contender, quantity, unit, value, **more)


def extrapolated(network: Network, rates: dict[str, float]) -> list[Finding]:
    """The time of a network that is not run: counted instructions by measured rates."""
    layers = plain_layers(network.artefact.contract.graph)
    total = sum(layer.executed_instructions for layer in layers)
    findings: list[Finding] = []
    for contender in (PLAIN_PY_EVM, PLAIN_REVM):
        rate = rates.get(contender)
        if rate is None:
            findings.append(Gap(QUESTION, network.name, contender, f"not installed; {INSTALL}"))
            continue
        note = f"{total:,} instructions, {COUNTED}, at {rate:,.0f} a second, as LeNet-5 ran"
        found = partial(Measurement, QUESTION, network.name, contender, extrapolated=True)
        findings.append(found(TOTAL, "s", total / rate, note=note))
    return findings


def py_evm(graph: IntegerGraph, values: list[int]) -> Runner:
    """The twin on py-evm's newest fork, its slots written in one state."""
    code = generate(graph).code
    state = Chain(vm=PragueVM).state
    for slot, word in storage_slots(graph).items():
        state.set_storage(Address(CONTRACT), slot, word)
    message = Message(
        gas=GAS_LIMIT,
        to=Address(CONTRACT),
        sender=Address(CALLER),
        value=0,
        data=_words(values),
        code=code,
        is_static=True,
    )
    context = state.get_transaction_context_class()(gas_price=0, origin=Address(CALLER))

    def run() -> list[int]:
        computation = state.computation_class.apply_message(state, message, context)
        computation.raise_if_error()
        return _integers(computation.output)

    return run


def revm(graph: IntegerGraph, values: list[int]) -> Runner:
    """The twin on revm.

    Raises:
        ImportError: pyrevm is not installed.
    """
    import pyrevm

    contract, caller = f"0x{CONTRACT.hex()}", f"0x{CALLER.hex()}"
    machine = pyrevm.EVM(gas_limit=GAS_LIMIT, spec_id="PRAGUE")
    machine.insert_account_info(contract, pyrevm.AccountInfo(code=generate(graph).code))
    for slot, word in storage_slots(graph).items():
        machine.insert_account_storage(contract, slot, word)
    data = _words(values)

    def run() -> list[int]:
        output = machine.message_call(
            caller=caller, to=contract, calldata=data, gas=GAS_LIMIT, is_static=True
        )
        return _integers(output)

    return run


def _words(values: list[int]) -> bytes:
    return b"".join(to_unsigned(value).to_bytes(32, "big") for value in values)


def _integers(output: bytes) -> list[int]:
    words = (output[start : start + 32] for start in range(0, len(output), 32))
    return [to_signed(int.from_bytes(word, "big")) for word in words]
