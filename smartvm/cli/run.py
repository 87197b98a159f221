"""`smartvm run`."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from smartvm.cli.command import (
    Command,
    UsageError,
    add_json_option,
    count,
    from_hex,
    print_json,
    read_code,
)

if TYPE_CHECKING:
    from smartvm.execution import Execution

_EXAMPLES = """\
The code runs in a state of its own, which is thrown away. Exit code: 0, or 1 if the frame failed.

examples:
  smartvm run net.asm --block 1=weights.npy --block 2=1,-2,3
  smartvm run net.asm --calldata 0x0001 --trace
  smartvm run 6002600301 --gas 100"""

SHOWN_ITEMS = 16
SIGN_BIT = 1 << 255


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "code",
        metavar="CODE",
        help="a file (assembly, hexadecimal or binary), hexadecimal digits, or - (standard input)",
    )
    parser.add_argument("--calldata", default="", metavar="HEX", help="the call's input")
    parser.add_argument("--gas", type=_gas, metavar="N", help="gas of the call")
    parser.add_argument("--backend", metavar="NAME", help="what computes (see smartvm info)")
    parser.add_argument(
        "--block",
        action="append",
        default=[],
        metavar="N=ITEMS",
        help="a weight block: N=FILE.npy or N=1,-2,3; may be repeated",
    )
    parser.add_argument("--mark", action="store_true", help="put the DNN marker before raw code")
    parser.add_argument("--trace", action="store_true", help="show every step")
    parser.add_argument("--full", action="store_true", help=f"show maps beyond {SHOWN_ITEMS} items")
    add_json_option(parser)


def _gas(text: str) -> int:
    value = _integer(text.replace(",", ""))
    if value is None or not 0 <= value < 1 << 64:
        raise ArgumentTypeError(f"expected a number from 0 to 2^64 - 1, found {text!r}")
    return value


def _integer(text: str) -> int | None:
    try:
        return int(text, 0)
    except ValueError:
        return None


def _run(arguments: Namespace) -> int:
    from smartvm.compiler.assembler import assemble
    from smartvm.exceptions import DNNError
    from smartvm.execution import DEFAULT_GAS, execute

    code = read_code(arguments.code, assemble)
    blocks = dict(read_block(text) for text in arguments.block)
    try:
        execution = execute(
            code,
            calldata=from_hex(arguments.calldata, "hexadecimal calldata"),
            gas=DEFAULT_GAS if arguments.gas is None else arguments.gas,
            blocks=blocks,
            backend=arguments.backend,
            mark=arguments.mark,
            trace=arguments.trace,
        )
    except DNNError as error:  # a block that cannot be stored; the frame's own are not raised
        raise UsageError(str(error)) from None
    if arguments.json:
        print_json(as_json(execution))
    else:
        if arguments.trace:
            print(trace(execution))
        print(report(execution, sys.maxsize if arguments.full else SHOWN_ITEMS))
    if execution.error is None:
        return 0
    print(f"smartvm run: {describe(execution.error)}", file=sys.stderr)
    return 1


def read_block(text: str) -> tuple[int, Iterable[int]]:
    """The number and the items of `N=1,-2,3` or `N=FILE.npy`."""
    name, _, content = text.partition("=")
    number = _integer(name)
    if number is None or not 0 <= number < 1 << 64 or not content:
        raise UsageError(f"--block: expected N=FILE.npy or N=1,-2,3, found {text!r}")
    if content.endswith(".npy"):
        return number, _load(content)
    return number, [_item(item) for item in content.split(",")]


def _load(path: str) -> Iterable[int]:
    import numpy as np

    try:
        items = np.load(path, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise UsageError(f"{path}: no numpy file: {error}") from None
    if not isinstance(items, np.ndarray) or items.dtype.kind not in "iu" or not items.size:
        raise UsageError(f"{path}: expected an array of integers with at least one item")
    return items


def _item(text: str) -> int:
    value = _integer(text)
    if value is None or not -SIGN_BIT <= value < SIGN_BIT:
        raise UsageError(f"--block: expected signed 256-bit integers, found {text!r}")
    return value


def report(execution: Execution, shown_items: int) -> str:
    """What a run left, for people: output, gas, logs, Stack and Buffer."""
    lines = [f"output  0x{execution.output.hex()}", f"gas     {execution.gas_used:,}"]
    for address, topics, data in execution.logs:
        named = " ".join(f"{topic:#066x}" for topic in topics)
        lines.append(f"log     0x{address.hex()} [{named}] 0x{data.hex()}")
    lines.append(f"Stack   {count(len(execution.stack), 'item')}, the top last")
    lines += [f"  {item:#x}" for item in execution.stack]
    lines.append(f"Buffer  {count(len(execution.buffer), 'map')}, the top last")
    lines += [f"  {_map(items, shown_items)}" for items in execution.buffer]
    return "\n".join(lines)


def as_json(execution: Execution) -> dict[str, Any]:
    """What a run left, and its steps if it was traced, as plain data; items are decimal text."""
    error = None if execution.error is None else describe(execution.error)
    return {
        "output": f"0x{execution.output.hex()}",
        "gasUsed": execution.gas_used,
        "error": error,
        "logs": [
            {
                "address": f"0x{address.hex()}",
                "topics": [f"{topic:#066x}" for topic in topics],
                "data": f"0x{data.hex()}",
            }
            for address, topics, data in execution.logs
        ],
        "stack": [hex(item) for item in execution.stack],
        "buffer": [[str(item) for item in items] for items in execution.buffer],
        "steps": [
            {
                "depth": step.depth,
                "pc": step.pc,
                "op": step.mnemonic,
                "gas": step.gas,
                "gasCost": step.gas_cost,
                "buffer": list(step.buffer_maps),
            }
            for step in execution.steps
        ],
    }


def _map(items: list[int], shown_items: int) -> str:
    shown = ", ".join(map(str, items[:shown_items]))
    more = f", … {len(items)} items" if len(items) > shown_items else ""
    return f"[{shown}{more}]"


def trace(execution: Execution) -> str:
    """The steps, one a line: where, what, gas, and the maps after it."""
    lines = [f"{'depth':>5} {'pc':>6}  {'instruction':<16}{'gas cost':>12}{'gas left':>12}  Buffer"]
    for step in execution.steps:
        lines.append(
            f"{step.depth:>5} {step.pc:>6}  {step.mnemonic:<16}{step.gas_cost:>12,}"
            f"{step.gas - step.gas_cost:>12,}  {list(step.buffer_maps) or ''}".rstrip()
        )
    return "\n".join([*lines, ""])


def describe(error: Exception) -> str:
    """An error as one line: its class and what it says; a revert's bytes in hexadecimal."""
    said = error.args[0] if error.args else ""
    text = f"0x{said.hex()}" if isinstance(said, bytes) else " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


RUN = Command("run", "run bytecode or assembly", _EXAMPLES, _arguments, _run)
