"""Everything there is to measure on a GPU, in one run.

    python benchmarks/gpu.py [--quick] [--emulate] [--minutes N] [--out FILE.json]

Prints Markdown tables and writes the figures to build/gpu.json after each part: what the card can
do; latency and device memory at batch 1 and 64 beside PyTorch in float32 and TF32, on the same ONNX
model and card, measured in turns; every network's bits on the card and on the CPU; whether the
choice of the device was right; and where the time of a replay goes, kernel by kernel. A part that
fails prints why, and the next one begins. Needs the extras `gpu`, `onnx` and `train`.

`--emulate` runs all parts, on LeNet-5 alone, where there is no card: the kernels on the emulator,
PyTorch on the CPU. Its times say nothing.
"""

from __future__ import annotations

import argparse
import sys
import traceback
from collections.abc import Callable
from operator import itemgetter
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from contenders import table, timings
from gpu_device import Watched, kernel_table, seconds_of
from gpu_networks import (
    CupyBackend,
    Network,
    cpu_backend,
    cupy_backend,
    seconds,
    torch_contenders,
    torch_peak_bytes,
)
from gpu_peaks import peaks
from harness import machine, write_json

from smartvm.dispatch.cupy_backend.device import Device
from smartvm.storage.cache import resident

NETWORKS = ("lenet5", "alexnet", "resnet18", "mobilenet_v1")
OTHERS = ("mobilenet_v2", "squeezenet", "lstm")
CHOSEN = ("lenet5", "resnet18")
BATCHES = (1, 64)
SCALE = 1000
OURS = "SmartVM frame"
RIGHT = 1.10
"""What the chosen device may take, as a multiple of the better one."""
PAPER = {"lenet5": 1.0, "alexnet": 52.0, "resnet18": 30.0, "mobilenet_v1": 26.3}
"""Milliseconds on the GPU that the paper published (section 4), on an RTX 2080 Ti."""

Figures = list[dict[str, Any]]


