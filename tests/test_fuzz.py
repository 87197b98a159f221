"""Random programs and random operand words: the backends agree, and nothing but VMError comes out.

After every instruction a check of our own, on the extension page, sees that the frame has paid for
all that the Buffer holds.
"""

from __future__ import annotations

from typing import Any

import pytest
from eth.abc import MiningChainAPI
from eth.chains.base import MiningChain
from eth.db.atomic import AtomicDB
from eth.exceptions import VMError
from hypothesis import given
from hypothesis import strategies as st

from smartvm import Instruction, Kind, SmartVM, assemble, execute
from smartvm.exceptions import KernelFailure
from smartvm.execution import CONTRACT, Execution
from smartvm.opcodes import PAPER, STANDARD, Operand
from smartvm.words import Address, Space, pack, pack_address, pack_padding, pack_spatial

pytestmark = pytest.mark.filterwarnings("ignore:SELFDESTRUCT")  # py-evm's deprecation notice

BACKENDS = ("reference", "numpy")
GAS = 40_000
"""So little that even the reference backend is done in a moment."""


def check_paid(frame: Any) -> None:
    """Fail, which becomes KernelFailure, if the Buffer is larger than what was paid for."""
    assert frame.buffer.nbytes == sum(each.nbytes for each in frame.buffer.maps)
    assert frame.buffer.nbytes <= frame.buffer.peak <= frame.buffer.paid


CHECK = Instruction(0xCF, "CHECK", "Tests", (), check_paid, "check", "none", maps=0)
SET = STANDARD.extended(CHECK)
MACHINE = SmartVM.with_instructions(CHECK)


def chain_of(backend: str) -> MiningChainAPI:
    """A chain whose genesis state each run on that backend begins with."""
    machine = MACHINE.with_backend(backend)
    chain_class = MiningChain.configure("Chain", vm_configuration=((0, machine),), chain_id=1)
    return chain_class.from_genesis(AtomicDB(), {"gas_limit": 1 << 60, "timestamp": 1}, {})


CHAINS = [chain_of(backend) for backend in BACKENDS]


def outcome(execution: Execution) -> tuple[Any, ...]:
    """All that a run leaves, in a form that can be compared."""
    blocks = [execution.state.get_block(CONTRACT, number) for number in range(8)]
    return (
        repr(execution.error),
        str(execution.error),
        execution.gas_used,
        [(step.mnemonic, step.gas_cost, step.buffer_bytes) for step in execution.steps],
        execution.stack,
        execution.buffer,
        execution.memory,
        [(block.items.to_ints(), block.item_bytes) for block in blocks if block],
    )


def run(code: bytes, blocks: dict[int, list[int]], chain: MiningChainAPI) -> Execution:
    state = chain.get_vm().state
    return execute(code, mark=True, blocks=blocks, gas=GAS, state=state, trace=True)


def assert_agreement(code: bytes, blocks: dict[int, list[int]]) -> Execution:
    """Run on every backend: no defect, and no difference."""
    first, *others = (run(code, blocks, chain) for chain in CHAINS)
    assert first.error is None or isinstance(first.error, VMError)
    assert not isinstance(first.error, KernelFailure), first.error
    for other in others:
        assert outcome(other) == outcome(first)
    return first


# Values

magnitudes = st.sampled_from([3, 7, 8, 15, 16, 31, 32, 63, 64, 127, 200, 255])
items = magnitudes.flatmap(lambda bits: st.integers(-(2**bits), 2**bits - 1))
lists = magnitudes.flatmap(
    lambda bits: st.sampled_from([1, 7, 12, 24, 36, 48]).flatmap(
        lambda size: st.lists(st.integers(-(2**bits), 2**bits - 1), min_size=size, max_size=size)
    )
)
scales = st.sampled_from([1, 2, 3, 1000, 65536, 2**40, 2**63, 2**64 - 1])
small = st.integers(1, 3)
steps = st.sampled_from([1, 1, 1, 2, 3])
padded = st.sampled_from([0, 0, 0, 0, 1, 2, -1])


def divisor(draw: Any, number: int) -> int:
    return draw(st.sampled_from([n for n in range(1, number + 1) if number % n == 0]))


