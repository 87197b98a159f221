"""What quantisation changes: integer graphs beside their float model, on sample inputs.

For each tensor of the model the error of the integers; for each scale that was tried the error of
the outputs, how often the greatest output is the same, and a bound of the gas; and which of the
scales should be taken, with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from smartvm.compiler.calibrate import Range, Sample
from smartvm.compiler.certify import Certificate, certify
from smartvm.compiler.contract import build_contract, classes_of
from smartvm.compiler.float_model import FloatModel
from smartvm.compiler.integer_graph import IntegerGraph, as_tensor, nearest_integers
from smartvm.compiler.price import run_bound
from smartvm.dispatch import Backend, make_dispatcher
from smartvm.dispatch.tensor import Tensor
from smartvm.exceptions import ModelError

SCALES = (256, 1000, 4096, 10_000, 65_536)
"""The scales that are tried by default: the paper's, and powers of two."""
TOLERANCE = 0.02
"""The greatest error of an output, as a part of the greatest output, with which a scale will do."""

Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class TensorError:
    """How far the integers of one tensor are from the float model, over all samples.

    Attributes:
        tensor: its name.
        node: the name of the node that gives it.
        operator: of that node.
        low: the least value of the float model.
        high: the greatest.
        max_error: the greatest error.
        mean_error: the mean error.
        bits: the width within which the node provably stays: 16, 32, 64 or 256.
    """

    tensor: str
    node: str
    operator: str
    low: float
    high: float
    max_error: float
    mean_error: float
    bits: int


@dataclass(frozen=True)
class Trial:
    """What one scale gives.

    Attributes:
        scale: that was tried.
        agreement: part of the samples with the same greatest output; None where the outputs are
            no classes.
        max_error: the greatest error of an output.
        gas: of a run at most.
        problem: why the network cannot be compiled at it, or "".
    """

    scale: int
    agreement: float | None = None
    max_error: float = 0.0
    gas: int = 0
    problem: str = ""

    def will_do(self, limit: float) -> bool:
        """Whether all answers are those of the float model, and no error passes the limit."""
        return not self.problem and self.agreement in (None, 1.0) and self.max_error <= limit


@dataclass(frozen=True)
class Choice:
    """The scale to take, and why."""

    scale: int
    reason: str


def run_integers(
    kernels: Backend, graph: IntegerGraph, sample: Sample, keep: Sequence[str] = ()
) -> dict[str, np.ndarray]:
    """Outputs of a graph, and the values named in `keep`, as real numbers."""
    inputs = {name: _quantised(graph, name, sample[name]) for name in graph.inputs}
    values = graph.evaluate(kernels, inputs, keep)
    return {name: _reals(tensor, graph.values[name].scale) for name, tensor in values.items()}


def _quantised(graph: IntegerGraph, name: str, array: np.ndarray) -> Tensor:
    """The nearest integers in the range of the input."""
    low, high = graph.input_ranges[name]
    floats = np.asarray(array, np.float64).reshape(-1)
    integers = nearest_integers(floats, graph.values[name].scale)
    return as_tensor(np.clip(integers, low, high))


def _reals(tensor: Tensor, scale: int) -> np.ndarray:
    if tensor.is_wide:
        return np.array([item / scale for item in tensor.to_ints()])
    return tensor.data.astype(np.float64) / scale


def compare(
    model: FloatModel,
    graph: IntegerGraph,
    certificate: Certificate,
    samples: Sequence[Sample],
    ranges: Mapping[str, Range],
) -> tuple[list[TensorError], float | None]:
    """The error of each tensor that the graph has, in the model's order, and the agreement.

    Args:
        model: the float model.
        graph: its integers.
        certificate: of the graph.
        samples: on which both are run.
        ranges: of the float model's tensors on them.
    """
    nodes = {name: node for node in model.nodes for name in node.outputs}
    kept = [name for name in nodes if name in graph.values and name not in graph.constants]
    differences: dict[str, list[tuple[float, float]]] = {name: [] for name in kept}
    same, kernels = [], make_dispatcher()
    for sample in samples:
        exact = model.run(sample, [*kept, *model.outputs])
        found = run_integers(kernels, graph, sample, kept)
        for name in kept:
            difference = np.abs(found[name] - exact[name].reshape(-1))
            differences[name].append((float(difference.max()), float(difference.mean())))
        same.append(_agree(found[graph.outputs[0]], exact[model.outputs[0]]))
    widths = _widths(graph, certificate)
    errors = [
        TensorError(
            tensor=name,
            node=nodes[name].name,
            operator=nodes[name].operator,
            low=_rounded(ranges[name].low),
            high=_rounded(ranges[name].high),
            max_error=_rounded(max(greatest for greatest, _ in differences[name])),
            mean_error=_rounded(float(np.mean([mean for _, mean in differences[name]]))),
            bits=widths.get(nodes[name].name, 16),
        )
        for name in kept
    ]
    return errors, sum(same) / len(same) if classes_of(graph) else None


