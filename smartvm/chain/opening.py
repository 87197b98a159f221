"""Opening a chain: in memory, or in a directory that holds one or is to hold one."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

from eth.chains.base import MiningChain
from eth.constants import GAS_LIMIT_MINIMUM
from eth.db.atomic import AtomicDB
from eth.exceptions import PyEVMError
from eth.vm.base import VM

from smartvm.chain.accounts import Account, genesis_state
from smartvm.exceptions import DatabaseError, SmartVMError
from smartvm.storage.disk import RESTORE, DiskDatabase

CHAIN_ID = 1337
"""The customary identifier of a development chain."""
BLOCK_GAS_LIMIT = 1 << 40
"""Gas of a block: no practical limit. Every block keeps its parent's."""
ACCOUNTS = 10
"""Accounts that the genesis block funds."""


LEAST = {"accounts": 1, "chain_id": 1, "block_gas_limit": GAS_LIMIT_MINIMUM}
MOST = {"accounts": 1_000, "chain_id": (1 << 63) - 1, "block_gas_limit": (1 << 63) - 1}


class Settings(NamedTuple):
    """What a genesis block depends on, besides the VM."""

    accounts: int = ACCOUNTS
    chain_id: int = CHAIN_ID
    block_gas_limit: int = BLOCK_GAS_LIMIT

    @property
    def funded(self) -> tuple[Account, ...]:
        """The accounts that the genesis block funds."""
        return tuple(map(Account.numbered, range(self.accounts)))


class Opened(NamedTuple):
    """A chain that is open.

    Attributes:
        chain: py-evm's.
        database: what it lies in, a `DiskDatabase` or py-evm's in memory.
        settings: those of its genesis block.
    """

    chain: Any
    database: AtomicDB | DiskDatabase
    settings: Settings

    def transaction(self) -> AbstractContextManager[None]:
        """All that is written within is kept together; in memory, nothing can come between."""
        if isinstance(self.database, DiskDatabase):
            return self.database.transaction()
        return nullcontext()

    def close(self) -> None:
        """Close the directory, if there is one."""
        if isinstance(self.database, DiskDatabase):
            self.database.close()


def open_chain(
    path: str | os.PathLike[str] | None, vm: type[VM], asked: dict[str, int | None]
) -> Opened:
    """Open a chain in memory, or the one in a directory, or make one there.

    Args:
        path: the directory, None for a chain in memory.
        vm: the VM class of every block.
        asked: what the fields of `Settings` are to be, None for the default or what is there.

    Raises:
        DatabaseError: the directory cannot be opened.
        SmartVMError: a setting is out of range, or the chain in the directory has another.
    """
    wanted = {name: value for name, value in asked.items() if value is not None}
    for name, value in wanted.items():
        if not LEAST[name] <= value <= MOST[name]:
            raise SmartVMError(f"{name}: expected {LEAST[name]:,} to {MOST[name]:,}, found {value}")
    if path is None:
        return _create(AtomicDB(), vm, Settings(**wanted))
    database = DiskDatabase(path)
    try:
        if database.settings is None:
            return _create(database, vm, Settings(**wanted))
        return _reopen(database, vm, wanted)
    except BaseException:
        database.close()
        raise


def _create(database: AtomicDB | DiskDatabase, vm: type[VM], settings: Settings) -> Opened:
    opened = Opened(None, database, settings)
    with opened.transaction():
        chain = _chain_class(vm, settings).from_genesis(
            database,
            {"gas_limit": settings.block_gas_limit, "timestamp": 1},
            genesis_state(settings.funded),
        )
        if isinstance(database, DiskDatabase):
            genesis = chain.get_canonical_head().hash
            database.create({**settings._asdict(), "genesis": genesis.hex()})
    return opened._replace(chain=chain)


def _reopen(database: DiskDatabase, vm: type[VM], wanted: dict[str, int]) -> Opened:
    stored = database.settings or {}
    settings = Settings(**{name: stored[name] for name in Settings._fields})
    for name, value in wanted.items():
        if value != stored[name]:
            raise SmartVMError(
                f"{database.path}: expected a chain with {name} {value}, found {stored[name]}; "
                f"leave {name} out, or choose another path"
            )
    try:
        chain = _chain_class(vm, settings)(database)
        genesis = chain.get_canonical_block_hash(0).hex()
    except PyEVMError as error:
        raise DatabaseError(f"{database.path}: the chain is incomplete ({error}); {RESTORE}") from (
            error
        )
    if genesis != stored["genesis"]:
        raise DatabaseError(f"{database.path}: the chain has another genesis block; {RESTORE}")
    return Opened(chain, database, settings)


def _chain_class(vm: type[VM], settings: Settings) -> Any:
    return MiningChain.configure(
        __name__="LocalChain", vm_configuration=((0, vm),), chain_id=settings.chain_id
    )
