"""docs/isa.md says what the code does: its tables, prices, words, examples and errors are run."""

from __future__ import annotations

import inspect
import re
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
from eth.vm.forks.prague.opcodes import PRAGUE_OPCODES
from hypothesis import given
from hypothesis import strategies as st

from smartvm import exceptions, gas, words
from smartvm.compiler.operands import encode
from smartvm.compiler.syntax import parse_value
from smartvm.dispatch.tensor import Tensor
from smartvm.exceptions import DNNError, OperandError
from smartvm.execution import CONTRACT, DEFAULT_GAS
from smartvm.opcodes import EXTENSION_PAGE, RELOCATION, Kind, Operand
from smartvm.storage import block_key, encode_block
from smartvm.vm import MAGIC

ROOT = Path(__file__).parents[2]


def load_script():
    """The module scripts/isa_page.py, which reads the page."""
    spec = spec_from_file_location("isa_page", ROOT / "scripts" / "isa_page.py")
    sys.modules["isa_page"] = module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


isa = load_script()
PAGE = isa.PAGE.read_text()
SECTIONS = isa.sections(PAGE)
ROWS = [row for rows in isa.TABLES.values() for row in rows]
EXAMPLES = [example for section in SECTIONS for example in section.examples]
MISTAKES = [(section, mistake) for section in SECTIONS for mistake in section.mistakes]
DECODERS = {"spatial": words.spatial, "padding": words.padding, "address": words.address}
STATIC = "in a static call"


def table(heading: str, first_cell: str) -> list[list[str]]:
    """The rows of the table of a section whose head begins with that cell."""
    text = isa.section_text(PAGE, heading)
    return isa.rows_of(text[text.index(f"| {first_cell} |") :].partition("\n\n")[0])


def word(cells: list[str]) -> int:
    """The word of the cells f3, f2, f1, f0, in hexadecimal."""
    f3, f2, f1, f0 = (int(cell, 16) for cell in cells)
    return words.pack(f0, f1, f2, f3)


def named(value: object) -> str:
    """What a test is called by."""
    if isinstance(value, isa.Section):
        return value.title.split()[1]
    return getattr(value, "mnemonic", getattr(value, "change", str(value)))


def test_what_follows_from_the_code_is_up_to_date():
    """If not: python scripts/isa_page.py."""
    assert isa.renewed(PAGE) == PAGE


def test_the_magic():
    assert f"`{MAGIC.hex(' ').upper()}`" in isa.section_text(PAGE, "## 1. DNN contracts")


def test_relocated_instructions():
    lines = table("## 1. DNN contracts", "op | name | op")
    pairs = [tuple(cells[i : i + 2]) for cells in lines for i in (0, 2, 4)]
    found = {int(number, 16): name for number, name in pairs if number}
    names = {n: inspect.unwrap(PRAGUE_OPCODES[n]).mnemonic for n in RELOCATION}
    assert found == {RELOCATION[number]: name for number, name in names.items()}


@pytest.mark.parametrize("cells", table("## 4. Operand words", "kind | assembly"), ids=str)
def test_an_operand_word(cells):
    kind = Kind(cells[0])
    assert encode(Operand("operand", kind, ""), parse_value(kind, cells[1])) == word(cells[2:])


@pytest.mark.parametrize("cells", table("## 4. Operand words", "kind | f3"), ids=str)
def test_a_word_that_is_no_operand(cells):
    with pytest.raises(OperandError) as error:
        DECODERS[cells[0]](word(cells[1:5]), "name")
    assert error.value.operand == "name"


def test_which_instructions_need_no_map():
    (listed,) = re.findall(r"needs one \(all but ([^)]*)\)", PAGE)
    assert re.split(r",\s+", listed) == [row.mnemonic for row in ROWS if not row.maps]


