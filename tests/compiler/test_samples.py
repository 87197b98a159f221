from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from smartvm.compiler.samples import samples_of
from smartvm.exceptions import ModelError

ONE = SimpleNamespace(inputs=("x",), shapes={"x": (1, 4)})
TWO = SimpleNamespace(inputs=("x", "y"), shapes={"x": (1, 4), "y": (3,)})
"""What is looked at of a model."""


@pytest.mark.parametrize(
    ("samples", "count"),
    [
        (np.zeros((1, 4)), 1),
        (np.zeros((5, 4)), 5),
        (np.zeros((5, 1, 4)), 5),
        ({"x": np.zeros((2, 1, 4))}, 2),
        ({"anything": np.zeros((2, 4))}, 2),
        ([{"x": np.zeros((1, 4))}] * 3, 3),
    ],
)
def test_samples_come_in_many_forms(samples: object, count: int, tmp_path: Path) -> None:
    found = samples_of(ONE, samples)
    assert len(found) == count
    assert {sample["x"].shape for sample in found} == {(1, 4)}
    if isinstance(samples, dict):
        np.savez(tmp_path / "samples.npz", **samples)
        assert len(samples_of(ONE, tmp_path / "samples.npz")) == count


def test_samples_of_several_inputs_go_together() -> None:
    found = samples_of(TWO, {"y": np.arange(6).reshape(2, 3), "x": np.arange(8).reshape(2, 4)})
    assert [(s["x"].tolist(), s["y"].tolist()) for s in found] == [
        ([[0, 1, 2, 3]], [0, 1, 2]),
        ([[4, 5, 6, 7]], [3, 4, 5]),
    ]


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.zeros((5, 7)), "shape"),
        ({"z": np.zeros((1, 4)), "y": np.zeros((1, 4))}, "lack the input 'x'"),
        ([{"z": np.zeros((1, 4))}], "no input 'x'"),
        ("nowhere.npz", "no such file"),
        (__file__, "numpy archive"),
    ],
)
def test_samples_that_do_not_fit_are_refused(samples: object, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        samples_of(ONE, samples)


def test_samples_of_several_inputs_are_named_and_equally_many() -> None:
    with pytest.raises(ModelError, match="name them"):
        samples_of(TWO, np.zeros((1, 4)))
    with pytest.raises(ModelError, match="different numbers"):
        samples_of(TWO, {"x": np.zeros((2, 4)), "y": np.zeros((3, 3))})
