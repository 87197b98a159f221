"""The networks that were asked for, compiled, each with an input of its own."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from contenders import CACHE, prepare
from cpu_speed import input_of

from paper.model import NETWORKS, Finding, Gap, Options, reason
from smartvm.compiler.artefact import Artefact
from smartvm.compiler.compile import compile as compile_model

SEED = 0
ONNX = ".onnx"


@dataclass(frozen=True)
class Network:
    """A compiled network.

    Attributes:
        name: of the zoo, or that of the user's file.
        artefact: the compiled model.
        model: the float model as ONNX; None where the user has named an artefact.
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
    def is_own(self) -> bool:
        """Whether it is the user's, not of the zoo."""
        return self.name not in NETWORKS

    @property
    def shape(self) -> tuple[int, ...]:
        """Of an input."""
        return self.artefact.contract.input_format.shape

    @property
    def is_image(self) -> bool:
        """Whether inputs are colour images."""
        return len(self.shape) == 4 and self.shape[1] == 3

    @property
    def classes(self) -> int:
        """Outputs of the network."""
        graph = self.artefact.contract.graph
        return graph.values[graph.outputs[0]].items

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
    for name, load in zip(options.network_names, networks(options), strict=True):
        print(f"{question}: {name} ...", file=sys.stderr, flush=True)
        try:
            findings += measure(load())
        except Exception as error:
            findings.append(Gap(question, name, contender, reason(error)))
    return findings


def _of_the_zoo(name: str) -> Network:
    model, path = prepare(name)
    return Network(name, Artefact.load(str(path)), model, input_of(name))


def _of_the_user(path: Path) -> Network:
    artefact = artefact_of(path)
    if path.suffix == ONNX:
        return Network(path.name, artefact, path, random_floats(artefact, 1)[0])
    return Network(path.name, artefact, None, random_integers(artefact, 1)[0])


def artefact_of(path: Path) -> Artefact:
    """A model of the user's own: an artefact, or an ONNX file, which is compiled once.

    Raises:
        SmartVMError: the artefact is damaged, or the model cannot be compiled.
    """
    if path.suffix != ONNX:
        return Artefact.load(str(path))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    kept = CACHE / f"{path.stem}-{digest[:16]}"
    if not kept.exists():
        print(f"compiling {path.name} ...", file=sys.stderr, flush=True)
        compile_model(str(path)).save(str(kept))
    return Artefact.load(str(kept))


def random_integers(artefact: Artefact, count: int) -> np.ndarray:
    """Inputs drawn from the range that a contract accepts, of shape (count, *shape)."""
    form = artefact.contract.input_format
    low, high = form.interval
    generator = np.random.default_rng(SEED)
    return generator.integers(low, high, (count, *form.shape), endpoint=True)


def random_floats(artefact: Artefact, count: int) -> np.ndarray:
    """The same as the float model takes them, float32."""
    scale = artefact.contract.input_format.scale
    return (random_integers(artefact, count) / scale).astype(np.float32)
