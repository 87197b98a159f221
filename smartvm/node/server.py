"""Serving a node on a port with uvicorn, and its log."""

from __future__ import annotations

import json
import logging
import signal
import socket
import sys
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from smartvm.exceptions import SmartVMError
from smartvm.node.app import make_app, require_extra
from smartvm.node.guard import LOOPBACK
from smartvm.node.node import Node

log = logging.getLogger(__name__)

STOP_SECONDS = 10
"""How long a node that is to stop finishes what it has begun."""
IDLE_SECONDS = 75
"""How long a connection without a request is kept."""
CONNECTIONS = 1_000
"""Connections at one time."""


@dataclass(frozen=True)
class Settings:
    """How a node is served.

    Attributes:
        host: the address to listen on.
        port: the port; 0 for any that is free.
        hosts: names in the Host header that are served, besides those of this machine.
        origins: origins of web pages that are served, besides those of this machine.
        block_seconds: seconds between blocks; None for a block a transaction.
    """

    host: str = "127.0.0.1"
    port: int = 8545
    hosts: Collection[str] = ()
    origins: Collection[str] = ()
    block_seconds: float | None = None


def serve(node: Node, settings: Settings, *, started: Callable[[str], None]) -> None:
    """Serve a node until the process is told to stop (SIGINT, SIGTERM); the node is closed then.

    Args:
        node: the node.
        settings: where and to whom.
        started: gets the node's URL once it answers.

    Raises:
        SmartVMError: the port cannot be used, or the extra is not installed.
    """
    require_extra()
    import uvicorn

    listener = open_listener(settings)
    url = f"http://{_name(settings.host)}:{listener.getsockname()[1]}"
    app = make_app(
        node,
        hosts=(*LOOPBACK, _name(settings.host), *settings.hosts),
        origins=settings.origins,
        block_seconds=settings.block_seconds,
        started=lambda: started(url),
    )
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="on",
        ws="none",
        limit_concurrency=CONNECTIONS,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=STOP_SECONDS,
    )
    # uvicorn raises the signal that has stopped it once more: this time nothing is to happen.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    server = uvicorn.Server(config)
    _end_at_second_signal(server, node)
    with listener:
        server.run(sockets=[listener])


def _end_at_second_signal(server: Any, node: Node) -> None:
    """Let the first signal wait for what was begun, and any further one end that."""
    finish = server.handle_exit

    def handle_exit(number: int, frame: Any) -> None:
        if server.should_exit:
            node.stop()
        else:
            finish(number, frame)

    server.handle_exit = handle_exit


def _name(host: str) -> str:
    """A host as it stands in a URL."""
    return f"[{host}]" if ":" in host else host


def open_listener(settings: Settings) -> socket.socket:
    """A socket that listens where the settings say.

    Raises:
        SmartVMError: the address cannot be used.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # Only where the protocol is named does asyncio send without delay (TCP_NODELAY): an answer in
    # two parts would wait 40 ms for the client's acknowledgement of the first.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
        listener.listen(CONNECTIONS)
    except (OSError, OverflowError) as error:
        listener.close()
        reason = getattr(error, "strerror", None) or error
        where = f"{_name(settings.host)}:{settings.port}"
        raise SmartVMError(f"cannot listen on {where}: {reason}; choose another --port") from None
    return listener


class JSONLines(logging.Formatter):
    """One line of JSON a record, with the fields that it carries."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


def configure_log(*, quiet: bool, as_json: bool) -> None:
    """Send the node's log to standard error: for people, or a line of JSON each."""
    handler = logging.StreamHandler(sys.stderr)
    people = logging.Formatter("%(asctime)s  %(message)s", "%H:%M:%S")
    handler.setFormatter(JSONLines() if as_json else people)
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger("smartvm.node").setLevel(logging.WARNING if quiet else logging.INFO)
