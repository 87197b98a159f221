"""Calibration: what values a float model's tensors take on sample inputs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import numpy as np

from smartvm.compiler.float_model import FloatModel
from smartvm.exceptions import ModelError

SAMPLES = 8
"""Random inputs where the user gives none."""
SEED = 2022

Sample = Mapping[str, np.ndarray]


class Range(NamedTuple):
    """The least and the greatest value of a tensor."""

    low: float
    high: float

    def union(self, other: Range) -> Range:
        """The least range that holds both."""
        return Range(min(self.low, other.low), max(self.high, other.high))


def calibrate(model: FloatModel, samples: Iterable[Sample]) -> dict[str, Range]:
    """The range of every tensor that is not constant, over all samples.

    Raises:
        ModelError: a sample lacks an input, or has one of another shape, or gives values that
            are no numbers; the tensor is named. Or there are no samples.
    """
    ranges: dict[str, Range] = {}
    for sample in samples:
        checked(model, sample)
        for name, array in model.run(sample, model.tensors).items():
            found = range_of(name, array)
            ranges[name] = ranges[name].union(found) if name in ranges else found
    if not ranges:
        raise ModelError("calibration needs at least one sample")
    return ranges


def range_of(name: str, array: np.ndarray) -> Range:
    """The range of one array."""
    if array.size == 0:
        return Range(0.0, 0.0)
    found = Range(float(array.min()), float(array.max()))
    if not np.isfinite(found).all():
        raise ModelError(f"tensor {name!r} takes values that are infinite or no numbers")
    return found


def checked(model: FloatModel, sample: Sample) -> Sample:
    """The sample, if it has an array of the right shape for each input.

    Raises:
        ModelError: it has not.
    """
    for name in model.inputs:
        if name not in sample:
            raise ModelError(f"a sample has no input {name!r}, but {sorted(sample)}")
        found, expected = np.shape(sample[name]), model.shapes[name]
        if found != expected:
            raise ModelError(f"a sample's input {name!r} has the shape {found}, not {expected}")
    return sample


def random_samples(
    model: FloatModel,
    ranges: Mapping[str, tuple[float, float]],
    count: int = SAMPLES,
    seed: int = SEED,
) -> Iterator[dict[str, np.ndarray]]:
    """Samples of uniform random numbers in the declared ranges of the inputs; always the same."""
    generator = np.random.default_rng(seed)
    for _ in range(count):
        yield {name: _uniform(generator, model, name, *ranges[name]) for name in model.inputs}


def _uniform(
    generator: np.random.Generator, model: FloatModel, name: str, low: float, high: float
) -> np.ndarray:
    shape, dtype = model.shapes[name], model.dtypes[name]
    if model.is_float(name):
        return generator.uniform(low, high, shape).astype(dtype)
    return generator.integers(int(low), int(high), shape, endpoint=True).astype(dtype)
