"""The networks that were asked for, compiled, each with an input of its own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from contenders import prepare
from cpu_speed import input_of

from paper.model import Finding, Gap, Options
from smartvm.compiler.artefact import Artefact

SEED = 0


@dataclass(frozen=True)
class Network:
    """A compiled network.

    Attributes:
        name: of the zoo, or that of the user's artefact.
        artefact: the compiled model.
        model: the float model as ONNX; None for an artefact of the user's own.
        x: one input.
    """

    name: str
    artefact: Artefact
    model: Path | None
    x: np.ndarray

    @property
    def weights(self) -> int:
        """Weights and biases."""
        return sum(len(block.items) for block in self.artefact.contract.blocks.values())

    def first_weights(self, count: int) -> list[int]:
        """So many weights from the beginning, or all."""
        weights: list[int] = []
        for _, block in sorted(self.artefact.contract.blocks.items()):
            weights += block.items[: count - len(weights)].tolist()
            if len(weights) == count:
                break
        return weights

    @property
    def packed(self) -> bytes:
        """The input as the contract takes it."""
        return self.artefact.contract.input_format.pack(self.x)


def networks(options: Options) -> Iterator[Callable[[], Network]]:
    """A loader for each network, so that one is in memory at a time."""
    for name in options.networks:
        yield lambda name=name: _of_the_zoo(name)
    if options.artefact is not None:
        path = options.artefact
        yield lambda: _of_the_user(path)


def measure_each(
    options: Options,
    question: str,
    contender: str,
    measure: Callable[[Network], list[Finding]],
) -> list[Finding]:
    """What `measure` finds of each network; one that fails leaves a gap, and the others go on."""
    findings: list[Finding] = []
    names = [*options.networks, *([options.artefact.name] if options.artefact else [])]
    for name, load in zip(names, networks(options), strict=True):
        print(f"{question}: {name} ...", file=sys.stderr, flush=True)
        try:
            findings += measure(load())
        except Exception as error:
            findings.append(Gap(question, name, contender, f"{type(error).__name__}: {error}"))
    return findings


def _of_the_zoo(name: str) -> Network:
    model, path = prepare(name)
    return Network(name, Artefact.load(str(path)), model, input_of(name))


def _of_the_user(path: Path) -> Network:
    artefact = Artefact.load(str(path))
    graph = artefact.contract.graph
    low, high = graph.input_ranges[graph.inputs[0]]
    shape = graph.values[graph.inputs[0]].shape
    x = np.random.default_rng(SEED).integers(low, high, shape, endpoint=True)
    return Network(path.name, artefact, None, x)