class Benchmark:
    """The parts, in the order in which they run.

    Attributes:
        emulate: whether there is no card.
        device: where our kernels run.
        torch_device: where PyTorch runs.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self.emulate = options.emulate
        self.device = _device(self.emulate)
        self.torch_device = "cpu" if self.emulate else "cuda"
        few = self.emulate or options.quick
        self.rounds, self.repeats = (1, 2) if self.emulate else (3, 5) if few else (10, 10)
        self.networks = ("lenet5",) if self.emulate else CHOSEN if few else NETWORKS
        self.others = () if self.emulate else ("lstm",) if few else OTHERS
        self.batches = (1, 2) if self.emulate else BATCHES
        self.peak: dict[str, float] = {}
        self._made: dict[tuple[str, int], Network] = {}
        self._backends: list[CupyBackend] = []
        self._backend = self._new_backend(self.device)

    def parts(self) -> dict[str, Callable[[], Any]]:
        """What there is to do, by name."""
        return {
            "what the card can do": self.peaks,
            "latency and memory": self.latency,
            "bits": self.bits,
            "the choice of the device": self.choice,
            "a replay": self.profile,
        }

    def _new_backend(self, device: Device, choice: str = "gpu") -> CupyBackend:
        self._backends.append(cupy_backend(device, choice))
        return self._backends[-1]

    def check(self) -> None:
        """See that what was measured ran on the device.

        Raises:
            DeviceError: the device failed, and a backend went on with the CPU.
        """
        for backend in self._backends:
            if backend.failure is not None:
                raise backend.failure

    def network(self, name: str, batch: int) -> Network:
        """A network; kept, for its weights are resident."""
        if (name, batch) not in self._made:
            self._made[name, batch] = Network(name, batch, SCALE)
        return self._made[name, batch]

    def peaks(self) -> dict[str, float]:
        """Copies and matrix products."""
        sizes = (128, 1 << 20) if self.emulate else (8192, 1 << 32)
        self.peak = peaks(self.device, self.torch_device, *sizes)
        rows = [[name, f"{value:.3g}"] for name, value in self.peak.items()]
        print(table(["quantity", "measured"], rows))
        return self.peak

    def bits(self) -> Figures:
        """Whether every network gives the same bits as on the CPU, run once and run again."""
        found = []
        for name in (*self.networks, *self.others):
            network = self.network(name, 1)
            expected = network.with_backend(cpu_backend())()
            run = network.with_backend(self._backend)
            equal = all(run() == expected for _ in range(3))
            found.append({"network": name, "equal": equal, "bytes": len(expected)})
        rows = [[f["network"], "equal" if f["equal"] else "DIFFERENT"] for f in found]
        print(table(["network", f"bits, beside {cpu_backend()}"], rows))
        return found

    def latency(self) -> Figures:
        """The frame beside PyTorch."""
        found = [self._latency(name, batch) for name in self.networks for batch in self.batches]
        contenders = list(found[0]["milliseconds"])
        headings = ["network", "batch", "paper", "first", *contenders, "ours : float32"]
        headings += ["ours : TF32", "images/s", "G MAC/s", "of the exact peak"]
        print(table(headings, [self._latency_row(f, contenders) for f in found]), end="\n\n")
        rows = [[f["network"], str(f["batch"]), f"{f['bytes'] / 1e6:.2f}",
                 f"{f['peer bytes'] / 1e6:.2f}", f"{f['bytes'] / (f['peer bytes'] or 1):.2f}"]
                for f in found]  # fmt: skip
        print(table(["network", "batch", "device memory, MB", "PyTorch's, MB", "ratio"], rows))
        return found

    def _latency(self, name: str, batch: int) -> dict[str, Any]:
        resident.clear()  # so that the first call is a first call, and its weights are counted
        network, watched = self.network(name, batch), Watched(self.device)
        run = network.with_backend(self._new_backend(watched))
        first = [seconds(run) for _ in range(3)]  # a call, one that may record it, and a replay
        peer_bytes = torch_peak_bytes(network, self.torch_device)
        runs = {OURS: network.with_backend(self._backend)}
        taken = timings(
            runs | torch_contenders(network, self.torch_device), self.rounds, self.repeats
        )
        return {
            "network": name,
            "batch": batch,
            "first": [time * 1e3 for time in first],
            "bytes": watched.peak,
            "peer bytes": peer_bytes,
            "macs": network.macs,
            "milliseconds": {key: median(times) for key, times in taken.items()},
            "least": {key: min(times) for key, times in taken.items()},
        }

    def _latency_row(self, found: dict[str, Any], contenders: list[str]) -> list[str]:
        taken = found["milliseconds"]
        ours, rate = taken[OURS], found["macs"] / taken[OURS] * 1e3
        ratios = [ours / taken[f"PyTorch {kind}"] if f"PyTorch {kind}" in taken else None
                  for kind in ("float32", "TF32")]  # fmt: skip
        exact = self.peak.get("exact 16-bit MAC/s")
        return [
            *(found["network"], str(found["batch"])),
            f"{PAPER[found['network']]:.1f}" if found["batch"] == 1 else "",
            f"{found['first'][0]:.1f}",
            *(f"{taken[key]:.3f}" for key in contenders),
            *("" if ratio is None else f"{ratio:.2f}" for ratio in ratios),
            f"{found['batch'] / ours * 1e3:,.0f}",
            f"{rate / 1e9:,.0f}",
            f"{rate / exact:.1%}" if exact else "",
        ]

    def choice(self) -> Figures:
        """The frame where the cost model puts it, beside the card and the CPU alone."""
        found = []
        for name in CHOSEN:
            if name not in self.networks:
                continue
            network = self.network(name, 1)
            backends = {"auto": self._new_backend(self.device, "auto"), "gpu": self._backend}
            runs = {key: network.with_backend(b) for key, b in backends.items()}
            runs["cpu"] = network.with_backend(cpu_backend())
            taken = timings(runs, self.rounds, self.repeats)
            found.append({"network": name} | {key: median(t) for key, t in taken.items()})
        rows = []
        for f in found:
            ratio = f["auto"] / min(f["gpu"], f["cpu"])
            shown = [f"{f[key]:.3f}" for key in ("auto", "gpu", "cpu")]
            rows.append([f["network"], *shown, f"{ratio:.2f}", "yes" if ratio <= RIGHT else "NO"])
        print(table(["network", "chosen, ms", "GPU", "CPU", "chosen : better", "right"], rows))
        return found

    def profile(self) -> Figures:
        """Where the time of a call goes that was made before."""
        return [self._profile(name, batch) for name in self.networks for batch in self.batches]

    def _profile(self, name: str, batch: int) -> dict[str, Any]:
        network, watched = self.network(name, batch), Watched(self.device)
        run = network.with_backend(self._new_backend(watched))
        for _ in range(3):
            run()
        runs = []
        for _ in range(5):
            with watched.watch():
                whole = seconds(run)
            runs.append((whole, watched.seconds, watched.calls))
        whole, taken, calls = min(runs, key=itemgetter(0))
        repeats = 2 if self.emulate else 20
        kernels = kernel_table(self.device, watched.launches, repeats)
        together = seconds_of(self.device, watched.launches, repeats)
        within = dict(taken)
        within["the VM and Python"] = whole - sum(within.values())
        print(f"\n{name}, batch {batch}: {whole * 1e6:,.0f} µs, of which the kernels' own "
              f"{together * 1e6:,.0f} µs\n")  # fmt: skip
        rows = [[key, str(calls[key] or ""), f"{t * 1e6:,.1f}"] for key, t in within.items()]
        print(table(["the host's time in", "calls", "µs"], rows), end="\n\n")
        total = sum(k["seconds"] for k in kernels) or 1.0
        rows = [[k["kernel"], str(k["launches"]), f"{k['blocks']:,}", f"{k['seconds'] * 1e6:,.1f}",
                 f"{k['seconds'] / total:.0%}"] for k in kernels]  # fmt: skip
        print(table(["kernel", "launches", "blocks", "µs", "share"], rows))
        return {"network": name, "batch": batch, "whole": whole, "kernels together": together,
                "host": within, "calls": dict(calls), "kernels": kernels}  # fmt: skip


def main() -> None:
    """Run the parts, each as far as it goes."""
    options = _options()
    started, failed = perf_counter(), []
    figures: dict[str, Any] = {"machine": machine(), "emulated": options.emulate, "scale": SCALE}
    benchmark = Benchmark(options)
    figures["device"] = getattr(benchmark.device, "card", {"name": benchmark.device.name})
    print(f"# {benchmark.device.name}, scale {SCALE}, milliseconds are medians")
    for name, part in benchmark.parts().items():
        print(f"\n## {name}\n", flush=True)
        if perf_counter() - started > 60 * options.minutes:
            print("left out: the time is over")
            continue
        try:
            figures[name] = part()
            benchmark.check()
        except Exception:  # one part's failure should not cost the others
            traceback.print_exc(file=sys.stdout)
            failed.append(name)
        figures["seconds"] = perf_counter() - started
        write_json(options.out, figures)
    print(f"\n{perf_counter() - started:.0f} s; figures in {options.out}")
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


def _device(emulate: bool) -> Device:
    if emulate:
        from smartvm.dispatch.cupy_backend.emulator import EmulatedDevice

        return EmulatedDevice()
    from smartvm.dispatch.cupy_backend.cuda_device import CudaDevice, why_not

    if why_not():
        raise SystemExit(f"{why_not()}\n(--emulate tries the benchmark without a card)")
    return CudaDevice()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="LeNet-5, ResNet-18 and the LSTM")
    parser.add_argument("--emulate", action="store_true", help="without a card, to try this out")
    parser.add_argument("--minutes", type=float, default=8, help="begin no part after so many")
    parser.add_argument("--out", type=Path, default=Path("build/gpu.json"), help="the figures")
    return parser.parse_args()


if __name__ == "__main__":
    main()
