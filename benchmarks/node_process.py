"""Nodes in processes of their own, for benchmarks and tests."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

TIMEOUT_SECONDS = 120


class NodeClient:
    """One kept connection to a node."""

    def __init__(self, url: str) -> None:
        place = urlsplit(url)
        self._connection = HTTPConnection(place.hostname or "", place.port, TIMEOUT_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, bytes]:
        """The status and the body of an answer."""
        self._connection.request(method, path, body, headers or {})
        response = self._connection.getresponse()
        return response.status, response.read()

    def answer(self, method: str, *params: Any) -> Any:
        """The JSON-RPC response to one request."""
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        return json.loads(self.request("POST", "/", json.dumps(request).encode())[1])

    def result(self, method: str, *params: Any) -> Any:
        """The result of a method that must not fail."""
        answer = self.answer(method, *params)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]


class NodeProcess:
    """`smartvm node` on a free port.

    Attributes:
        url: where it answers.
        process: what serves.
        log: what it has logged, once it has stopped.
    """

    log = ""

    def __init__(self, *options: str) -> None:
        command = [sys.executable, "-m", "smartvm", "node", "--port", "0", *options]
        with tempfile.NamedTemporaryFile(suffix=".log", delete=False) as log:
            self._log = Path(log.name)
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().partition(" ")[0]
        if not self.url:
            raise RuntimeError(f"the node did not start: {self.stop()[1]}")

    def client(self) -> NodeClient:
        """A connection to it."""
        return NodeClient(self.url)

    def anonymous_bytes(self) -> int:
        """Its resident memory without mapped files, such as those of a database."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        (line,) = [line for line in status.splitlines() if line.startswith("RssAnon:")]
        return int(line.split()[1]) * 1024

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Tell it to stop, if it has not; the exit code and its log."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        if self.process.stdout and not self.process.stdout.closed:
            self.process.communicate(timeout=TIMEOUT_SECONDS)
            self.log = self._log.read_text()
            self._log.unlink()
        return self.process.returncode, self.log


@contextmanager
def serving(*options: str) -> Iterator[NodeProcess]:
    """A node while it is needed."""
    node = NodeProcess(*options)
    try:
        yield node
    finally:
        node.stop()
