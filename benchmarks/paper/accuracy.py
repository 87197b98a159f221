"""Does fixed point change the answer: the contract beside the float model, on the same inputs.

Inputs are held-out digits for LeNet-5, the user's own images where a folder of them is given, and
synthetic ones else. Accuracy needs labels and weights that were trained: LeNet-5 has both, a model
of the user's own may have (`--imagenet`), the other networks of the zoo have weights of noise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from contenders import OnChain, Run, onnx_runtime, output_scale
from zoo_accuracy import inputs_for

from paper.backends import cpu_backend
from paper.labelled import read_labelled
from paper.model import ACCURACY, AGREEMENT, Finding, Gap, Measurement, Options
from paper.model import ONNX_RUNTIME as FLOAT
from paper.model import SMARTVM as FIXED
from paper.networks import Network, measure_each, random_floats
from smartvm.compiler import lenet5

QUESTION = "accuracy"
QUICK_INPUTS, INPUTS = 25, 100
QUICK_LABELLED, LABELLED = 100, 1000
MNIST = "digits of MNIST, the weights trained on other digits"
NO_FLOAT = "an artefact has no float model to agree with: name its .onnx file instead"
NOISE = (
    "accuracy: its weights are seeded noise, with which no label can be right; "
    "--network MODEL.onnx --imagenet DIR measures a model that was trained"
)
NO_LABELS = "accuracy: there are no labels; --imagenet DIR takes a folder of labelled images"


class Inputs(NamedTuple):
    """Inputs of a network, each of its shape.

    Attributes:
        x: one a row.
        kind: what they are.
        labels: their classes; None where they have none that the weights were trained for.
    """

    x: np.ndarray
    kind: str
    labels: np.ndarray | None = None


def measure(options: Options) -> list[Finding]:
    """Top-1 agreement and the error of the logits; accuracy where there are labels."""
    return measure_each(options, QUESTION, "", lambda network: list(_network(network, options)))


def _network(network: Network, options: Options) -> Iterator[Finding]:
    chain = OnChain(network.artefact, cpu_backend())
    runs: dict[str, Run] = {FIXED: chain.call}
    inputs = _inputs(network, options)
    if network.model is None:
        yield Gap(QUESTION, network.name, FLOAT, NO_FLOAT)
    else:
        runs[FLOAT] = onnx_runtime(network.model, options.threads)
        some = inputs.x[: QUICK_INPUTS if options.quick else INPUTS]
        note = f"{len(some)} {inputs.kind}, scale {output_scale(network.artefact):,}"
        yield from _agreement(network.name, runs, some, note)
    if inputs.labels is None:
        yield Gap(QUESTION, network.name, "", NO_LABELS if network.is_own else NOISE)
    else:
        yield from _accuracy(network.name, runs, inputs)


def _inputs(network: Network, options: Options) -> Inputs:
    count = QUICK_LABELLED if options.quick else LABELLED
    if network.name == "lenet5":
        images = lenet5.read_mnist(options.mnist) if options.mnist else lenet5.test_split()
        kind = MNIST if options.mnist else "held-out digits"
        pixels = images.pixels[:count, None, None] / lenet5.PIXEL_MAX
        return Inputs(pixels.astype(np.float32), kind, images.labels[:count])
    if options.imagenet and network.is_image:
        classes = network.classes if network.is_own else None
        x, labels = read_labelled(options.imagenet, network.shape, classes, count)
        return Inputs(x, "images of the user's own", labels if network.is_own else None)
    if network.is_own:
        return Inputs(random_floats(network.artefact, INPUTS), "random inputs")
    return Inputs(inputs_for(network.name, INPUTS), "synthetic inputs")


def _agreement(name: str, runs: dict[str, Run], x: np.ndarray, note: str) -> list[Finding]:
    answers = [(runs[FIXED](one), runs[FLOAT](one)) for one in x]
    equal = np.mean([ours.argmax() == theirs.argmax() for ours, theirs in answers])
    error = max(float(np.abs(ours - theirs).max()) for ours, theirs in answers)
    greatest = max(float(np.abs(theirs).max()) for _, theirs in answers)
    base = Measurement(QUESTION, name, FIXED, AGREEMENT, "%", 100 * float(equal), note=note)
    relative = 100 * error / greatest
    largest = replace(base, quantity="largest error of a logit", value=relative)
    return [base, replace(largest, note=f"{note}; part of the greatest logit")]


def _accuracy(name: str, runs: dict[str, Run], inputs: Inputs) -> Iterator[Finding]:
    note = f"{len(inputs.x)} {inputs.kind}"
    for contender, run in runs.items():
        right = 100 * _share_right(run, inputs)
        yield Measurement(QUESTION, name, contender, ACCURACY, "%", right, note=note)


def _share_right(run: Callable[[np.ndarray], np.ndarray], inputs: Inputs) -> float:
    pairs = zip(inputs.x, inputs.labels, strict=True)
    return float(np.mean([run(one).argmax() == label for one, label in pairs]))
