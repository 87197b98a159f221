"""Sample inputs of a model: from arrays or an .npz file, or random ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from smartvm.compiler.calibrate import Sample, checked
from smartvm.compiler.float_model import FloatModel
from smartvm.exceptions import ModelError

Samples = Mapping[str, np.ndarray] | Iterable[Sample] | np.ndarray | str | Path
"""Stacked arrays by input, one mapping a sample, the stacked array of the only input, or a file."""


def samples_of(model: FloatModel, samples: Samples) -> list[Sample]:
    """The samples, one mapping each.

    An array may hold one sample, in the shape of its input, or several along a first axis, which
    may take the place of a batch axis of one.

    Raises:
        ModelError: a file that cannot be read, an input that is missing, or a wrong shape.
    """
    if isinstance(samples, str | Path):
        samples = _read(Path(samples))
    if isinstance(samples, np.ndarray):
        samples = {_only_input(model): samples}
    if not isinstance(samples, Mapping):
        return [checked(model, sample) for sample in samples]
    missing = [name for name in model.inputs if name not in samples]
    if missing and len(samples) == len(model.inputs) == 1:
        samples = {model.inputs[0]: next(iter(samples.values()))}
    elif missing:
        raise ModelError(f"the samples lack the input {missing[0]!r}; they have {list(samples)}")
    stacked = {name: _stacked(model, name, samples[name]) for name in model.inputs}
    counts = {name: len(array) for name, array in stacked.items()}
    if len(set(counts.values())) > 1:
        raise ModelError(f"inputs have different numbers of samples: {counts}")
    count = next(iter(counts.values()), 0)
    return [{name: array[index] for name, array in stacked.items()} for index in range(count)]


def _read(path: Path) -> Mapping[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            return dict(archive)
    except FileNotFoundError:
        raise ModelError(f"{path}: there is no such file") from None
    except (OSError, ValueError, BadZipFile, TypeError, AttributeError) as error:
        raise ModelError(f"{path}: expected a numpy archive (.npz) of arrays by input") from error


def _only_input(model: FloatModel) -> str:
    if len(model.inputs) != 1:
        raise ModelError(f"the model has the inputs {list(model.inputs)}: name them in the samples")
    return model.inputs[0]


def _stacked(model: FloatModel, name: str, array: np.ndarray) -> np.ndarray:
    """(samples, *shape of the input)."""
    shape = model.shapes[name]
    if array.shape == shape:
        return array[None]
    if array.shape[1:] == shape:
        return array
    if shape[:1] == (1,) and array.shape[1:] == shape[1:]:
        return array[:, None]
    raise ModelError(
        f"samples of input {name!r}: expected arrays of shape {shape}, several of them along a "
        f"first axis, found {array.shape}"
    )
