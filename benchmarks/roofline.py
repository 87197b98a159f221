"""The roofline of the native products: each layer's rate against what the machine could do.

    python benchmarks/roofline.py [--threads N] [--repeats N] [--out FILE.png]

Across: multiply-accumulates for each byte that a layer must move (weights, map and result once, 2
bytes an item). Up: multiply-accumulates a second. The roof is measured in the same run: dot
products on registers alone, and reading memory. Weights that fit the processor's cache, and those
kept as int8, pass the slope. Needs matplotlib (`pip install '.[bench]'`).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from native_kernels import NETWORKS, least, name_of, ours, peak

from smartvm.dispatch.native import isa, set_threads
from smartvm.shapes import ConvShape, MatmulShape

MEMORY_BYTES = 1 << 28
ITEM_BYTES = 2
COLOURS = {"resnet18": "tab:blue", "alexnet": "tab:orange", "mobilenet_v1": "tab:green"}


def main() -> None:
    """Measure, print and draw."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--out", type=Path, default=Path("build/benchmarks/roofline.png"))
    options = parser.parse_args()
    set_threads(options.threads)
    most, bandwidth = peak(options.repeats), options.threads * read_bandwidth(options.repeats)
    points = list(measured(options.repeats))
    print(f"{isa()}, {options.threads} threads: peak {most / 1e9:.0f} GMAC/s, "
          f"memory {bandwidth / 1e9:.1f} GB/s")  # fmt: skip
    for network, name, intensity, rate in points:
        roof = min(most, intensity * bandwidth)
        print(f"{network:14}{name:44}{intensity:8.1f} MAC/byte{rate / 1e9:8.1f} GMAC/s"
              f"{rate / roof:7.0%} of the roof")  # fmt: skip
    draw(points, most, bandwidth, options)
    print(options.out)


def measured(repeats: int) -> Iterator[tuple[str, str, float, float]]:
    """Network, layer, MACs a byte and MACs a second."""
    for network, layers in NETWORKS.items():
        for _, shape in layers():
            (seconds,) = least(repeats, ours(shape))
            yield network, name_of(shape), shape.macs / moved_bytes(shape), shape.macs / seconds


def moved_bytes(shape: ConvShape | MatmulShape) -> int:
    """Bytes of the weights, the map and the result."""
    if isinstance(shape, MatmulShape):
        items = shape.inner * (shape.rows + shape.columns) + shape.out_items
    else:
        items = shape.weight_items + shape.in_items + shape.out_items
    return ITEM_BYTES * items


def read_bandwidth(repeats: int) -> float:
    """Bytes a second that one core reads from memory."""
    items = np.ones(MEMORY_BYTES // 4, np.float32)
    (seconds,) = least(min(repeats, 5), lambda: items @ items)
    return MEMORY_BYTES / seconds


def draw(points: list[Any], most: float, bandwidth: float, options: argparse.Namespace) -> None:
    """Write the plot."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 5), layout="constrained")
    across = np.geomspace(0.4, 1000, 200)
    axes.loglog(across, np.minimum(most, across * bandwidth) / 1e9, color="black", label="roof")
    for network, colour in COLOURS.items():
        own = [(point[2], point[3] / 1e9) for point in points if point[0] == network]
        axes.loglog(*zip(*own, strict=True), "o", color=colour, alpha=0.75, label=network)
    axes.set_xlabel("multiply-accumulates per byte moved")
    axes.set_ylabel("10⁹ multiply-accumulates per second")
    axes.set_title(f"Native products, {isa()}, {options.threads} thread(s), int16 maps and weights")
    axes.grid(True, which="both", alpha=0.25)
    axes.legend()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(options.out, dpi=120)


if __name__ == "__main__":
    main()
