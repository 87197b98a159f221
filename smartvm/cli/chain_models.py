"""`smartvm models` and `smartvm trace`."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

from smartvm.cli.client import add_client_options, open_client
from smartvm.cli.command import Command, Refused, add_json_option, print_json
from smartvm.cli.contracts import HASH_BYTES, parse_bytes

_MODELS_EXAMPLES = """\
examples:
  smartvm models
  smartvm models --db chain --json"""
_TRACE_EXAMPLES = """\
The transaction is executed again, on the state that it found. Without --steps, a line a layer.

examples:
  smartvm trace 0x9c1e…77b2
  smartvm trace 0x9c1e…77b2 --steps
  smartvm trace 0x9c1e…77b2 --json > layers.json"""


def _models_arguments(parser: ArgumentParser) -> None:
    add_client_options(parser)
    add_json_option(parser)


def _models(arguments: Namespace) -> int:
    with open_client(arguments) as client:
        found = client.call("smartvm_models")
        if arguments.json:
            print_json(found)
        elif not found:
            print("no models on this chain yet: 'smartvm deploy' puts one there")
        else:
            print("\n".join(_model_line(*row) for row in (_HEADER, *map(_cells, found))))
    return 0


_HEADER = ("address", "name", "blocks", "weight bytes", "version", "state", "model hash")


def _model_line(*cells: str) -> str:
    address, name, blocks, size, version, state, digest = cells
    return f"{address:<44}{name:<12}{blocks:>7}{size:>14}{version:>9}  {state:<11}{digest}".rstrip()


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    complete = "frozen" if row["frozen"] else "complete"
    state = "incomplete" if row["missingBlocks"] else complete if row["matchesHash"] else "changed"
    name, digest = row["name"] or "-", f"{row['modelHash'][:18]}…"
    numbers = (f"{row['blockCount']:,}", f"{row['weightBytes']:,}", f"{row['version']}")
    return (row["address"], name, *numbers, state, digest)


def _trace_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("transaction", metavar="TX", help="the hash of a transaction")
    parser.add_argument("--steps", action="store_true", help="every instruction of every frame")
    add_client_options(parser)
    add_json_option(parser)


def _trace(arguments: Namespace) -> int:
    name = f"0x{parse_bytes(arguments.transaction, HASH_BYTES, 'the hash of a transaction').hex()}"
    method = "debug_traceTransaction" if arguments.steps else "smartvm_traceLayers"
    with open_client(arguments) as client:
        found = client.call(method, name)
        if found is None:
            raise Refused(f"transaction {name}: the chain has none such")
        if arguments.json:
            print_json(found)
        else:
            print(_steps_table(found) if arguments.steps else _layers_table(found))
    return 0


def _layers_table(found: dict[str, Any]) -> str:
    lines = [f"{'layer':<16}{'instruction':<12}{'gas':>12}  {'map':<16}{'least to greatest item'}"]
    for row in found["layers"]:
        shape = "x".join(map(str, row["shape"] or ()))
        low, high = row["bounds"] or ("", "")
        bounds = f"{low} to {high}" if low else ""
        line = f"{row['name']:<16}{row['instruction']:<12}{int(row['gas'], 16):>12,}"
        lines.append(f"{line}  {shape:<16}{bounds}".rstrip())
    lines.append(f"{'the frame':<28}{int(found['frameGas'], 16):>12,}")
    lines.append(f"{'the transaction':<28}{int(found['gas'], 16):>12,}")
    if found["error"]:
        lines.append(f"it failed: {found['error']}")
    return "\n".join(lines)


def _steps_table(found: dict[str, Any]) -> str:
    lines = [f"{'depth':>5} {'pc':>6}  {'instruction':<16}{'gas cost':>12}{'gas left':>14}  Buffer"]
    for step in found["structLogs"]:
        maps = step.get("buffer", {}).get("maps", "")
        cost, left = step["gasCost"], step["gas"] - step["gasCost"]
        line = f"{step['depth']:>5} {step['pc']:>6}  {step['op']:<16}{cost:>12,}{left:>14,}"
        lines.append(f"{line}  {maps}".rstrip())
    state = "failed" if found["failed"] else "succeeded"
    return "\n".join([*lines, f"the transaction {state}: {found['gas']:,} gas"])


MODELS = Command(
    "models", "list the models on a chain", _MODELS_EXAMPLES, _models_arguments, _models
)
TRACE = Command(
    "trace", "show what a transaction did, layer by layer", _TRACE_EXAMPLES,
    _trace_arguments, _trace,
)  # fmt: skip
