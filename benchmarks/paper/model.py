"""What a measurement is, and what was asked for. Every module of questions speaks in these."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

from smartvm.cli.command import UsageError
from smartvm.exceptions import SmartVMError

NETWORKS = ("lenet5", "alexnet", "resnet18", "mobilenet_v1", "lstm")
"""The paper's networks, as the zoo names them."""
QUICK_ROUNDS, ROUNDS = 3, 15
"""How often a timing is repeated."""

# Contenders. One name for one way of getting an answer, in all questions.
OFFCHAIN_GET = "off-chain, get() a value"
OFFCHAIN_BLOCKS = "off-chain, block-wise"
PLAIN_PY_EVM = "plain EVM on py-evm"
PLAIN_REVM = "plain EVM on revm"
PLAIN_EVM = "plain EVM"
"""Where it does not matter what runs it: code, instructions, gas."""
SOLIDITY = "plain Solidity"
SMARTVM_SOLIDITY = "SmartVM, Solidity"
SMARTVM = "SmartVM"
SMARTVM_CPU = "SmartVM, CPU"
SMARTVM_GPU = "SmartVM, GPU"
SMARTVM_COLD = "SmartVM, weights fetched"
"""A call whose weights are not resident, on the CPU."""
SMARTVM_GPU_COLD = "SmartVM, GPU, weights fetched"
SMARTVM_NUMPY = "SmartVM, numpy"
ONNX_RUNTIME = "ONNX Runtime"
PYTORCH = "PyTorch"
STOCK = "stock instructions"

# Quantities that more than one module or the headlines use.
TOTAL = "total time"
WEIGHTS_TIME = "weights fetching"
COMPUTE = "computing"
SEQUENTIAL = "one after the other"
PIPELINED = "pipelined"
SOURCE_LINES = "source lines"
CODE_INSTRUCTIONS = "bytecode instructions"
EXECUTED = "executed instructions"
LARGEST_LAYER = "executed instructions of the largest layer"
PEAK_MEMORY = "peak memory"
TWIN_MEMORY = f"{PEAK_MEMORY}, the twin"
HELD = "memory held"
SAVED = "saved"
AGREEMENT = "same top-1 answer as the float model"
ACCURACY = "top-1 accuracy"
THROUGHPUT = "throughput"
GAS = "gas"
MACS = "multiply-accumulates"
PER_GAS = "time per gas"


@dataclass(frozen=True)
class Options:
    """What was asked for.

    Attributes:
        quick: fewer runs and smaller samples: minutes instead of an hour.
        networks: names of the zoo, among `NETWORKS`.
        device: `gpu` measures SmartVM on a GPU too, where there is one; `cpu` leaves it out.
        rounds: how often each timing is repeated, before warm-up.
        out: a directory for what is written.
        artefact: a compiled model of the user's own, measured as one more network, or None.
        threads: of every contender.
        mnist: a directory of MNIST's idx files, for LeNet-5's accuracy, or None.
        imagenet: a directory of labelled images (`paper.labelled`), or None.
    """

    quick: bool = False
    networks: tuple[str, ...] = NETWORKS
    device: str = "gpu"
    rounds: int = 9
    out: Path = Path("build/paper")
    artefact: Path | None = None
    threads: int = 1
    mnist: Path | None = None
    imagenet: Path | None = None

    @property
    def network_names(self) -> list[str]:
        """All networks that are measured, the user's own last."""
        return [*self.networks, *([self.artefact.name] if self.artefact else [])]


@dataclass(frozen=True)
class Measurement:
    """One figure.

    Attributes:
        question: the id of the question, the module's name.
        network: a name of the zoo, an artefact's name, or "" where there is none.
        contender: what was measured.
        quantity: of what.
        unit: `s`, `bytes`, `gas`, `instructions`, `lines`, `%`, ...; seconds and bytes unscaled.
        value: the median of the runs, or the count.
        spread: the distance between the quartiles of the runs, in the same unit; 0 of a count.
        runs: how many runs; 1 of a count.
        note: conditions, and how it was extrapolated.
        extrapolated: whether any part of the value was not measured but worked out.
        part: a layer, or another place within the network, or "" for the whole.
        x: the position on an axis (threads, batch, MACs, layer number), where there is one.
    """

    question: str
    network: str
    contender: str
    quantity: str
    unit: str
    value: float
    spread: float = 0.0
    runs: int = 1
    note: str = ""
    extrapolated: bool = False
    part: str = ""
    x: float | None = None


@dataclass(frozen=True)
class Gap:
    """What could not be measured, and why: no GPU, no solc, an error."""

    question: str
    network: str
    contender: str
    reason: str


Finding = Measurement | Gap
ZOO_ONLY = "measured for the networks of the zoo only, whose chain the benchmark writes to disk"
"""Why a model of the user's own has no such figure."""


class NotMeasurableError(Exception):
    """Raised where a figure cannot be had; its text is the reason that the report gives."""


def reason(error: Exception) -> str:
    """Why something failed, in one line; with its kind unless it is meant for users."""
    text = " ".join(f"{error}".split())
    if isinstance(error, ModuleNotFoundError):
        return f"{error.name} is not installed"
    if isinstance(error, NotMeasurableError | SmartVMError | UsageError | OSError) and text:
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def timed(taken: Sequence[float]) -> dict[str, float | int]:
    """`value`, `spread` and `runs` of repeated timings, for a `Measurement`."""
    spread = 0.0
    if len(taken) > 1:
        first, _, third = quantiles(taken, n=4, method="inclusive")
        spread = third - first
    return {"value": median(taken), "spread": spread, "runs": len(taken)}
