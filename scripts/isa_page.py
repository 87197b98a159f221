"""Keep docs/isa.md in step with the code: its tables of instructions and the gas of its examples.

    python scripts/isa_page.py            rewrite what follows from the code
    python scripts/isa_page.py --check    exit with 1 if that would change the page

Both are derived: a table from the rows of `smartvm/opcodes`, the figure behind a gas formula from
`smartvm/gas.py`. tests/docs/test_isa.py reads the page with the same functions and checks the rest.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from smartvm import SmartVM, Tensor, assemble, execute, gas
from smartvm.execution import Execution
from smartvm.opcodes import PAPER, Instruction
from smartvm.opcodes.extension_table import EXTENSIONS
from smartvm.opcodes.frame import Frame, charge_growth

PAGE = Path(__file__).parents[1] / "docs" / "isa.md"
TABLES = {"## 5. Instructions": PAPER.rows, "## 8. Extension page": EXTENSIONS}
"""The rows of which a section of the page has a table, and a subsection each."""
PARTS = ["Operands", "Shape", "Arithmetic", "Gas", "Errors", "Example"]
"""What every subsection has, in this order."""

_TABLE_HEAD = "| op | name | operands | summary |\n|---|---|---|---|\n"
_EXAMPLE = re.compile(r"^```asm\n(.*?)^```\n\n```text\n(.*?)^```$", re.M | re.S)
_FIELD = re.compile(r"^(Buffer|Stack|Memory|Block \d+|Gas): +(.*(?:\n +.*)*)$", re.M)
_FUNCTIONS = {"bits": int.bit_length, "max": max, "min": min}
_MAP = re.compile(r"\[([^\]]*)\](?: of (\d+) bytes?)?")


class Map(NamedTuple):
    """The items of a feature map or a block; of a block also its bytes an item, 0 if not stated."""

    items: list[int]
    item_bytes: int


class Example(NamedTuple):
    """One example: what there is before, the assembly text, and what there is after.

    Attributes:
        mnemonic: the instruction that it shows, whose last execution `Gas` is about.
        source: the assembly text.
        before: `Buffer` and `Block N`, as the page writes them.
        after: the same, `Stack`, `Memory` and `Gas`.
    """

    mnemonic: str
    source: str
    before: dict[str, str]
    after: dict[str, str]

    def changed(self, change: str) -> Example:
        """This example with other operands (`size=3 kernel=2`) or another `Buffer: [...]`."""
        operands, _, maps = change.partition("Buffer: ")
        before = self.before | ({"Buffer": maps} if maps else {})
        return self._replace(source=_with_operands(self, operands.split()), before=before)


class Mistake(NamedTuple):
    """A row of a table of errors; `change` makes the example above it fail that way."""

    error: str
    operand: str
    condition: str
    change: str


class Section(NamedTuple):
    """The subsection of one instruction, under the heading of its family."""

    family: str
    title: str
    parts: dict[str, str]
    examples: list[Example]
    mistakes: list[Mistake]


def rows_of(table: str) -> list[list[str]]:
    """The cells of a Markdown table, without its head, in plain text."""
    lines = re.findall(r"^\|(.*)\|$", table, re.M)[2:]
    return [[cell.strip().replace("`", "") for cell in line.split(" |")] for line in lines]


def instruction_table(rows: Iterable[Instruction]) -> str:
    """The table of instructions, one a line."""
    return _TABLE_HEAD + "".join(
        f"| {row.opcode:02x} | [{row.mnemonic}](#0x{row.opcode:02x}-{row.mnemonic.lower()}) "
        f"| {', '.join(map(_signature, row.operands))} | {row.summary} |\n"
        for row in rows
    )


def _signature(operand: Any) -> str:
    return "+".join(filter(None, operand.fields)) or operand.name


def operand_lines(row: Instruction) -> list[tuple[str, str, str]]:
    """(position, name, kind) of each operand; of an operand of fields, of each field."""
    lines = []
    for position, operand in enumerate(row.operands, 1):
        if not operand.fields:
            lines.append((str(position), operand.name, operand.kind.value))
        for index, name in enumerate(operand.fields):
            if name:
                kind = operand.kind.value.removesuffix("s")
                lines.append((str(position), name, f"{kind} f{index}"))
    return lines


def section_text(page: str, heading: str) -> str:
    """The text from a heading to the next one of its level."""
    level = heading.partition(" ")[0]
    text = page.partition(f"\n{heading}\n")[2]
    return text.partition(f"\n{level} ")[0]


def sections(page: str) -> list[Section]:
    """The subsections of the instructions, in the order of the page."""
    found = []
    for heading in TABLES:
        for family in section_text(page, heading).split("\n### ")[1:]:
            name, *texts = family.split("\n#### ")
            found += [_section(name.strip(), text) for text in texts]
    return found


def _section(family: str, text: str) -> Section:
    title, _, body = text.partition("\n")
    pieces = re.split(r"^\*\*(\w+)\.\*\*", body, flags=re.M)
    parts = dict(zip(pieces[1::2], pieces[2::2], strict=True))
    examples = [_example(title.split()[1], *pair) for pair in _EXAMPLE.findall(parts["Example"])]
    mistakes = [Mistake(*row) for row in rows_of(parts["Errors"])]
    return Section(family, title, parts, examples, mistakes)


def _example(mnemonic: str, source: str, after: str) -> Example:
    before = "\n".join(re.findall(r"^; (.*)$", source, re.M))
    return Example(mnemonic, source, dict(_FIELD.findall(before)), dict(_FIELD.findall(after)))


def maps_of(text: str) -> list[Map]:
    """The maps of `[1, -2^255] [3, 0 × 9] of 2 bytes`; none of `none`."""
    return [
        Map([value for item in items.split(",") for value in _repeated(item)], int(width or 0))
        for items, width in _MAP.findall(text)
    ]


def _repeated(item: str) -> list[int]:
    value, _, times = item.partition("×")
    return [number(value)] * int(times or 1)


def number(text: str) -> int:
    """The integer of `-7`, `0x1f` or `-2^255`."""
    base, _, exponent = text.strip().lstrip("-").partition("^")
    value = int(base, 0) ** int(exponent or "1")
    return -value if text.strip().startswith("-") else value


def evaluate(formula: str, **arguments: int) -> int:
    """The value of a formula in the names of `smartvm.gas` and of its arguments."""
    return int(eval(formula, {**vars(gas), "__builtins__": {}, **_FUNCTIONS, **arguments}))


def gas_of(example: Example) -> tuple[str, int]:
    """The formula and the figure of an example's `Gas`."""
    formula, _, figure = " ".join(example.after["Gas"].split()).rpartition(" = ")
    return formula, int(figure.replace(",", ""))


