"""From a model to an artefact, in small steps: `smartvm.compile`.

    artefact = smartvm.compile("model.onnx", samples="samples.npz")
    artefact.save("model")

Import, calibrate, choose a scale, lower, certify, plan, emit, report: each step is a module of its
own and can be taken on its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING, Any, NamedTuple

from smartvm.compiler import calibrate
from smartvm.compiler.artefact import Artefact
from smartvm.compiler.certify import certify
from smartvm.compiler.contract import contract_of
from smartvm.compiler.emit import BLOCK_BYTES, emit
from smartvm.compiler.float_model import FloatModel
from smartvm.compiler.importer import load_model
from smartvm.compiler.integer_graph import IntegerGraph
from smartvm.compiler.lowering import DEFAULT_SCALE, lower
from smartvm.compiler.packing import only_input
from smartvm.compiler.plan import plan
from smartvm.compiler.report import (
    SCALES,
    TOLERANCE,
    Choice,
    Trial,
    choose,
    compare,
    report_data,
    try_scales,
)
from smartvm.compiler.samples import Samples, samples_of
from smartvm.exceptions import ModelError

if TYPE_CHECKING:
    import onnx

DEFAULT_RANGE = (-3.0, 3.0)
"""What inputs may hold where neither a range nor samples are given: normalised images do."""
PIXEL_SCALE = 255
PIXEL_RANGE = (0.0, 1.0)
TRIAL_SAMPLES = 16
"""Most samples on which scales are tried."""
RANDOM_TRIAL_SAMPLES = 2
"""The same of random samples, whose greatest output says little."""
STEPS = ("import", "calibrate", "try scales", "lower", "emit", "compare")

Range = tuple[float, float]


class Progress(NamedTuple):
    """How far a compilation is: the step that begins, and how many of all are done."""

    step: str
    done: int
    total: int


def compile(
    model: str | PathLike[str] | bytes | onnx.ModelProto | IntegerGraph,
    *,
    scale: int | None = None,
    weight_scale: int | None = None,
    per_channel: bool = False,
    input_range: Range | Mapping[str, Range] | None = None,
    pixels: bool = False,
    samples: Samples | None = None,
    input_shapes: Mapping[str, Sequence[int]] | None = None,
    scales: Sequence[int] = SCALES,
    block_bytes: int = BLOCK_BYTES,
    progress: Callable[[Progress], None] | None = None,
) -> Artefact:
    """Compile a model into a contract with its weights, certificate and report.

    Args:
        model: an ONNX file, its bytes, a ModelProto, or an integer graph made by hand, of which
            nothing but `block_bytes` can be chosen.
        scale: the integer that stands for 1.0; by default the one that the report recommends.
        weight_scale: the same for weights; `scale` by default.
        per_channel: give output channels of small weights a finer scale of their own.
        input_range: what inputs may hold, for all or by name; by default what the samples hold,
            and without samples `DEFAULT_RANGE`. The certificate is for inputs in this range.
        pixels: the input is 8-bit pixels, of which 255 stands for 1.0.
        samples: inputs on which scales are tried and errors are measured; random by default.
        input_shapes: shapes of inputs that the model leaves open.
        scales: which are tried, the smallest first, until one will do; none saves the time.
        block_bytes: largest size of a weight block, in bytes of items.
        progress: called as each step begins, and once at the end.

    Raises:
        ModelError: the model cannot be compiled; the message says why and what to do.
    """
    if isinstance(model, IntegerGraph):
        return artefact_of(model, block_bytes=block_bytes)
    _check_options(scale, weight_scale, pixels and input_range is not None)
    report = progress or (lambda _: None)
    step = _counter(report)
    step()
    float_model = load_model(model, input_shapes=input_shapes)
    only_input(float_model.name, float_model.inputs)
    step()
    options: dict[str, Any] = {"weight_scale": weight_scale, "per_channel": per_channel}
    if pixels:
        options["input_scales"] = dict.fromkeys(float_model.inputs, PIXEL_SCALE)
    task = _task(float_model, samples, PIXEL_RANGE if pixels else input_range, options)
    step()
    trials, choice = task.choose(scales)
    chosen = scale or _scale_of(trials, choice)
    step()
    graph = task.lower(chosen)
    step()
    artefact = artefact_of(graph, block_bytes=block_bytes)
    step()
    facts = {"random_samples": samples is None, "scale": chosen, "per_channel": per_channel}
    artefact = task.with_report(artefact, trials, choice, facts)
    step()
    return artefact


def _check_options(scale: int | None, weight_scale: int | None, two_ranges: bool) -> None:
    for name, number in (("scale", scale), ("weight_scale", weight_scale)):
        if number is not None and (not isinstance(number, int) or number < 1):
            raise ModelError(f"{name}: expected a whole number of at least 1, found {number!r}")
    if two_ranges:
        raise ModelError("pixels have the range 0 to 1: give pixels or input_range, not both")


def artefact_of(graph: IntegerGraph, *, block_bytes: int = BLOCK_BYTES) -> Artefact:
    """Certify, plan and emit an integer graph; the artefact has no report.

    Raises:
        CertificateError: some input in range could make an operation wrap.
        CodeSizeError: the contract passes EIP-170's limit.
    """
    certificate = certify(graph)
    planned = plan(graph)
    contract = contract_of(graph, emit(graph, planned, block_bytes=block_bytes))
    return Artefact(contract, certificate, planned.peak_items, planned.total_items)


def _scale_of(trials: Sequence[Trial], choice: Choice | None) -> int:
    """The scale that was chosen, or the usual one where none was tried.

    Raises:
        ModelError: some were tried in vain; all reasons are given.
    """
    if choice is None and trials:
        reasons = "".join(f"\n  {trial.scale}: {trial.problem}" for trial in trials)
        raise ModelError(f"the network cannot be compiled at any scale:{reasons}")
    return DEFAULT_SCALE if choice is None else choice.scale


def _counter(progress: Callable[[Progress], None]) -> Callable[[], None]:
    """What tells, each time it is called, that the next step begins."""
    remaining = iter(enumerate((*STEPS, "done")))

    def step() -> None:
        done, name = next(remaining)
        progress(Progress(name, done, len(STEPS)))

    return step


@dataclass(frozen=True)
class _Task:
    """A float model with its samples and all options but the scale.

    Attributes:
        model: the float model.
        samples: on which it is compared.
        trial_samples: those on which scales are tried.
        ranges: what inputs may hold.
        tensor_ranges: what the model's tensors hold on the samples.
        options: of `lower`.
    """

    model: FloatModel
    samples: Sequence[calibrate.Sample]
    trial_samples: Sequence[calibrate.Sample]
    ranges: Mapping[str, Range]
    tensor_ranges: Mapping[str, calibrate.Range]
    options: Mapping[str, Any]

    def lower(self, scale: int) -> IntegerGraph:
        """The integer graph at a scale."""
        return lower(self.model, self.ranges, scale=scale, **self.options)

    def choose(self, scales: Sequence[int]) -> tuple[list[Trial], Choice | None]:
        """Try scales, and choose among them if there are any."""
        samples = self.trial_samples
        expected = [self.model.run(sample, self.model.outputs) for sample in samples]
        made = [array for outputs in expected for array in outputs.values()]
        limit = TOLERANCE * max(float(abs(array).max()) for array in made)
        trials = try_scales(scales, self.lower, samples, expected, limit)
        return trials, choose(trials, limit)

    def with_report(
        self,
        artefact: Artefact,
        trials: Sequence[Trial],
        choice: Choice | None,
        facts: Mapping[str, Any],
    ) -> Artefact:
        """The artefact with the errors of each tensor, the trials and these facts."""
        errors, agreement = compare(
            self.model,
            artefact.contract.graph,
            artefact.certificate,
            self.samples,
            self.tensor_ranges,
        )
        facts = {**facts, "samples": len(self.samples), "agreement": agreement}
        return artefact.with_report(report_data(errors, trials, choice, facts))


def _task(
    model: FloatModel,
    samples: Samples | None,
    input_range: Range | Mapping[str, Range] | None,
    options: Mapping[str, Any],
) -> _Task:
    """Find the ranges and the samples that are not given."""
    found: Mapping[str, Range] = dict.fromkeys(model.inputs, DEFAULT_RANGE)
    if samples is None:
        ranges = _declared(found, input_range)
        used: Sequence[calibrate.Sample] = list(calibrate.random_samples(model, ranges))
        tensor_ranges, trials = calibrate.calibrate(model, used), used[:RANDOM_TRIAL_SAMPLES]
    else:
        used = samples_of(model, samples)
        tensor_ranges, trials = calibrate.calibrate(model, used), used[:TRIAL_SAMPLES]
        found = {name: tensor_ranges[name] for name in model.inputs}
        ranges = _declared(found, input_range)
    return _Task(model, used, trials, ranges, tensor_ranges, options)


def _declared(
    found: Mapping[str, Range], declared: Range | Mapping[str, Range] | None
) -> Mapping[str, Range]:
    """The ranges of inputs: those that are declared, else those that were found.

    Raises:
        ModelError: a range of no input, or one that is not two finite numbers in order.
    """
    if declared is None:
        return found
    given = declared if isinstance(declared, Mapping) else dict.fromkeys(found, declared)
    for name, ends in given.items():
        if name not in found:
            raise ModelError(f"range of {name!r}: the inputs of the model are {list(found)}")
        if not -math.inf < ends[0] <= ends[1] < math.inf:
            raise ModelError(f"range of {name!r}: expected LOW <= HIGH, both finite, found {ends}")
    return {**found, **given}
