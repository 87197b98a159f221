"""The model contract: a network behind an ABI, as one DNN contract.

    predict(bytes image) view returns (int256[] logits)
    classify(bytes image) view returns (uint256 label)
    infer(bytes image) returns (uint256 label), logs Inferred(caller, keccak256(image), label)
    setBlock(uint256 number, uint256 itemBytes, bytes items), by the owner
    owner() view returns (address)

An image is as many 8-bit pixels as the network has inputs; 255 stands for 1.0. Items are packed,
big-endian, two's complement. Whoever deploys the contract owns it. A call that the contract
refuses reverts with Solidity's Error(string).
"""

from __future__ import annotations

from dataclasses import dataclass

from smartvm.compiler.abi import error_payload, event_topic, selector
from smartvm.compiler.network import Network
from smartvm.compiler.program import Program, init_code
from smartvm.compiler.sequential import (
    BLOCK_BYTES,
    NEAREST,
    CompiledNetwork,
    LayerCode,
    WeightBlock,
    compile_network,
)
from smartvm.storage import MAX_BLOCK_BYTES
from smartvm.words import Address, Space

PIXEL_MAX = 255
"""The pixel that stands for 1.0."""
PREDICT = "predict(bytes)"
CLASSIFY = "classify(bytes)"
INFER = "infer(bytes)"
SET_BLOCK = "setBlock(uint256,uint256,bytes)"
OWNER = "owner()"
INFERRED = "Inferred(address,bytes32,uint256)"

ERRORS = {
    "not_payable": "the contract takes no ether",
    "unknown_function": "unknown function",
    "not_owner": "only the owner may write weights",
    "bad_block": "items: expected a block number below 2^64 and whole items of 1 to 32 bytes, "
    f"1 to {MAX_BLOCK_BYTES} bytes in all",
}
"""Label and message of each refusal; `bad_image` names the length it expects."""


@dataclass(frozen=True)
class ModelContract:
    """A network as a contract.

    Attributes:
        compiled: the network's code and blocks.
        runtime: the code of the contract.
        network_start: offset of the network's code in it.
    """

    compiled: CompiledNetwork
    runtime: bytes
    network_start: int

    @property
    def blocks(self) -> dict[int, WeightBlock]:
        """The weight blocks that the owner has to upload, by number."""
        return self.compiled.blocks

    @property
    def init_code(self) -> bytes:
        """The code that deploys the contract and makes the deployer its owner."""
        constructor = _emit(Program(dnn=False), "CALLER PUSH0 SSTORE")
        return init_code(self.runtime, constructor=constructor)

    def layer_at(self, pc: int) -> LayerCode | None:
        """The layer whose code holds a program counter, or None outside the network."""
        offset = pc - self.network_start
        return next(
            (code for code in self.compiled.layers if code.start <= offset < code.stop), None
        )


def build_contract(network: Network, *, block_bytes: int = BLOCK_BYTES) -> ModelContract:
    """The contract of a network whose output is one logit a class.

    Args:
        network: the layers.
        block_bytes: largest size of a weight block, in bytes of items.
    """
    compiled = compile_network(network, block_bytes=block_bytes)
    program = Program()
    _entry(program)
    _run(program, compiled)
    _answers(program, network)
    _owner_functions(program)
    _refusals(program, network)
    runtime = program.bytecode()
    body = compiled.program.bytecode()[len(Program().bytecode()) :]
    return ModelContract(compiled, runtime, runtime.index(body))


def _emit(program: Program, source: str) -> Program:
    """Add instructions: a number is pushed, `@name` pushes a label, `name:` is one."""
    for token in source.split():
        if token.endswith(":"):
            program.label(token[:-1])
        elif token.startswith("@"):
            program.push_label(token[1:])
        elif token[0].isdigit():
            program.push(int(token, 0))
        else:
            program.op(token)
    return program


def _entry(program: Program) -> None:
    """Go to the function: those that run the network find where to go afterwards on the Stack."""
    _emit(
        program,
        f"""CALLVALUE @not_payable JUMPI
        PUSH0 CALLDATALOAD 224 SHR
        @classified DUP2 {selector(CLASSIFY)} EQ @run JUMPI POP
        @inferred DUP2 {selector(INFER)} EQ @run JUMPI POP
        @predicted DUP2 {selector(PREDICT)} EQ @run JUMPI POP
        DUP1 {selector(SET_BLOCK)} EQ @set_block JUMPI
        {selector(OWNER)} EQ @owner JUMPI
        @unknown_function JUMP""",
    )


