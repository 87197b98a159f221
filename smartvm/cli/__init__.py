"""The command `smartvm`. To add a sub-command: write a `Command` and put it into `COMMANDS`.

The modules of the commands import the machine when they run, not before, so that help costs
nothing.
"""

from __future__ import annotations

import os
import sys
from argparse import Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence
from io import TextIOWrapper

from smartvm import __version__
from smartvm.cli.assembly import ASM, DISASM
from smartvm.cli.bench import BENCH
from smartvm.cli.chain_models import MODELS, TRACE
from smartvm.cli.check import CHECK
from smartvm.cli.command import (
    INTERRUPTED,
    REFUSED,
    SUCCESS,
    UNAVAILABLE,
    USAGE,
    Command,
    CommandError,
    Parser,
)
from smartvm.cli.compile import COMPILE
from smartvm.cli.completion import COMPLETION
from smartvm.cli.deploy import DEPLOY, UPLOAD
from smartvm.cli.gas import GAS
from smartvm.cli.info import INFO
from smartvm.cli.node import NODE
from smartvm.cli.opcodes import OPCODES
from smartvm.cli.predict import INFER, PREDICT
from smartvm.cli.proofs import PROVE, VERIFY
from smartvm.cli.run import RUN
from smartvm.cli.solc import SOLC

__all__ = ["COMMANDS", "main"]

GROUPS: dict[str, list[Command]] = {
    "from a model to a contract": [COMPILE, CHECK, GAS],
    "on a chain": [NODE, DEPLOY, UPLOAD, MODELS, PREDICT, INFER, TRACE],
    "proofs": [PROVE, VERIFY],
    "bytecode": [SOLC, ASM, DISASM, RUN, OPCODES],
    "this program": [INFO, BENCH, COMPLETION],
}
"""The sub-commands, as the help lists them."""
COMMANDS: list[Command] = [command for group in GROUPS.values() for command in group]
"""All sub-commands, in the order of the help."""

DESCRIPTION = "An Ethereum virtual machine that runs neural networks inside smart contracts."
EPILOG = """\
examples:
  smartvm compile model.onnx      an ONNX model to a contract with its weights
  smartvm node --db chain         a chain for web3 clients
  smartvm deploy model --upload   the contract and its weights, on that chain
  smartvm predict ADDRESS x.npy   its answer
  smartvm opcodes CONV_MUL        an instruction in full

exit codes: 0 done; 1 refused: by a contract, a node or a check, or a frame that failed; 2 wrong
input; 3 no node or database; 130 interrupted

'smartvm COMMAND --help' explains a command."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line; return its exit code (`smartvm.cli.command`)."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # not every terminal can show every sign
    try:
        return _run(make_parser().parse_args(arguments))
    except KeyboardInterrupt:
        behind_a_bar = "\n" * sys.stderr.isatty()
        print(f"{behind_a_bar}smartvm: interrupted", file=sys.stderr)
        return INTERRUPTED


def _run(parsed: Namespace) -> int:
    from smartvm.exceptions import DatabaseError, ProofError, SmartVMError

    try:
        code = parsed.run(parsed)
        sys.stdout.flush()
    except BrokenPipeError:
        return _reader_left()
    except CommandError as error:
        return _fail(parsed.command, error, error.exit_code)
    except ProofError as error:
        return _fail(parsed.command, error, REFUSED)
    except DatabaseError as error:
        return _fail(parsed.command, error, UNAVAILABLE)
    except (SmartVMError, OSError) as error:
        return _fail(parsed.command, error, USAGE)
    return int(code)


def _fail(command: str, error: Exception, exit_code: int) -> int:
    """Print the error of a command as one line."""
    print(f"smartvm {command}: {_sentence(error)}", file=sys.stderr)
    return exit_code


def _sentence(error: Exception) -> str:
    """The message; for a file that cannot be used, its name and why, without a number."""
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename}: {error.strerror.lower()}"
    return str(error)


def _reader_left() -> int:
    """End quietly when whatever reads our output (`head`, say) has seen enough."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return SUCCESS


def make_parser() -> Parser:
    """The parser of all command lines."""
    parser = Parser(
        "smartvm",
        usage="smartvm [-h] [--version] COMMAND ...",
        description=f"{DESCRIPTION}\n\n{_overview()}",
        epilog=EPILOG,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"smartvm {__version__}")
    commands = parser.add_subparsers(
        dest="command", metavar="COMMAND", required=True, help="one of the above", prog="smartvm"
    )
    for command in COMMANDS:
        sub_parser = commands.add_parser(
            command.name,
            description=f"{command.help[0].upper()}{command.help[1:]}.",
            epilog=command.examples,
            formatter_class=RawDescriptionHelpFormatter,
        )
        command.add_arguments(sub_parser)
        sub_parser.set_defaults(run=command.run)
    return parser


def _overview() -> str:
    """The commands in their groups, a line each."""
    lines = []
    for title, group in GROUPS.items():
        lines += [f"{title}:", *(f"  {c.name:<12}{c.help}" for c in group), ""]
    return "\n".join(lines[:-1])
