"""The command `smartvm`. To add a sub-command: write a `Command` and put it into `COMMANDS`.

The modules of the commands import the machine when they run, not before, so that help costs
nothing.
"""

from __future__ import annotations

import os
import sys
from argparse import RawDescriptionHelpFormatter
from collections.abc import Sequence
from io import TextIOWrapper

from smartvm import __version__
from smartvm.cli.assembly import ASM, DISASM
from smartvm.cli.check import CHECK
from smartvm.cli.command import Command, Parser, UsageError
from smartvm.cli.compile import COMPILE
from smartvm.cli.gas import GAS
from smartvm.cli.info import INFO
from smartvm.cli.opcodes import OPCODES
from smartvm.cli.run import RUN

__all__ = ["COMMANDS", "main"]

COMMANDS: list[Command] = [COMPILE, CHECK, GAS, ASM, DISASM, OPCODES, RUN, INFO]
"""All sub-commands, in the order of the help."""

DESCRIPTION = "An Ethereum virtual machine that runs neural networks inside smart contracts."
EPILOG = """\
examples:
  smartvm compile model.onnx      an ONNX model to a contract with its weights
  smartvm gas model.onnx          what it costs, before anything is sent
  smartvm opcodes                 the instructions
  smartvm opcodes CONV_MUL        one of them in full
  smartvm asm net.asm             assembly to bytecode
  smartvm run net.asm --trace     run it and show every step

'smartvm COMMAND --help' explains a command."""

FRAME_FAILED = 1
USAGE = 2
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line; the exit code: 0, 1 for a frame that failed, 2 for wrong input."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # not every terminal can show every sign
    parsed = _parser().parse_args(arguments)
    from smartvm.exceptions import SmartVMError

    try:
        code = parsed.run(parsed)
        sys.stdout.flush()
    except (UsageError, SmartVMError, OSError) as error:
        if isinstance(error, BrokenPipeError):
            return _reader_left()
        print(f"smartvm {parsed.command}: {_sentence(error)}", file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        return INTERRUPTED
    return int(code)


def _sentence(error: Exception) -> str:
    """The message; for a file that cannot be used, its name and why, without a number."""
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename}: {error.strerror.lower()}"
    return str(error)


def _reader_left() -> int:
    """End quietly when whatever reads our output (`head`, say) has seen enough."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _parser() -> Parser:
    parser = Parser(
        "smartvm",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"smartvm {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for command in COMMANDS:
        sub_parser = commands.add_parser(
            command.name,
            help=command.help,
            description=f"{command.help[0].upper()}{command.help[1:]}.",
            epilog=command.examples,
            formatter_class=RawDescriptionHelpFormatter,
        )
        command.add_arguments(sub_parser)
        sub_parser.set_defaults(run=command.run)
    return parser
