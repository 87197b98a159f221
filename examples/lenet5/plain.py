"""One digit through PlainLeNet5: what the same network costs in plain Solidity.

    python -m examples.lenet5.plain

Stock solc's code runs in a throwaway state that holds the weights already, with more gas than any
block has. It takes minutes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from eth_utils import keccak

from smartvm import execute
from smartvm.compiler import lenet5
from smartvm.compiler.abi import encode_call
from smartvm.compiler.contract import build_contract
from smartvm.compiler.emit import WeightBlock
from smartvm.compiler.solidity import find_solc

FOLDER = Path(__file__).parent
GAS = 1 << 50
WORD = 32
LAYERS = range(1, 6)


def lines_of_code(file: Path) -> int:
    """Lines that are neither blank nor comment."""
    lines = (line.strip() for line in file.read_text().splitlines())
    return sum(bool(line) and not re.match(r"//|/\*|\*", line) for line in lines)


def stock_code() -> bytes:
    """PlainLeNet5 from solc as it is."""
    settings = {
        "viaIR": True,
        "optimizer": {"enabled": True, "runs": 200},
        "evmVersion": "prague",
        "outputSelection": {"*": {"*": ["evm.deployedBytecode.object"]}},
    }
    text = (FOLDER / "PlainLeNet5.sol").read_text()
    with find_solc().session() as solc:
        sources = {"plain.sol": {"content": text}}
        output = solc({"language": "Solidity", "sources": sources, "settings": settings})
    evm = output["contracts"]["plain.sol"]["PlainLeNet5"]["evm"]
    return bytes.fromhex(evm["deployedBytecode"]["object"])


def slots(blocks: Mapping[int, WeightBlock]) -> dict[int, int]:
    """Storage after all weights were added: arrays in mappings at slots 0 and 1, packed."""
    found: dict[int, int] = {}
    for layer in LAYERS:
        for mapping, number, width in ((0, 2 * layer - 1, 2), (1, 2 * layer, 4)):
            items = [int(item) for item in blocks[number].items]
            place = _keccak(layer.to_bytes(WORD, "big") + mapping.to_bytes(WORD, "big"))
            start, per_slot = _keccak(place.to_bytes(WORD, "big")), WORD // width
            found[place] = len(items)
            for first in range(0, len(items), per_slot):
                packed = (
                    item.to_bytes(width, "little", signed=True)
                    for item in items[first : first + per_slot]
                )
                found[start + first // per_slot] = int.from_bytes(b"".join(packed), "little")
    return found


def _keccak(data: bytes) -> int:
    return int.from_bytes(keccak(data), "big")


def main() -> int:
    """Run both, compare them; 0 if the outputs are equal."""
    model = build_contract(lenet5.load())
    call = encode_call("predict(bytes)", lenet5.test_split().pixels[0].tobytes())
    blocks = {number: block.tensor for number, block in model.blocks.items()}
    dnn = execute(model.runtime, calldata=call, blocks=blocks).raise_for_error()
    code = stock_code()
    plain = execute(code, calldata=call, storage=slots(model.blocks), gas=GAS).raise_for_error()
    print(f"plain Solidity   {plain.gas_used:>12,} gas, {len(code):,} bytes of code")
    print(f"DNN instructions {dnn.gas_used:>12,} gas")
    print("equal outputs" if plain.output == dnn.output else "DIFFERENT outputs")
    return int(plain.output != dnn.output)


if __name__ == "__main__":
    raise SystemExit(main())
