"""JSON-RPC 2.0, whatever the bytes are."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartvm.node.errors import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    INVALID_REQUEST,
    PARSE_ERROR,
    SERVER_ERROR,
    RPCError,
)
from smartvm.node.protocol import answer


def call(method: str, params: list[Any]) -> Any:
    """The methods of these tests."""
    if method == "echo":
        return params
    if method == "fail":
        raise RPCError(SERVER_ERROR, "it failed", "0x01")
    if method == "defect":
        raise KeyError("a defect")
    if method == "deep":
        raise RecursionError
    raise RPCError(-32601, "unknown")


def ask(request: Any) -> Any:
    """The answer to a request, as JSON."""
    body = request if isinstance(request, bytes) else json.dumps(request).encode()
    found = answer(body, call, most=3)
    return json.loads(found) if found else None


def request(method: str = "echo", **fields: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": method, **fields}


@pytest.mark.parametrize("identity", [0, -5, 10**30, "a", "", 1.5, None, "\ud800"])
def test_an_answer_has_the_id_of_its_request(identity: Any) -> None:
    assert ask(request(id=identity)) == {"jsonrpc": "2.0", "id": identity, "result": []}


@pytest.mark.parametrize("identity", [True, [], {}, "x" * 257])
def test_another_id_is_refused(identity: Any) -> None:
    found = ask(request(id=identity))
    assert (found["id"], found["error"]["code"]) == (None, INVALID_REQUEST)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"{",
        b"NaN",
        b"[Infinity]",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"jsonrpc":"2.0","id":' + b"9" * 5_000 + b"}",
    ],
)
def test_what_is_no_json_is_a_parse_error(body: bytes) -> None:
    found = ask(body)
    assert (found["id"], found["error"]["code"]) == (None, PARSE_ERROR)


@pytest.mark.parametrize(
    "wrong",
    [
        7,
        "text",
        None,
        [],
        {},
        {"id": 1, "method": "echo"},
        {"jsonrpc": "1.0", "id": 1, "method": "echo"},
        {"jsonrpc": "2.0", "id": 1},
        {"jsonrpc": "2.0", "id": 1, "method": 5},
        {"jsonrpc": "2.0", "method": ["echo"]},
        [request()] * 4,
    ],
)
def test_what_is_no_request_is_refused(wrong: Any) -> None:
    assert ask(wrong)["error"]["code"] == INVALID_REQUEST


def test_parameters_are_an_array() -> None:
    assert ask(request(params={"a": 1}))["error"]["code"] == INVALID_PARAMS
    assert ask(request(params=[1, {"a": None}]))["result"] == [1, {"a": None}]


def test_an_error_has_code_message_and_data() -> None:
    error = {"code": SERVER_ERROR, "message": "it failed", "data": "0x01"}
    assert ask(request("fail"))["error"] == error


def test_a_defect_is_an_internal_error_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    found = ask(request("defect"))["error"]
    assert found == {"code": INTERNAL_ERROR, "message": "internal error; the node's log says more"}
    assert "KeyError" in caplog.text


def test_deep_parameters_are_refused() -> None:
    assert ask(request("deep"))["error"]["code"] == INVALID_PARAMS


def test_a_result_that_is_no_json_is_an_internal_error() -> None:
    found = answer(json.dumps(request()).encode(), lambda *_: b"bytes", most=1)
    assert json.loads(found)["error"]["code"] == INTERNAL_ERROR


@pytest.mark.parametrize("method", ["echo", "fail", "unknown"])
def test_a_notification_has_no_answer(method: str) -> None:
    assert ask({"jsonrpc": "2.0", "method": method}) is None


def test_a_batch_is_answered_in_order() -> None:
    found = ask([request(id=1), {"jsonrpc": "2.0", "method": "echo"}, request("fail", id=2)])
    assert [entry["id"] for entry in found] == [1, 2]


def test_a_batch_of_notifications_has_no_answer() -> None:
    assert ask([{"jsonrpc": "2.0", "method": "echo"}] * 2) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=12,
)


@given(st.binary(max_size=64) | JSON.map(lambda value: json.dumps(value).encode()))
def test_whatever_comes_the_answer_is_json(body: bytes) -> None:
    found = answer(body, call, most=3)
    for entry in _entries(found):
        assert entry["jsonrpc"] == "2.0"
        assert "result" in entry or isinstance(entry["error"]["code"], int)


def _entries(found: bytes) -> list[Any]:
    parsed = json.loads(found) if found else []
    return parsed if isinstance(parsed, list) else [parsed]
