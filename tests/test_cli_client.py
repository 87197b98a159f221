"""How the commands reach a chain, and what they say where there is none."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread

import pytest

from smartvm.chain import Chain
from smartvm.cli.client import DatabaseClient, HTTPClient, MethodRefused
from smartvm.cli.command import Unavailable
from smartvm.node.node import Node

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def answering() -> Iterator[Callable[[bytes], str]]:
    """Make a server that answers one request with these bytes; its URL."""
    threads: list[Thread] = []

    def serve(answer: bytes) -> str:
        listener = socket.create_server(("127.0.0.1", 0))

        def respond() -> None:
            with listener, listener.accept()[0] as connection:
                connection.recv(1 << 16)
                connection.sendall(answer)

        threads.append(Thread(target=respond))
        threads[-1].start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield serve
    for thread in threads:
        thread.join()


def http(body: bytes, status: str = "200 OK") -> bytes:
    return f"HTTP/1.0 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def test_no_node_is_exit_code_3_and_says_what_to_do(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    code, out, err = run("models", "--rpc", f"http://127.0.0.1:{port}")
    assert (code, out, err.count("\n")) == (3, "", 1)
    assert f"no node answers at http://127.0.0.1:{port}" in err
    assert "start one with 'smartvm node'" in err


def test_the_url_may_come_from_the_environment(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMARTVM_RPC", "http://127.0.0.1:1")
    assert "at http://127.0.0.1:1 " in run("models")[2]
    monkeypatch.setenv("SMARTVM_RPC", "localhost:8545")
    code, _, err = run("models")
    assert (code, "expected a URL" in err) == (2, True)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH\r\n",
        http(b""),
        http(b"<html>hello</html>"),
        http(b"[]"),
        http(b"{}"),
        http(b'{"id": 7, "result": []}'),
        http(b"not found", "404 Not Found"),
        http(b"oops", "500 Internal Server Error"),
        http(b"{}")[:-1],
        http(b'{"id": 1, "result": 5}'),
        http(b'{"id": 1, "result": [{}]}'),
        http(b'{"id": 1, "result": [[]]}'),
    ],
    ids=range(13),
)
def test_what_is_no_node_is_told_from_one(
    run: Run, answering: Callable[[bytes], str], answer: bytes
) -> None:
    code, out, err = run("models", "--rpc", answering(answer))
    assert (code, out, err.count("\n")) == (3, "", 1)


def test_an_error_of_a_method_is_exit_code_1(run: Run, answering: Callable[[bytes], str]) -> None:
    answer = b'{"id": 1, "error": {"code": -32601, "message": "no such\\nmethod"}}'
    for status in ("200 OK", "400 Bad Request"):
        code, _, err = run("models", "--rpc", answering(http(answer, status)))
        assert (code, err) == (1, "smartvm models: no such method\n")


def test_an_error_keeps_its_code_and_data(answering: Callable[[bytes], str]) -> None:
    body = b'{"id": 1, "error": {"code": 3, "message": "reverted", "data": "0xaa"}}'
    with pytest.raises(MethodRefused) as caught:
        HTTPClient(answering(http(body))).call("eth_call")
    assert (caught.value.code, caught.value.data) == (3, "0xaa")


def test_a_node_in_this_process_answers_as_one_over_http() -> None:
    client = DatabaseClient(Node(Chain()))
    assert client.call("eth_chainId") == "0x539"
    assert isinstance(client.call("eth_accounts"), list)
    with pytest.raises(MethodRefused) as caught:
        client.call("eth_nonsense")
    assert caught.value.code == -32601


def test_a_database_that_is_not_there_is_not_made(run: Run, tmp_path: Path) -> None:
    code, _, err = run("models", "--db", tmp_path / "none")
    assert (code, "there is no such database" in err) == (3, True)
    assert not (tmp_path / "none").exists()


def test_a_database_that_cannot_be_opened_is_exit_code_3(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("lmdb", reason="keeps chains on disk")
    (tmp_path / "file").write_text("no database")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "notes.txt").write_text("somebody's")
    for name in ("file", "folder"):
        code, _, err = run("models", "--db", tmp_path / name)
        assert (code, err.count("\n")) == (3, 1), err
        assert name in err
    with Chain(tmp_path / "chain"):
        code, _, err = run("models", "--db", tmp_path / "chain")
    assert (code, "open already" in err) == (3, True)


def test_a_node_and_a_database_are_not_asked_together(run: Run, tmp_path: Path) -> None:
    code, _, err = run("models", "--db", tmp_path, "--rpc", "http://127.0.0.1:1")
    assert (code, "not allowed with" in err) == (2, True)


def test_unavailable_has_its_own_exit_code() -> None:
    assert Unavailable.exit_code == 3
