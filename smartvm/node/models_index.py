"""What a chain's history says of models: where contracts were created, and every inference.

Blocks are read once, in order; those that a rewound chain has left are forgotten.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from smartvm.chain.receipts import LoggedEvent, MinedTransaction
from smartvm.compiler.abi import event_topic
from smartvm.compiler.contract_abi import BLOCKS_SET, INFERRED
from smartvm.exceptions import NotFound

SCAN_BLOCKS = 20_000
"""Blocks that one request reads at most; the next one goes on."""

_INFERRED, _BLOCKS_SET = (
    event_topic(event).to_bytes(32, "big") for event in (INFERRED, BLOCKS_SET)
)


class Creation(NamedTuple):
    """A contract as its creation, or else its first `BlocksSet`, tells of it.

    Attributes:
        address: of the contract.
        creation: the transaction that created it; None where another contract did.
    """

    address: bytes
    creation: MinedTransaction | None


class _Indexed(NamedTuple):
    """What a block holds."""

    block_hash: bytes
    creations: tuple[Creation, ...]
    inferences: tuple[LoggedEvent, ...]


class HistoryIndex:
    """The blocks of one chain that are read so far."""

    def __init__(self) -> None:
        self._blocks: list[_Indexed] = []

    @property
    def newest(self) -> int:
        """Number of the newest block that is read; -1 before the first."""
        return len(self._blocks) - 1

    def update(self, chain: Any, most: int = SCAN_BLOCKS) -> None:
        """Forget blocks that the chain has left, and read new ones, so many at most."""
        while self._blocks and not self._is_current(chain):
            self._blocks.pop()
        end = min(chain.block_number, self.newest + most)
        for number in range(self.newest + 1, end + 1):
            self._blocks.append(_read(chain, number))

    def _is_current(self, chain: Any) -> bool:
        try:
            return bool(chain.header(self.newest).hash == self._blocks[-1].block_hash)
        except NotFound:
            return False

    def contracts(self) -> dict[bytes, MinedTransaction | None]:
        """The contracts that may be models, in the order of their creation."""
        found: dict[bytes, MinedTransaction | None] = {}
        for block in self._blocks:
            for address, creation in block.creations:
                found.setdefault(address, creation)
        return found

    def inferences(self) -> Iterator[LoggedEvent]:
        """Every log that looks like `Inferred`, the newest first."""
        for block in reversed(self._blocks):
            yield from reversed(block.inferences)


def _read(chain: Any, number: int) -> _Indexed:
    header = chain.header(number)
    mined = chain.transactions(header.hash) if header.gas_used else ()
    events = [event for one in mined for event in one.events]
    created = [Creation(one.contract, one) for one in mined if one.is_success and one.contract]
    written = [Creation(e.log.address, None) for e in events if e.log.fits((), [_BLOCKS_SET])]
    inferences = tuple(event for event in events if _is_inference(event))
    return _Indexed(header.hash, (*created, *written), inferences)


def _is_inference(event: LoggedEvent) -> bool:
    log = event.log
    return log.fits((), [_INFERRED]) and len(log.topics) == 2 and len(log.data) == 64


_indexes: WeakKeyDictionary[Any, HistoryIndex] = WeakKeyDictionary()


def index_of(chain: Any) -> HistoryIndex:
    """The index of a chain, as far as it was read."""
    return _indexes.setdefault(chain, HistoryIndex())
