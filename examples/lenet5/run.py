"""LeNet-5 in Solidity beside the one that `smartvm.compile` makes: the same answers.

python -m examples.lenet5.run [--rpc URL]
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from examples.lenet5.plain import FOLDER, lines_of_code
from examples.support import ask, compiled, connect_as_told, deploy, send
from smartvm.compiler import lenet5
from smartvm.compiler.contract import build_contract

IMAGES = 10


def main(arguments: Sequence[str] | None = None) -> int:
    """Deploy both, upload the weights to both, compare them; 0 if all answers are equal."""
    web3 = connect_as_told(arguments, __doc__)
    model = build_contract(lenet5.load())
    generated = web3.eth.contract(abi=model.abi, bytecode=model.init_code)
    receipt = send(web3, generated.constructor())
    generated = web3.eth.contract(address=receipt["contractAddress"], abi=model.abi)
    written = deploy(web3, compiled(FOLDER / "LeNet5.sol")["LeNet5"])
    for contract in (generated, written):
        for number, block in model.blocks.items():
            send(web3, contract.functions.setBlock(number, block.item_bytes, block.packed))

    images = lenet5.test_split()
    equal = correct = 0
    for pixels, label in zip(images.pixels[:IMAGES], images.labels, strict=False):
        outputs = [ask(c.functions.predict(pixels.tobytes())) for c in (generated, written)]
        equal += outputs[0] == outputs[1]
        correct += ask(written.functions.classify(pixels.tobytes())) == label
    gas = [_gas_of_infer(web3, c, images.pixels[0].tobytes()) for c in (generated, written)]

    print(f"equal outputs      {equal} of {IMAGES}")
    print(f"correct labels     {correct} of {IMAGES}")
    print(f"gas of infer       {gas[1]:,}, of the generated contract {gas[0]:,}")
    for name in ("LeNet5.sol", "PlainLeNet5.sol"):
        print(f"{name:<19}{lines_of_code(FOLDER / name)} lines of code")
    return int(equal != IMAGES)


def _gas_of_infer(web3: Any, contract: Any, image: bytes) -> int:
    return int(send(web3, contract.functions.infer(image))["gasUsed"])


if __name__ == "__main__":
    raise SystemExit(main())
