"""RPCError: what a JSON-RPC method answers when it cannot do what was asked (EIP-1474 codes)."""

from __future__ import annotations

from typing import Any

from smartvm.exceptions import SmartVMError

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
SERVER_ERROR = -32000
RESOURCE_NOT_FOUND = -32001
LIMIT_EXCEEDED = -32005
EXECUTION_REVERTED = 3


class RPCError(SmartVMError):
    """An error object of JSON-RPC 2.0.

    Attributes:
        code: one of the codes of this module.
        message: what was expected and found, for people.
        data: more for programs, such as the data of a revert in hexadecimal; None for nothing.
    """

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data
