"""Does fixed point change the answer: the contract beside the float model, on the same inputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from contenders import OnChain, onnx_runtime
from zoo_accuracy import inputs_for

from paper.model import ACCURACY, AGREEMENT, Finding, Gap, Measurement, Options
from paper.model import ONNX_RUNTIME as FLOAT
from paper.model import SMARTVM as FIXED
from paper.networks import Network, measure_each
from smartvm.compiler import lenet5

QUESTION = "accuracy"
QUICK_INPUTS, INPUTS = 25, 100
NO_LABELS = "its weights are seeded noise, so that no label is right; see the agreement"


def measure(options: Options) -> list[Finding]:
    """Top-1 agreement and the error of the logits; accuracy where there are labels."""
    return measure_each(options, QUESTION, "", lambda network: _network(network, options))


def _network(network: Network, options: Options) -> list[Finding]:
    if network.model is None:
        return [Gap(QUESTION, network.name, FIXED, "an artefact has no float model")]
    fixed = OnChain(network.artefact).call
    float_model = onnx_runtime(network.model, options.threads)
    x = inputs_for(network.name, QUICK_INPUTS if options.quick else INPUTS)
    return [
        *_agreement(network.name, fixed, float_model, x),
        *_accuracy(network.name, fixed, float_model, options),
    ]


def _agreement(name: str, fixed: Callable, float_model: Callable, x: np.ndarray) -> list[Finding]:
    answers = [(fixed(one), float_model(one)) for one in x]
    equal = np.mean([ours.argmax() == theirs.argmax() for ours, theirs in answers])
    error = max(float(np.abs(ours - theirs).max()) for ours, theirs in answers)
    greatest = max(float(np.abs(theirs).max()) for _, theirs in answers)
    kind = "held-out digits" if name == "lenet5" else "synthetic inputs"
    note = f"{len(x)} {kind}, scale {_scale(fixed)}"
    base = Measurement(QUESTION, name, FIXED, AGREEMENT, "%", 100 * float(equal), note=note)
    relative = 100 * error / greatest
    largest = replace(base, quantity="largest error of a logit", value=relative)
    return [base, replace(largest, note=f"{note}; part of the greatest logit")]


def _scale(fixed: Callable) -> str:
    from contenders import output_scale

    return f"{output_scale(fixed.__self__.artefact):,}"


def _accuracy(name: str, fixed: Callable, float_model: Callable, options: Options) -> list[Finding]:
    if name != "lenet5":
        return [Gap(QUESTION, name, "", NO_LABELS)]
    images = lenet5.read_mnist(options.folder) if options.folder else lenet5.test_split()
    count = 100 if options.quick else min(len(images.labels), 1000)
    pixels = images.pixels[:count, None, None] / lenet5.PIXEL_MAX
    x, labels = pixels.astype(np.float32), images.labels[:count]
    source = "MNIST, with weights of other digits" if options.folder else "held-out digits"
    return [
        Measurement(
            QUESTION,
            name,
            contender,
            ACCURACY,
            "%",
            100
            * float(np.mean([run(one).argmax() == y for one, y in zip(x, labels, strict=True)])),
            note=f"{count} {source}",
        )
        for contender, run in ((FIXED, fixed), (FLOAT, float_model))
    ]
