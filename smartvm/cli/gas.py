"""`smartvm gas`."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smartvm.cli.command import Command, UsageError, add_json_option, print_json
from smartvm.cli.inputs import read_array
from smartvm.cli.models import add_compile_options, compiled

if TYPE_CHECKING:
    from smartvm.compiler.artefact import Artefact
    from smartvm.compiler.price import RunPrice

_EXAMPLES = """\
Deployment, upload, updates and the run for a given input cost exactly this; 'run at most' holds
for every input in range. All are whole transactions, the rows of layers parts of them.

examples:
  smartvm gas model.onnx --quick
  smartvm gas model.zip --input-file image.npy"""

NAME_COLUMNS = 26
COMPILE_OPTIONS = (
    "input", "scale", "weight_scale", "per_channel", "range", "pixels", "samples", "quick",
)  # fmt: skip


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="an ONNX file, or a compiled artefact")
    parser.add_argument(
        "--input-file",
        metavar="FILE",
        help="an input (.npy, or .npz of one array) for which the exact price is shown",
    )
    add_compile_options(parser)
    add_json_option(parser)


def _gas(arguments: Namespace) -> int:
    from smartvm.compiler.price import run_bound, run_gas

    artefact = _artefact(arguments)
    bound, exact = run_bound(artefact.contract, artefact.certificate), None
    if arguments.input_file:
        packed = artefact.contract.input_format.pack(read_array(arguments.input_file))
        exact = run_gas(artefact.contract, packed)
    if arguments.json:
        print_json(as_json(artefact, bound, exact))
    else:
        print(table(artefact, bound, exact))
    return 0


def _artefact(arguments: Namespace) -> Artefact:
    from smartvm.compiler.artefact import Artefact

    path = Path(arguments.model)
    if not path.is_dir() and path.suffix != ".zip":
        return compiled(arguments)
    for option in COMPILE_OPTIONS:
        if getattr(arguments, option):
            flag = option.replace("_", "-")
            raise UsageError(f"{path} is compiled already: --{flag} has no effect on it")
    return Artefact.load(path)


def as_json(artefact: Artefact, bound: RunPrice, exact: RunPrice | None) -> dict[str, Any]:
    """What it costs, as plain data."""
    from smartvm.compiler.price import deploy_gas, layer_bytes, update_gas, upload_gas

    contract = artefact.contract
    updates, sizes = update_gas(contract), layer_bytes(contract)
    layers = [
        {
            "name": layer.name,
            "macs": layer.macs,
            "weightBytes": sizes.get(layer.name, 0),
            "updateGas": updates.get(layer.name, 0),
            "runAtMost": bound.layers[layer.name],
            "run": None if exact is None else exact.layers[layer.name],
        }
        for layer in contract.layers
    ]
    return {
        "layers": layers,
        "runAtMost": bound.total,
        "run": None if exact is None else exact.total,
        "deploy": deploy_gas(contract),
        "upload": upload_gas(contract),
        "uploadTransactions": len(contract.blocks),
    }


def table(artefact: Artefact, bound: RunPrice, exact: RunPrice | None) -> str:
    """What it costs, a line a layer, then the transactions."""
    from smartvm.compiler.price import deploy_gas, layer_bytes, update_gas, upload_gas

    contract = artefact.contract
    updates, sizes = update_gas(contract), layer_bytes(contract)
    runs = [bound, *([exact] if exact else [])]
    header = _line("layer", "MACs", "weight bytes", "update", "run at most", *["run"] * bool(exact))
    rule = "─" * len(header)
    layers = [
        _line(
            layer.name,
            layer.macs or "",
            sizes.get(layer.name, ""),
            updates.get(layer.name, ""),
            *(run.layers[layer.name] for run in runs),
        )
        for layer in contract.layers
    ]
    around = _line("reading, answering", "", "", "", *(run.around for run in runs))
    total = _line("a run as a transaction", "", "", "", *(run.total for run in runs))
    count = len(contract.blocks)
    upload = _line(f"upload, {count} transactions", "", "", upload_gas(contract))
    deploy = _line("deployment", "", "", deploy_gas(contract))
    return "\n".join([header, rule, *layers, around, rule, total, deploy, upload])


def _line(name: str, *cells: int | str) -> str:
    shown = name if len(name) < NAME_COLUMNS else f"{name[: NAME_COLUMNS - 2]}…"
    texts = (cell if isinstance(cell, str) else f"{cell:,}" for cell in cells)
    return f"{shown:<{NAME_COLUMNS}}{''.join(f'{text:>16}' for text in texts)}".rstrip()


GAS = Command("gas", "price a model before anything is sent", _EXAMPLES, _arguments, _gas)
