"""`smartvm prove` and `smartvm verify`: proofs made on a database, checked without it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from eth_utils import keccak

from smartvm.chain import Chain
from smartvm.chain.models import deploy_model, infer
from smartvm.compiler.artefact import Artefact
from smartvm.compiler.compile import compile
from smartvm.compiler.integer_graph import Interval
from smartvm.compiler.sequential import Sequential

pytest.importorskip("lmdb", reason="keeps chains on disk")

Run = Callable[..., tuple[int, str, str]]
INPUT = bytes([1, 2, 3])


def compiled(bias: int) -> Artefact:
    network = Sequential("tiny", (3,), scale=10, input_range=Interval(0, 100))
    weights = np.array([[3, -4, 5], [-300, 2, 1], [0, 9, 2]])
    return compile(network.fully_connected("fc", weights, np.array([7, bias, 0])).graph)


class Setting:
    """A chain on disk with a model and an inference, and what a verifier has."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.path = folder, folder / "chain"
        artefact = compiled(8)
        self.artefact = artefact.save(folder / "tiny.zip")
        self.other = compiled(9).save(folder / "other.zip")
        (folder / "x.bin").write_bytes(INPUT)
        with Chain(self.path) as chain:
            self.address = f"0x{deploy_model(chain, artefact).address.hex()}"
            inference = infer(chain, bytes.fromhex(self.address[2:]), INPUT)
            self.label = inference.label
            self.transaction = f"0x{inference.receipt.transaction_hash.hex()}"
            self.caller = f"0x{chain.accounts[0].address.hex()}"
            self.block = chain.block_number
            self.hash = f"0x{chain.header().hash.hex()}"
            self.parent_hash = f"0x{chain.header(self.block - 1).hash.hex()}"
        self.model_hash = f"0x{artefact.contract.model_hash.hex()}"


@pytest.fixture(scope="module")
def setting(tmp_path_factory: pytest.TempPathFactory) -> Setting:
    return Setting(tmp_path_factory.mktemp("proofs"))


@pytest.fixture
def prove(run: Run, setting: Setting, tmp_path: Path) -> Callable[..., Path]:
    """Make a proof with these options; its file."""

    def make(*arguments: object) -> Path:
        path = tmp_path / "a.proof"
        code, out, err = run("prove", *arguments, "-o", path, "--db", setting.path)
        assert (code, err) == (0, "")
        assert f"{path}, {path.stat().st_size:,} bytes" in out
        return path

    return make


def verified(run: Run, path: Path, block_hash: str, *options: object) -> dict:
    code, out, err = run("verify", path, "--block-hash", block_hash, "--json", *options)
    assert (code, err) == (0, "")
    return json.loads(out)


def test_an_inference_is_proven(run: Run, setting: Setting, prove: Callable[..., Path]) -> None:
    path = prove(setting.transaction)
    options = ["--input", setting.folder / "x.bin", "--artefact", setting.artefact]
    shown = verified(run, path, setting.hash, *options, "--model-hash", setting.model_hash)
    assert shown == {
        "blockNumber": setting.block,
        "blockHash": setting.hash,
        "proven": "inference",
        "address": setting.address,
        "modelHash": setting.model_hash,
        "transactionHash": setting.transaction,
        "sender": setting.caller,
        "inferences": [
            {
                "caller": setting.caller,
                "inputHash": f"0x{keccak(INPUT).hex()}",
                "label": str(setting.label),
            }
        ],
    }
    text = run("verify", path, "--block-hash", setting.hash)[1]
    assert text.startswith(f"proven      inference\nblock       {setting.block}, {setting.hash}\n")
    assert f"label       {setting.label}\n" in text


@pytest.mark.parametrize(
    ("weights", "numbers", "state"),
    [("none", [], "in part"), ("1", ["1"], "in part"), ("all", ["1", "2"], "whole"),
     ("1-2,9", ["1", "2", "9"], "whole")],
)  # fmt: skip
def test_weights_are_proven(
    run: Run,
    setting: Setting,
    prove: Callable[..., Path],
    weights: str,
    numbers: list[str],
    state: str,
) -> None:
    shown = verified(run, prove(setting.address, "--weights", weights), setting.hash)
    assert (list(shown["blocks"]), shown["weights"]) == (numbers, state)
    assert shown["blocks"].get("9") is None
    assert shown["owner"] == setting.caller


