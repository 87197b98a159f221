"""`smartvm asm` and `smartvm disasm`."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from smartvm.cli.command import (
    CODE_HELP,
    SOURCE_HELP,
    Command,
    UsageError,
    add_json_option,
    print_json,
    read_code,
    read_text,
)

_ASM_EXAMPLES = """\
The text, one instruction a line:

  ; a convolution of a 3-channel 224 x 224 map with the weights in block 1
  CONV_MUL weights=1 in=3 out=64 size=224 kernel=7 stride=2 padding=3
  ACT_RL cap=0
  STOP

'.stock' as the first line makes an ordinary contract.

examples:
  smartvm asm net.asm
  smartvm asm net.asm --init -o deploy.hex     code that deploys the contract
  smartvm asm net.asm --binary -o net.evm
  echo 'PUSH 2; two' | smartvm asm -"""

_DISASM_EXAMPLES = """\
'smartvm asm' makes the same bytes of the text again.

examples:
  smartvm disasm net.hex --offsets
  smartvm disasm fc444e4e0160033860073600
  smartvm asm net.asm | smartvm disasm -"""


def _asm_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("source", metavar="FILE", help=SOURCE_HELP)
    parser.add_argument("-o", "--output", metavar="FILE", help="write here, not to the terminal")
    parser.add_argument("--binary", action="store_true", help="write bytes, not hexadecimal")
    parser.add_argument("--init", action="store_true", help="wrap the code in init code")
    add_json_option(parser)


def _asm(arguments: Namespace) -> int:
    from smartvm.compiler.assembler import assemble
    from smartvm.compiler.program import init_code

    if arguments.json and (arguments.output or arguments.binary):
        raise UsageError("--json: the code goes to the terminal; leave out --output and --binary")
    code = assemble(read_text(arguments.source))
    if arguments.init:
        code = init_code(code)
    if arguments.json:
        print_json({"code": f"0x{code.hex()}", "bytes": len(code)})
        return 0
    content = code if arguments.binary else f"{code.hex()}\n".encode()
    if arguments.output:
        Path(arguments.output).write_bytes(content)
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
    return 0


def _disasm_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("code", metavar="CODE", help=CODE_HELP)
    parser.add_argument("--offsets", action="store_true", help="note the offset of each line")
    add_json_option(parser)


def _disasm(arguments: Namespace) -> int:
    from smartvm.compiler.disassembler import disassemble, is_dnn

    code = read_code(arguments.code)
    text = disassemble(code, offsets=arguments.offsets)
    if arguments.json:
        print_json({"assembly": text, "bytes": len(code), "isDNN": is_dnn(code)})
    else:
        print(text, end="")
    return 0


ASM = Command("asm", "assemble a text into bytecode", _ASM_EXAMPLES, _asm_arguments, _asm)
DISASM = Command(
    "disasm",
    "turn bytecode into assembly text",
    _DISASM_EXAMPLES,
    _disasm_arguments,
    _disasm,
)
