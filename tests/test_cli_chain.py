"""The commands on a chain: a model deployed, uploaded, asked, traced; by HTTP and on a database."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple

import numpy as np
import pytest
from eth_utils import keccak

from smartvm.chain import Account, Chain
from smartvm.cli.client import HTTPClient
from smartvm.compiler.artefact import Artefact
from smartvm.compiler.compile import compile
from smartvm.compiler.integer_graph import Interval
from smartvm.compiler.sequential import Sequential
from smartvm.node.node import Node

Run = Callable[..., tuple[int, str, str]]
NOBODY = f"0x{'11' * 20}"


class Served(NamedTuple):
    """A chain that the commands reach.

    Attributes:
        options: how they reach it.
        node: the node, where it is served over HTTP.
    """

    options: tuple[object, ...]
    node: Node | None = None


@pytest.fixture
def http() -> Iterator[Served]:
    """A node over HTTP, without what protects a real one."""
    node = Node(Chain())

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            answer = node.handle_body(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *arguments: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield Served(("--rpc", f"http://127.0.0.1:{server.server_port}"), node)
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def database(tmp_path: Path) -> Served:
    """A database on disk."""
    pytest.importorskip("lmdb", reason="keeps chains on disk")
    Chain(tmp_path / "chain").close()
    return Served(("--db", tmp_path / "chain"))


@pytest.fixture(params=["http", "database"])
def served(request: pytest.FixtureRequest) -> Served:
    found: Served = request.getfixturevalue(request.param)
    return found


def compiled() -> Artefact:
    network = Sequential("tiny", (2, 2), scale=10, input_range=Interval(0, 255))
    weights = np.array([[3, -4, 5, 1], [-300, 2, 1, 9], [0, 9, 2, 40]])
    return compile(network.fully_connected("fc", weights, np.array([7, 8, 0])).graph)


@pytest.fixture
def artefact(tmp_path: Path) -> Path:
    return compiled().save(tmp_path / "tiny.zip")


@pytest.fixture
def image(tmp_path: Path) -> Path:
    np.save(tmp_path / "x.npy", np.array([[1, 2], [3, 250]], dtype=np.uint8))
    return tmp_path / "x.npy"


def told(result: tuple[int, str, str]) -> Any:
    assert result[0] == 0, result
    return json.loads(result[1])


def deploy(run: Run, served: Served, artefact: Path, *options: object) -> str:
    return told(run("deploy", artefact, "--json", *options, *served.options))["address"]


def test_a_model_goes_from_artefact_to_answer(
    run: Run, served: Served, artefact: Path, image: Path
) -> None:
    where = served.options
    assert (
        run("models", *where)[1] == "no models on this chain yet: 'smartvm deploy' puts one there\n"
    )
    address = deploy(run, served, artefact)
    (row,) = told(run("models", "--json", *where))
    assert (row["address"], row["matchesHash"]) == (address, False)
    assert " incomplete " in run("models", *where)[1]

    sent = told(run("upload", address, artefact, "--json", *where))
    blocks = sorted(Artefact.load(artefact).contract.blocks)
    assert (sent["sent"], sent["present"]) == (blocks, [])
    assert " complete " in run("models", *where)[1]

    answer = told(run("predict", address, image, "--json", *where))
    # 267, 1965 and 10,024 at scale 100, brought to scale 10.
    shown = (answer["label"], answer["outputs"], answer["scale"])
    assert shown == ("2", ["27", "196", "1002"], "10")
    text = run("predict", address, image, *where)[1]
    assert text.startswith("label       2\noutputs     2.7  19.6  100.2\ngas  ")

    found = told(run("infer", address, image, "--json", *where))
    assert (found["label"], found["inputHash"]) == ("2", f"0x{keccak(bytes([1, 2, 3, 250])).hex()}")
    lines = run("trace", found["transactionHash"], *where)[1].splitlines()
    assert [line.split()[0] for line in lines] == ["layer", "input", "fc1", "answer", "the", "the"]
    assert lines[-1].split()[-1] == f"{found['gasUsed']:,}"
    steps = run("trace", found["transactionHash"], "--steps", *where)[1]
    assert " FULL_CON " in steps
    assert steps.endswith(f"the transaction succeeded: {found['gasUsed']:,} gas\n")
    as_json = told(run("trace", found["transactionHash"], "--json", *where))
    assert as_json["transactionHash"] == found["transactionHash"]


def test_deploy_can_upload_as_well(run: Run, served: Served, artefact: Path, image: Path) -> None:
    code, out, err = run("deploy", artefact, "--upload", *served.options)
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == [
        "contract", "model", "owner", "transaction", "block", "gas", "sent", "present", "gas",
    ]  # fmt: skip
    assert "upload [" in err
    assert run("predict", out.split()[1], image, *served.options)[0] == 0


def test_an_interrupted_upload_is_resumed(
    run: Run, http: Served, artefact: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = deploy(run, http, artefact)
    monkeypatch.setattr("smartvm.chain.upload.BATCH_BYTES", 0)
    call, sent = HTTPClient.call, []

    def interrupted(client: HTTPClient, method: str, *params: object) -> object:
        sent.append(method)
        if sent.count("eth_sendTransaction") == 2:
            raise KeyboardInterrupt
        return call(client, method, *params)

    with monkeypatch.context() as patch:
        patch.setattr(HTTPClient, "call", interrupted)
        assert run("upload", address, artefact, *http.options)[0] == 130
    code, _, err = run("upload", address, artefact, *http.options)
    assert (code, "give --resume" in err) == (2, True)
    done = told(run("upload", address, artefact, "--resume", "--json", *http.options))
    assert (len(done["present"]), len(done["sent"])) == (1, len(compiled().contract.blocks) - 1)
    again = told(run("upload", address, artefact, "--resume", "--json", *http.options))
    assert (again["sent"], again["transactions"]) == ([], 0)


def test_transactions_can_be_signed_here(
    run: Run, served: Served, artefact: Path, image: Path, tmp_path: Path
) -> None:
    signer = Account.numbered(3)
    key = tmp_path / "key.txt"
    key.write_text(f"0x{signer.key.to_bytes().hex()}\n")
    address = deploy(run, served, artefact, "--upload", "--key-file", key)
    (row,) = told(run("models", "--json", *served.options))
    assert row["owner"] == f"0x{signer.address.hex()}"
    found = told(run("infer", address, image, "--json", "--key-file", key, *served.options))
    assert found["caller"] == f"0x{signer.address.hex()}"


def test_another_unlocked_account_can_be_chosen(
    run: Run, served: Served, artefact: Path, image: Path
) -> None:
    address = deploy(run, served, artefact, "--upload")
    caller = f"0x{Account.numbered(5).address.hex()}"
    found = told(run("infer", address, image, "--json", "--from", caller, *served.options))
    assert found["caller"] == caller
    code, _, err = run("infer", address, image, "--from", NOBODY, *served.options)
    assert (code, "no unlocked account of the node" in err) == (2, True)


def test_floats_need_the_artefact(run: Run, served: Served, artefact: Path, tmp_path: Path) -> None:
    address = deploy(run, served, artefact, "--upload")
    np.save(tmp_path / "floats.npy", np.array([0.1, 0.2, 0.3, 25.0]))
    code, _, err = run("predict", address, tmp_path / "floats.npy", *served.options)
    assert (code, "give --artefact, which knows the scale" in err) == (2, True)
    options = ["--artefact", artefact, "--json", *served.options]
    assert told(run("predict", address, tmp_path / "floats.npy", *options))["label"] == "2"


def test_a_model_that_does_not_classify_has_no_label(
    run: Run, http: Served, tmp_path: Path, image: Path
) -> None:
    network = Sequential("sum", (2, 2), scale=10, input_range=Interval(0, 255))
    network.fully_connected("fc", np.array([[1, 1, 1, 1]]), np.array([0]))
    address = deploy(run, http, compile(network.graph).save(tmp_path / "sum.zip"), "--upload")
    lines = run("predict", address, image, *http.options)[1].splitlines()
    assert [line.split()[0] for line in lines] == ["outputs", "gas"]


def test_packed_bytes_are_sent_as_they_are(
    run: Run, served: Served, artefact: Path, image: Path, tmp_path: Path
) -> None:
    address = deploy(run, served, artefact, "--upload")
    (tmp_path / "x.bin").write_bytes(bytes([1, 2, 3, 250]))
    expected = run("predict", address, image, *served.options)
    assert run("predict", address, tmp_path / "x.bin", *served.options) == expected


def test_only_the_owner_uploads(run: Run, served: Served, artefact: Path) -> None:
    address = deploy(run, served, artefact)
    other = f"0x{Account.numbered(1).address.hex()}"
    code, _, err = run("upload", address, artefact, "--from", other, *served.options)
    assert code == 1
    assert "failed in block 2: " in err
    assert err.endswith("only the owner may do this\n")


def test_an_input_or_an_artefact_of_another_model_is_refused(
    run: Run, served: Served, artefact: Path, image: Path, tmp_path: Path
) -> None:
    network = Sequential("other", (2,), scale=10, input_range=Interval(0, 255))
    other = compile(network.fully_connected("fc", np.array([[3, -4]]), np.array([7])).graph)
    path = other.save(tmp_path / "other.zip")
    address = deploy(run, served, artefact, "--upload")
    cases = [
        (["upload", address, path], 1, "is the contract of another model"),
        (["predict", address, image, "--artefact", path], 2, "is another model"),
        (["predict", address, path], 2, "expected 4 packed bytes"),
        (["predict", address, "none.npy"], 2, "none.npy: no such file"),
        (["predict", NOBODY, image], 1, "there is no contract at this address"),
        (["predict", "0x12", image], 2, "an address (20 bytes in hexadecimal), found 1 byte"),
        (["predict", "hello", image], 2, "expected an address"),
        (["predict", address, image, "--resize", "2x2"], 2, "--resize is for images"),
        (["predict", address, image, "--resize", "2"], 2, "HEIGHTxWIDTH such as 32x32"),
        (["trace", f"0x{'22' * 32}"], 1, "no block of the chain holds it"),
        (["trace", address], 2, "the hash of a transaction (32 bytes"),
    ]
    for arguments, expected, message in cases:
        code, out, err = run(*arguments, *served.options)
        assert (code, out, err.count("\n")) == (expected, "", 1), (arguments, err)
        assert message in err


def test_a_contract_that_is_no_model_is_named(run: Run, http: Served, image: Path) -> None:
    plain = http.node.chain.deploy(bytes.fromhex("6001600c60003960016000f300")).contract
    code, _, err = run("predict", f"0x{plain.hex()}", image, *http.options)
    assert (code, "not a model contract" in err) == (1, True)


def test_numbers_that_do_not_fit_are_refused(
    run: Run, http: Served, artefact: Path, tmp_path: Path
) -> None:
    address = deploy(run, http, artefact, "--upload")
    for values in ([1, 2, 3], [1, 2, 3, 256]):
        np.save(tmp_path / "x.npy", np.array(values))
        code, _, err = run("predict", address, tmp_path / "x.npy", *http.options)
        assert (code, err.count("\n")) == (2, 1)


@pytest.mark.parametrize(
    "content", ["", "12", "zz" * 32, "00" * 32, "ff" * 32, "12" * 33], ids=range(6)
)
def test_a_file_without_a_key_is_refused_and_not_shown(
    run: Run, http: Served, artefact: Path, tmp_path: Path, content: str
) -> None:
    (tmp_path / "key").write_text(content)
    code, _, err = run("deploy", artefact, "--key-file", tmp_path / "key", *http.options)
    assert code == 2
    assert "expected a private key of 64 hexadecimal digits" in err
    assert len(content) < 5 or content not in err
