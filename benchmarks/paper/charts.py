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
        name: of its files.
        caption: what it shows, its units and conditions.
        draw: makes it of the results; None where there is nothing to show.
    """

    name: str
    caption: str
    draw: Callable[[Results], Figure | None]


def charts(question: str) -> list[Chart]:
    """The figures of a question."""
    return CHARTS.get(question, [])


PIPELINE = (model.WEIGHTS_TIME, model.COMPUTE, model.SEQUENTIAL, model.PIPELINED)
END_TO_END = Chart(
    "end_to_end",
    "One inference, end to end, in seconds on a logarithmic axis. SmartVM's weights are resident; "
    "in the bars of off-chain inference they are downloaded first. Hatched bars (†) are "
    "extrapolated.",
    partial(bars, questions=("speed", "offchain", "plain_evm"), wanted=model.TOTAL, columns=1),
)
CHARTS: dict[str, list[Chart]] = {
    "code_length": [
        Chart("source_lines", "Lines of source.",
              partial(bars, questions=("code_length",), wanted=model.SOURCE_LINES)),
        Chart("code_instructions", "Instructions in the code of the network.",
              partial(bars, questions=("code_length",), wanted=model.CODE_INSTRUCTIONS)),
        Chart("executed_instructions", "Instructions that one inference executes.",
              partial(bars, questions=("code_length", "plain_evm"), wanted=model.EXECUTED)),
    ],
    "speed": [
        Chart("computing", "Computing one input, weights resident: median, and the distance of the "
              "quartiles.", partial(bars, questions=("speed",), wanted=model.COMPUTE)),
        Chart("layers", "Seconds of each layer, traced. What is fused into a product "
              "counts for the layer of the product.",
              partial(layers, question="speed", wanted=model.COMPUTE)),
    ],
    "weights": [
        Chart("weights", "Reading all weights of a model.",
              partial(bars, questions=("weights", "offchain"), wanted=model.WEIGHTS_TIME)),
    ],
    "pipeline_table": [
        Chart("pipeline", "A call with its weights on disk, the file's pages in the page cache.",
              partial(stages, question="pipeline_table", wanted=PIPELINE)),
    ],
    "buffer_memory": [
        Chart("buffer_memory", "Bytes held after each layer, 32 bytes an item.",
              partial(layers, question="buffer_memory", wanted=model.HELD)),
    ],
    "process_peaks": [
        Chart("process_memory", "Peak memory of a process that loads the model and answers.",
              partial(bars, questions=("process_peaks",), wanted=model.PEAK_MEMORY)),
    ],
    "gas_table": [
        Chart("gas_layers", "Gas of each layer.",
              partial(layers, question="gas_table", wanted=model.GAS)),
        Chart("gas", "Gas of one inference, all weights cold.",
              partial(bars, questions=("gas_table",), wanted=model.GAS)),
    ],
    "gas_safety": [
        Chart("gas_safety", "Time per gas at the worst operands; the line is the slowest stock "
              "instruction.",
              partial(ranking, question="gas_safety", wanted=model.PER_GAS, limit=1.0)),
    ],
    "model_size": [
        Chart("model_size", "Gas of one inference against its multiply-accumulates.",
              partial(scatter, question="model_size", wanted=model.GAS,
                      x_label="multiply-accumulates of one inference")),
    ],
    "scaling": [
        Chart("batch", "Inputs a second against the batch.",
              partial(lines, question="scaling", wanted=model.THROUGHPUT, x_label="batch (inputs)",
                      part="by batch")),
        Chart("threads", "Inputs a second against threads, batch 1.",
              partial(lines, question="scaling", wanted=model.THROUGHPUT, x_label="threads",
                      part="by threads")),
    ],
    "state_size": [
        Chart("upload", "Rate of the upload against the weights' bytes.",
              partial(scatter, question="state_size", wanted="upload rate",
                      x_label="bytes of weights")),
    ],
}  # fmt: skip
"""The figures of each question."""
