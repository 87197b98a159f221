"""`smartvm predict` and `smartvm infer`."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Any

from smartvm.cli.client import Client, add_client_options, open_client
from smartvm.cli.command import (
    Command,
    Refused,
    UsageError,
    add_json_option,
    print_json,
    print_rows,
)
from smartvm.cli.contracts import (
    Sender,
    add_sender_options,
    contract_call,
    decoded,
    model_hash,
    parse_address,
)
from smartvm.cli.inputs import FILE_HELP, read_input, size

if TYPE_CHECKING:
    import numpy as np

_INPUT_NOTE = """\
Integers are taken as they are, floats need --artefact, which knows their scale, and a file of
packed bytes is sent as it is. An image is 8-bit pixels, 0 to 255."""
_PREDICT_EXAMPLES = f"""\
Nothing is sent: the contract is called.
{_INPUT_NOTE}

examples:
  smartvm predict 0x5fbd…0aa3 digit.pgm
  smartvm predict 0x5fbd…0aa3 photo.png --resize 32x32
  smartvm predict 0x5fbd…0aa3 values.npy --artefact model.zip --db chain"""
_INFER_EXAMPLES = f"""\
A transaction: its receipt holds the caller, the hash of the input and the answer for good.
{_INPUT_NOTE}

examples:
  smartvm infer 0x5fbd…0aa3 digit.pgm
  smartvm infer 0x5fbd…0aa3 digit.npy --key-file key.txt --json"""
SHOWN_OUTPUTS = 10


def _predict_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("address", metavar="ADDRESS", help="of a model contract")
    parser.add_argument("input", metavar="INPUT", help=FILE_HELP)
    parser.add_argument(
        "--artefact", metavar="PATH", help="the compiled model, for floats and clearer errors"
    )
    parser.add_argument(
        "--resize", type=size, metavar="HxW", help="bring an image to this size, such as 32x32"
    )
    add_client_options(parser)
    add_json_option(parser)


def _infer_arguments(parser: ArgumentParser) -> None:
    _predict_arguments(parser)
    add_sender_options(parser)


def _predict(arguments: Namespace) -> int:
    address = parse_address(arguments.address)
    with open_client(arguments) as client:
        packed = _packed(client, address, arguments)
        found = client.call("smartvm_predict", address, f"0x{packed.hex()}")
        if arguments.json:
            print_json(found)
        else:
            print_rows(_prediction_rows(found))
    return 0


def _prediction_rows(found: dict[str, Any]) -> list[tuple[str, object]]:
    values = found["values"]
    shown = "  ".join(f"{value:.4g}" for value in values[:SHOWN_OUTPUTS])
    more = f"  … {len(values):,} in all" if len(values) > SHOWN_OUTPUTS else ""
    label = [] if found["label"] is None else [("label", found["label"])]
    return [*label, ("outputs", f"{shown}{more}"), ("gas", f"{int(found['gas'], 16):,}")]


def _infer(arguments: Namespace) -> int:
    from smartvm.compiler.abi import encode_call
    from smartvm.compiler.contract_abi import INFER

    address = parse_address(arguments.address)
    with open_client(arguments) as client:
        packed = _packed(client, address, arguments)
        receipt = Sender.of(client, arguments).send(address, encode_call(INFER, packed))
        found = _inferred(receipt, address)
    if arguments.json:
        print_json(found)
        return 0
    block = f"{found['blockNumber']}, {found['blockHash']}"
    print_rows(
        [
            ("label", found["label"]),
            ("input hash", found["inputHash"]),
            ("caller", found["caller"]),
            ("transaction", found["transactionHash"]),
            ("block", block),
            ("gas", f"{found['gasUsed']:,}"),
        ]
    )
    return 0


def _inferred(receipt: dict[str, Any], address: str) -> dict[str, Any]:
    """What the receipt of an inference says."""
    from smartvm.compiler.abi import decode_uint256, event_topic
    from smartvm.compiler.contract_abi import INFERRED

    topic = f"{event_topic(INFERRED):#066x}"
    logs = [log for log in receipt["logs"] if log["topics"][:1] == [topic]]
    if not logs:
        raise Refused(f"{address}: transaction {receipt['transactionHash']} logged no inference")
    data = decoded(logs[0]["data"])
    return {
        "label": str(decode_uint256(data[32:])),
        "inputHash": f"0x{data[:32].hex()}",
        "caller": f"0x{logs[0]['topics'][1][-40:]}",
        "address": address,
        "transactionHash": receipt["transactionHash"],
        "blockNumber": int(receipt["blockNumber"], 16),
        "blockHash": receipt["blockHash"],
        "gasUsed": int(receipt["gasUsed"], 16),
    }


def _packed(client: Client, address: str, arguments: Namespace) -> bytes:
    """The input of the arguments as the contract takes it.

    Raises:
        UsageError: it does not fit the contract.
    """
    from smartvm.chain.models import pack_integers
    from smartvm.compiler.abi import decode_uint256, encode_call
    from smartvm.compiler.contract_abi import INPUT_BYTES

    digest = model_hash(client, address)
    given = read_input(arguments.input, arguments.resize)
    if not isinstance(given, bytes) and arguments.artefact:
        return _packed_by_artefact(given, arguments.artefact, digest)
    size = decode_uint256(contract_call(client, address, encode_call(INPUT_BYTES)))
    if isinstance(given, bytes):
        if len(given) != size:
            found = f"expected {size:,} packed bytes, found {len(given):,}"
            raise UsageError(f"{arguments.input}: {found}")
        return given
    if given.dtype.kind not in "iu":
        raise UsageError(
            f"{arguments.input}: expected integers, found {given.dtype}; "
            "give --artefact, which knows the scale of an input"
        )
    return pack_integers(given, size)


def _packed_by_artefact(values: np.ndarray, path: str, digest: bytes) -> bytes:
    from smartvm.compiler.artefact import Artefact

    artefact = Artefact.load(path)
    if artefact.contract.model_hash != digest:
        raise UsageError(f"--artefact: {path} is another model than the contract's")
    return artefact.contract.input_format.pack(values)


PREDICT = Command(
    "predict", "ask a model contract, without a transaction", _PREDICT_EXAMPLES,
    _predict_arguments, _predict,
)  # fmt: skip
INFER = Command(
    "infer", "let a model contract answer in a transaction", _INFER_EXAMPLES,
    _infer_arguments, _infer,
)  # fmt: skip
