"""LeNet-5 inside a transaction, from deployment to a second node.

    python -m smartvm.chain.demo [--images N] [--backend NAME] [--mnist DIR [--weights FILE]]

Deploys the model contract on a chain in memory, uploads the weights by signed transactions,
classifies the held-out digits by calls and one by a mined transaction, and imports the blocks
into a second chain.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import numpy as np

from smartvm.chain.demo_view import ProgressBar, Row, gallery, layer_rows, median_rows, table
from smartvm.chain.local import Chain
from smartvm.chain.receipts import Receipt
from smartvm.chain.upload import Progress, upload_blocks
from smartvm.compiler import lenet5
from smartvm.compiler.abi import decode_uint256, encode_call, event_topic
from smartvm.compiler.contract import ModelContract, build_contract
from smartvm.compiler.contract_abi import CLASSIFY, INFER, INFERRED
from smartvm.dispatch import available_backends
from smartvm.exceptions import SmartVMError
from smartvm.trace import Tracer
from smartvm.vm import SmartVM

MNIST_IMAGES = 1000
"""Images of MNIST's test split that are classified by default."""
GALLERY = 5
"""Digits that are drawn."""
TRACES = 15
"""Runs whose median is the time of a layer; no more than there are images."""


class Setting(NamedTuple):
    """What every stage needs."""

    chain: Chain
    contract: ModelContract
    address: bytes
    images: lenet5.Images


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demonstration; the exit status is 0 if the second chain agrees."""
    options = _options(arguments)
    started = perf_counter()
    try:
        agrees = _demonstrate(options)
    except (SmartVMError, OSError, ValueError) as error:
        print(f"smartvm demo: {error}", file=sys.stderr)
        return 2
    print(f"\n{perf_counter() - started:.1f} s in all")
    return 0 if agrees else 1


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m smartvm.chain.demo",
        description="Run LeNet-5 inside a smart contract on a chain in memory.",
    )
    parser.add_argument(
        "--images",
        type=_count,
        metavar="N",
        help=f"classify the first N images (default: all 360 digits, {MNIST_IMAGES} of MNIST)",
    )
    parser.add_argument(
        "--backend",
        metavar="NAME",
        help=f"what computes, one of {', '.join(available_backends())}; reference, the executable "
        "specification, takes about a second an image",
    )
    parser.add_argument(
        "--mnist",
        type=Path,
        metavar="DIR",
        help="classify MNIST's test images: the directory of its idx files (.gz or not)",
    )
    parser.add_argument(
        "--weights",
        type=Path,
        metavar="FILE",
        default=lenet5.WEIGHTS_FILE,
        help="weights written by scripts/train_lenet5.py (default: the shipped ones)",
    )
    return parser.parse_args(arguments)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a number of at least 1, found {text!r}")
    return int(text)


def _demonstrate(options: argparse.Namespace) -> bool:
    images = _images(options)
    vm = SmartVM.with_backend(options.backend) if options.backend else SmartVM
    print("LeNet-5 inside an Ethereum transaction\n")
    if options.mnist and options.weights == lenet5.WEIGHTS_FILE:
        print(
            "The shipped weights were trained on scikit-learn's digits, not on MNIST; for MNIST's\n"
            "own, train with scripts/train_lenet5.py --mnist and give the file with --weights.\n"
        )
    setting = _deploy(Chain(vm=vm), build_contract(lenet5.load(options.weights)), images)
    _upload(setting)
    labels = _classify(setting)
    receipt = _infer(setting)
    agrees = _replay(setting)
    _layers(setting, receipt)
    _judge(images, labels, options.weights)
    return agrees


def _images(options: argparse.Namespace) -> lenet5.Images:
    if options.mnist:
        images = lenet5.read_mnist(options.mnist)
        count = options.images or MNIST_IMAGES
    else:
        images = lenet5.test_split()
        count = options.images or len(images.labels)
    return lenet5.Images(images.pixels[:count], images.labels[:count])


def _deploy(chain: Chain, contract: ModelContract, images: lenet5.Images) -> Setting:
    receipt = chain.deploy(contract.init_code)
    assert receipt.contract is not None
    print(
        f"deploy    contract 0x{receipt.contract.hex()}\n"
        f"          {len(contract.runtime):,} bytes of code, {receipt.gas_used:,} gas"
    )
    return Setting(chain, contract, receipt.contract, images)


def _upload(setting: Setting) -> None:
    bar = ProgressBar("upload   ")

    def show(progress: Progress) -> None:
        note = f"{progress.blocks}/{progress.blocks_total} blocks, {progress.size / 1000:.1f} kB"
        bar.update(progress.size, progress.size_total, note)

    blocks = setting.contract.blocks
    upload = upload_blocks(setting.chain, setting.address, blocks, progress=show)
    items = sum(len(block.items) for block in blocks.values())
    print(
        f"          {items:,} weights by {len(upload.receipts)} signed transactions, "
        f"{upload.gas_used:,} gas"
    )


def _classify(setting: Setting) -> np.ndarray:
    """The label that the contract gives each image."""
    chain, images = setting.chain, setting.images
    bar, seconds, labels = ProgressBar("classify "), [], []
    for pixels in images.pixels:
        calldata = encode_call(CLASSIFY, pixels.tobytes())
        started = perf_counter()
        labels.append(decode_uint256(chain.call(setting.address, calldata)))
        seconds.append(perf_counter() - started)
        note = f"{len(labels)}/{len(images.labels)} images"
        bar.update(len(labels), len(images.labels), note)
    print(f"          by calls, {np.median(seconds) * 1e3:.2f} ms each (median)")
    return np.array(labels)


def _infer(setting: Setting) -> Receipt:
    calldata = encode_call(INFER, setting.images.pixels[0].tobytes())
    receipt = setting.chain.transact(setting.address, calldata)
    (log,) = receipt.logs
    assert int.from_bytes(log.topics[0], "big") == event_topic(INFERRED)
    print(
        f"infer     transaction 0x{receipt.transaction_hash.hex()}\n"
        f"          in block {receipt.block_number}, {receipt.gas_used:,} gas; its log: Inferred"
        f"(0x{log.topics[1][-20:].hex()[:8]}…, 0x{log.data[:32].hex()[:8]}…, "
        f"{decode_uint256(log.data[32:])})"
    )
    return receipt


def _replay(setting: Setting) -> bool:
    """Import all blocks into a second chain; whether it comes to the same state."""
    first, second = setting.chain, setting.chain.replica()
    second.import_blocks(first.export_blocks())
    agrees = first.state_root == second.state_root
    print(
        f"replay    a second chain imported {second.block_number} blocks\n"
        f"          state root 0x{first.state_root.hex()}\n"
        f"          {'the same on both' if agrees else f'but 0x{second.state_root.hex()} there'}\n"
    )
    return agrees


def _layers(setting: Setting, receipt: Receipt) -> None:
    calldata = encode_call(CLASSIFY, setting.images.pixels[0].tobytes())
    runs = min(TRACES, len(setting.images.labels))
    traces = [_trace(setting, calldata) for _ in range(runs)]
    print(table(median_rows(traces), receipt.gas_used) + "\n")


def _trace(setting: Setting, calldata: bytes) -> list[Row]:
    tracer = Tracer()
    setting.chain.simulate(setting.address, calldata, tracer=tracer)
    return layer_rows(setting.contract, tracer.steps)


def _judge(images: lenet5.Images, labels: np.ndarray, weights: Path) -> None:
    floats = lenet5.float_logits(images.pixels, weights).argmax(axis=1)
    count = len(labels)
    shown = _worth_showing(labels, images.labels)
    captions = [_caption(labels[index], images.labels[index]) for index in shown]
    print(gallery([images.pixels[index] for index in shown], captions) + "\n")
    for name, right in (
        ("accuracy on chain", labels == images.labels),
        ("accuracy of the float model", floats == images.labels),
        ("same answer as the float model", labels == floats),
    ):
        print(f"  {name:<32}{right.sum():>6} of {count}   {100 * right.mean():6.2f}%")


def _worth_showing(answers: np.ndarray, labels: np.ndarray) -> list[int]:
    """Digits that differ, answered right, and one answered wrong if there is any."""
    right, wrong = np.flatnonzero(answers == labels), np.flatnonzero(answers != labels)[:1]
    firsts = np.unique(labels[right], return_index=True)[1]
    return [*right[np.sort(firsts)][: GALLERY - len(wrong)], *wrong]


def _caption(answer: int, label: int) -> str:
    return f"{answer}" if answer == label else f"{answer} (is a {label})"


if __name__ == "__main__":
    sys.exit(main())
