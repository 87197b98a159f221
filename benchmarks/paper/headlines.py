"""The claims of the paper's abstract, each beside the same figure of this run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from paper import model
from paper.model import Measurement
from paper.published import value_of
from paper.results import Results
from paper.text import quantity


class Key(NamedTuple):
    """Which figure of a network."""

    question: str
    contender: str
    quantity: str


class Claim(NamedTuple):
    """What a headline says and how it is worked out.

    Attributes:
        id: of the published value.
        text: the claim in words.
        unit: of both values.
        combine: the figures of `keys` to one value.
        keys: the figures, of the same network.
        conditions: before the figures, in the report.
        networks: that it is made for.
    """

    id: str
    text: str
    unit: str
    combine: Callable[..., float]
    keys: Sequence[Key]
    conditions: str = ""
    networks: Sequence[str] = model.NETWORKS


@dataclass(frozen=True)
class Headline:
    """A row of the table of headlines.

    Attributes:
        claim: in words.
        network: that it is about.
        unit: of both values.
        published: the paper's value; None where it is not available.
        ours: this run's; None where a baseline is missing.
        conditions: how ours came about, or why it is missing.
        extrapolated: whether any part of ours was worked out.
    """

    claim: str
    network: str
    unit: str
    published: float | None
    ours: float | None
    conditions: str
    extrapolated: bool = False

    @property
    def ratio(self) -> float | None:
        """Ours by the paper's; None where either is missing."""
        return None if self.ours is None or not self.published else self.ours / self.published


def headlines(results: Results) -> Iterator[Headline]:
    """All rows, those that could not be measured among them."""
    measured = results.conditions["networks"]
    for claim in CLAIMS:
        for network in measured:
            if network in claim.networks or network not in model.NETWORKS:
                yield headline(claim, network, results)


def headline(claim: Claim, network: str, results: Results) -> Headline:
    """One row."""
    published = value_of(claim.id, network)
    if published is None:
        published = value_of(claim.id)
    row = (claim.text, network, claim.unit, published)
    found = [results.one(network=network, **key._asdict()) for key in claim.keys]
    figures = [figure for figure in found if figure]
    if len(figures) < len(found) or not figures[-1].value:
        missing = claim.keys[found.index(None)] if None in found else claim.keys[-1]
        return Headline(*row, None, reason(missing, network, results))
    return Headline(
        *row,
        claim.combine(*(figure.value for figure in figures)),
        conditions(claim, figures),
        any(figure.extrapolated for figure in figures),
    )


def conditions(claim: Claim, figures: Sequence[Measurement]) -> str:
    """How a value came about."""
    if len(figures) == 1:
        return ", ".join(filter(None, (claim.conditions, figures[0].note)))
    shown = " : ".join(quantity(f.value, f.unit) + "†" * f.extrapolated for f in figures)
    return f"{claim.conditions}; {shown}"


def reason(key: Key, network: str, results: Results) -> str:
    """Why a figure is missing."""
    gaps = [g for g in results.gaps if g.question == key.question and g.network in (network, "")]
    exact = [gap for gap in gaps if gap.contender == key.contender]
    for gap in exact or gaps:
        return f"not measured: {gap.reason}"
    return f"not measured: the question {key.question} was left out or has no answer for it"


def ratio(top: float, bottom: float) -> float:
    """How often the second goes into the first."""
    return top / bottom


def percent_saved(less: float, more: float) -> float:
    """Percent by which the first is less than the second."""
    return 100 * (1 - less / more)


def percent_above(more: float, less: float) -> float:
    """Percent by which the first is more than the second."""
    return 100 * (more / less - 1)


def difference(a: float, b: float) -> float:
    """By how much the first is more than the second."""
    return a - b


def itself(value: float) -> float:
    """A figure as it was measured."""
    return value


