"""Resize against ONNX's reference, which defines it."""

from __future__ import annotations

import numpy as np
import pytest

from smartvm.compiler.lowering import lower
from smartvm.compiler.operations import Convolution, View
from smartvm.exceptions import ModelError, UnsupportedModelError

MODES = [
    "half_pixel",
    "half_pixel_symmetric",
    "pytorch_half_pixel",
    "align_corners",
    "asymmetric",
]


@pytest.fixture
def check_reference(model_of, check):
    """As `check`, against the reference evaluator."""
    from smartvm.compiler import float_model

    def run(*arguments, **options):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(float_model, "find_spec", lambda name: None)
            return check(*arguments, **options)

    return run


@pytest.mark.parametrize("scales", [(2, 2), (1.5, 2.5), (0.6, 0.8), (1, 3)])
@pytest.mark.parametrize("coordinates", MODES)
@pytest.mark.parametrize("mode", ["nearest", "linear"])
def test_resize_by_scales(check_reference, node, grid, mode, coordinates, scales) -> None:
    it = node("Resize", "x", "", "s", mode=mode, coordinate_transformation_mode=coordinates)
    x = {"x": grid(1, 2, 4, 5)}
    check_reference(it, x, {"s": np.array([1, 1, *scales], np.float32)})


@pytest.mark.parametrize("rounding", ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"])
def test_resize_to_sizes(check_reference, node, grid, rounding) -> None:
    it = node("Resize", "x", "", "", "s", mode="nearest", nearest_mode=rounding, axes=[2, 3])
    check_reference(it, {"x": grid(1, 2, 4, 5)}, {"s": np.array([7, 3])})


def test_the_aspect_ratio_may_be_kept(check_reference, node, grid) -> None:
    it = node("Resize", "x", "", "", "s", mode="linear", axes=[1, 2],
              keep_aspect_ratio_policy="not_larger")  # fmt: skip
    check_reference(it, {"x": grid(2, 4, 6)}, {"s": np.array([8, 9])})


@pytest.mark.parametrize("antialias", [0, 1])
def test_cubic(check_reference, node, grid, antialias) -> None:
    it = node("Resize", "x", "", "s", mode="cubic", antialias=antialias)
    x = {"x": grid(1, 1, 6, 6)}
    check_reference(it, x, {"s": np.array([1, 1, 0.5, 1.5], np.float32)}, units=0.6)


def test_crop_and_resize(check_reference, node, grid) -> None:
    it = node("Resize", "x", "roi", "", "s", mode="linear", extrapolation_value=7.0,
              coordinate_transformation_mode="tf_crop_and_resize")  # fmt: skip
    constants = {
        "roi": np.array([0, 0, -0.25, 0.4, 1, 1, 0.8, 1.3], np.float32),
        "s": np.array([1, 1, 3, 4]),
    }
    check_reference(it, {"x": grid(1, 1, 4, 4)}, constants)


def test_nearest_multiplies_nothing(model_of, node, grid) -> None:
    scales = {"s": np.array([1, 1, 2, 2], np.float32)}
    model = model_of(node("Resize", "x", "", "s", mode="nearest"), {"x": grid(1, 2, 3, 3)}, scales)
    graph = lower(model, {"x": (-2, 2)})
    assert [type(entry) for entry in graph.operations] == [View, View]


def test_linear_is_a_small_matrix_for_each_axis(model_of, node, grid) -> None:
    scales = {"s": np.array([1, 1, 2, 2], np.float32)}
    model = model_of(node("Resize", "x", "", "s", mode="linear"), {"x": grid(1, 2, 3, 3)}, scales)
    graph = lower(model, {"x": (-2, 2)})
    assert [type(entry) for entry in graph.operations][:2] == [Convolution, Convolution]
    assert all(set(array.tolist()) == {0, 1, 3, 4} for array in graph.constants.values())


def test_a_length_that_is_rounded_up_is_refused(model_of, node, grid) -> None:
    it = node("Resize", "x", "", "", "s", axes=[1, 2], keep_aspect_ratio_policy="not_smaller")
    model = model_of(it, {"x": grid(2, 4, 6)}, {"s": np.array([3, 4])})
    with pytest.raises(UnsupportedModelError, match="rounded up to keep the aspect ratio"):
        lower(model, {"x": (-2, 2)})


def test_computed_sizes_are_refused(model_of, node, grid) -> None:
    inputs = {"x": grid(1, 1, 2, 2), "s": np.array([1, 1, 2, 2], np.float32)}
    with pytest.raises(ModelError, match="Resize 'it': the shape of its output 'y' depends on"):
        model_of(node("Resize", "x", "", "s"), inputs)
