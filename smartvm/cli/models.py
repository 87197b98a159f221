"""What the commands for models share: options, compiling with a progress bar, summaries."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smartvm.cli.command import UsageError, count

if TYPE_CHECKING:
    from smartvm.compiler.artefact import Artefact
    from smartvm.compiler.compile import Progress

MODEL_HELP = "an ONNX file"


def add_shape_option(parser: ArgumentParser) -> None:
    """--input, for models that leave shapes open."""
    parser.add_argument(
        "--input",
        action="append",
        default=[],
        type=shape,
        metavar="NAME=SHAPE",
        help="shape of an input that the model leaves open, for example x=1x3x224x224; may be "
        "repeated",
    )


def add_compile_options(parser: ArgumentParser) -> None:
    """The options of compilation."""
    add_shape_option(parser)
    parser.add_argument(
        "--scale",
        type=positive,
        metavar="N",
        help="the integer that stands for 1.0 (default: the smallest of some that will do)",
    )
    parser.add_argument(
        "--weight-scale", type=positive, metavar="N", help="the same for weights (default: --scale)"
    )
    parser.add_argument(
        "--per-channel", action="store_true", help="finer scales for channels of small weights"
    )
    parser.add_argument(
        "--range",
        action="append",
        default=[],
        nargs=2,
        metavar=("[NAME=]LOW", "HIGH"),
        help="what inputs may hold (default: what the samples hold, or -3 to 3); may be repeated",
    )
    parser.add_argument(
        "--pixels", action="store_true", help="the input is 8-bit pixels, 255 for 1.0"
    )
    parser.add_argument(
        "--samples",
        metavar="FILE",
        help="sample inputs, an .npz of arrays by input (default: random ones)",
    )
    parser.add_argument("--quick", action="store_true", help="try no scales: take --scale, or 1000")


def shape(text: str) -> tuple[str, tuple[int, ...]]:
    """The name and lengths of `x=1x3x224x224`."""
    name, separator, lengths = text.rpartition("=")
    try:
        axes = tuple(int(length) for length in lengths.split("x"))
    except ValueError:
        axes = ()
    if not separator or not name or not axes or min(axes) < 1:
        raise ArgumentTypeError(f"expected NAME=SHAPE such as x=1x3x224x224, found {text!r}")
    return name, axes


def positive(text: str) -> int:
    """A number of at least 1."""
    try:
        number = int(text.replace(",", "").replace("_", ""))
    except ValueError:
        number = 0
    if number < 1:
        raise ArgumentTypeError(f"expected a number of at least 1, found {text!r}")
    return number


def compiled(arguments: Namespace) -> Artefact:
    """The artefact of the model that the arguments name; a bar on standard error shows progress."""
    from smartvm.chain.demo_view import ProgressBar
    from smartvm.compiler.compile import compile
    from smartvm.compiler.report import SCALES

    bar = ProgressBar(f"compile {Path(arguments.model).name}", sys.stderr)

    def show(progress: Progress) -> None:
        bar.update(progress.done, progress.total, progress.step)

    return compile(
        arguments.model,
        scale=arguments.scale,
        weight_scale=arguments.weight_scale,
        per_channel=arguments.per_channel,
        input_range=_ranges(arguments.range),
        pixels=arguments.pixels,
        samples=arguments.samples,
        input_shapes=dict(arguments.input),
        scales=() if arguments.quick else SCALES,
        progress=show,
    )


def _ranges(given: Sequence[Sequence[str]]) -> Any:
    """One range for all inputs, ranges by name, or None."""
    ranges = dict(map(_range, given))
    if "" in ranges and len(given) > 1:
        raise UsageError("--range: give one range for all inputs, or each by its name")
    return ranges.get("", ranges or None)


def _range(words: Sequence[str]) -> tuple[str, tuple[float, float]]:
    """The name, empty if there is none, and the ends of `x=-1` and `1`."""
    name, _, low = words[0].rpartition("=")
    try:
        return name, (float(low), float(words[1]))
    except ValueError:
        found = " ".join(words)
        raise UsageError(f"--range: expected two numbers such as -1 1, found {found!r}") from None


def dimensions(axes: Sequence[int]) -> str:
    """`1x3x224x224`; an empty shape is that of one number."""
    return "x".join(map(str, axes)) or "1"


def summary(artefact: Artefact) -> list[tuple[str, str]]:
    """What a compiled model is, as labelled lines."""
    contract, report = artefact.contract, artefact.report
    weights = sum(len(block.items) for block in contract.blocks.values())
    size = sum(len(block.items) * block.item_bytes for block in contract.blocks.values())
    saved = 100 * (1 - artefact.peak_items / artefact.total_items)
    lines = [
        ("code", f"{len(contract.runtime):,} bytes"),
        ("weights", f"{weights:,} in {count(len(contract.blocks), 'block')}, {size / 1e3:,.1f} kB"),
        ("input", _input(artefact)),
        *(("output", _output(artefact, name)) for name in contract.graph.outputs),
        ("widths", _widths(artefact)),
        (
            "Buffer",
            f"{artefact.peak_items:,} items at most, of {artefact.total_items:,} in all "
            f"(saves {saved:.1f}%)",
        ),
    ]
    if report:
        lines += _quantisation(report)
    return [*lines, ("hash", f"0x{contract.model_hash.hex()}")]


def as_json(artefact: Artefact) -> dict[str, Any]:
    """What a compiled model is, as plain data."""
    contract = artefact.contract
    given = contract.input_format
    return {
        "name": artefact.name,
        "modelHash": f"0x{contract.model_hash.hex()}",
        "codeBytes": len(contract.runtime),
        "weights": sum(len(block.items) for block in contract.blocks.values()),
        "weightBytes": sum(len(b.items) * b.item_bytes for b in contract.blocks.values()),
        "blocks": len(contract.blocks),
        "input": {
            "name": given.name,
            "shape": list(given.shape),
            "itemBytes": given.item_bytes,
            "unsigned": given.unsigned,
            "range": [str(end) for end in given.interval],
            "scale": given.scale,
        },
        "outputs": [
            {"name": name, "shape": list(value.shape), "scale": value.scale}
            for name, value in ((n, contract.graph.values[n]) for n in contract.graph.outputs)
        ],
        "peakItems": artefact.peak_items,
        "totalItems": artefact.total_items,
        "scale": artefact.report.get("scale"),
        "agreement": artefact.report.get("agreement"),
    }


def _input(artefact: Artefact) -> str:
    given = artefact.contract.input_format
    low, high = given.interval
    return (
        f"{given.name}: {dimensions(given.shape)}, {given.item_bytes} byte"
        f"{'s' * (given.item_bytes > 1)} an item, {low:,} to {high:,} at scale {given.scale:,}"
    )


def _output(artefact: Artefact, name: str) -> str:
    value = artefact.contract.graph.values[name]
    return f"{name}: {dimensions(value.shape)} at scale {value.scale:,}"


def _widths(artefact: Artefact) -> str:
    """How many operations provably stay within each width."""
    bits = [artefact.certificate[o.output].bits for o in artefact.contract.graph.operations]
    counts = [f"{bits.count(width)} within {width} bits" for width in sorted(set(bits))]
    return f"{', '.join(counts)}; none wraps"


def _quantisation(report: Any) -> list[tuple[str, str]]:
    kind = "random samples" if report["random_samples"] else "samples"
    lines = []
    if report["recommended"]:
        best = report["recommended"]
        lines.append(("scale", f"recommended is {best['scale']:,}, {best['reason']}"))
    if report["agreement"] is not None:
        share = f"{100 * report['agreement']:.4g}% of {report['samples']} {kind}"
        lines.append(("agreement", f"the float model's greatest output for {share}"))
    return lines
