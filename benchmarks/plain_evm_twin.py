"""How much do the DNN instructions save? LeNet-5 as stock bytecode beside the DNN contract.

Runs one digit through both, checks that every bit of the output is equal, and prints for each
layer the executed instructions, the gas and the time. The stock side executes ten million
instructions, which takes py-evm ten seconds or more.

    python benchmarks/plain_evm_twin.py
    python benchmarks/plain_evm_twin.py --layers 3 --json
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, dataclass

from smartvm import Program, execute
from smartvm.compiler import lenet5
from smartvm.compiler.emit import emit
from smartvm.compiler.integer_graph import IntegerGraph
from smartvm.compiler.layers import attribute, instruction_sources, layers
from smartvm.compiler.plain_evm import LayerCost, generate, run_twin
from smartvm.compiler.plan import plan
from smartvm.trace import Step
from smartvm.words import to_unsigned

PAPER = "The paper: about 17,580,000 instructions for one layer, against about 30."


LOADING = "input, output"
"""The row of what belongs to no layer."""


@dataclass(frozen=True)
class Comparison:
    """The cost of each layer on either side, the last row being what belongs to no layer."""

    network: str
    code_bytes: int
    outputs_equal: bool
    plain: list[LayerCost]
    dnn: list[LayerCost]


def main() -> int:
    """Run the benchmark; the exit status is 1 where the outputs differ."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--layers", type=int, metavar="N", help="run the first N layers only")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args()
    result = compare(first_layers(arguments.layers), digit())
    print(json.dumps(asdict(result), indent=2) if arguments.json else table(result))
    return 0 if result.outputs_equal else 1


def first_layers(count: int | None) -> IntegerGraph:
    """LeNet-5 up to its layer of that number, all of it by default."""
    graph = lenet5.load(input_scale=lenet5.SCALE)
    names = list(dict.fromkeys(operation.source for operation in graph.operations))[:count]
    graph.operations = [operation for operation in graph.operations if operation.source in names]
    graph.outputs = (graph.operations[-1].output,)
    return graph


def digit() -> list[int]:
    """The first image of the test split, at the network's scale."""
    values: list[int] = lenet5.fixed_point_input(lenet5.test_split().pixels[0]).ravel().tolist()
    return values


def compare(graph: IntegerGraph, values: list[int]) -> Comparison:
    """Run a network on both sides; progress goes to standard error."""
    dnn_output, dnn = run_dnn(graph, values)
    twin = run_twin(graph, values, on_layer=_report)
    seconds = sum(layer.seconds for layer in twin.layers)
    total = LayerCost("total", twin.executed_instructions, twin.gas_used, seconds)
    return Comparison(
        network=graph.name,
        code_bytes=len(generate(graph).code),
        outputs_equal=twin.output == dnn_output,
        plain=_with_rest(list(twin.layers), total),
        dnn=dnn,
    )


def _report(cost: LayerCost) -> None:
    text = f"{cost.name}: {cost.executed_instructions:,} instructions in {cost.seconds:.1f} s"
    print(text, file=sys.stderr, flush=True)


def run_dnn(graph: IntegerGraph, values: list[int]) -> tuple[list[int], list[LayerCost]]:
    """The output of the DNN instructions, and what each layer took in a second, warm run."""
    emitted = emit(graph, plan(graph))
    program = Program().op("CALLDATASIZE").push(0).push(0).op("CALLDATACOPY")
    program.op("MTOB", offset=0, count=len(values))
    code = program.include(emitted.program).bytecode()
    calldata = b"".join(to_unsigned(value).to_bytes(32, "big") for value in values)
    blocks = {number: block.tensor for number, block in emitted.blocks.items()}
    for _ in range(2):
        run = execute(code, calldata=calldata, blocks=blocks, trace=True).raise_for_error()
    steps = list(attribute(instruction_sources(emitted), run.steps))
    costs = [
        _cost(layer.name, [step for step, name in steps if name == layer.name])
        for layer in layers(graph, emitted)
    ]
    return run.buffer[-1], _with_rest(costs, _cost("total", run.steps))


def _cost(name: str, steps: list[Step]) -> LayerCost:
    gas = sum(step.gas_cost for step in steps)
    return LayerCost(name, len(steps), gas, sum(step.seconds for step in steps))


def _with_rest(layers: list[LayerCost], total: LayerCost) -> list[LayerCost]:
    """The layers and a row for the rest."""
    rest = LayerCost(
        LOADING,
        total.executed_instructions - sum(layer.executed_instructions for layer in layers),
        total.gas_used - sum(layer.gas_used for layer in layers),
        total.seconds - sum(layer.seconds for layer in layers),
    )
    return [*layers, rest]


def table(result: Comparison) -> str:
    """The comparison for people."""
    rows = [*zip(result.plain, result.dnn, strict=True)]
    rows.append((_sum(result.plain), _sum(result.dnn)))
    ratio = rows[-1][0].executed_instructions / rows[-1][1].executed_instructions
    verdict = "equal, bit for bit" if result.outputs_equal else "DIFFERENT"
    return "\n".join(
        [
            f"{result.network}: {result.code_bytes:,} bytes of stock code beside DNN instructions",
            "",
            f"{'':14}{'stock instructions':>36}{'DNN instructions':>34}",
            f"{'layer':14}{'executed':>12}{'gas':>14}{'seconds':>10}"
            f"{'executed':>14}{'gas':>11}{'ms':>9}",
            *(_row(plain, dnn) for plain, dnn in rows),
            "",
            f"Outputs: {verdict}. Executed instructions: {ratio:,.0f} to one.",
            PAPER,
        ]
    )


def _sum(costs: list[LayerCost]) -> LayerCost:
    return LayerCost(
        "total",
        sum(cost.executed_instructions for cost in costs),
        sum(cost.gas_used for cost in costs),
        sum(cost.seconds for cost in costs),
    )


def _row(plain: LayerCost, dnn: LayerCost) -> str:
    return (
        f"{plain.name:14}{plain.executed_instructions:12,}{plain.gas_used:14,}"
        f"{plain.seconds:10.3f}{dnn.executed_instructions:14,}{dnn.gas_used:11,}"
        f"{dnn.seconds * 1000:9.3f}"
    )


if __name__ == "__main__":
    sys.exit(main())