@pytest.mark.parametrize(
    "cells",
    table("## 5. Instructions", "function | gas")
    + table("## 5. Instructions", "function | limbs of"),
    ids=lambda cells: cells[0],
)
@given(st.data())
def test_a_price(cells, data):
    name, arguments = re.fullmatch(r"(\w+)\((.*)\)", cells[0]).groups()
    numbers = {
        argument: data.draw(st.one_of(st.integers(1, 1 << 70), st.integers(1, 16)))
        for argument in arguments.split(", ")
    }
    assert isa.evaluate(cells[-1], **numbers) == getattr(gas, name)(**numbers)


def test_every_instruction_has_a_subsection_in_its_family():
    assert [(section.family, section.title) for section in SECTIONS] == [
        (row.family, f"0x{row.opcode:02x} {row.mnemonic}") for row in ROWS
    ]


@pytest.mark.parametrize("section", SECTIONS, ids=named)
def test_a_subsection_has_all_parts(section):
    assert list(section.parts) == isa.PARTS
    assert all(text.strip() for text in section.parts.values())
    assert section.examples
    assert section.mistakes or section.parts["Errors"].strip() == "None of its own."
    assert "`BASE`" in section.parts["Gas"] or section.parts["Gas"].strip().startswith("As for ")


@pytest.mark.parametrize(("section", "row"), list(zip(SECTIONS, ROWS, strict=True)), ids=named)
def test_a_table_of_operands(section, row):
    cells = isa.rows_of(section.parts["Operands"])
    assert [tuple(line[:3]) for line in cells] == isa.operand_lines(row)
    for position, operand in enumerate(row.operands, 1):
        defaults = [line[3] for line in cells if line[0] == str(position)]
        assert all(defaults) is operand.optional, operand.name


@pytest.mark.parametrize("backend", ["reference", "numpy"])
@pytest.mark.parametrize("example", EXAMPLES, ids=named)
def test_an_example(example, backend):
    run = isa.run(example, backend).raise_for_error()
    assert run.buffer == maps(example.after.get("Buffer", ""))
    assert [run.stack] == (maps(example.after.get("Stack", "")) or [[]])
    memory = example.after.get("Memory", "0x" + run.memory.hex())
    assert f"0x{run.memory.hex()}" == memory
    for name, text in example.after.items():
        if name.startswith("Block"):
            assert block(run, int(name.split()[1])) == isa.maps_of(text)
    steps = [step for step in run.steps if step.mnemonic == example.mnemonic]
    formula, figure = isa.gas_of(example)
    assert steps[-1].gas_cost == figure == isa.evaluate(formula)


def maps(text: str) -> list[list[int]]:
    """The items of each map."""
    return [map_.items for map_ in isa.maps_of(text)]


def block(run, number: int) -> list:
    """The block of that number in the contract's Storage, or nothing."""
    found = run.state.get_block(CONTRACT, number)
    return [isa.Map(found.items.to_ints(), found.item_bytes)] if found else []


@pytest.mark.parametrize(("section", "mistake"), MISTAKES, ids=named)
def test_an_error(section, mistake):
    example, static = section.examples[0], mistake.change == STATIC
    run = isa.run(example if static else example.changed(mistake.change), static=static)
    assert type(run.error).__name__ == mistake.error
    assert run.gas_used == DEFAULT_GAS
    if isinstance(run.error, DNNError):
        assert (run.error.instruction, run.error.operand) == (example.mnemonic, mistake.operand)


def test_the_table_of_errors_names_all():
    found = {name for name, value in vars(exceptions).items() if isinstance(value, type)
             and issubclass(value, DNNError) and value is not DNNError}  # fmt: skip
    assert {cells[0] for cells in table("## 6. Errors", "error")} == found


def test_a_block_as_stored():
    text = isa.section_text(PAGE, "## 7. Weight blocks")
    assert f"`{encode_block(Tensor.from_ints([1, -2]), 1).hex(' ')}`" in text
    key = block_key(5).hex()
    assert f"`{key[:2]} {key[2:6]}…{key[-4:]}`" in text


def test_the_extension_page():
    numbers = f"0x{EXTENSION_PAGE[0]:x}–0x{EXTENSION_PAGE[-1]:x}"
    assert numbers in isa.section_text(PAGE, "## 8. Extension page")