def _run(program: Program, compiled: CompiledNetwork) -> None:
    """Decode the image, run the network, jump to the address on the Stack."""
    items, scale = compiled.network.input_items, compiled.network.scale
    _emit(
        program,
        f"""run:
        4 CALLDATALOAD 4 ADD
        DUP1 CALLDATALOAD {items} XOR
        DUP2 {32 + items} ADD CALLDATASIZE LT OR @bad_image JUMPI
        {items} SWAP1 32 ADD PUSH0 CALLDATACOPY""",
    )
    program.op("MTOB", offset=0, count=items, item_bytes=1, unsigned=1)
    if scale % PIXEL_MAX == 0:
        program.op("BUF_SCL0", times=scale // PIXEL_MAX)
    else:
        program.op("BUF_SCL0", times=scale)
        program.op("BUF_SCL1", divisor=PIXEL_MAX, rounding=NEAREST)
    program.include(compiled.program).op("JUMP")


def _answers(program: Program, network: Network) -> None:
    """Return the logits or the label, or log and return the label."""
    items, classes = network.input_items, network.shapes()[-1][0]
    _emit(program, "predicted: PUSH0 64 BTOM")
    _emit(program, f"32 PUSH0 MSTORE {classes} 32 MSTORE {64 + 32 * classes} PUSH0 RETURN")
    _arg_max(program.label("classified"), items, classes)
    _emit(program, "PUSH0 MSTORE 32 PUSH0 RETURN")
    _arg_max(program.label("inferred"), items, classes)
    _emit(
        program,
        f"""{items} PUSH0 KECCAK256 PUSH0 MSTORE 32 MSTORE
        CALLER {event_topic(INFERRED)} 64 PUSH0 LOG2
        32 32 RETURN""",
    )
    program.data("ranks", _ranks(classes))


def _arg_max(program: Program, scratch: int, classes: int) -> None:
    """Replace the logits by the index of the greatest, on the Stack; the first wins a tie.

    The greatest of logit · 2^k + (2^k − 1 − index), where 2^k is at least `classes`, holds the
    index in its k lowest bits, complemented. So one pooling decides, whatever the classes.
    """
    bits, rank_bytes = _rank_bits(classes), _rank_bytes(classes)
    program.op("BUF_SCL0", times=1 << bits)
    _emit(program, f"{classes * rank_bytes} @ranks {scratch} CODECOPY")
    program.op("MTOB", offset=scratch, count=classes, item_bytes=rank_bytes, unsigned=1)
    program.op("BUF_BIAS", address=Address(1, space=Space.BUFFER))
    program.op("POOL_MAX", channels=1, size=(1, classes))
    program.op("BTOS0", first=0)
    _emit(program, f"NOT {(1 << bits) - 1} AND")


def _rank_bits(classes: int) -> int:
    return (classes - 1).bit_length()


def _rank_bytes(classes: int) -> int:
    return max(-(-_rank_bits(classes) // 8), 1)


def _ranks(classes: int) -> bytes:
    greatest = (1 << _rank_bits(classes)) - 1
    return b"".join(
        (greatest - index).to_bytes(_rank_bytes(classes), "big") for index in range(classes)
    )


def _owner_functions(program: Program) -> None:
    """owner(), and setBlock: check, copy the items to Memory, read them as a map, write it."""
    _emit(program, "owner: PUSH0 SLOAD PUSH0 MSTORE 32 PUSH0 RETURN")
    _emit(
        program,
        f"""set_block:
        CALLER PUSH0 SLOAD XOR @not_owner JUMPI
        68 CALLDATALOAD 4 ADD DUP1 CALLDATALOAD 36 CALLDATALOAD
        1 DUP2 SUB 31 LT
        DUP2 DUP4 MOD OR
        DUP3 ISZERO OR
        DUP3 {MAX_BLOCK_BYTES} LT OR
        DUP3 DUP5 ADD 32 ADD CALLDATASIZE LT OR
        132 CALLDATASIZE LT OR
        4 CALLDATALOAD 64 SHR OR
        @bad_block JUMPI
        DUP2 DUP4 32 ADD PUSH0 CALLDATACOPY
        DUP1 64 SHL DUP2 DUP4 DIV OR PUSH0 MTOB
        64 SHL 4 CALLDATALOAD 64 SHL BTOS1
        STOP""",
    )


def _refusals(program: Program, network: Network) -> None:
    image = f"image: expected {network.input_items} bytes, one a pixel"
    for label, message in (ERRORS | {"bad_image": image}).items():
        payload = error_payload(message)
        program.data(f"{label}_payload", payload)
        _emit(
            program,
            f"""{label}:
            {len(payload)} @{label}_payload PUSH0 CODECOPY
            {len(payload)} PUSH0 REVERT""",
        )
