"""Which figures each section of the report has. To add one: a row of `CHARTS`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from paper import model
from paper.figures import bars, layers, lines, ranking, scatter, stages
from paper.results import Results

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Chart(NamedTuple):
    """A figure of a section.

    Attributes:
        question: the section.
        name: of its files.
        draw: makes it of the results; None where there is nothing to show.
        caption: what it shows, and its conditions; units are at the axes.
    """

    question: str
    name: str
    draw: Callable[[Results], Figure | None]
    caption: str


def charts(question: str) -> list[Chart]:
    """The figures of a question."""
    return [chart for chart in CHARTS if chart.question == question]


def _bars(questions: tuple[str, ...], wanted: str) -> Callable[[Results], Figure | None]:
    return partial(bars, questions=questions, wanted=wanted)


PIPELINE = (model.WEIGHTS_TIME, model.COMPUTE, model.SEQUENTIAL, model.PIPELINED)
END_TO_END = Chart(
    "",
    "end_to_end",
    _bars(("speed", "offchain", "plain_evm"), model.TOTAL),
    "One inference, end to end (the paper: Fig. 12 to 15). Off-chain inference and “weights "
    "fetched” read all weights first; everything else has them at hand. ONNX Runtime and PyTorch "
    "are native code with nothing around it. Yellow bars are what others published, hatched bars "
    "(†) are extrapolated.",
)
CHARTS = (
    Chart(
        "code_length",
        "source_lines",
        _bars(("code_length",), model.SOURCE_LINES),
        "Lines of source. A DNN instruction with its operands is a line, and so is a stock "
        "instruction. † counts what the twin has no code for as a ReLU.",
    ),
    Chart(
        "code_length",
        "code_instructions",
        _bars(("code_length",), model.CODE_INSTRUCTIONS),
        "Instructions in the code of the network, loops as loops; in Solidity, of the whole "
        "contract.",
    ),
    Chart(
        "code_length",
        "executed_instructions",
        _bars(("code_length", "plain_evm"), model.EXECUTED),
        "Instructions that one inference executes within the network.",
    ),
    Chart(
        "speed",
        "computing",
        _bars(("speed",), model.COMPUTE),
        "Computing one input, weights resident: the median, and as a line the distance of the "
        "quartiles. Native code computes in float32, SmartVM in exact integers.",
    ),
    Chart(
        "speed",
        "layers",
        partial(layers, question="speed", wanted=model.COMPUTE),
        "Time of each layer on the CPU, weights resident, traced, which takes time of its own. "
        "What is fused into a product counts for the layer of the product.",
    ),
    Chart(
        "weights",
        "weights",
        _bars(("weights", "offchain"), model.WEIGHTS_TIME),
        "Reading all weights of a model, none of them resident: in blocks, a value a slot (plain "
        "EVM), as many values a slot as fit (plain Solidity). Hatched bars (†) are extrapolated "
        "from a sample of slots.",
    ),
    Chart(
        "pipeline_table",
        "pipeline",
        partial(stages, question="pipeline_table", wanted=PIPELINE),
        "A call with its weights on disk and none resident, the file's pages in the page cache; "
        "“computing” is a call with all of them resident.",
    ),
    Chart(
        "buffer_memory",
        "buffer_memory",
        partial(layers, question="buffer_memory", wanted=model.HELD),
        "Memory held after each layer, 32 bytes an item. Plain EVM has a place for the map of "
        "every operation and gives none back. The table by layer names the layers.",
    ),
    Chart(
        "process_peaks",
        "process_memory",
        _bars(("process_peaks",), model.PEAK_MEMORY),
        "Peak resident memory of a process that loads the model and answers eleven times; "
        "SmartVM's is a node with the chain on disk.",
    ),
    Chart(
        "gas_table",
        "gas_layers",
        partial(layers, question="gas_table", wanted=model.GAS),
        "Gas of each layer, all weights cold.",
    ),
    Chart(
        "gas_table",
        "gas",
        _bars(("gas_table", "plain_evm"), model.GAS),
        "Gas of one inference, all weights cold.",
    ),
    Chart(
        "gas_safety",
        "gas_safety",
        partial(ranking, question="gas_safety", wanted=model.PER_GAS, limit=1.0),
        "CPU time per gas at the worst operands, numpy backend; the line is the slowest stock "
        "instruction in the same interpreter.",
    ),
    Chart(
        "model_size",
        "model_size",
        partial(
            scatter,
            question="model_size",
            wanted=model.GAS,
            x_label="multiply-accumulates of one inference",
        ),
        "Gas of one inference, all weights cold, against its multiply-accumulates.",
    ),
    Chart(
        "scaling",
        "batch",
        partial(
            lines,
            question="scaling",
            wanted=model.THROUGHPUT,
            x_label="batch (inputs)",
            part="by batch",
        ),
        "Inputs a second against the batch, weights resident, with the run's threads.",
    ),
    Chart(
        "scaling",
        "threads",
        partial(
            lines,
            question="scaling",
            wanted=model.THROUGHPUT,
            x_label="threads",
            part="by threads",
        ),
        "Inputs a second against threads, batch 1, weights resident.",
    ),
    Chart(
        "state_size",
        "upload",
        partial(scatter, question="state_size", wanted="upload rate", x_label="bytes of weights"),
        "Rate of the upload by signed transactions to a chain on disk, against the weights' size.",
    ),
)
"""The figures of all questions."""
