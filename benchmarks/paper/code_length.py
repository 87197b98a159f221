"""How long a network is, and how many instructions it executes, with DNN instructions and without.

SmartVM's side is the network within the model contract. Plain EVM is the twin of stock
instructions (docs/plain-evm.md), its loops as loops; of networks that have no twin it is the code
of their layers, in which what the twin lacks counts as a ReLU, which is less. Neither side has a
loop over layers or over the steps of an LSTM. A line of source is a line of assembly: a DNN
instruction with its operands, or a stock instruction. LeNet-5 is there in Solidity too
(examples/lenet5); its bytecode needs solc.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

from paper.model import (
    CODE_INSTRUCTIONS,
    EXECUTED,
    LARGEST_LAYER,
    PLAIN_EVM,
    SMARTVM,
    SMARTVM_SOLIDITY,
    SOLIDITY,
    SOURCE_LINES,
    Finding,
    Gap,
    Measurement,
    Options,
)
from paper.networks import Network, measure_each
from paper.plain_layers import (
    CONVOLUTION,
    FULLY_CONNECTED,
    OTHER,
    POOLING,
    RELU,
    PlainLayer,
    plain_layers,
)
from smartvm.compiler.disassembler import instructions

QUESTION = "code_length"
BY_KIND = "by kind of layer"
"""After the name of a quantity: sums over the layers of a kind, which `part` names."""
ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples" / "lenet5"
DNN_FILE, PLAIN_FILE = "LeNet5.sol", "PlainLeNet5.sol"
FUNCTIONS = {
    CONVOLUTION: (("convMul", "bufBias", "bufScl1"), ("_convolve", "_window", "_rescale")),
    FULLY_CONNECTED: (("fullCon", "bufScl1"), ("_connect", "_rescale")),
    POOLING: (("poolMax",), ("_maxPool", "_max")),
    RELU: (("actRl",), ("_relu", "_max")),
}
"""What each kind of layer is in Solidity: calls of the library, one a line; or functions."""


def measure(options: Options) -> list[Finding]:
    """All networks."""
    return measure_each(options, QUESTION, "", _measure)


def _measure(network: Network) -> list[Finding]:
    findings = list(lengths(network))
    if network.name == "lenet5":
        findings += in_solidity(network.name)
    return findings


def lengths(network: Network) -> Iterator[Finding]:
    """The network as a whole, by kind of layer, and layer by layer."""
    contract = network.artefact.contract
    plain = plain_layers(contract.graph)
    kinds = {layer.name: layer.kind for layer in plain}
    dnn = [
        PlainLayer(layer.name, kinds[layer.name], layer.instructions, layer.instructions)
        for layer in contract.layers
    ]
    of_dnn = partial(Measurement, QUESTION, network.name, SMARTVM)
    is_exact = all(layer.kind != OTHER for layer in plain)
    of_plain = partial(Measurement, QUESTION, network.name, PLAIN_EVM, extrapolated=not is_exact)
    yield from _counts(of_dnn, dnn)
    yield from _counts(of_plain, plain)
    lines = sum(map(bool, contract.sources))
    note = "lines of assembly: DNN instructions with their operands"
    yield of_dnn(SOURCE_LINES, "lines", lines, note=note)
    lines = sum(layer.code_instructions for layer in plain)
    note = "lines of assembly: stock instructions, loops as loops"
    yield of_plain(SOURCE_LINES, "lines", lines, note=note)
    count = len(instructions(contract.runtime))
    note = "with the functions of the owner, the ABI and the refusals"
    yield of_dnn(f"{CODE_INSTRUCTIONS}, whole contract", "instructions", count, note=note)


def _counts(found: Callable[..., Measurement], layers: list[PlainLayer]) -> Iterator[Finding]:
    """Instructions in the code and executed."""
    values = {CODE_INSTRUCTIONS: "code_instructions", EXECUTED: "executed_instructions"}
    for quantity, attribute in values.items():
        counts = [getattr(layer, attribute) for layer in layers]
        yield found(quantity, "instructions", sum(counts))
        for kind in dict.fromkeys(layer.kind for layer in layers):
            of_kind = (count for count, at in zip(counts, layers, strict=True) if at.kind == kind)
            yield found(f"{quantity}, {BY_KIND}", "instructions", sum(of_kind), part=kind)
        for x, (count, layer) in enumerate(zip(counts, layers, strict=True), 1):
            yield found(quantity, "instructions", count, part=layer.name, x=x)
    largest = max(layers, key=lambda layer: layer.executed_instructions)
    count = largest.executed_instructions
    yield found(LARGEST_LAYER, "instructions", count, note=f"of {largest.name}")


def in_solidity(name: str) -> list[Finding]:
    """LeNet-5 in Solidity: lines, and instructions where solc is there."""
    sys.path.append(str(ROOT))
    from examples.lenet5.plain import lines_of_code

    files = {SMARTVM_SOLIDITY: FOLDER / DNN_FILE, SOLIDITY: FOLDER / PLAIN_FILE}
    lines = partial(Measurement, QUESTION, name, unit="lines")
    findings: list[Finding] = [
        lines(contender, SOURCE_LINES, value=lines_of_code(file), note=f"{file.name}, all of it")
        for contender, file in files.items()
    ]
    for kind, (calls, functions) in FUNCTIONS.items():
        quantity = f"{SOURCE_LINES}, {BY_KIND}"
        count = function_lines(files[SOLIDITY].read_text(), functions)
        findings.append(lines(SMARTVM_SOLIDITY, quantity, value=len(calls), part=kind))
        findings.append(lines(SOLIDITY, quantity, value=count, part=kind))
    return findings + _bytecode(name)


def function_lines(source: str, names: Iterable[str]) -> int:
    """Lines of Solidity functions of these names, without blank ones.

    Raises:
        ValueError: there is no such function.
    """
    count = 0
    for name in names:
        found = re.search(rf"^    function {name}\(.*?^    }}$", source, re.DOTALL | re.MULTILINE)
        if found is None:
            raise ValueError(f"no function is called {name}")
        count += sum(bool(line.strip()) for line in found[0].splitlines())
    return count


def _bytecode(name: str) -> list[Finding]:
    """Instructions of the compiled contracts."""
    from examples.lenet5.plain import stock_code
    from smartvm.compiler.solidity import SolcMissing, compile_files

    try:
        dnn = compile_files([FOLDER / DNN_FILE])["LeNet5"].deployed_bytecode
        codes = {SMARTVM_SOLIDITY: bytes.fromhex(dnn), SOLIDITY: stock_code()}
    except SolcMissing as error:
        return [Gap(QUESTION, name, c, f"{error}") for c in (SMARTVM_SOLIDITY, SOLIDITY)]
    return [
        Measurement(
            QUESTION,
            name,
            contender,
            CODE_INSTRUCTIONS,
            "instructions",
            len(instructions(code)),
            note="of the whole contract, as solc optimises it; solc's metadata read as code",
        )
        for contender, code in codes.items()
    ]
