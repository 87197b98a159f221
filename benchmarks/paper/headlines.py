"""The claims of the paper's abstract, each beside the same figure of this run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from paper import model
from paper.model import Measurement
from paper.published import value_of
from paper.results import Results
from paper.text import number, quantity, significant

OWN = "own"
EVERY = (*model.NETWORKS, OWN)
POINTS = ("%", "points")
"""Units of which a difference says more than a ratio."""


class Key(NamedTuple):
    """Which figure of a network."""

    question: str
    contender: str
    quantity: str


class Claim(NamedTuple):
    """What a headline says and how it is worked out.

    Attributes:
        id: of the published value; "" where the paper claims nothing like it.
        text: the claim in words.
        unit: of both values.
        combine: the figures of `keys` to one value.
        keys: the figures, of the same network.
        conditions: before the figures, in the report.
        networks: that it is made for; `OWN` for a model of the user's.
        in_readme: whether the table of the README has it.
    """

    id: str
    text: str
    unit: str
    combine: Callable[..., float]
    keys: Sequence[Key]
    conditions: str = ""
    networks: Sequence[str] = EVERY
    in_readme: bool = True


@dataclass(frozen=True)
class Headline:
    """A row of the table of headlines.

    Attributes:
        claim: that it is about.
        network: that it is about.
        published: the paper's value; None where it is not available.
        ours: this run's; None where a baseline is missing.
        conditions: how ours came about, or why it is missing.
        extrapolated: whether any part of ours was worked out.
    """

    claim: Claim
    network: str
    published: float | None
    ours: float | None
    conditions: str
    extrapolated: bool = False

    @property
    def against_paper(self) -> str:
        """Ours beside the paper's: points of a percentage, else a ratio; "" if one is missing."""
        if self.ours is None or self.published is None:
            return ""
        if self.claim.unit in POINTS:
            return f"{self.ours - self.published:+.1f} points"
        return f"{number(significant(self.ours / self.published))} ×"


def headlines(results: Results) -> Iterator[Headline]:
    """All rows, those that could not be measured among them."""
    measured = results.conditions["networks"]
    for claim in CLAIMS:
        for network in measured:
            if (network if network in model.NETWORKS else OWN) in claim.networks:
                yield headline(claim, network, results)


def headline(claim: Claim, network: str, results: Results) -> Headline:
    """One row."""
    row = (claim, network, published_for(claim, network))
    found = [results.one(network=network, **key._asdict()) for key in claim.keys]
    figures = [figure for figure in found if figure]
    if None in found:
        return Headline(*row, None, reason(claim.keys[found.index(None)], network, results))
    try:
        ours = claim.combine(*(figure.value for figure in figures))
    except ZeroDivisionError:
        return Headline(*row, None, f"not measured: {claim.keys[-1].quantity} was zero")
    extrapolated = any(figure.extrapolated for figure in figures)
    return Headline(*row, ours, conditions(claim, figures), extrapolated)


def published_for(claim: Claim, network: str) -> float | None:
    """The paper's value of a network or of all; None of a model that is the user's own."""
    if network not in model.NETWORKS:
        return None
    value = value_of(claim.id, network)
    return value_of(claim.id) if value is None else value


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


