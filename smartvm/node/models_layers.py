"""The layers of a network, recovered from what the chain has: a contract's code, or its run.

The names of a model's layers are in its artefact, not on chain. Here a layer begins at each
instruction that a person would call one (a convolution, a pooling, an activation, ...), takes what
follows it (bias, rescaling), and is named after its kind and counted: conv1, relu1, pool1, fc1.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, NamedTuple

from smartvm import words
from smartvm.compiler.disassembler import Line, instructions
from smartvm.compiler.numbering import JUMPDEST, PUSH0, PUSH32
from smartvm.compiler.syntax import arguments
from smartvm.exceptions import OperandError
from smartvm.opcodes.instruction import Instruction, Kind
from smartvm.opcodes.table import STANDARD, InstructionSet
from smartvm.trace import Step
from smartvm.words import Space

INPUT = "input"
ANSWER = "answer"
STEMS = {
    "CONV_SING": "depthwise",
    "CONV_MUL": "conv",
    "CONV_3D": "conv3d_",
    "CONV_TPD": "deconv",
    "POOL_MAX": "pool",
    "POOL_AVG": "pool",
    "POOL_OL": "pool",
    "FULL_CON": "fc",
    "MAT_MUL": "matmul",
    "MAT_BMM": "matmul",
    "ACT_RL": "relu",
    "ACT_SM0": "softmax",
    "ACT_SM1": "sigmoid",
    "ACT_TANH": "tanh",
    "ACT_FUN": "function",
    "BUF_CLIP": "clip",
    "BUF_REDUCE": "reduce",
    "BUF_CAT": "concat",
    "BUF_GATHER": "gather",
    "BUF_MUL": "multiply",
    "BUF_DIV": "divide",
}
"""What a layer that begins with an instruction is called; all others continue the layer."""
_SPATIAL = ("Convolution", "Pooling")
_ANSWERING = ("BTOM", "BTOS0", "BUF_FREE")
_WALK_LIMIT = 1 << 16


class Part(NamedTuple):
    """A DNN instruction of a network, with the stock instructions that lead to it.

    Attributes:
        pc: its program counter.
        row: which instruction.
        operands: its stack items, the first operand first.
        gas: of it and what leads to it; None where the code was read, not run.
        items: length of the top map after it, or None.
        bounds: least and greatest item of that map, or None.
        seconds: how long it ran, or None.
        shape: of that map, as the next spatial instruction says it, or None.
    """

    pc: int
    row: Instruction
    operands: tuple[int, ...]
    gas: int | None = None
    items: int | None = None
    bounds: tuple[int, int] | None = None
    seconds: float | None = None
    shape: tuple[int, ...] | None = None

    @property
    def base_blocks(self) -> list[int]:
        """The numbers of the first blocks of the tensors that it reads."""
        places = zip(self.row.operands, self.operands, strict=True)
        found = (_base_block(word) for kind, word in places if kind.kind is Kind.ADDRESS)
        return [number for number in found if number]

    @property
    def stem(self) -> str | None:
        """What a layer that begins here is called; None where it continues one."""
        if self.row.mnemonic == "BUF_BIAS" and not self.base_blocks:
            return "add"
        return STEMS.get(self.row.mnemonic)

    @property
    def takes(self) -> tuple[int, ...] | None:
        """The shape that it gives the map which it takes, (channels, ..., height, width)."""
        if self.row.family not in _SPATIAL:
            return None
        names = [operand.name for operand in self.row.operands]
        channels, size = (
            self.operands[names.index(name)]
            for name in ("in_channels" if "in_channels" in names else "channels", "size")
        )
        try:
            depth, height, width = words.spatial(size, "size")
        except OperandError:
            return None
        volumetric = self.row.mnemonic == "CONV_3D" or words.names_depth(size)
        return (words.fields(channels)[0], *([depth] if volumetric else []), height, width)


@dataclass(frozen=True)
class Layer:
    """A layer with its instructions."""

    name: str
    parts: tuple[Part, ...]

    @property
    def gas(self) -> int | None:
        """Gas of its parts; None where the code was read, not run."""
        costs = [part.gas for part in self.parts if part.gas is not None]
        return sum(costs) if costs else None

    @property
    def base_blocks(self) -> list[int]:
        """The numbers of the first blocks of its tensors, each once."""
        return list(dict.fromkeys(n for part in self.parts for n in part.base_blocks))

    def to_json(self, tensors: Mapping[int, Sequence[int]], *, details: bool) -> dict[str, Any]:
        """The layer as `smartvm_layers` answers it.

        Args:
            tensors: the block numbers of the tensor that begins at each.
            details: whether its instructions are listed.
        """
        head = next((part for part in self.parts if part.stem), self.parts[0])
        blocks = dict.fromkeys(n for base in self.base_blocks for n in tensors.get(base) or [base])
        answer = {
            "name": self.name,
            "instruction": head.row.mnemonic,
            "programCounters": [part.pc for part in self.parts],
            "blocks": list(blocks),
            **_measured(self.parts[-1], self.gas, _total_seconds(self.parts)),
        }
        if details:
            answer["instructions"] = [_part_json(part) for part in self.parts]
        return answer


def parts_of_run(steps: Iterable[Step], known: InstructionSet = STANDARD) -> list[Part]:
    """The DNN instructions that the outermost frame executed; the last takes what follows it."""
    parts: list[Part] = []
    gas, seconds = 0, 0.0
    for step in steps:
        if step.depth:
            continue
        gas, seconds = gas + step.gas_cost, seconds + step.seconds
        row = known.by_opcode.get(step.opcode)
        if row is not None:
            parts.append(_part_of_step(step, row, gas, seconds))
            gas, seconds = 0, 0.0
    if parts:
        last = parts.pop()
        total = (last.gas or 0) + gas
        parts.append(last._replace(gas=total, seconds=(last.seconds or 0.0) + seconds))
    return _with_shapes(parts)


def _part_of_step(step: Step, row: Instruction, gas: int, seconds: float) -> Part:
    operands = step.stack[::-1][: len(row.operands)]
    operands += (0,) * (len(row.operands) - len(operands))  # the Stack did not hold them
    items = step.buffer_maps[-1] if step.buffer_maps else None
    return Part(step.pc, row, operands, gas, items, step.top_bounds, seconds)


def parts_of_code(code: bytes, known: InstructionSet = STANDARD) -> list[Part]:
    """The DNN instructions on the way from where code reads an input, as far as it is straight.

    The way follows jumps to constants, so that shared routines are seen in place, and ends at
    whatever depends on the call: in a model contract, behind the network.
    """
    lines = instructions(code, known)
    start = next((n for n, line in enumerate(lines) if line.mnemonic == "MTOB"), None)
    if start is None:
        return []
    first = max(start - len(known.by_mnemonic["MTOB"].operands), 0)
    return list(_walk({line.offset: line for line in lines}, lines[first].offset, known))


def _walk(lines: Mapping[int, Line], position: int, known: InstructionSet) -> Iterator[Part]:
    stack: list[int] = []
    for _ in range(_WALK_LIMIT):
        line = lines.get(position)
        if line is None:
            return
        position += len(line.code)
        row = known.by_opcode.get(line.opcode)
        if PUSH0 <= line.opcode <= PUSH32:
            stack.append(int.from_bytes(line.immediate, "big"))
        elif line.mnemonic == "JUMP" and stack:
            position = stack.pop()
        elif row is not None and len(row.operands) <= len(stack) and not row.pushes:
            yield Part(line.offset, row, tuple(stack.pop() for _ in row.operands))
        elif line.opcode != JUMPDEST:
            return


def layers(parts: Sequence[Part]) -> list[Layer]:
    """The parts grouped into layers: the input, those of the network, the answer."""
    end = _answer_start(parts)
    groups: list[tuple[str, list[Part]]] = []
    counts: Counter[str] = Counter()
    waiting: list[Part] = []
    for part in parts[:end]:
        waiting.append(part)
        if part.row.mnemonic == "BUF_COPY" or (len(waiting) > 1 and _is_release(part)):
            continue  # it prepares what comes next
        if part.stem is not None:
            counts[part.stem] += 1
            groups.append((f"{part.stem}{counts[part.stem]}", []))
        elif not groups:
            groups.append((INPUT, []))
        groups[-1][1].extend(waiting)
        waiting = []
    if waiting or end < len(parts):
        groups.append((ANSWER, [*waiting, *parts[end:]]))
    return [Layer(name, tuple(group)) for name, group in groups]


def _is_release(part: Part) -> bool:
    return part.row.mnemonic == "BUF_FREE"


def _answer_start(parts: Sequence[Part]) -> int:
    """Where the parts begin that take the answer from the Buffer."""
    end = len(parts)
    while end and parts[end - 1].row.mnemonic in _ANSWERING:
        end -= 1
    arg_max = end < len(parts) and parts[end].row.mnemonic == "BTOS0"
    return end - 1 if arg_max and end and parts[end - 1].row.mnemonic == "BUF_REDUCE" else end


def _with_shapes(parts: Sequence[Part]) -> list[Part]:
    """The parts with the shapes of their maps, which the next spatial instruction says."""
    shaped: list[Part] = []
    said: tuple[int, ...] = ()
    for part in reversed(parts):
        if part.items is not None:
            fits = said and prod(said) == part.items
            shaped.append(part._replace(shape=said if fits else (part.items,)))
        else:
            shaped.append(part)
        said = part.takes or said
    return shaped[::-1]


def _base_block(word: int) -> int:
    """The first block of an address in Storage; 0 for other places, and for none."""
    try:
        place = words.address(word, "address")
    except OperandError:
        return 0
    return place.base if place.space is Space.STORAGE else 0


def _total_seconds(parts: Sequence[Part]) -> float | None:
    known = [part.seconds for part in parts if part.seconds is not None]
    return sum(known) if known else None


def _part_json(part: Part) -> dict[str, Any]:
    return {
        "programCounter": part.pc,
        "mnemonic": part.row.mnemonic,
        "operands": arguments(part.row, list(part.operands)),
        **_measured(part, part.gas, part.seconds),
    }


def _measured(part: Part, gas: int | None, seconds: float | None) -> dict[str, Any]:
    bounds = None if part.bounds is None else [str(bound) for bound in part.bounds]
    return {
        "gas": None if gas is None else hex(gas),
        "items": part.items,
        "shape": None if part.shape is None else list(part.shape),
        "bounds": bounds,
        "milliseconds": None if seconds is None else round(seconds * 1e3, 3),
    }
