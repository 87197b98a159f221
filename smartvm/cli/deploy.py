"""`smartvm deploy` and `smartvm upload`."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Any

from smartvm.cli.client import Client, add_client_options, open_client
from smartvm.cli.command import (
    Command,
    Refused,
    UsageError,
    add_json_option,
    count,
    print_json,
    print_rows,
)
from smartvm.cli.contracts import Sender, add_sender_options, model_hash, parse_address

if TYPE_CHECKING:
    from smartvm.compiler.artefact import Artefact

ARTEFACT_HELP = "what 'smartvm compile' has written: a directory, or a .zip file"
_DEPLOY_EXAMPLES = """\
Creates the contract, which has no weights yet; 'smartvm upload' sends them. Whoever deploys owns
the contract.

examples:
  smartvm deploy model.zip
  smartvm deploy model.zip --upload
  smartvm deploy model --rpc http://127.0.0.1:8545 --key-file key.txt
  smartvm deploy model --db chain --json"""
_UPLOAD_EXAMPLES = """\
By the owner, in transactions of up to a megabyte. An upload that was interrupted goes on with
--resume, which sends nothing that the contract holds already.

examples:
  smartvm upload 0x5fbd…0aa3 model.zip
  smartvm upload 0x5fbd…0aa3 model.zip --resume"""


def _deploy_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("artefact", metavar="ARTEFACT", help=ARTEFACT_HELP)
    parser.add_argument("--upload", action="store_true", help="send the weights as well")
    add_client_options(parser)
    add_sender_options(parser)
    add_json_option(parser)


def _deploy(arguments: Namespace) -> int:
    from smartvm.compiler.artefact import Artefact

    artefact = Artefact.load(arguments.artefact)
    with open_client(arguments) as client:
        sender = Sender.of(client, arguments)
        receipt = sender.send(None, artefact.contract.init_code)
        done: dict[str, Any] = {
            "address": receipt["contractAddress"].lower(),
            "modelHash": f"0x{artefact.contract.model_hash.hex()}",
            "owner": sender.address,
            "transactionHash": receipt["transactionHash"],
            "blockNumber": int(receipt["blockNumber"], 16),
            "gasUsed": int(receipt["gasUsed"], 16),
        }
        if not arguments.json:
            print_rows(
                [
                    ("contract", done["address"]),
                    ("model hash", done["modelHash"]),
                    ("owner", done["owner"]),
                    ("transaction", done["transactionHash"]),
                    ("block", done["blockNumber"]),
                    ("gas", f"{done['gasUsed']:,}"),
                ]
            )
            sys.stdout.flush()
        if arguments.upload:
            done["upload"] = _send_blocks(sender, done["address"], artefact, {})
    if arguments.json:
        print_json(done)
    elif arguments.upload:
        _print_upload(done["upload"])
    return 0


def _upload_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("address", metavar="ADDRESS", help="of the contract")
    parser.add_argument("artefact", metavar="ARTEFACT", help=ARTEFACT_HELP)
    parser.add_argument(
        "--resume", action="store_true", help="send only what the contract does not hold yet"
    )
    add_client_options(parser)
    add_sender_options(parser)
    add_json_option(parser)


def _upload(arguments: Namespace) -> int:
    from smartvm.compiler.artefact import Artefact

    address = parse_address(arguments.address)
    artefact = Artefact.load(arguments.artefact)
    with open_client(arguments) as client:
        if model_hash(client, address) != artefact.contract.model_hash:
            raise Refused(f"{address} is the contract of another model than {arguments.artefact}")
        present = _present(client, address)
        if present and not arguments.resume:
            raise UsageError(
                f"{address} holds {count(len(present), 'block')} already: give --resume to send "
                "only what is missing or differs"
            )
        done = _send_blocks(Sender.of(client, arguments), address, artefact, present)
    if arguments.json:
        print_json(done)
    else:
        _print_upload(done)
    return 0


def _present(client: Client, address: str) -> dict[int, str]:
    """The hash of each block that a contract holds, by number."""
    rows = client.call("smartvm_blocks", address)["blocks"]
    return {row["number"]: row["hash"] for row in rows}


def _send_blocks(
    sender: Sender, address: str, artefact: Artefact, present: dict[int, str]
) -> dict[str, Any]:
    """Send the blocks that are not present with the same content; a bar shows progress."""
    from smartvm.chain.demo_view import ProgressBar
    from smartvm.chain.upload import BATCH_BYTES, batches

    blocks = artefact.contract.blocks
    missing = {n: b for n, b in blocks.items() if present.get(n) != f"0x{b.digest.hex()}"}
    sizes = {n: len(b.items) * b.item_bytes for n, b in blocks.items()}
    total, size = sum(sizes.values()), sum(sizes[n] for n in blocks.keys() - missing.keys())
    held, gas_used, transactions = len(blocks) - len(missing), 0, 0
    bar = ProgressBar("upload", sys.stderr)
    bar.update(size, total, f"{held}/{len(blocks)} blocks, {size / 1e3:,.1f} kB")
    most_gas = int(sender.client.call("eth_getBlockByNumber", "latest", False)["gasLimit"], 16)
    for batch in batches(missing, BATCH_BYTES, most_gas):
        receipt = sender.send(address, batch.calldata, batch.gas)
        gas_used += int(receipt["gasUsed"], 16)
        transactions += 1
        held, size = held + len(batch.numbers), size + batch.size
        bar.update(size, total, f"{held}/{len(blocks)} blocks, {size / 1e3:,.1f} kB")
    return {
        "address": address,
        "sent": sorted(missing),
        "present": sorted(blocks.keys() - missing.keys()),
        "transactions": transactions,
        "gasUsed": gas_used,
    }


def _print_upload(done: dict[str, Any]) -> None:
    sent = f"{count(len(done['sent']), 'block')} by {count(done['transactions'], 'transaction')}"
    present = count(len(done["present"]), "block")
    print_rows([("sent", sent), ("present", present), ("gas", f"{done['gasUsed']:,}")])


DEPLOY = Command(
    "deploy", "create the contract of a compiled model", _DEPLOY_EXAMPLES,
    _deploy_arguments, _deploy,
)  # fmt: skip
UPLOAD = Command(
    "upload", "send the weights of a model to its contract", _UPLOAD_EXAMPLES,
    _upload_arguments, _upload,
)  # fmt: skip
