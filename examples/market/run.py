"""A prize for a model of handwritten digits: two models, one of them good enough.

python -m examples.market.run [--rpc URL]
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from web3 import Web3

from examples.support import ask, compiled, connect_as_told, deploy, events, send
from smartvm.compiler.lenet5 import WEIGHTS_FILE

BUYER, LAZY, DILIGENT = 0, 1, 2
PRIZE = 10**18
TEST_IMAGES, REQUIRED = 100, 80
SUBMIT_FOR, REVEAL_FOR = 4, 10
HIDDEN, CLASSES, SCALE = 32, 10, 256
SALT = b"\x5a" * 32


def digits() -> tuple[np.ndarray, np.ndarray]:
    """(n, 64) of 0 to 16, and their labels."""
    with np.load(WEIGHTS_FILE) as archive:
        images = archive["test_digits"].reshape(-1, 64)
        return images.astype(np.int64), archive["test_labels"].astype(np.int64)


def trained(images: np.ndarray, labels: np.ndarray, seed: int = 3) -> list[bytes]:
    """A network with random hidden features, and a last layer of least squares on them."""
    generator = np.random.default_rng(seed)
    hidden_weights = generator.integers(-128, 128, (HIDDEN, 64))
    hidden_bias = -hidden_weights.sum(axis=1) * 5
    features = np.maximum(images @ hidden_weights.T + hidden_bias, 0) // SCALE
    inputs = np.column_stack([features, np.ones(len(features))])
    targets = np.eye(CLASSES)[labels] - 0.1
    ridge = inputs.T @ inputs + 10 * np.eye(HIDDEN + 1)
    solution = np.linalg.solve(ridge, inputs.T @ targets).T
    last = np.rint(solution * 2**12).astype(np.int64)
    return pack(hidden_weights, hidden_bias, last[:, :-1], last[:, -1])


def pack(*tensors: np.ndarray) -> list[bytes]:
    """The bytes of weights (2 each) and biases (4 each), big-endian."""
    return [each.astype(f">i{(2, 4)[i % 2]}").tobytes() for i, each in enumerate(tensors)]


def guessing() -> list[bytes]:
    """A network that says 0 to everything."""
    shapes = (HIDDEN, 64), HIDDEN, (CLASSES, HIDDEN), CLASSES
    return pack(*(np.zeros(shape) for shape in shapes))


def wait(web3: Web3, market: Any) -> None:
    """Mine blocks until no more models are taken."""
    while web3.eth.block_number < ask(market.functions.lastSubmission()):
        account = web3.eth.accounts[BUYER]
        web3.eth.wait_for_transaction_receipt(
            web3.eth.send_transaction({"from": account, "to": account, "gas": 21_000})
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Commit, hand in, show, pay; 0 if the better model's owner has the prize."""
    web3 = connect_as_told(arguments, __doc__)
    contract = compiled(Path(__file__).parent / "Market.sol")["Market"]
    images, labels = digits()
    test = images[:TEST_IMAGES].astype(np.uint8).tobytes()
    answers = labels[:TEST_IMAGES].astype(np.uint8).tobytes()
    committed = Web3.keccak(web3.codec.encode(["bytes", "bytes", "bytes32"], [test, answers, SALT]))
    terms = (committed, REQUIRED, SUBMIT_FOR, REVEAL_FOR)
    market = deploy(web3, contract, *terms, sender=BUYER, value=PRIZE)

    send(web3, market.functions.submit(guessing()), sender=LAZY)
    model = trained(images[TEST_IMAGES:], labels[TEST_IMAGES:])
    send(web3, market.functions.submit(model), sender=DILIGENT)
    wait(web3, market)
    receipt = send(web3, market.functions.reveal(test, answers, SALT, 10), sender=BUYER)

    for found in events(market.events.Evaluated(), receipt):
        print(f"model {found['model']}: {found['correct']} of {TEST_IMAGES} labels")
    winner = ask(market.functions.winner())
    names = ("the buyer", "the lazy seller", "the diligent seller")
    name = dict(zip(web3.eth.accounts, names, strict=False))[winner]
    print(f"the prize goes to {name}; {receipt['gasUsed']:,} gas for the test")
    send(web3, market.functions.withdraw(), sender=DILIGENT)
    return int(name != "the diligent seller")


if __name__ == "__main__":
    raise SystemExit(main())