COLD = Key("offchain", model.SMARTVM_CPU, model.TOTAL)
RESIDENT = Key("speed", model.SMARTVM_CPU, model.TOTAL)
COMPUTE = Key("speed", model.SMARTVM_CPU, model.COMPUTE)
IMAGE_NETWORKS = ("lenet5", "alexnet", "resnet18", "mobilenet_v1")
CLAIMS = (
    Claim("offchain-speedup", "faster than off-chain inference, a `get()` a value", "×", ratio,
          (Key("offchain", model.OFFCHAIN_GET, model.TOTAL), COLD), "both fetch the weights"),
    Claim("", "faster than off-chain inference, block-wise", "×", ratio,
          (Key("offchain", model.OFFCHAIN_BLOCKS, model.TOTAL), COLD), "both fetch the weights"),
    Claim("plain-evm-speedup", "faster than plain EVM instructions on py-evm", "×", ratio,
          (Key("plain_evm", model.PLAIN_PY_EVM, model.TOTAL), COMPUTE), "frames, resident"),
    Claim("", "faster than plain EVM instructions on revm", "×", ratio,
          (Key("plain_evm", model.PLAIN_REVM, model.TOTAL), COMPUTE), "frames, resident"),
    Claim("memory-saved", "memory saved by the Buffer", "%", percent_saved,
          (Key("buffer_memory", model.SMARTVM, model.PEAK_MEMORY),
           Key("buffer_memory", model.PLAIN_EVM, model.PEAK_MEMORY)),
          "peak between instructions, all maps in Memory"),
    Claim("code-saved", "less code than plain EVM, in assembly", "%", percent_saved,
          (Key("code_length", model.SMARTVM, model.SOURCE_LINES),
           Key("code_length", model.PLAIN_EVM, model.SOURCE_LINES)), "lines of assembly"),
    Claim("code-saved", "less code than plain Solidity", "%", percent_saved,
          (Key("code_length", model.SMARTVM_SOLIDITY, model.SOURCE_LINES),
           Key("code_length", model.SOLIDITY, model.SOURCE_LINES)),
          "the same contract in Solidity", ("lenet5",)),
    Claim("weights-saved", "less time to fetch weights, in blocks", "%", percent_saved,
          (Key("weights", model.SMARTVM, model.WEIGHTS_TIME),
           Key("weights", model.PLAIN_EVM, model.WEIGHTS_TIME)), "none resident"),
    Claim("pipeline-saved", "time saved by the pipeline", "%", itself,
          (Key("pipeline_table", model.SMARTVM_CPU, model.SAVED),), "", IMAGE_NETWORKS),
    Claim("process-memory", "memory of the process above ONNX Runtime's", "%", percent_above,
          (Key("process_peaks", model.SMARTVM, model.PEAK_MEMORY),
           Key("process_peaks", model.ONNX_RUNTIME, model.PEAK_MEMORY)), "peaks", IMAGE_NETWORKS),
    Claim("process-memory", "memory of the process above PyTorch's", "%", percent_above,
          (Key("process_peaks", model.SMARTVM, model.PEAK_MEMORY),
           Key("process_peaks", model.PYTORCH, model.PEAK_MEMORY)), "peaks", IMAGE_NETWORKS),
    Claim("agreement", "same answer as the float model", "%", itself,
          (Key("accuracy", model.SMARTVM, model.AGREEMENT),)),
    Claim("accuracy-lost", "accuracy lost to fixed point", "points", difference,
          (Key("accuracy", model.ONNX_RUNTIME, model.ACCURACY),
           Key("accuracy", model.SMARTVM, model.ACCURACY)), "float : fixed", ("lenet5",)),
    Claim("cpu-seconds", "one inference on the CPU, the whole call", "s", itself, (RESIDENT,)),
    Claim("gpu-seconds", "one inference on the GPU, the whole call", "s", itself,
          (Key("speed", model.SMARTVM_GPU, model.TOTAL),)),
    Claim("gas", "gas of one inference", "gas", itself,
          (Key("gas_table", model.SMARTVM, model.GAS),)),
)  # fmt: skip
"""Every claim of the abstract, and totals that this project quotes from section 4."""