def test_an_artefact_stands_in_for_the_weights(
    run: Run, setting: Setting, prove: Callable[..., Path]
) -> None:
    path = prove(setting.address)
    assert verified(run, path, setting.hash, "--artefact", setting.artefact)["weights"] == "whole"
    text = run("verify", path, "--block-hash", setting.hash)[1]
    assert "weights     none here; --artefact compares them\n" in text


def test_an_earlier_block_is_proven(run: Run, setting: Setting, prove: Callable[..., Path]) -> None:
    for block in (setting.block - 1, setting.parent_hash):
        path = prove(setting.address, "--block", block)
        shown = verified(run, path, setting.parent_hash)
        assert shown["blockNumber"] == setting.block - 1


def test_a_verifier_needs_nothing_of_the_chain(run: Run, tmp_path: Path) -> None:
    setting = Setting(tmp_path)
    path = tmp_path / "a.proof"
    assert run("prove", setting.transaction, "-o", path, "--db", setting.path)[0] == 0
    shutil.rmtree(setting.path)
    assert verified(run, path, setting.hash)["proven"] == "inference"


def test_the_proof_is_named_after_what_it_proves(
    run: Run, setting: Setting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, _ = run("prove", setting.address, "--db", setting.path, "--json")
    told = json.loads(out)
    assert (code, told["proof"], told["blockHash"]) == (
        0, f"{setting.address}.proof", setting.hash,
    )  # fmt: skip
    assert Path(told["proof"]).stat().st_size == told["bytes"]


def test_what_does_not_hold_is_exit_code_1(
    run: Run, setting: Setting, prove: Callable[..., Path], tmp_path: Path
) -> None:
    answer = prove(setting.transaction).rename(tmp_path / "answer.proof")
    model = prove(setting.address).rename(tmp_path / "model.proof")
    damaged = bytearray(answer.read_bytes())
    damaged[700] ^= 1
    (tmp_path / "damaged.proof").write_bytes(damaged)
    (tmp_path / "y.bin").write_bytes(b"another")
    cases = [
        (answer, ["--block-hash", setting.parent_hash], "the proof is of block"),
        (tmp_path / "damaged.proof", [], "damaged"),
        (setting.artefact, [], "not a proof"),
        (answer, ["--address", f"0x{'11' * 20}"], "another address"),
        (answer, ["--model-hash", f"0x{'11' * 32}"], "another model hash"),
        (answer, ["--artefact", setting.other], "other code"),
        (answer, ["--input", tmp_path / "y.bin"], "another input"),
        (model, ["--artefact", setting.other], "other code"),
    ]
    for path, options, message in cases:
        code, out, err = run("verify", path, "--block-hash", setting.hash, *options)
        assert (code, out, err.count("\n")) == (1, "", 1), err
        assert message in err


def test_wrong_use_is_exit_code_2(
    run: Run, setting: Setting, prove: Callable[..., Path], tmp_path: Path
) -> None:
    path, where = prove(setting.address), ["--db", setting.path]
    hashed = ["--block-hash", setting.hash]
    cases = [
        (["verify", path], "required: --block-hash"),
        (["verify", path, "--block-hash", "0x12"], "(32 bytes in hexadecimal), found 1 byte"),
        (["verify", path, *hashed, "--input", path], "--input: the proof is of a model"),
        (["verify", path, *hashed, "--address", "0x12"], "the address (20 bytes"),
        (["verify", tmp_path / "none", *hashed], "none: no such file"),
        (["prove", "0x12", *where], "an address (20 bytes) or the hash"),
        (["prove", "nothing", *where], "an address or the hash of a transaction"),
        (["prove", setting.transaction, "--weights", "all", *where], "for the proof of a model"),
        (["prove", setting.address, "--weights", "1,x", *where], "numbers like 1,4-6"),
        (["prove", setting.address, "--weights", "5-1", *where], "range of 1 to 65,536"),
    ]
    for arguments, message in cases:
        code, out, err = run(*arguments)
        assert (code, out, err.count("\n")) == (2, "", 1), err
        assert message in err


def test_what_is_not_on_the_chain_cannot_be_proven(run: Run, setting: Setting) -> None:
    cases = [
        ([f"0x{'11' * 20}"], "found no code"),
        ([f"0x{'11' * 32}"], "no block of the chain holds it"),
        ([setting.address, "--block", "999"], "999"),
        ([setting.address, "--block", "soon"], "soon"),
    ]
    for arguments, message in cases:
        code, out, err = run("prove", *arguments, "-o", "never.proof", "--db", setting.path)
        assert (code, out, err.count("\n")) == (1, "", 1), err
        assert message in err
    assert not Path("never.proof").exists()
