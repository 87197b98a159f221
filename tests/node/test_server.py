"""`smartvm node`: a process that serves, refuses, logs, and stops."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from smartvm.chain import Chain
from smartvm.cli import main
from smartvm.node.server import Settings, open_listener

CHAIN_ID = b'{"jsonrpc":"2.0","id":1,"method":"eth_chainId"}'
LOOP = {"0x" + "c0" * 20: {"code": "0x5b600056"}}
"""A contract that never ends."""


def code(answer: tuple[int, bytes]) -> int:
    """The code of the error in an answer."""
    found = json.loads(answer[1])
    assert found["jsonrpc"] == "2.0"
    return int(found["error"]["code"])


def test_it_answers_requests_batches_and_notifications(served: Any) -> None:
    assert served.post(CHAIN_ID) == (200, b'{"jsonrpc":"2.0","id":1,"result":"0x539"}')
    status, body = served.post(b"[" + CHAIN_ID + b"," + CHAIN_ID + b"]")
    assert (status, len(json.loads(body))) == (200, 2)
    assert served.post(b'{"jsonrpc":"2.0","method":"eth_chainId"}') == (204, b"")


@pytest.mark.parametrize("body", [b"", b"\xff\x00", b"[" * 200_000, b'"' + b'\\"' * 200_000, b"7"])
def test_malformed_bodies_are_json_rpc_errors(served: Any, body: bytes) -> None:
    assert code(served.post(body)) in (-32700, -32600)
    assert served.rpc("eth_chainId")["result"] == "0x539"


def test_a_body_has_a_bound(served: Any) -> None:
    status, body = served.post(b" " * ((16 << 20) + 1))
    assert status == 413
    assert "at most 16777216 bytes" in json.loads(body)["error"]["message"]


def test_a_batch_has_a_bound(served: Any) -> None:
    assert code(served.post(b"[" + b",".join([CHAIN_ID] * 101) + b"]")) == -32600


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://localhost:3000", 200),
        ("http://127.0.0.1", 200),
        ("chrome-extension://abcdefghijklmnop", 200),
        ("https://example.org", 403),
        ("http://localhost.example.org", 403),
        ("null", 403),
    ],
)
def test_web_pages_from_elsewhere_are_refused(served: Any, origin: str, status: int) -> None:
    assert served.post(CHAIN_ID, Origin=origin)[0] == status


@pytest.mark.parametrize("host", ["example.org", "localhost.example.org:8545", "", "127.0.0.2"])
def test_another_host_is_refused(served: Any, host: str) -> None:
    status, body = served.post(CHAIN_ID, Host=host)
    assert status in (400, 403)
    assert not host or "is not served here" in json.loads(body)["error"]["message"]


def test_a_browser_may_ask_first(served: Any) -> None:
    head = request(
        served,
        b"OPTIONS / HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost:3000\r\n"
        b"Access-Control-Request-Method: POST\r\n"
        b"Access-Control-Request-Headers: content-type\r\nConnection: close\r\n\r\n",
    )
    assert head.startswith("HTTP/1.1 200")
    assert "access-control-allow-origin: http://localhost:3000" in head


def request(served: Any, raw: bytes) -> str:
    """What is answered to bytes on the wire."""
    place = urlsplit(served.url)
    with socket.create_connection((place.hostname, place.port), timeout=10) as connection:
        connection.sendall(raw)
        parts = []
        with suppress(ConnectionResetError):  # it does not read to the end what it refuses
            while part := connection.recv(65_536):
                parts.append(part)
    return b"".join(parts).decode("latin-1")


@pytest.mark.parametrize(
    "raw",
    [
        b"\x00" * 64 + b"\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
        b"GET /" + b"a" * 200_000,
        b"PUT / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        b"GET /../../etc/passwd HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    ],
)
def test_what_is_no_request_does_not_stop_it(served: Any, raw: bytes) -> None:
    answer = request(served, raw)
    assert answer.startswith("HTTP/1.1 4")
    assert "Traceback" not in answer
    assert served.get("/health")["status"] == "ok"


def test_a_client_that_leaves_does_not_stop_it(served: Any) -> None:
    place = urlsplit(served.url)
    for sent in (b"POST / HTTP/1.1\r\n", b"POST / HTTP/1.1\r\nHost: localhost\r\n"):
        head = sent + b"Content-Length: 99\r\n\r\n{"
        with socket.create_connection((place.hostname, place.port), timeout=10) as connection:
            connection.sendall(head)
    assert served.rpc("eth_chainId")["result"] == "0x539"


def test_a_slow_call_blocks_no_health_check(serve: Callable[..., Any]) -> None:
    with serve("--gas-cap", "4_000_000") as node:
        call = ("eth_call", {"to": next(iter(LOOP))}, "latest", LOOP)
        answers: list[Any] = []
        slow = threading.Thread(target=lambda: answers.append(node.rpc(*call)))
        slow.start()
        while not (health := node.get("/health"))["waiting"] and slow.is_alive():
            time.sleep(0.01)
        assert (health["status"], health["waiting"], answers) == ("ok", 1, [])
        slow.join()
        assert "OutOfGas" in answers[0]["error"]["message"]


def test_a_call_has_its_time(serve: Callable[..., Any]) -> None:
    with serve("--time-limit", "1") as node:
        first, *_ = node.rpc("eth_accounts")["result"]
        endless = {"from": first, "data": "0x5b600056", "gas": "0xffffffffff"}
        for method in ("eth_call", "eth_estimateGas", "eth_sendTransaction"):
            error = node.rpc(method, endless)["error"]
            assert (error["code"], "within 1 s" in error["message"]) == (-32005, True)
        assert node.rpc("eth_blockNumber")["result"] == "0x0"


def test_a_second_signal_ends_what_runs(serve: Callable[..., Any]) -> None:
    with serve("--json") as node:
        call = ("eth_call", {"data": "0x5b600056"})
        slow = threading.Thread(target=lambda: answers.append(node.rpc(*call)))
        answers: list[Any] = []
        slow.start()
        while not node.get("/health")["waiting"]:
            time.sleep(0.01)
        node.process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        assert node.process.poll() is None
        exit_code, log = node.stop(signal.SIGINT)
        slow.join()
    assert (exit_code, answers[0]["error"]["code"]) == (0, -32005)
    assert "Traceback" not in log


def test_it_says_how_it_is(served: Any) -> None:
    health = served.get("/health")
    assert (health["status"], health["chainId"], health["waiting"]) == ("ok", 1337, 0)
    assert health["blockNumber"] == int(served.rpc("eth_blockNumber")["result"], 16)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_when_told_and_keeps_the_chain(
    serve: Callable[..., Any], tmp_path: Path, number: int
) -> None:
    with serve("--db", str(tmp_path / "chain"), "--json") as node:
        node.rpc("evm_mine")
        exit_code, log = node.stop(number)
    assert exit_code == 0
    lines = [json.loads(line) for line in log.splitlines()]
    (mined,) = [line for line in lines if line.get("methods") == "evm_mine"]
    assert (mined["level"], mined["failed"]) == ("info", False)
    with Chain(tmp_path / "chain") as chain:
        assert chain.block_number == 1


def test_blocks_are_mined_by_the_clock(serve: Callable[..., Any]) -> None:
    with serve("--block-time", "1", "--quiet") as node:
        first = node.rpc("eth_accounts")["result"][0]
        sent = node.rpc("eth_sendTransaction", {"from": first, "to": first})["result"]
        assert node.rpc("eth_getTransactionReceipt", sent)["result"] is None
        deadline = time.monotonic() + 20
        while not (receipt := node.rpc("eth_getTransactionReceipt", sent)["result"]):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        block = node.rpc("eth_getBlockByNumber", receipt["blockNumber"])["result"]
        assert int(block["timestamp"], 16) == 1 + 12 * int(block["number"], 16)
        assert node.stop()[1] == ""


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--accounts", "x"], "expected a number from 1 to 1000, found 'x'"),
        (["--port", "70000"], "expected a number from 0 to 65535, found '70000'"),
        (["--backend", "none"], "none"),
        (["--block-time", "0"], "expected a number from 1 to 86400"),
    ],
)
def test_wrong_options_are_one_line(
    options: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with suppress(SystemExit):
        assert main(["node", *options]) == 2
    errors = capsys.readouterr().err
    assert said in errors
    assert len(errors.splitlines()) == 1


def run(*options: str) -> tuple[int, str]:
    """The exit code and the errors of a node that cannot start."""
    command = [sys.executable, "-m", "smartvm", "node", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stderr


def test_a_port_and_a_chain_serve_one_node(served: Any, tmp_path: Path) -> None:
    port = str(urlsplit(served.url).port)
    exit_code, errors = run("--port", port)
    assert exit_code == 2
    assert "choose another --port" in errors
    with Chain(tmp_path / "chain"):
        exit_code, errors = run("--port", "0", "--db", str(tmp_path / "chain"))
    assert exit_code == 3
    assert str(tmp_path / "chain") in errors
    assert len(errors.splitlines()) == 1


def test_the_page_of_the_node_may_ask_it_by_any_name(serve: Callable[..., Any]) -> None:
    with serve("--allow-host", "node.lan", "--allow-origin", "https://app.example") as node:
        for origin, status in (
            ("http://node.lan:8545", 200),
            ("https://app.example", 200),
            ("http://node.lan.example:8545", 403),
        ):
            assert node.post(CHAIN_ID, Host="node.lan:8545", Origin=origin)[0] == status


def test_answers_are_sent_without_delay() -> None:
    """asyncio sets TCP_NODELAY only on sockets that name their protocol."""
    with open_listener(Settings(port=0)) as listener:
        assert listener.proto == socket.IPPROTO_TCP