def run(example: Example, backend: str | None = None, static: bool = False) -> Execution:
    """Execute an example on the maps and the blocks that it starts with, with a trace."""
    maps = [Tensor.from_ints(map_.items) for map_ in maps_of(example.before.get("Buffer", ""))]
    start = Instruction(0xCF, "START", "", (), _starter(maps), "", "", maps=0)
    vm = SmartVM.with_instructions(start)
    instructions = vm._state_class.computation_class.instructions
    return execute(
        assemble(f"START\n{example.source}", instructions),
        vm=vm,
        blocks=dict(_blocks(example)),
        backend=backend,
        static=static,
        trace=True,
    )


def _starter(maps: list[Tensor]) -> Any:
    """The logic of an instruction that pushes maps, and pays for holding them."""

    def logic(frame: Frame) -> None:
        for tensor in maps:
            charge_growth(frame, len(tensor), tensor.limbs)
            frame.buffer.push(tensor)

    return logic


def _blocks(example: Example) -> Iterable[tuple[int, Any]]:
    for name, text in example.before.items():
        if name.startswith("Block"):
            ((items, width),) = maps_of(text)
            yield int(name.split()[1]), np.array(items, f"i{width}") if width else items


def _with_operands(example: Example, operands: list[str]) -> str:
    """The text with some operands of the instruction's last line set or replaced."""
    *before, line = example.source.rstrip().split("\n")
    for operand in operands:
        name, _, _ = operand.partition("=")
        line = re.sub(rf" {name}=\S+", "", line) + f" {operand}"
    return "\n".join([*before, line])


def renewed(page: str) -> str:
    """The page with its tables and figures as the code has them."""
    for heading, rows in TABLES.items():
        text = section_text(page, heading)
        old = re.search(re.escape(_TABLE_HEAD) + r"(?:\|.*\|\n)*", text)
        assert old, f"{heading}: no table of instructions"
        page = page.replace(old[0], instruction_table(rows))
    return re.sub(r"^Gas: +.*(?:\n +.*)*$", _renewed_figure, page, flags=re.M)


def _renewed_figure(match: re.Match[str]) -> str:
    text, _, _ = match[0].rpartition(" = ")
    return f"{text} = {evaluate(' '.join(text.removeprefix('Gas: ').split())):,}"


def main() -> int:
    """Rewrite or check the page."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="change nothing; exit with 1 if stale")
    page = PAGE.read_text()
    new = renewed(page)
    if parser.parse_args().check:
        return int(new != page)
    PAGE.write_text(new)
    return 0


if __name__ == "__main__":
    sys.exit(main())
