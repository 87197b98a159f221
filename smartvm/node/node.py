"""Node: a chain and the methods of JSON-RPC on it, with or without HTTP around.

node = Node(Chain("chain"))
node.handle("eth_blockNumber", [])
node.handle_body(b'{"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber"}')
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import RLock
from typing import Any

from eth.exceptions import Revert

from smartvm.chain import Chain, ExecutionFailed
from smartvm.exceptions import NotFound, SmartVMError
from smartvm.node import (
    account_proof,
    blocks,
    calls,
    debug,
    development,
    exchange,
    fees,
    identity,
    logs,
    models,
    proofs,
    protocol,
    sending,
)
from smartvm.node.development import Snapshots
from smartvm.node.errors import (
    EXECUTION_REVERTED,
    LIMIT_EXCEEDED,
    RESOURCE_NOT_FOUND,
    SERVER_ERROR,
    RPCError,
)
from smartvm.node.formats import hex_bytes
from smartvm.node.limits import Limits
from smartvm.node.logs import Filters
from smartvm.node.pool import Pool
from smartvm.node.registry import Methods, invoke
from smartvm.opcodes.interruption import Interrupt, Interrupted

MESSAGE_CHARACTERS = 1_000
"""Of what py-evm says of a block that it refuses, as many are told."""

NAMESPACES = (
    account_proof,
    blocks,
    calls,
    debug,
    development,
    exchange,
    fees,
    identity,
    logs,
    models,
    proofs,
    sending,
)
"""The modules of methods."""
METHODS: Methods = {
    name: method for namespace in NAMESPACES for name, method in namespace.METHODS.items()
}
"""Every method that a node has, by its name."""


class Node:
    """A chain that answers JSON-RPC.

    Threads may share it: one request is carried out at a time.

    Args:
        chain: the chain; it is the node's from now on.
        automine: whether each transaction is mined when it comes, in a block of its own.
        limits: what a client may ask for.

    Attributes:
        chain: the chain.
        limits: what a client may ask for.
        methods: the methods by name; `METHODS`.
        pool: transactions that wait for a block.
        filters: those that clients have installed.
        snapshots: blocks to which evm_revert goes back.
        newest: number of the newest block, to be read at any time from any thread.
    """

    methods: Methods = METHODS

    def __init__(
        self, chain: Chain, *, automine: bool = True, limits: Limits | None = None
    ) -> None:
        self.chain = chain
        self.limits = limits or Limits()
        self.pool = Pool(chain, automine=automine, most=self.limits.pool)
        self.filters = Filters(self.limits.filters)
        self.snapshots = Snapshots(self.limits.snapshots)
        self.newest = chain.block_number
        self._lock = RLock()
        self._current = Interrupt()
        self._closing = False

    def handle(
        self, method: str, params: Sequence[Any] = (), interrupt: Interrupt | None = None
    ) -> Any:
        """Carry out a method; its result, as JSON.

        Args:
            method: its name.
            params: its parameters, as JSON, in order.
            interrupt: ends it, when another thread asks for that.

        Raises:
            RPCError: there is no such method, a parameter is wrong, it cannot be done, or it was
                interrupted.
        """
        with self._working(interrupt):
            return invoke(self.methods, self, method, params)

    def handle_body(
        self,
        body: bytes,
        before: Callable[[str], None] = lambda _: None,
        interrupt: Interrupt | None = None,
    ) -> bytes:
        """The answer to the body of a JSON-RPC request; b"" if it has only notifications.

        Args:
            body: a request or an array of requests, as JSON.
            before: gets the name of each method before it is begun; what it raises is answered.
            interrupt: ends what is carried out, when another thread asks for that.
        """

        def call(method: str, params: list[Any]) -> Any:
            before(method)
            return self.handle(method, params, interrupt)

        return protocol.answer(body, call, self.limits.batch)

    def mine(self, interrupt: Interrupt | None = None) -> None:
        """Mine a block of the transactions that wait; they are dropped if it is interrupted.

        Raises:
            RPCError: it cannot be done, or was interrupted.
        """
        with self._working(interrupt):
            self.pool.mine()

    @contextmanager
    def _working(self, interrupt: Interrupt | None) -> Iterator[None]:
        """One thread at a time; what runs within ends when it is interrupted, or at `stop`."""
        with self._lock:
            outer = self._current
            # A method that calls another is one piece of work with it.
            self._current = interrupt or outer
            self._current.asked |= self._closing
            try:
                with self._current.governing():
                    self._current.check()
                    yield
                self.newest = self.chain.block_number
            except Interrupted:
                message = "stopped: it took too long, or the node ends"
                raise RPCError(LIMIT_EXCEEDED, message) from None
            except SmartVMError as error:
                raise as_rpc_error(error) from error
            finally:
                self._current = outer

    def stop(self) -> None:
        """End what is being carried out, and refuse all that comes; from any thread."""
        self._closing = self._current.asked = True

    def close(self) -> None:
        """Stop, and close the chain."""
        self.stop()
        with self._lock:
            self.chain.close()


def as_rpc_error(error: SmartVMError) -> RPCError:
    """What a client is told of an error; for a revert, with its data, as geth tells it."""
    if isinstance(error, RPCError):
        return error
    if isinstance(error, NotFound):
        return RPCError(RESOURCE_NOT_FOUND, str(error))
    if isinstance(error, ExecutionFailed):
        data = hex_bytes(error.output)
        if isinstance(error.error, Revert):
            return RPCError(EXECUTION_REVERTED, f"execution {error}", data)
        return RPCError(SERVER_ERROR, f"execution failed: {error}")
    return RPCError(SERVER_ERROR, str(error)[:MESSAGE_CHARACTERS])
