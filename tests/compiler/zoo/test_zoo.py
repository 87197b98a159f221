"""The zoo's networks have the published sizes, one file for one seed, and answer to their input."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest

from smartvm.compiler import lenet5, zoo

TRAINABLE = {
    "lenet5": 61_706,
    "alexnet": 61_100_840,
    "resnet18": 11_689_512,
    "mobilenet_v1": 4_231_976,
    "mobilenet_v2": 3_504_872,
    "squeezenet": 1_235_496,
    "vgg11": 132_863_336,
    "lstm": 55_296 + 8 * 96 + 96 * 10 + 10,
}
"""Weights as published or as torchvision counts them, without running statistics."""
SMALL = ["lenet5", "squeezenet", "mobilenet_v1", "mobilenet_v2", "resnet18", "lstm"]
CLASSES = {"lenet5": 10, "lstm": 10}


def is_statistic(name: str) -> bool:
    return name.endswith((".mean", ".var", ".min", ".max"))


def outputs(model: onnx.ModelProto, x: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(model.SerializeToString())
    return session.run(None, {"input": x})[0]


def input_for(name: str, seed: int) -> np.ndarray:
    shape = zoo.NETWORKS[name].input_shape
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def test_the_names_are_those_of_the_networks() -> None:
    assert zoo.names() == list(TRAINABLE)


# VGG-11 takes seconds to draw; its definition is tested by its name and by AlexNet's layers.
@pytest.mark.parametrize("name", [*SMALL, "alexnet"])
def test_a_network_has_the_published_number_of_weights(name: str) -> None:
    parameters = zoo.build(name).graph.initializer
    sizes = [int(np.prod(p.dims)) for p in parameters if not is_statistic(p.name)]
    assert sum(sizes) == TRAINABLE[name]


@pytest.mark.parametrize("name", SMALL)
def test_a_network_is_valid_and_its_output_depends_on_its_input(name: str) -> None:
    model = zoo.build(name)
    onnx.checker.check_model(model, full_check=True)
    first, second = outputs(model, input_for(name, 1)), outputs(model, input_for(name, 2))
    assert first.shape == (1, CLASSES.get(name, 1000))
    assert 0.05 < first.std() < 50
    assert not np.allclose(first, second, rtol=1e-3)


def test_a_seed_gives_one_file() -> None:
    once, again, other = (zoo.build("squeezenet", seed).SerializeToString() for seed in (3, 3, 4))
    assert once == again != other


def test_lenet5_is_the_float_model_of_the_shipped_weights() -> None:
    digits = lenet5.test_split().pixels[:3]
    model = zoo.build("lenet5")
    logits = [outputs(model, (d / 255).astype(np.float32)[None, None])[0] for d in digits]
    np.testing.assert_allclose(logits, lenet5.float_logits(digits), atol=1e-4)


def test_an_unknown_name_is_refused_with_the_names_that_exist() -> None:
    with pytest.raises(ValueError, match="'resnet'; there are lenet5, alexnet, resnet18"):
        zoo.build("resnet")
