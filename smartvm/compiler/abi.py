"""The part of Solidity's contract ABI that the model contract speaks.

(https://docs.soliditylang.org/en/latest/abi-spec.html.) Enough for numbers, one trailing
`bytes` or `bytes[]`, arrays of int256 and Error(string); anything more is work for a library.
"""

from __future__ import annotations

from eth_utils import keccak

WORD = 32
ERROR = "Error(string)"
PANIC = "Panic(uint256)"


def selector(signature: str) -> int:
    """The four bytes that choose a function such as ``owner()``, as a number."""
    return int.from_bytes(keccak(text=signature)[:4], "big")


def event_topic(signature: str) -> int:
    """The first topic of an event's logs, as a number."""
    return int.from_bytes(keccak(text=signature), "big")


def encode_call(signature: str, *arguments: int | bytes | list[bytes]) -> bytes:
    """The calldata of a function whose arguments are numbers and, at most as the last, bytes."""
    head, tail = b"", b""
    for argument in arguments:
        if isinstance(argument, int):
            head += argument.to_bytes(WORD, "big")
        else:
            head += (WORD * len(arguments)).to_bytes(WORD, "big")
            tail = _encode_list(argument) if isinstance(argument, list) else encode_bytes(argument)
    return selector(signature).to_bytes(4, "big") + head + tail


def encode_bytes(content: bytes) -> bytes:
    """The length, then the content padded to whole words."""
    return len(content).to_bytes(WORD, "big") + content + bytes(-len(content) % WORD)


def _encode_list(contents: list[bytes]) -> bytes:
    """The length of a ``bytes[]``, where each element begins behind it, and the elements."""
    encoded = [encode_bytes(content) for content in contents]
    heads, offset = [len(encoded)], WORD * len(encoded)
    for element in encoded:
        heads.append(offset)
        offset += len(element)
    return b"".join([*(head.to_bytes(WORD, "big") for head in heads), *encoded])


def error_payload(message: str) -> bytes:
    """The data with which Solidity's ``revert(message)`` reverts."""
    return encode_call(ERROR, message.encode())


def revert_reason(output: bytes) -> str:
    """What the data of a revert says: the message, the panic code or the bytes."""
    choice = int.from_bytes(output[:4], "big")
    if len(output) >= 4 + 2 * WORD and choice == selector(ERROR):
        length = int.from_bytes(output[4 + WORD : 4 + 2 * WORD], "big")
        return output[4 + 2 * WORD :][:length].decode("utf-8", "replace")
    if len(output) == 4 + WORD and choice == selector(PANIC):
        return f"panic {int.from_bytes(output[4:], 'big'):#x}"
    return f"0x{output.hex()}" if output else "no reason given"


def decode_int256_array(output: bytes) -> list[int]:
    """The numbers of a returned ``int256[]``.

    Raises:
        ValueError: the output is no encoding of one.
    """
    count = int.from_bytes(output[WORD : 2 * WORD], "big")
    if int.from_bytes(output[:WORD], "big") != WORD or len(output) != WORD * (2 + count):
        raise ValueError(f"expected an ABI-encoded int256[], found {len(output)} bytes")
    return [
        int.from_bytes(output[start : start + WORD], "big", signed=True)
        for start in range(2 * WORD, len(output), WORD)
    ]


def decode_uint256(output: bytes) -> int:
    """The number of a returned ``uint256``.

    Raises:
        ValueError: the output is not one word.
    """
    if len(output) != WORD:
        raise ValueError(f"expected one word, found {len(output)} bytes")
    return int.from_bytes(output, "big")
