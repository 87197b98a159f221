"""`smartvm compile`."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from smartvm.cli.command import Command, UsageError, add_json_option, print_json, print_rows
from smartvm.cli.models import MODEL_HELP, add_compile_options, as_json, compiled, summary

_EXAMPLES = """\
The artefact holds the contract's code, its weight blocks, its ABI, the certificate and a report
of what quantisation changes (docs/artefact.md).

examples:
  smartvm compile model.onnx                        into the directory model/
  smartvm compile model.onnx -o model.zip --samples inputs.npz
  smartvm compile model.onnx --pixels --scale 1020
  smartvm compile model.onnx --input x=1x3x224x224 --range -2.2 2.7 --report"""


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help=MODEL_HELP)
    parser.add_argument(
        "-o",
        "--output",
        metavar="PATH",
        help="a directory, or a single file if it ends in .zip (default: the model's name)",
    )
    add_compile_options(parser)
    parser.add_argument(
        "--report", action="store_true", help="show the error of every tensor and scale"
    )
    add_json_option(parser)


def _compile(arguments: Namespace) -> int:
    target = Path(arguments.output or Path(arguments.model).stem)
    if target.is_file() and target.suffix != ".zip":
        raise UsageError(f"{target} is a file: expected a directory, or a name that ends in .zip")
    artefact = compiled(arguments)
    path = artefact.save(target)
    if arguments.json:
        tables = {"report": dict(artefact.report)} if arguments.report else {}
        print_json({**as_json(artefact), **tables, "written": f"{path}"})
        return 0
    if arguments.report:
        print(report(artefact.report))
    print_rows([*summary(artefact), ("written", f"{path}")])
    return 0


def report(data: Any) -> str:
    """The tables of a report: a line a tensor, then one a scale."""
    header = f"{'tensor':<28}{'operator':<20}{'from':>10}{'to':>10}{'error':>11}{'mean':>11} bits"
    lines = [header, "─" * len(header)]
    lines += [
        f"{_cut(row['tensor'], 27):<28}{_cut(row['operator'], 19):<20}{row['low']:>10.4g}"
        f"{row['high']:>10.4g}{row['max_error']:>11.3g}{row['mean_error']:>11.3g}{row['bits']:>5}"
        for row in data["tensors"]
    ]
    lines += ["", f"{'scale':>9}{'agreement':>12}{'error':>11}{'gas at most':>16}"]
    return "\n".join([*lines, *map(_trial, data["scales"]), ""])


def _trial(row: Any) -> str:
    if row["problem"]:
        return f"{row['scale']:>9,}  {row['problem']}"
    agreement = "-" if row["agreement"] is None else f"{100 * row['agreement']:.4g}%"
    return f"{row['scale']:>9,}{agreement:>12}{row['max_error']:>11.3g}{row['gas']:>16,}"


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"


COMPILE = Command("compile", "turn an ONNX model into a contract", _EXAMPLES, _arguments, _compile)
