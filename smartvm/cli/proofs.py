"""`smartvm prove` and `smartvm verify`."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smartvm.cli.client import Client, add_client_options, open_client
from smartvm.cli.command import (
    Command,
    UsageError,
    add_json_option,
    count,
    from_hex,
    print_json,
    print_rows,
    read_bytes,
)
from smartvm.cli.contracts import ADDRESS_BYTES, HASH_BYTES, decoded, parse_bytes

if TYPE_CHECKING:
    from smartvm.chain.proven import ProvenInference, ProvenModel

_PROVE_EXAMPLES = """\
A proof goes into a file; whoever trusts the hash of its block, and has nothing else of the chain,
checks it with 'smartvm verify' (docs/proofs.md).

examples:
  smartvm prove 0x5fbd…0aa3                          the model at this address; no weights in it
  smartvm prove 0x5fbd…0aa3 --weights 1,4-6          with these weight blocks
  smartvm prove 0x5fbd…0aa3 --weights all --block 12
  smartvm prove 0x9c1e…77b2 -o answer.proof          the inference of this transaction"""
_VERIFY_EXAMPLES = """\
The verifier needs no node. Exit code: 0 if the proof holds, 1 if not.

examples:
  smartvm verify answer.proof --block-hash 0x31ab…90ef
  smartvm verify model.proof --block-hash 0x31ab…90ef --artefact model.zip
  smartvm verify answer.proof --block-hash 0x31ab…90ef --input digit.bin --json"""
ALL, NONE = "all", "none"
MAX_RANGE = 1 << 16


def _prove_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "target", metavar="TARGET", help="the address of a model, or the hash of a transaction"
    )
    parser.add_argument(
        "-o", "--output", metavar="FILE", help="where the proof goes (default: TARGET.proof)"
    )
    parser.add_argument(
        "--block",
        metavar="BLOCK",
        default="latest",
        type=_block,
        help="of a model: number, hash or tag of the block (default: latest)",
    )
    parser.add_argument(
        "--weights",
        metavar="NUMBERS",
        default=NONE,
        type=_numbers,
        help="of a model: the weight blocks that go into the proof: all, none, or numbers and "
        "ranges such as 1,4-6 (default: none; the artefact shows them as well)",
    )
    add_client_options(parser)
    add_json_option(parser)


def _block(text: str) -> str:
    return hex(int(text)) if text.isdecimal() and len(text) < 20 else text


def _numbers(text: str) -> str | list[int]:
    """`all`, `none`, or the numbers of `1,4-6`."""
    if text in (ALL, NONE):
        return text
    numbers: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        ends = (first, last or first)
        if not all(end.isdecimal() and len(end) < 20 for end in ends):
            raise ArgumentTypeError(f"expected all, none, or numbers like 1,4-6, found {text!r}")
        start, stop = map(int, ends)
        if not 0 <= stop - start < MAX_RANGE:
            raise ArgumentTypeError(f"expected a range of 1 to {MAX_RANGE:,} blocks, found {part}")
        numbers.update(range(start, stop + 1))
    return sorted(numbers)


def _prove(arguments: Namespace) -> int:
    target = from_hex(arguments.target, "an address or the hash of a transaction")
    if len(target) not in (ADDRESS_BYTES, HASH_BYTES):
        raise UsageError(
            f"expected an address ({ADDRESS_BYTES} bytes) or the hash of a transaction "
            f"({HASH_BYTES} bytes), found {count(len(target), 'byte')}"
        )
    name = f"0x{target.hex()}"
    with open_client(arguments) as client:
        if len(target) == ADDRESS_BYTES:
            encoding = _model_proof(client, name, arguments)
        else:
            if arguments.weights != NONE or arguments.block != "latest":
                raise UsageError("--weights and --block are for the proof of a model")
            encoding = decoded(client.call("smartvm_proveInference", name))
    path = Path(arguments.output or f"{name}.proof")
    path.write_bytes(encoding)
    block_hash = _block_hash(encoding)
    if arguments.json:
        print_json({"proof": str(path), "bytes": len(encoding), "blockHash": block_hash})
    else:
        print_rows([("proof", f"{path}, {len(encoding):,} bytes"), ("block hash", block_hash)])
    return 0


def _model_proof(client: Client, address: str, arguments: Namespace) -> bytes:
    numbers = [] if arguments.weights == NONE else arguments.weights
    return decoded(client.call("smartvm_proveModel", address, numbers, arguments.block))


def _block_hash(encoding: bytes) -> str:
    from eth_utils import keccak

    from smartvm.chain.proofs import read_proof

    return f"0x{keccak(read_proof(encoding).header).hex()}"


def _verify_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("proof", metavar="PROOF", help="a file of 'smartvm prove', or - for stdin")
    parser.add_argument(
        "--block-hash",
        metavar="HASH",
        required=True,
        help="the hash of the block, from a source that you trust",
    )
    parser.add_argument("--address", metavar="ADDRESS", help="the contract that it must be about")
    parser.add_argument("--model-hash", metavar="HASH", help="the model that it must be about")
    parser.add_argument(
        "--artefact",
        metavar="PATH",
        help="the model that it must be about, compared with the contract to the last weight",
    )
    parser.add_argument("--input", metavar="FILE", help="packed bytes of the input of an inference")
    add_json_option(parser)


def _verify(arguments: Namespace) -> int:
    from smartvm.chain.proofs import read_proof
    from smartvm.chain.proven import ProvenModel

    block_hash = parse_bytes(arguments.block_hash, HASH_BYTES, "the hash of a block")
    proven = read_proof(read_bytes(arguments.proof)).verify(block_hash)
    _check(proven, arguments)
    if isinstance(proven, ProvenModel):
        shown = _model_json(proven, is_whole=bool(arguments.artefact) or proven.is_whole)
        rows = _model_rows(shown)
    else:
        shown = _inference_json(proven)
        rows = _inference_rows(shown)
    number = proven.header.block_number
    if arguments.json:
        print_json({"blockNumber": number, "blockHash": _hex(block_hash), **shown})
    else:
        block = ("block", f"{number}, {_hex(block_hash)}")
        print_rows([("proven", shown["proven"]), block, *rows])
    return 0


def _check(proven: ProvenModel | ProvenInference, arguments: Namespace) -> None:
    """Compare what is proven with what it must be.

    Raises:
        ProofError: it is something else.
        UsageError: an option does not go with the kind of the proof.
    """
    from eth_utils import keccak

    from smartvm.chain.proven import ProvenModel
    from smartvm.compiler.artefact import Artefact
    from smartvm.exceptions import ProofError

    artefact = Artefact.load(arguments.artefact) if arguments.artefact else None
    wanted = [
        ("address", arguments.address, ADDRESS_BYTES, proven.address),
        ("model hash", arguments.model_hash, HASH_BYTES, proven.model_hash),
    ]
    for name, text, size, found in wanted:
        if text and parse_bytes(text, size, f"the {name}") != found:
            raise ProofError(f"the proof is of another {name}: {_hex(found)}")
    if isinstance(proven, ProvenModel):
        if arguments.input:
            raise UsageError("--input: the proof is of a model, not of an inference")
        if artefact:
            proven.check_artefact(artefact)
        return
    if artefact and artefact.contract.runtime != proven.code:
        raise ProofError(f"{_hex(proven.address)} has other code than {artefact.name}")
    if arguments.input:
        digest = keccak(read_bytes(arguments.input))
        if digest not in {inference.input_hash for inference in proven.inferences}:
            raise ProofError(f"the proof is of another input than {arguments.input}")


def _model_json(proven: ProvenModel, is_whole: bool) -> dict[str, Any]:
    blocks = {
        str(number): None
        if block is None
        else {"items": len(block), "itemBytes": block.item_bytes, "bytes": block.nbytes}
        for number, block in proven.blocks.items()
    }
    return {
        "proven": "model",
        "address": _hex(proven.address),
        "modelHash": _hex(proven.model_hash),
        "owner": _hex(proven.owner),
        "version": proven.version,
        "isFrozen": proven.is_frozen,
        "storageRoot": _hex(proven.storage_root),
        "weights": "whole" if is_whole else "in part",
        "blocks": blocks,
    }


def _model_rows(shown: dict[str, Any]) -> list[tuple[str, object]]:
    there = [number for number, block in shown["blocks"].items() if block]
    absent = [number for number, block in shown["blocks"].items() if not block]
    part = "these blocks" if there else "none here; --artefact compares them"
    weights = {"whole": "all of the model", "in part": part}
    frozen = ", frozen" if shown["isFrozen"] else ""
    return [
        ("contract", shown["address"]),
        ("model hash", shown["modelHash"] or "none: not a model contract"),
        ("owner", shown["owner"]),
        ("version", f"{shown['version']}{frozen}"),
        ("weights", weights[shown["weights"]]),
        *([("blocks", count(len(there), "block"))] if there else []),
        *([("absent", ", ".join(absent))] if absent else []),
    ]


def _inference_json(proven: ProvenInference) -> dict[str, Any]:
    return {
        "proven": "inference",
        "address": _hex(proven.address),
        "modelHash": _hex(proven.model_hash),
        "transactionHash": _hex(proven.transaction_hash),
        "sender": _hex(proven.sender),
        "inferences": [
            {
                "caller": _hex(inference.caller),
                "inputHash": _hex(inference.input_hash),
                "label": str(inference.label),
            }
            for inference in proven.inferences
        ],
    }


def _inference_rows(shown: dict[str, Any]) -> list[tuple[str, object]]:
    rows: list[tuple[str, object]] = [
        ("contract", shown["address"]),
        ("model hash", shown["modelHash"] or "none: not a model contract"),
        ("transaction", shown["transactionHash"]),
        ("sender", shown["sender"]),
    ]
    for inference in shown["inferences"]:
        rows += [
            ("label", inference["label"]),
            ("input hash", inference["inputHash"]),
            ("caller", inference["caller"]),
        ]
    return rows


def _hex(content: bytes | None) -> str:
    return f"0x{content.hex()}" if content is not None else ""


PROVE = Command(
    "prove", "write a proof of a model or of an inference", _PROVE_EXAMPLES,
    _prove_arguments, _prove,
)  # fmt: skip
VERIFY = Command(
    "verify", "check a proof against the hash of a block", _VERIFY_EXAMPLES,
    _verify_arguments, _verify,
)  # fmt: skip