def tensor(draw: Any, maps: int) -> str:
    """A place: one of the blocks, a map that is there, or Memory."""
    return draw(st.sampled_from(["1", "2", "mem:0", *(f"map:{n}" for n in range(maps))]))


# Instructions whose operands fit the top map, of `length` items, of `maps` maps


def convolution(draw: Any, length: int, maps: int) -> str:
    mnemonic = draw(st.sampled_from(["CONV_SING", "CONV_MUL", "CONV_3D", "CONV_TPD"]))
    channels = divisor(draw, length)
    height = divisor(draw, length // channels)
    width = divisor(draw, length // channels // height)
    groups = 0 if mnemonic == "CONV_SING" else divisor(draw, channels)
    out = (groups or channels) * draw(st.integers(1, 2))
    depth = "x1" if mnemonic == "CONV_3D" else ""
    return (
        f"{mnemonic} weights={tensor(draw, maps)} in={channels} groups={groups} out={out} "
        f"size={height}x{width}{depth} {window(draw, height, width)} "
        f"dilation={draw(steps)}x{draw(steps)}"
    )


def window(draw: Any, height: int, width: int) -> str:
    """Kernel, stride and padding of a plane, which most often fit it."""
    kernel = [draw(st.integers(1, min(4, length))) for length in (height, width)]
    top, bottom, left, right = (draw(padded) for _ in range(4))
    return (
        f"kernel={kernel[0]}x{kernel[1]} stride={draw(steps)}x{draw(steps)} "
        f"padding={top}:{bottom}x{left}:{right}"
    )


def pooling(draw: Any, length: int, maps: int) -> str:
    mnemonic = draw(st.sampled_from(["POOL_MAX", "POOL_AVG", "POOL_OL"]))
    channels = divisor(draw, length)
    height = divisor(draw, length // channels)
    width = length // channels // height
    flags = f"flags={draw(st.integers(0, 3))} dilation={draw(steps)}"
    size = f"size={height}x{width} {window(draw, height, width)}"
    return f"{mnemonic} channels={channels} {flags} {size}"


def matrices(draw: Any, length: int, maps: int) -> str:
    columns, rows = divisor(draw, length), draw(small)
    turned = draw(st.sampled_from(["", ".T"]))
    if draw(st.booleans()):
        bias = draw(st.sampled_from(["0", "1", "2", f"0[{rows}]"]))
        place = tensor(draw, maps) + turned
        return f"FULL_CON weights={place} bias={bias} in={columns} out={rows}"
    shape = f"{rows}x{columns}" if turned else f"{columns}x{rows}"
    return (
        f"MAT_MUL a=map:0[{length // columns}x{columns}] "
        f"b={draw(st.sampled_from(['1', '2', 'mem:0']))}[{shape}]{turned}"
    )


def elementwise(draw: Any, length: int, maps: int) -> str:
    scale, plane = draw(scales), divisor(draw, length)
    channels = divisor(draw, length // plane)
    return draw(
        st.sampled_from(
            [
                f"ACT_SM0 scale={scale} group={plane}",
                f"ACT_SM1 scale={scale}",
                f"ACT_TANH scale={scale}",
                f"ACT_RL cap={draw(st.sampled_from([0, 6, 2**64 - 1]))}",
                f"ACT_RL slope_numerator={scale} slope_denominator={draw(scales)}",
                f"BUF_SCL0 times={draw(items)}",
                f"BUF_SCL1 divisor={scale} rounding={draw(st.integers(0, 1))}",
                f"BUF_BIAS address={tensor(draw, maps)}[{channels}x{plane}]",
            ]
        )
    )


def movement(draw: Any, length: int, maps: int) -> str:
    part, width = draw(st.integers(1, length)), draw(st.integers(1, 32))
    depth = draw(st.integers(0, maps - 1))
    return draw(
        st.sampled_from(
            [
                f"BTOM offset={part} count={part}\nMTOB offset=5 count={part} item_bytes={width}",
                f"MTOB offset=0 count={part} item_bytes={width} unsigned=1",
                f"BTOS0 first={part - 1}",
                f"BUF_CLS count={part}",
                f"BUF_FIL value={draw(items)}",
                f"BUF_ALLO size={part}",
                f"BUF_INIT size={part}",
                f"BUF_FREE size={part}",
                f"BUF_FREE size={depth} mode=1",
                f"BUF_COPY start={part - 1}",
                f"BUF_COPY start=0 end={part}",
                f"BUF_COPY start={depth} mode=1",
            ]
        )
    )


def loading(draw: Any, values: list[int]) -> str:
    return f"BUF_ALLO size={len(values)}\nBUF_BIAS address=3"


FAMILIES = [convolution, convolution, pooling, matrices, elementwise, movement]


@given(st.data(), lists, lists, lists)
def test_random_programs(data, first, second, values):
    """Each instruction is drawn to fit what those before it have left."""
    blocks = {0: first[:4], 1: first, 2: second, 3: values}
    text = f"BUF_ALLO size={len(values)}\nBUF_BIAS address=3\nCHECK\n"
    lengths = [len(values)]
    for _ in range(data.draw(st.integers(1, 5))):
        if not lengths:
            break
        family = data.draw(st.sampled_from(FAMILIES))
        text += family(data.draw, lengths[-1], len(lengths)) + "\nCHECK\n"
        execution = assert_agreement(assemble(text, SET), blocks)
        if execution.error is not None:
            break
        lengths = list(map(len, execution.buffer))


# Operand words of no sense

words = st.integers(0, 2**256 - 1) | st.builds(
    pack, *[st.sampled_from([0, 0, 0, 1, 2, 3, 4, 6, 2**32 - 1, 2**63, 2**64 - 1])] * 4
)
lengths = st.sampled_from([1, 1, 2, 2, 3, 0])
sides = st.tuples(padded, padded)
places = st.builds(
    Address,
    base=st.integers(0, 3),
    rows=st.sampled_from([0, 0, 0, 1, 2, 3]),
    columns=st.sampled_from([0, 0, 0, 1, 2, 3]),
    space=st.sampled_from(Space),
    transposed=st.sampled_from([False, False, True]),
)
SENSIBLE = {
    Kind.NUMBER: st.sampled_from([0, 1, 2, 3, 4, 8]),
    Kind.SIGNED: items.map(lambda value: value % 2**256),
    Kind.SPATIAL: lengths | st.builds(pack_spatial, lengths, lengths, lengths),
    Kind.PADDING: st.integers(0, 3) | st.builds(pack_padding, sides, sides, sides),
    Kind.ADDRESS: places.map(pack_address) | st.integers(0, 3),
}


def sensible(operand: Operand) -> st.SearchStrategy[int]:
    """A word of the operand's kind, of small numbers."""
    if operand.kind in SENSIBLE:
        return SENSIBLE[operand.kind]
    return st.builds(pack, *[lengths if name else st.just(0) for name in operand.fields])


def pushes(draw: Any, row: Instruction) -> str:
    """The operands of an instruction, at most one of which is a word of no sense."""
    drawn = [draw(sensible(operand)) for operand in row.operands]
    odd = draw(st.integers(-len(drawn), len(drawn) - 1))
    if odd >= 0:
        drawn[odd] = draw(words)
    return "".join(f"PUSH {word}\n" for word in reversed(drawn))


@pytest.mark.parametrize("row", STANDARD.rows, ids=lambda row: row.mnemonic)
@given(st.data())
def test_random_operand_words(row, data):
    values = data.draw(lists)
    load = f"BUF_ALLO size={len(values)}\nBUF_BIAS address=3\n"
    text = f"{load}BUF_ALLO size=4\n{load}{pushes(data.draw, row)}{row.mnemonic}\nCHECK"
    assert_agreement(assemble(text, SET), {0: [1, 2], 1: values, 2: [-5] * 16, 3: values})


@given(st.lists(st.sampled_from(PAPER.rows), min_size=1, max_size=6), st.data())
def test_random_instructions_on_random_words(rows, data):
    """What lies on the Stack is what comes; the Buffer is what it became."""
    text = "BUF_ALLO size=12\nBUF_BIAS address=2[12]\n"
    for row in rows:
        text += f"{pushes(data.draw, row)}{row.mnemonic}\nCHECK\n"
    assert_agreement(assemble(text, SET), {1: [1] * 9, 2: list(range(-6, 10))})


@given(st.binary(max_size=60))
def test_random_bytes(code):
    """As a DNN contract: any code ends in a result or a VMError, on every backend the same."""
    assert_agreement(code, {1: [1, 2, 3]})