COLD = Key("offchain", model.SMARTVM_COLD, model.TOTAL)
RESIDENT = Key("speed", model.SMARTVM_CPU, model.TOTAL)
COMPUTE = Key("speed", model.SMARTVM_CPU, model.COMPUTE)
BUFFER = Key("buffer_memory", model.SMARTVM, model.PEAK_MEMORY)
PROCESS = Key("process_peaks", model.SMARTVM, model.PEAK_MEMORY)
ORDER_ASSUMED = (
    "Faster than off-chain inference: the abstract has four factors for four networks, and this "
    "project assumes that they stand in the order LeNet-5, AlexNet, ResNet-18, MobileNet."
)
NOT_IN_CONSENSUS = (
    "Off-chain inference, block-wise: below 1, the client is faster. It reads the same blocks in "
    "the same process and runs float32 code; but its answer is its own: no node checks it, and no "
    "contract can act on it."
)
TWO_MEMORIES = (
    "Memory that never shrinks has a place for the map of every operation, as the paper compares; "
    "the twin, the same network in stock instructions, computes bias, division and ReLU in place, "
    "the stronger baseline. Both have 32 bytes an item, and so has the Buffer here."
)
NOTES = (ORDER_ASSUMED, NOT_IN_CONSENSUS, TWO_MEMORIES)
"""What a reader of the headlines must know."""
CLAIMS = (
    Claim("offchain-speedup", "faster than off-chain inference, a `get()` a value", "×", ratio,
          (Key("offchain", model.OFFCHAIN_GET, model.TOTAL), COLD), "both fetch the weights"),
    Claim("", "faster than off-chain inference, block-wise", "×", ratio,
          (Key("offchain", model.OFFCHAIN_BLOCKS, model.TOTAL), COLD), "both fetch the weights"),
    Claim("plain-evm-speedup", "faster than plain EVM instructions on py-evm", "×", ratio,
          (Key("plain_evm", model.PLAIN_PY_EVM, model.TOTAL), COMPUTE), "frames, resident"),
    Claim("", "faster than plain EVM instructions on revm", "×", ratio,
          (Key("plain_evm", model.PLAIN_REVM, model.TOTAL), COMPUTE), "frames, resident"),
    Claim("memory-saved", "memory saved, against Memory that never shrinks", "%", percent_saved,
          (BUFFER, Key("buffer_memory", model.PLAIN_EVM, model.PEAK_MEMORY)),
          "peaks between instructions"),
    Claim("", "memory saved, against the twin's Memory", "%", percent_saved,
          (BUFFER, Key("buffer_memory", model.PLAIN_EVM, model.TWIN_MEMORY)),
          "peaks between instructions"),
    Claim("code-saved", "less code than plain EVM, in assembly", "%", percent_saved,
          (Key("code_length", model.SMARTVM, model.SOURCE_LINES),
           Key("code_length", model.PLAIN_EVM, model.SOURCE_LINES)), "lines of assembly"),
    Claim("code-saved", "less code than plain Solidity", "%", percent_saved,
          (Key("code_length", model.SMARTVM_SOLIDITY, model.SOURCE_LINES),
           Key("code_length", model.SOLIDITY, model.SOURCE_LINES)),
          "whole contracts, owner and ABI among them", ("lenet5",), False),
    Claim("weights-saved", "less time to fetch weights, in blocks", "%", percent_saved,
          (Key("weights", model.SMARTVM, model.WEIGHTS_TIME),
           Key("weights", model.PLAIN_EVM, model.WEIGHTS_TIME)), "none resident"),
    Claim("pipeline-saved", "time saved by the pipeline", "%", itself,
          (Key("pipeline_table", model.SMARTVM_CPU, model.SAVED),)),
    Claim("process-memory", "memory of the process, above ONNX Runtime's", "%", percent_above,
          (PROCESS, Key("process_peaks", model.ONNX_RUNTIME, model.PEAK_MEMORY)), "peaks"),
    Claim("process-memory", "memory of the process, above PyTorch's", "%", percent_above,
          (PROCESS, Key("process_peaks", model.PYTORCH, model.PEAK_MEMORY)), "peaks",
          in_readme=False),
    Claim("", "same answer as the float model", "%", itself,
          (Key("accuracy", model.SMARTVM, model.AGREEMENT),)),
    Claim("accuracy-lost", "accuracy lost to fixed point", "points", difference,
          (Key("accuracy", model.ONNX_RUNTIME, model.ACCURACY),
           Key("accuracy", model.SMARTVM, model.ACCURACY)), "float : fixed", ("lenet5", OWN)),
    Claim("cpu-seconds", "one inference on the CPU, the whole call", "s", itself, (RESIDENT,),
          in_readme=False),
    Claim("gpu-seconds", "one inference on a GPU, the whole call", "s", itself,
          (Key("speed", model.SMARTVM_GPU, model.TOTAL),)),
    Claim("gas", "gas of one inference", "gas", itself,
          (Key("gas_table", model.SMARTVM, model.GAS),)),
)  # fmt: skip
"""Every claim of the abstract, and totals that this project quotes from section 4."""
