"""How long one LeNet-5 inference takes when the weights are resident.

    python benchmarks/lenet5_latency.py [--runs N] [--backend NAME] [--json FILE]

Measures `classify` on a chain in memory, the images of the test split in turn: the whole call as
a node answers eth_call (`Chain.call`), the transaction within one state
(`costless_execute_transaction`), and the frame alone (`execute_bytecode`), once more with kernels
that take no time, which leaves what the interpreter takes. PyTorch's eager float32 LeNet-5 runs
in the same process, on one thread, where PyTorch is installed. Prints medians, least times and
the 95th percentile, gas and executed instructions.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from eth.vm.spoof import SpoofTransaction

from smartvm.chain import Chain, upload_blocks
from smartvm.compiler import lenet5
from smartvm.compiler.abi import encode_call
from smartvm.compiler.contract import build_contract
from smartvm.compiler.contract_abi import CLASSIFY
from smartvm.dispatch import KERNELS, Backend, make_dispatcher
from smartvm.dispatch.steps import Step
from smartvm.dispatch.tensor import Tensor
from smartvm.trace import Tracer
from smartvm.vm import SmartVM

WARM_UP = 10
GAS = 30_000_000


def main() -> None:
    """Measure and print."""
    options = _options()
    chain = Chain(vm=SmartVM.with_backend(options.backend) if options.backend else SmartVM)
    contract = build_contract(lenet5.load())
    address = chain.deploy(contract.init_code).contract
    upload_blocks(chain, address, contract.blocks)
    pixels = lenet5.test_split().pixels
    calls = [encode_call(CLASSIFY, pixels[i % len(pixels)].tobytes()) for i in range(options.runs)]
    result = {
        "whole call": _measure(lambda data: chain.call(address, data), calls),
        "transaction": _measure_transactions(chain, address, calls),
        "frame": _measure_frames(chain.vm, chain, address, calls),
        "frame, no kernels": _measure_interpreter(chain, address, calls, options.backend),
    }
    if find_spec("torch"):
        result["PyTorch eager"] = _measure_pytorch(calls)
    tracer = Tracer()
    computation = chain.simulate(address, calls[0], tracer=tracer)
    counts = {
        "executed instructions": len(tracer.steps),
        "gas of the frame": computation.get_gas_used(),
    }
    _print(result, counts)
    if options.json:
        options.json.write_text(json.dumps({"milliseconds": result, **counts}, indent=1))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=360)
    parser.add_argument("--backend", help="the best available by default")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    return parser.parse_args()


def _measure(run: Callable[[bytes], object], calls: list[bytes]) -> dict[str, float]:
    """Median, least and 95th percentile, in milliseconds."""
    for data in calls[:WARM_UP]:
        run(data)
    seconds = []
    for data in calls:
        started = perf_counter()
        run(data)
        seconds.append(perf_counter() - started)
    return {
        "median": float(np.median(seconds)) * 1e3,
        "least": min(seconds) * 1e3,
        "p95": float(np.percentile(seconds, 95)) * 1e3,
    }


def _measure_transactions(chain: Chain, address: bytes, calls: list[bytes]) -> dict[str, float]:
    sender = chain.accounts[0].address
    builder = SmartVM.get_transaction_builder()

    def run(data: bytes) -> None:
        snapshot = state.snapshot()
        unsigned = builder.create_unsigned_transaction(
            nonce=state.get_nonce(sender), gas_price=0, gas=GAS, to=address, value=0, data=data
        )
        computation = state.costless_execute_transaction(SpoofTransaction(unsigned, from_=sender))
        computation.raise_if_error()
        state.revert(snapshot)

    with chain.vm.in_costless_state() as state:
        return _measure(run, calls)


def _measure_frames(
    vm: Any,
    chain: Chain,
    address: bytes,
    calls: list[bytes],
    before: Callable[[], None] = lambda: None,
) -> dict[str, float]:
    code, sender = chain.code(address), chain.accounts[0].address

    def run(data: bytes) -> None:
        before()
        vm.execute_bytecode(
            origin=sender,
            gas_price=0,
            gas=GAS,
            to=address,
            sender=sender,
            value=0,
            data=data,
            code=code,
        ).raise_if_error()

    return _measure(run, calls)


class Replaying(Backend):
    """Gives the results of the first run again, in order, and computes nothing."""

    name = "replaying"

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._results: list[Any] = []
        self._next = 0
        for kernel in KERNELS:
            setattr(self, kernel, self._replayed(getattr(backend, kernel)))

    def lacks(self, kernel: str) -> bool:
        """False: it has what the other backend has."""
        return False

    def rewind(self) -> None:
        """Begin again with the first result."""
        self._next = 0

    def chain(self, x: Tensor, steps: Sequence[Step]) -> list[Tensor] | None:
        """The chain of the other backend."""
        result: list[Tensor] | None = self._replayed(self._backend.chain)(x, steps)
        return result

    def _replayed(self, kernel: Callable[..., Any]) -> Callable[..., Any]:
        def replay(*arguments: Any) -> Any:
            if self._next == len(self._results):
                self._results.append(kernel(*arguments))
            self._next += 1
            return self._results[self._next - 1]

        return replay


def _measure_interpreter(
    chain: Chain, address: bytes, calls: list[bytes], backend: str | None
) -> dict[str, float]:
    replaying = Replaying(make_dispatcher(backend))
    vm = chain.vm
    vm.state.use_backend(replaying)
    return _measure_frames(vm, chain, address, calls[:1] * len(calls), replaying.rewind)


def _measure_pytorch(calls: list[bytes]) -> dict[str, float]:
    import torch
    from torch import nn

    torch.set_num_threads(1)
    network = nn.Sequential(
        *(nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(16, 120, 5), nn.ReLU(), nn.Flatten()),
        *(nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)),
    ).eval()
    image = torch.zeros(1, 1, 32, 32)
    with torch.inference_mode():
        return _measure(lambda _: network(image), calls)


def _print(result: dict[str, dict[str, float]], counts: dict[str, int]) -> None:
    print(f"{'one classification':<24}{'median ms':>12}{'least ms':>12}{'p95 ms':>12}")
    for name, figures in result.items():
        print(f"{name:<24}" + "".join(f"{figures[k]:>12.3f}" for k in ("median", "least", "p95")))
    for name, count in counts.items():
        print(f"{name:<24}{count:>12,}")


if __name__ == "__main__":
    main()
