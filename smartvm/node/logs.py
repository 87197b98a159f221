"""eth_getLogs, and filters that tell what is new since they were last asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from smartvm.chain.receipts import LoggedEvent
from smartvm.node import params
from smartvm.node.blocks import header
from smartvm.node.errors import LIMIT_EXCEEDED, RESOURCE_NOT_FOUND, RPCError
from smartvm.node.formats import JSON, hex_bytes, hex_number, log_json
from smartvm.node.params import LogFilter


@dataclass
class Installed:
    """A filter on blocks (`logs` is None) or on logs, and the first block that it has not told."""

    logs: LogFilter | None
    next_block: int
    transactions: bool = False


class Filters:
    """The installed filters by number; the oldest goes where there are too many."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._last = 0
        self._filters: dict[int, Installed] = {}

    def add(self, installed: Installed) -> str:
        """Install a filter; its number as a client names it."""
        self._last += 1
        self._filters[self._last] = installed
        if len(self._filters) > self._most:
            del self._filters[min(self._filters)]
        return hex_number(self._last)

    def get(self, number: Any) -> Installed:
        """An installed filter.

        Raises:
            RPCError: there is none of that number.
        """
        found = self._filters.get(params.quantity(number, "filter"))
        if found is None:
            raise RPCError(RESOURCE_NOT_FOUND, f"filter {number} is not installed")
        return found

    def remove(self, number: Any) -> bool:
        """Whether there was such a filter."""
        return self._filters.pop(params.quantity(number, "filter"), None) is not None

    def rewind(self, newest: int) -> None:
        """The chain has gone back to a block: what comes after it is new again."""
        for installed in self._filters.values():
            installed.next_block = min(installed.next_block, newest + 1)


def get_logs(node: Any, wanted: Any) -> list[JSON]:
    """The logs that fit a filter."""
    return _listed(node, _search(node, params.log_filter(wanted)))


def _search(node: Any, wanted: LogFilter, first: int | None = None) -> Iterator[LoggedEvent]:
    """The logs that fit, from block `first` on if that is given."""
    if wanted.block_hash is not None:
        yield from node.chain.block_logs(
            wanted.block_hash, addresses=wanted.addresses, topics=wanted.topics
        )
        return
    start = _number(node, wanted.first) if first is None else first
    end = min(_number(node, wanted.last), node.chain.block_number)
    if end - start >= node.limits.log_blocks:
        message = f"expected a range of at most {node.limits.log_blocks} blocks"
        raise RPCError(LIMIT_EXCEEDED, f"{message}, found {start} to {end}")
    yield from node.chain.logs(start, end, addresses=wanted.addresses, topics=wanted.topics)


def _number(node: Any, tag: Any) -> int:
    """Where a search begins or ends; a client may give the number of a block still to come."""
    if isinstance(tag, str) and tag.startswith("0x") and len(tag) <= 18:
        return params.quantity(tag, "block", 64)
    return int(header(node, tag).block_number)


def _listed(node: Any, events: Iterator[LoggedEvent]) -> list[JSON]:
    found = [log_json(event) for event in islice(events, node.limits.logs + 1)]
    if len(found) > node.limits.logs:
        raise RPCError(LIMIT_EXCEEDED, f"more than {node.limits.logs} logs: narrow the filter")
    return found


def new_filter(node: Any, wanted: Any) -> str:
    """Install a filter on logs."""
    logs = params.log_filter(wanted)
    if logs.block_hash is not None:
        params.refuse("filter", "a range of blocks, since a block has no news", wanted)
    installed = Installed(logs, node.chain.block_number + 1)
    return str(node.filters.add(installed))


def new_block_filter(node: Any) -> str:
    """Install a filter on blocks."""
    return str(node.filters.add(Installed(None, node.chain.block_number + 1)))


def new_transaction_filter(node: Any) -> str:
    """Install a filter on transactions; it tells the hashes of those that were mined."""
    installed = Installed(None, node.chain.block_number + 1, transactions=True)
    return str(node.filters.add(installed))


def filter_changes(node: Any, number: Any) -> list[Any]:
    """What is new since the last call: logs, or hashes of blocks or transactions."""
    installed = node.filters.get(number)
    first, newest = installed.next_block, node.chain.block_number
    if first > newest:
        return []
    found: list[Any]
    if installed.logs is not None:
        found = _listed(node, _search(node, installed.logs, first))
    else:
        numbers = range(first, min(newest, first + node.limits.logs - 1) + 1)
        newest = numbers[-1]
        found = list(_hashes(node, numbers, installed.transactions))
    installed.next_block = newest + 1
    return found


def _hashes(node: Any, numbers: range, transactions: bool) -> Iterator[str]:
    for number in numbers:
        if transactions:
            yield from (hex_bytes(t.hash) for t in node.chain.block(number).transactions)
        else:
            yield hex_bytes(node.chain.header(number).hash)


def filter_logs(node: Any, number: Any) -> list[JSON]:
    """All logs that fit an installed filter."""
    installed = node.filters.get(number)
    if installed.logs is None:
        params.refuse("filter", "a filter on logs", number)
    return _listed(node, _search(node, installed.logs))


def uninstall_filter(node: Any, number: Any) -> bool:
    """Whether there was such a filter."""
    return bool(node.filters.remove(number))


METHODS = {
    "eth_getFilterChanges": filter_changes,
    "eth_getFilterLogs": filter_logs,
    "eth_getLogs": get_logs,
    "eth_newBlockFilter": new_block_filter,
    "eth_newFilter": new_filter,
    "eth_newPendingTransactionFilter": new_transaction_filter,
    "eth_uninstallFilter": uninstall_filter,
}
