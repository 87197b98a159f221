"""What does an inference cost as models grow: gas against multiply-accumulates and weights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from paper.model import GAS, NETWORKS, SMARTVM, Finding, Measurement, Options
from paper.networks import Network, measure_each
from smartvm.compiler.price import run_bound, run_gas

QUESTION = "model_size"
LARGE = ("squeezenet", "mobilenet_v2", "vgg11")
"""Networks of the zoo beside the paper's."""


def measure(options: Options) -> list[Finding]:
    """Every network, those that were not asked for too, unless the run is quick."""
    names = options.networks if options.quick else (*NETWORKS, *LARGE)
    wider = replace(options, networks=tuple(dict.fromkeys((*names, *options.networks))))
    return measure_each(wider, QUESTION, SMARTVM, lambda network: list(_network(network)))


def _network(network: Network) -> Iterator[Finding]:
    contract, certificate = network.artefact.contract, network.artefact.certificate
    macs = sum(layer.macs for layer in contract.layers)
    note = f"{network.weights:,} weights, {macs / 1e6:,.1f} million multiply-accumulates"
    exact = run_gas(contract, network.packed).total
    base = Measurement(QUESTION, network.name, SMARTVM, GAS, "gas", exact, note=note, x=macs)
    yield base
    yield replace(base, quantity="gas at most", value=run_bound(contract, certificate).total)
