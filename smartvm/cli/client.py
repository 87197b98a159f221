"""How the commands reach a chain: JSON-RPC methods, of a node or of a database in this process."""

from __future__ import annotations

import json
import os
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import Any, Protocol
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, Request, build_opener

from smartvm.cli.command import Refused, Unavailable, UsageError

DEFAULT_URL = "http://127.0.0.1:8545"
URL_VARIABLE = "SMARTVM_RPC"
TIMEOUT_SECONDS = 300.0
"""How long one request may take: an upload's transaction of a megabyte is the slowest."""
MAX_ANSWER_BYTES = 1 << 30


class MethodRefused(Refused):
    """Raised when a method answers with an error.

    Attributes:
        code: of JSON-RPC.
        data: what comes with it, such as the data of a revert; None for nothing.
    """

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(" ".join(message.split()))
        self.code = code
        self.data = data


class Client(Protocol):
    """Whatever answers JSON-RPC methods."""

    def call(self, method: str, *params: Any) -> Any:
        """The result of a method.

        Raises:
            MethodRefused: it answers with an error.
            Unavailable: nothing answers.
        """


class HTTPClient:
    """A node at a URL.

    Attributes:
        url: where it is.
    """

    def __init__(self, url: str) -> None:
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).netloc:
            raise UsageError(f"--rpc: expected a URL such as {DEFAULT_URL}, found {url!r}")
        self.url = url
        is_local = urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1")
        self._opener = build_opener(*([ProxyHandler({})] if is_local else []))
        self._identity = 0

    def call(self, method: str, *params: Any) -> Any:
        """The result of a method of the node."""
        self._identity += 1
        request = {"jsonrpc": "2.0", "id": self._identity, "method": method, "params": params}
        answer = self._post(json.dumps(request).encode())
        if answer.get("id") not in (self._identity, None):
            raise Unavailable(f"{self.url}: answered another request than {method}")
        error = answer.get("error")
        if isinstance(error, dict):
            message = f"{error.get('message', 'error without a message')}"
            raise MethodRefused(error.get("code", 0), message, error.get("data"))
        if "result" not in answer:
            raise self._stranger()
        return answer["result"]

    def _post(self, body: bytes) -> dict[str, Any]:
        request = Request(self.url, body, {"Content-Type": "application/json"})
        try:
            with self._opener.open(request, timeout=TIMEOUT_SECONDS) as response:
                content = response.read(MAX_ANSWER_BYTES)
        except HTTPError as error:
            with error:
                content = error.read(MAX_ANSWER_BYTES)  # a JSON-RPC error all the same, or a page
        except (OSError, HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            text = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
            raise Unavailable(
                f"no node answers at {self.url} ({' '.join(text.lower().split())}); start one "
                "with 'smartvm node', or give --rpc URL or --db PATH"
            ) from None
        try:
            answer = json.loads(content)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise self._stranger()
        return answer

    def _stranger(self) -> Unavailable:
        return Unavailable(f"{self.url}: what answers there is no JSON-RPC node")


class DatabaseClient:
    """A database opened in this process, with a node around it that listens to nobody."""

    def __init__(self, node: Any) -> None:
        self._node = node

    def call(self, method: str, *params: Any) -> Any:
        """The result of a method."""
        from smartvm.exceptions import SmartVMError
        from smartvm.node.errors import SERVER_ERROR, RPCError

        try:
            # Through JSON and back, so that both ways give the same types.
            return json.loads(json.dumps(self._node.handle(method, list(params))))
        except RPCError as error:
            raise MethodRefused(error.code, error.message, error.data) from None
        except SmartVMError as error:
            raise MethodRefused(SERVER_ERROR, str(error)) from None


def add_client_options(parser: ArgumentParser) -> None:
    """--rpc and --db."""
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--rpc",
        metavar="URL",
        help=f"the node to ask (default: ${URL_VARIABLE}, or {DEFAULT_URL})",
    )
    where.add_argument(
        "--db", metavar="PATH", help="open this database instead; no node may have it open"
    )


@contextmanager
def open_client(arguments: Namespace) -> Iterator[Client]:
    """The client that the arguments ask for.

    Raises:
        Unavailable: the database cannot be opened, or answers are not of the form of a node's.
    """
    if arguments.db is None:
        client = HTTPClient(arguments.rpc or os.environ.get(URL_VARIABLE) or DEFAULT_URL)
        try:
            yield client
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            # Nothing in a program's answer is certain, least of all its form.
            raise Unavailable(f"{client.url}: an answer has another form: {error!r}") from error
        return
    from smartvm.chain import Chain
    from smartvm.exceptions import SmartVMError
    from smartvm.node.node import Node

    if not Path(arguments.db).exists():
        raise Unavailable(f"{arguments.db}: there is no such database; 'smartvm node' makes one")
    try:
        chain = Chain(arguments.db)
    except SmartVMError as error:
        raise Unavailable(str(error)) from None
    with chain:
        yield DatabaseClient(Node(chain))