def _widths(graph: IntegerGraph, certificate: Certificate) -> dict[str, int]:
    """For each node the width within which all its operations stay."""
    widths: dict[str, int] = {}
    for operation in graph.operations:
        bits = certificate[operation.output].bits
        widths[operation.source] = max(bits, widths.get(operation.source, 0))
    return widths


def _agree(found: np.ndarray, exact: np.ndarray) -> bool:
    """Whether the greatest output is the same."""
    return int(found.argmax()) == int(exact.argmax())


def _rounded(value: float) -> float:
    """Four digits: what is beyond depends on the machine that ran the float model."""
    return float(f"{value:.4g}")


def try_scales(
    scales: Iterable[int],
    lower: Callable[[int], IntegerGraph],
    samples: Sequence[Sample],
    expected: Sequence[Arrays],
    limit: float,
) -> list[Trial]:
    """Try scales, the smallest first, until one will do.

    Args:
        scales: to try.
        lower: the model's integer graph at a scale.
        samples: inputs.
        expected: outputs of the float model for them.
        limit: the greatest error with which a scale will do.
    """
    trials: list[Trial] = []
    for scale in sorted(scales):
        trials.append(_try(scale, lower, samples, expected))
        if trials[-1].will_do(limit):
            break
    return trials


def _try(
    scale: int,
    lower: Callable[[int], IntegerGraph],
    samples: Sequence[Sample],
    expected: Sequence[Arrays],
) -> Trial:
    """Lower the model at a scale and compare its outputs with the expected ones."""
    try:
        graph = lower(scale)
        gas = run_bound(build_contract(graph), certify(graph)).total
    except ModelError as error:
        return Trial(scale, problem=str(error).splitlines()[0])
    kernels = make_dispatcher()
    pairs: list[tuple[np.ndarray, np.ndarray]] = []
    for sample, reals in zip(samples, expected, strict=True):
        found = run_integers(kernels, graph, sample)
        pairs += zip((found[name] for name in graph.outputs), reals.values(), strict=True)
    agreement = sum(_agree(a, b) for a, b in pairs) / len(pairs)
    return Trial(
        scale=scale,
        agreement=agreement if classes_of(graph) else None,
        max_error=_rounded(max(float(np.abs(a - b.reshape(-1)).max()) for a, b in pairs)),
        gas=gas,
    )


def choose(trials: Sequence[Trial], limit: float) -> Choice | None:
    """The scale to take: the smallest that will do, for narrow values cost less gas.

    Args:
        trials: the smallest scale first.
        limit: the greatest error with which a scale will do.

    Returns:
        The choice; None where the network cannot be compiled at any of the scales.
    """
    possible = [trial for trial in trials if not trial.problem]
    if not possible:
        return None
    good = [trial for trial in possible if trial.will_do(limit)]
    if good:
        answers = "gives the float model's answers and " if good[0].agreement else ""
        reason = f"the smallest that {answers}errs by at most {limit:.3g}: {good[0].max_error:g}"
        return Choice(good[0].scale, reason)
    best = max(trial.agreement or 0.0 for trial in possible)
    rest = [trial for trial in possible if (trial.agreement or 0.0) == best]
    least = min(rest, key=lambda trial: trial.max_error)
    answers = "" if least.agreement is None else f"agrees with {100 * best:.4g}% of answers, "
    return Choice(
        least.scale,
        f"the best: {answers}errs by at most {least.max_error:g}; none stays below {limit:.3g} "
        "with all answers the float model's",
    )


def report_data(
    errors: Sequence[TensorError],
    trials: Sequence[Trial],
    choice: Choice | None,
    facts: Mapping[str, Any],
) -> dict[str, Any]:
    """The report as plain data, for the artefact."""
    return {
        **facts,
        "tensors": [asdict(error) for error in errors],
        "scales": [asdict(trial) for trial in trials],
        "recommended": asdict(choice) if choice else None,
    }
