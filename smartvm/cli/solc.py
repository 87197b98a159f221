"""`smartvm solc`."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from smartvm.cli.command import (
    SUCCESS,
    Command,
    UsageError,
    add_json_option,
    print_json,
)

if TYPE_CHECKING:
    from smartvm.compiler.solidity import Compilation, SolidityContract

_EXAMPLES = """\
A contract uses the instructions of SmartVM by functions, or by their names in assembly:

  import {SmartVM} from "smartvm/SmartVM.sol";
  ...
  SmartVM.convMul({weights: 1, inChannels: 3, outChannels: 64, size: 224,
                   kernel: 7, stride: 2, padding: 3});
  assembly ("memory-safe") { act_rl(0) }

Each contract becomes OUT/FILE/NAME.json: ABI, bytecode, selectors, storage layout. It needs solc,
0.8.37 or newer: a program on the PATH, or npm's package (npm install solc@0.8.37).

examples:
  smartvm solc LeNet5.sol
  smartvm solc src/*.sol -o build --include node_modules
  smartvm solc Market.sol --remap @oz/=lib/openzeppelin/contracts/
  smartvm solc object.yul --yul"""


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("files", metavar="FILE", nargs="+", help="Solidity files, or one .yul file")
    parser.add_argument(
        "-o", "--output", metavar="OUT", default="out", help="a directory (default: out)"
    )
    parser.add_argument(
        "--base",
        metavar="DIR",
        default=".",
        help="what the names of sources are relative to (default: the current directory)",
    )
    parser.add_argument(
        "--include",
        metavar="DIR",
        action="append",
        default=[],
        help="look imports up here as well; may be given several times",
    )
    parser.add_argument(
        "--remap",
        metavar="PREFIX=TARGET",
        action="append",
        default=[],
        help="take imports that begin with PREFIX from TARGET; may be given several times",
    )
    parser.add_argument(
        "--runs",
        metavar="N",
        type=int,
        default=200,
        help="how often the code will run: few for small code, many for cheap runs (default: 200)",
    )
    parser.add_argument("--yul", action="store_true", help="also write the optimised Yul")
    add_json_option(parser)


def _solc(arguments: Namespace) -> int:
    from smartvm.compiler.solidity import ImportPaths, Remapping, Settings, compile_files

    if arguments.runs < 1:
        raise UsageError(f"--runs: expected 1 or more, found {arguments.runs}")
    if Path(arguments.output).is_file():
        raise UsageError(f"{arguments.output} is a file: expected a directory")
    for folder in (arguments.base, *arguments.include):
        if not Path(folder).is_dir():
            raise UsageError(f"{folder}: expected a directory to look imports up in, found none")
    paths = ImportPaths(
        Path(arguments.base),
        [Path(folder) for folder in arguments.include],
        [Remapping.parse(text) for text in arguments.remap],
    )
    compilation = compile_files(arguments.files, paths, Settings(runs=arguments.runs))
    for warning in compilation.warnings:
        print(warning, file=sys.stderr)
    if not compilation:
        raise UsageError("nothing to write: interfaces and abstract contracts have no code")
    written = _write(compilation, Path(arguments.output), arguments.yul)
    if arguments.json:
        print_json({str(path): contract.as_json() for path, contract in written.items()})
    else:
        print("\n".join(_summary(contract, path) for path, contract in written.items()))
    return SUCCESS


def _write(compilation: Compilation, folder: Path, with_yul: bool) -> dict[Path, SolidityContract]:
    """Write every contract; which are where.

    Raises:
        UsageError: two have the same place.
    """
    names: dict[Path, str] = {}
    written: dict[Path, SolidityContract] = {}
    for name, contract in compilation.items():
        path = folder / Path(contract.source).name / f"{contract.name}.json"
        if path in names:
            raise UsageError(f"{names[path]} and {name} would both be {path}")
        names[path], written[path] = name, contract
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(contract.as_json(), indent=2) + "\n")
        if with_yul:
            path.with_suffix(".yul").write_text(contract.yul)
    return written


def _summary(contract: SolidityContract, path: Path) -> str:
    sizes = f"{len(contract.deployed_bytecode) // 2:>6,} bytes of code"
    libraries = f", to be linked with {', '.join(contract.libraries)}" * bool(contract.libraries)
    return f"{contract.name:<20}{sizes}  {path}{libraries}"


SOLC = Command("solc", "compile Solidity with DNN instructions", _EXAMPLES, _arguments, _solc)
