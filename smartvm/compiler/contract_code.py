"""The code of a model contract, part by part (docs/compile.md describes what it does).

Slot 0 holds the owner in its low 160 bits, the version above them, and whether the model is
frozen in its highest bit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from smartvm.compiler import contract_abi as interface
from smartvm.compiler.abi import error_payload, event_topic, selector
from smartvm.compiler.emit import WHOLE_MAP
from smartvm.compiler.operations import Reduction
from smartvm.compiler.packing import InputFormat
from smartvm.compiler.program import Program
from smartvm.storage import MAX_BLOCK_BYTES

OWNER_BITS = 160

ERRORS = {
    "not_payable": "the contract takes no ether",
    "unknown_function": "unknown function",
    "not_owner": "only the owner may do this",
    "is_frozen": "the model is frozen",
    "bad_owner": "expected the address of an owner",
    "bad_block": "items: expected a block number below 2^64 and whole items of 1 to 32 bytes, "
    f"1 to {MAX_BLOCK_BYTES} bytes in all",
}
"""Label and message of each refusal; `bad_input` names the length it expects."""


def emit_source(program: Program, source: str) -> Program:
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


def add_entry(program: Program, constants: Iterable[str], classes: int) -> None:
    """Go to the function.

    Functions that run the network and those of the owner go through a part that they share,
    which finds where to go afterwards on the Stack.
    """
    emit_source(program, "CALLVALUE @not_payable JUMPI PUSH0 CALLDATALOAD 224 SHR")
    if classes:
        _route(program, interface.CLASSIFY, "classified", "run")
        _route(program, interface.INFER, "inferred", "run")
    _route(program, interface.PREDICT, "predicted", "run")
    for signature, label in (
        (interface.SET_BLOCK, "set_block"),
        (interface.SET_BLOCKS, "set_blocks"),
        (interface.FREEZE, "freeze"),
        (interface.TRANSFER_OWNERSHIP, "transfer_ownership"),
    ):
        _route(program, signature, label, "only_owner")
    for name in (*STATE_GETTERS, *constants):
        emit_source(program, f"DUP1 {selector(f'{name}()')} EQ @{name} JUMPI")
    emit_source(program, "@unknown_function JUMP")


def _route(program: Program, signature: str, label: str, through: str) -> None:
    emit_source(program, f"@{label} DUP2 {selector(signature)} EQ @{through} JUMPI POP")


def add_input(program: Program, input_format: InputFormat) -> None:
    """Read the input from calldata as the first map."""
    size = input_format.nbytes
    emit_source(
        program,
        f"""run:
        4 CALLDATALOAD 4 ADD
        DUP1 CALLDATALOAD {size} XOR
        DUP2 {32 + size} ADD CALLDATASIZE LT OR @bad_input JUMPI
        {size} SWAP1 32 ADD PUSH0 CALLDATACOPY""",
    )
    program.op(
        "MTOB",
        offset=0,
        count=input_format.items,
        item_bytes=input_format.item_bytes,
        unsigned=int(input_format.unsigned),
    )


def add_answers(program: Program, outputs: Sequence[int], classes: int, input_bytes: int) -> None:
    """Return the output maps or the label, or log and return the label.

    Args:
        program: to which the code is added.
        outputs: items of each output, the first the deepest on the Buffer.
        classes: items of the output where it is a vector of classes, else 0.
        input_bytes: length of the packed input, at the beginning of Memory.
    """
    program.label("predicted")
    total = end = sum(outputs)
    for position, items in reversed(list(enumerate(outputs))):
        end -= items
        program.op("BTOM", offset=64 + 32 * end)
        if position:
            program.op("BUF_FREE", size=0, mode=WHOLE_MAP)
    emit_source(program, f"32 PUSH0 MSTORE {total} 32 MSTORE {64 + 32 * total} PUSH0 RETURN")
    if classes:
        _arg_max(program.label("classified"), classes)
        emit_source(program, "@return_word JUMP")
        _arg_max(program.label("inferred"), classes)
        emit_source(
            program,
            f"""{input_bytes} PUSH0 KECCAK256 PUSH0 MSTORE 32 MSTORE
            CALLER {event_topic(interface.INFERRED)} 64 PUSH0 LOG2
            32 32 RETURN""",
        )


def _arg_max(program: Program, classes: int) -> None:
    """Push the index of the greatest output to the Stack; the first wins a tie."""
    program.op("BUF_REDUCE", kind=int(Reduction.ARG_MAX), axis=classes).op("BTOS0", first=0)


STATE_GETTERS = {
    "owner": f"PUSH0 SLOAD {256 - OWNER_BITS} SHL {256 - OWNER_BITS} SHR",
    "version": f"PUSH0 SLOAD 1 SHL {OWNER_BITS + 1} SHR",
    "frozen": "PUSH0 SLOAD 255 SHR",
}
"""What pushes the answer of each function that reads slot 0."""


def add_getters(program: Program, constants: Mapping[str, bytes]) -> None:
    """The functions without arguments; `constants` are the words that the last of them return."""
    for name, source in STATE_GETTERS.items():
        emit_source(program, f"{name}: {source} @return_word JUMP")
    for name, word in constants.items():
        emit_source(program.label(name).push_bytes(word), "@return_word JUMP")
    emit_source(program, "return_word: PUSH0 MSTORE 32 PUSH0 RETURN")


def add_owner_functions(program: Program) -> None:
    """setBlock, setBlocks, freeze, transferOwnership."""
    emit_source(
        program,
        f"only_owner: CALLER PUSH0 SLOAD XOR {256 - OWNER_BITS} SHL @not_owner JUMPI JUMP",
    )
    _set_block(program)
    _set_blocks(program)
    _written(program)
    _write(program)
    emit_source(
        program,
        f"""freeze:
        PUSH0 SLOAD 1 255 SHL OR PUSH0 SSTORE
        {event_topic(interface.FROZEN)} PUSH0 PUSH0 LOG1 STOP
        transfer_ownership:
        4 CALLDATALOAD
        DUP1 ISZERO DUP2 {OWNER_BITS} SHR OR 36 CALLDATASIZE LT OR @bad_owner JUMPI
        PUSH0 SLOAD {OWNER_BITS} SHR {OWNER_BITS} SHL DUP2 OR PUSH0 SSTORE
        CALLER {event_topic(interface.OWNERSHIP_TRANSFERRED)} PUSH0 PUSH0 LOG3 STOP""",
    )


_REFUSE_FROZEN = "PUSH0 PUSH0 SLOAD SLT @is_frozen JUMPI"
"""The frozen bit is the sign of slot 0."""


def _set_block(program: Program) -> None:
    """Stack for the writer: where to go on, the block's number, where its bytes begin."""
    emit_source(
        program,
        f"""set_block:
        {_REFUSE_FROZEN}
        132 CALLDATASIZE LT @bad_block JUMPI
        @written 4 CALLDATALOAD 68 CALLDATALOAD 4 ADD
        @write JUMP""",
    )


