"""JSON-RPC 2.0: from the bytes of a request to the bytes of an answer.

Whatever the bytes are, the answer is JSON-RPC: a result or an error object for each request, an
array for a batch, nothing where all are notifications.
"""

from __future__ import annotations

import json
import logging
import math
import re
from collections.abc import Callable
from typing import Any

from smartvm.node.errors import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    INVALID_REQUEST,
    PARSE_ERROR,
    RPCError,
)

log = logging.getLogger(__name__)

Call = Callable[[str, list[Any]], Any]
"""Carries out a method by its name with its parameters; raises `RPCError`."""

_ID_CHARACTERS = 256
_DEPTH = 64
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)

_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def answer(body: bytes, call: Call, most: int) -> bytes:
    """The answer to a request's body; b"" if it has nothing but notifications.

    Args:
        body: a request or an array of requests, as JSON.
        call: carries out a method.
        most: requests in one array at most.
    """
    try:
        request = _parse(body)
        if not isinstance(request, list):
            return _respond(request, call)
        if not 0 < len(request) <= most:
            message = f"expected an array of 1 to {most} requests, found {len(request)}"
            raise RPCError(INVALID_REQUEST, message)
    except RPCError as error:
        return _failure(None, error)
    answers = [response for entry in request if (response := _respond(entry, call))]
    return b"[" + b",".join(answers) + b"]" if answers else b""


def error_body(error: RPCError) -> bytes:
    """The answer to a request that was refused before it was read."""
    return _failure(None, error)


def _parse(body: bytes) -> Any:
    if _depth(body) > _DEPTH:
        raise RPCError(PARSE_ERROR, f"expected JSON of at most {_DEPTH} levels")
    try:
        return json.loads(body.decode("utf-8"), parse_constant=_no_constant)
    except ValueError as error:  # errors of Unicode and of JSON
        raise RPCError(PARSE_ERROR, f"expected JSON: {str(error)[:100]}") from None


def _depth(body: bytes) -> int:
    """How deep arrays and objects lie in one another.

    py-evm raises Python's limit of recursion so far that json, which is C, would overflow its
    stack, and the process die, before it came to the limit.
    """
    if body.count(b"[") + body.count(b"{") <= _DEPTH:
        return 0
    depth = deepest = 0
    for sign in _STRING.sub(b"", body).translate(None, _NO_BRACKETS):
        depth += 1 if sign in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _respond(request: Any, call: Call) -> bytes:
    """The encoded response to one request; b"" to a notification."""
    identity = request.get("id") if isinstance(request, dict) else None
    try:
        method, params = _checked(request)
        response = _encode(_envelope(identity, "result", call(method, params)))
    except RPCError as error:
        response = _failure(identity if _is_identity(identity) else None, error)
    except RecursionError:
        deep = RPCError(INVALID_PARAMS, "the parameters are nested too deeply")
        response = _failure(identity, deep)
    except Exception:
        log.exception("%s failed", request["method"])
        defect = RPCError(INTERNAL_ERROR, "internal error; the node's log says more")
        response = _failure(identity, defect)
    return b"" if _is_notification(request) else response


def _is_notification(request: Any) -> bool:
    """Whether it is a request that asks for no answer, and not merely something without an id."""
    if not isinstance(request, dict) or "id" in request:
        return False
    return request.get("jsonrpc") == "2.0" and isinstance(request.get("method"), str)


def _checked(request: Any) -> tuple[str, list[Any]]:
    if not isinstance(request, dict):
        raise RPCError(INVALID_REQUEST, "expected an object with jsonrpc, id, method and params")
    if request.get("jsonrpc") != "2.0":
        raise RPCError(INVALID_REQUEST, 'jsonrpc: expected "2.0"')
    if not _is_identity(request.get("id")):
        raise RPCError(INVALID_REQUEST, f"id: expected a number, null or {_ID_CHARACTERS} signs")
    method, params = request.get("method"), request.get("params")
    if not isinstance(method, str):
        raise RPCError(INVALID_REQUEST, "method: expected a name")
    if params is None:
        return method, []
    if not isinstance(params, list):
        raise RPCError(INVALID_PARAMS, "params: expected an array, in the order of the method")
    return method, params


def _is_identity(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) <= _ID_CHARACTERS
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or (isinstance(value, int) and not isinstance(value, bool))


def _failure(identity: Any, error: RPCError) -> bytes:
    found = {"code": error.code, "message": error.message}
    if error.data is not None:
        found["data"] = error.data
    return _encode(_envelope(identity, "error", found))


def _envelope(identity: Any, kind: str, content: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": identity, kind: content}


def _encode(response: dict[str, Any]) -> bytes:
    return json.dumps(response, separators=(",", ":"), allow_nan=False).encode("ascii")
