"""The model contract: a network behind an ABI, as one DNN contract.

    predict(bytes input) view returns (int256[] outputs)
    classify(bytes input) view returns (uint256 label)
    infer(bytes input) returns (uint256 label), logs Inferred(caller, keccak256(input), label)
    setBlock(uint256 number, uint256 itemBytes, bytes items), by the owner
    setBlocks(uint256 first, uint256 itemBytes, bytes[] items), by the owner
    freeze(), transferOwnership(address newOwner), by the owner
    owner(), version(), frozen(), modelHash(), inputBytes(), outputItems(), outputScale() view

docs/compile.md describes them. Items are packed, big-endian, two's complement (or unsigned where
that saves a byte). Whoever deploys the contract owns it. A call that the contract refuses reverts
with Solidity's Error(string).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any, Protocol

from eth.vm.forks.spurious_dragon.constants import EIP170_CODE_SIZE_LIMIT
from eth_utils import keccak

from smartvm.compiler import contract_code as code
from smartvm.compiler.abi import encode_call
from smartvm.compiler.contract_abi import SET_BLOCK, contract_abi
from smartvm.compiler.emit import BLOCK_BYTES, Emitted, WeightBlock, emit
from smartvm.compiler.integer_graph import IntegerGraph
from smartvm.compiler.layers import Layer, attribute, instruction_sources, layers
from smartvm.compiler.outline import Call, Outlined, Piece, outline
from smartvm.compiler.packing import InputFormat
from smartvm.compiler.plan import Run, plan
from smartvm.compiler.program import Program, init_code
from smartvm.exceptions import CodeSizeError
from smartvm.trace import Step

HASH_BYTES = 32


@dataclass(frozen=True)
class ModelContract:
    """A network as a contract.

    Attributes:
        graph: the network, its operations in the order in which the code runs them.
        init_code: the code that deploys the contract and makes the deployer its owner.
        runtime: the code of the contract.
        blocks: the weight blocks that the owner has to upload, by number.
        tensors: number of the first block of each constant of the graph.
        model_hash: what `modelHash()` returns (`model_hash`).
        layers: the layers of the network, in order.
        sources: the layer of each DNN instruction of the network, in order.
    """

    graph: IntegerGraph = field(repr=False)
    init_code: bytes = field(repr=False)
    runtime: bytes = field(repr=False)
    blocks: dict[int, WeightBlock] = field(repr=False)
    tensors: dict[str, int] = field(repr=False)
    model_hash: bytes
    layers: tuple[Layer, ...] = field(repr=False)
    sources: tuple[str, ...] = field(repr=False)

    @property
    def abi(self) -> list[dict[str, Any]]:
        """The JSON ABI."""
        return contract_abi(classes_of(self.graph) > 0)

    @property
    def input_format(self) -> InputFormat:
        """How an input is packed."""
        return InputFormat.of(self.graph)

    def attribute(self, steps: Iterable[Step]) -> Iterator[tuple[Step, str]]:
        """Each step of a run of the contract with the name of its layer, "" outside them."""
        return attribute(self.sources, steps)


def build_contract(graph: IntegerGraph, *, block_bytes: int = BLOCK_BYTES) -> ModelContract:
    """Plan and emit a network, and put the contract around it.

    Args:
        graph: a network of one input.
        block_bytes: largest size of a weight block, in bytes of items.

    Raises:
        CodeSizeError: the contract passes EIP-170's limit.
        ModelError: the network takes several inputs.
    """
    return contract_of(graph, emit(graph, plan(graph), block_bytes=block_bytes))


def contract_of(graph: IntegerGraph, emitted: Emitted) -> ModelContract:
    """The contract around emitted code; code that repeats is shared where it would not fit.

    Raises:
        CodeSizeError: it passes EIP-170's limit all the same.
        ModelError: the network takes several inputs.
    """
    input_format = InputFormat.of(graph)
    pieces = {move.code: move.program for move in emitted.moves}
    body = Outlined([move.code for move in emitted.moves], [])
    unhashed = _runtime(graph, input_format, body, pieces)
    size = len(unhashed)
    if size > EIP170_CODE_SIZE_LIMIT:
        body = outline(body.main, size - EIP170_CODE_SIZE_LIMIT)
        unhashed = _runtime(graph, input_format, body, pieces)
    if len(unhashed) > EIP170_CODE_SIZE_LIMIT:
        raise CodeSizeError(
            f"{graph.name}: the contract's code would be {len(unhashed):,} bytes "
            f"({size:,} without shared routines); EIP-170 allows {EIP170_CODE_SIZE_LIMIT:,}"
        )
    digest = model_hash(unhashed, emitted.blocks)
    runtime = _runtime(graph, input_format, body, pieces, digest)
    runs = [code.move.operation for code in emitted.moves if isinstance(code.move, Run)]
    return ModelContract(
        graph=replace(graph, operations=runs),
        init_code=deployment_code(runtime),
        runtime=runtime,
        blocks=emitted.blocks,
        tensors=emitted.tensors,
        model_hash=digest,
        layers=layers(graph, emitted),
        sources=tuple(instruction_sources(emitted)),
    )


class HashedBlock(Protocol):
    """What the model hash needs of a block."""

    @property
    def item_bytes(self) -> int:
        """Bytes of an item."""

    @property
    def digest(self) -> bytes:
        """keccak256 of the items as `setBlock` takes them."""


def model_hash(unhashed: bytes, blocks: Mapping[int, HashedBlock]) -> bytes:
    """The hash that names a model: keccak256 of its code and of its blocks in order.

    Of the code `keccak256(code)`, the 32 bytes of the hash itself zero; of each block its number
    and the bytes of an item as words of 32 bytes, and `keccak256(items)` as `setBlock` takes them.
    """
    words = [keccak(unhashed)]
    for number, block in sorted(blocks.items()):
        words += [number.to_bytes(32, "big"), block.item_bytes.to_bytes(32, "big")]
        words.append(block.digest)
    return bytes(keccak(b"".join(words)))


def names_model(digest: bytes, runtime: bytes, blocks: Mapping[int, HashedBlock]) -> bool:
    """Whether a hash is in the code of a contract, and is that of the code and these blocks."""
    unhashed = runtime.replace(digest, bytes(HASH_BYTES))
    return unhashed != runtime and model_hash(unhashed, blocks) == digest


def set_block_call(number: int, block: WeightBlock) -> bytes:
    """The calldata with which the owner writes a block."""
    return encode_call(SET_BLOCK, number, block.item_bytes, block.packed)


def classes_of(graph: IntegerGraph) -> int:
    """How many classes a network tells apart: the items of its output if that is one vector."""
    if len(graph.outputs) != 1:
        return 0
    value = graph.values[graph.outputs[0]]
    return value.items if value.items == max(value.shape, default=0) > 1 else 0


def _runtime(
    graph: IntegerGraph,
    input_format: InputFormat,
    body: Outlined,
    pieces: dict[bytes, Program],
    digest: bytes = bytes(HASH_BYTES),
) -> bytes:
    """The code of the contract."""
    classes = classes_of(graph)
    outputs = [graph.values[name].items for name in graph.outputs]
    constants = {
        "modelHash": digest,
        "inputBytes": _shortest(input_format.nbytes),
        "outputItems": _shortest(sum(outputs)),
        "outputScale": _shortest(graph.values[graph.outputs[0]].scale),
    }
    program = Program()
    code.add_entry(program, constants, classes)
    code.add_input(program, input_format)
    labels = count()
    _add_pieces(program, body.main, pieces, labels)
    program.op("JUMP")
    code.add_answers(program, outputs, classes, input_format.nbytes)
    code.add_getters(program, constants)
    code.add_owner_functions(program)
    for number, routine in enumerate(body.routines):
        _add_pieces(program.label(f"routine_{number}"), routine, pieces, labels)
        program.op("JUMP")
    code.add_refusals(program, input_format)
    return program.bytecode()


def deployment_code(runtime: bytes) -> bytes:
    """The init code of a model contract: it makes the deployer the owner."""
    constructor = code.emit_source(Program(dnn=False), "CALLER PUSH0 SSTORE")
    return init_code(runtime, constructor=constructor)


def _shortest(value: int) -> bytes:
    return value.to_bytes(max(-(-value.bit_length() // 8), 1), "big")


def _add_pieces(
    program: Program, sequence: list[Piece], pieces: dict[bytes, Program], labels: Iterator[int]
) -> None:
    for piece in sequence:
        if isinstance(piece, Call):
            label = f"return_{next(labels)}"
            program.push_label(label).jump(f"routine_{piece.routine}").label(label)
        else:
            program.include(pieces[piece])
