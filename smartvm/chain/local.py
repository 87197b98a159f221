"""Chain: an Ethereum chain on SmartVM, in memory or on disk.

    with Chain("chain") as chain:
        address = chain.deploy(init_code).contract
        chain.transact(address, calldata)
        chain.call(address, calldata)

It mines one block a transaction. Nothing depends on the clock: the same transactions give the
same blocks, and a chain made by `replica` imports them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from eth.vm.base import VM

from smartvm.chain import models
from smartvm.chain.accounts import Account
from smartvm.chain.mining import ChainMiner
from smartvm.chain.models import Deployment, Inference, Prediction
from smartvm.chain.opening import open_chain
from smartvm.chain.reading import BlockId
from smartvm.chain.upload import Progress
from smartvm.compiler.contract import ModelContract
from smartvm.vm import SmartVM

if TYPE_CHECKING:
    from smartvm.compiler.artefact import Artefact


class Chain(ChainMiner):
    """A chain with funded accounts.

    A chain on disk keeps a block once the method that mined or imported it has returned, whatever
    happens then. A chain serves one thread at a time.

    Args:
        path: the directory of the chain, which is made if it is not there; None for a chain in
            memory.
        vm: the VM class of every block, for example ``SmartVM.with_backend("reference")``.
        accounts: how many accounts the genesis block funds (10).
        chain_id: what its transactions are signed for (1337).
        block_gas_limit: gas of each block (2⁴⁰).

    The last three are the genesis block's: for a chain that is there already, leave them out.

    Attributes:
        path: the directory, None in memory.
        accounts: the funded accounts. Their keys are public.
        chain_id: what its transactions are signed for.

    Raises:
        DatabaseError: the directory cannot be opened.
        SmartVMError: the chain in it has other settings.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        vm: type[VM] = SmartVM,
        accounts: int | None = None,
        chain_id: int | None = None,
        block_gas_limit: int | None = None,
    ) -> None:
        asked = {"accounts": accounts, "chain_id": chain_id, "block_gas_limit": block_gas_limit}
        self.path = None if path is None else Path(path)
        self._opened = open_chain(path, vm, asked)
        self._chain = self._opened.chain
        self._vm_class = vm
        self.accounts = self._opened.settings.funded
        self.chain_id = self._opened.settings.chain_id

    def __enter__(self) -> Self:
        """Use the chain in a with statement, which closes it."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Close the chain."""
        self.close()

    def close(self) -> None:
        """Let go of the directory; nothing is lost without it."""
        self._opened.close()

    def replica(self, path: str | os.PathLike[str] | None = None) -> Chain:
        """A chain with the same genesis block and nothing after it."""
        return Chain(path, vm=self._vm_class, **self._opened.settings._asdict())

    def fork(self, path: str | os.PathLike[str] | None = None, at: int | None = None) -> Chain:
        """A second chain that has imported the blocks of this one, each executed anew.

        Args:
            path: where it is to be; None for memory.
            at: number of the last block that it takes; the newest by default.
        """
        copy = self.replica(path)
        try:
            copy.import_blocks(self.export_blocks(copy.block_number + 1, at))
        except BaseException:
            copy.close()
            raise
        return copy

    def deploy_model(
        self,
        model: Artefact | ModelContract,
        *,
        address: bytes | None = None,
        sender: Account | None = None,
        progress: Callable[[Progress], None] | None = None,
    ) -> Deployment:
        """Deploy a model's contract and upload its weights; `models.deploy_model`."""
        return models.deploy_model(self, model, address=address, sender=sender, progress=progress)

    def predict(
        self,
        address: bytes,
        x: bytes | np.ndarray | Sequence[float],
        *,
        model: Artefact | ModelContract | None = None,
        block: BlockId = None,
    ) -> Prediction:
        """What a model answers, by a call; `models.predict`."""
        return models.predict(self, address, x, model=model, block=block)

    def infer(
        self,
        address: bytes,
        x: bytes | np.ndarray | Sequence[float],
        *,
        model: Artefact | ModelContract | None = None,
        sender: Account | None = None,
    ) -> Inference:
        """What a model answers, by a transaction that logs it; `models.infer`."""
        return models.infer(self, address, x, model=model, sender=sender)

    def _transaction(self) -> AbstractContextManager[None]:
        return self._opened.transaction()