def _set_blocks(program: Program) -> None:
    """Stack in the loop: where the array's offsets begin, its length, the index."""
    emit_source(
        program,
        f"""set_blocks:
        {_REFUSE_FROZEN}
        68 CALLDATALOAD 4 ADD DUP1 CALLDATALOAD
        DUP1 ISZERO DUP2 32 SHR OR
        DUP2 5 SHL DUP4 ADD 32 ADD CALLDATASIZE LT OR @bad_block JUMPI
        SWAP1 32 ADD SWAP1 PUSH0
        next_block:
        @block_written
        DUP2 4 CALLDATALOAD ADD
        DUP5 DUP4 5 SHL ADD CALLDATALOAD DUP6 ADD
        @write JUMP
        block_written:
        1 ADD DUP2 DUP2 LT @next_block JUMPI""",
    )


def _written(program: Program) -> None:
    """Count the version up and log it."""
    emit_source(
        program,
        f"""written:
        PUSH0 SLOAD 1 {OWNER_BITS} SHL ADD DUP1 PUSH0 SSTORE
        1 SHL {OWNER_BITS + 1} SHR PUSH0 MSTORE
        {event_topic(interface.BLOCKS_SET)} 32 PUSH0 LOG1 STOP""",
    )


def _write(program: Program) -> None:
    """Write one block: check its bytes, copy them to Memory, read them as a map, store that.

    Stack: where to go on, the block's number, where its bytes begin in calldata. The width of an
    item is the second argument of either function.
    """
    emit_source(
        program,
        f"""write:
        DUP1 CALLDATALOAD 36 CALLDATALOAD
        1 DUP2 SUB 31 LT
        DUP2 DUP4 MOD OR
        DUP3 ISZERO OR
        DUP3 {MAX_BLOCK_BYTES} LT OR
        DUP3 DUP5 ADD 32 ADD CALLDATASIZE LT OR
        DUP5 64 SHR OR
        @bad_block JUMPI
        DUP2 DUP4 32 ADD PUSH0 CALLDATACOPY
        DUP1 64 SHL DUP2 DUP4 DIV OR PUSH0 MTOB
        64 SHL DUP4 64 SHL BTOS1
        POP POP POP PUSH0 BUF_INIT JUMP""",
    )


def add_refusals(program: Program, input_format: InputFormat) -> None:
    """Revert with Error(string)."""
    size = f"{input_format.item_bytes} byte{'s' * (input_format.item_bytes > 1)} an item"
    bad_input = f"input: expected {input_format.nbytes} bytes, {size}"
    for label, message in (ERRORS | {"bad_input": bad_input}).items():
        payload = error_payload(message)
        program.data(f"{label}_payload", payload)
        emit_source(
            program,
            f"{label}: {len(payload)} @{label}_payload PUSH0 CODECOPY {len(payload)} PUSH0 REVERT",
        )
