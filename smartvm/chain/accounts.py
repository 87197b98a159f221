"""Accounts of a development chain."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from eth.typing import AccountDetails
from eth_keys.datatypes import PrivateKey
from eth_typing import Address
from eth_utils import keccak

ETHER = 10**18
"""Wei."""
ACCOUNT_BALANCE = 1_000_000 * ETHER
"""Wei with which the genesis block funds each account."""


@dataclass(frozen=True)
class Account:
    """Someone who can sign."""

    key: PrivateKey

    @property
    def address(self) -> Address:
        """20 bytes."""
        return Address(self.key.public_key.to_canonical_address())

    @classmethod
    def numbered(cls, number: int) -> Account:
        """The account that every development chain funds as its `number`-th. Its key is public."""
        return cls(PrivateKey(keccak(text=f"smartvm development account {number}")))


def genesis_state(accounts: Iterable[Account]) -> dict[Address, AccountDetails]:
    """The state that funds the accounts, as py-evm takes it."""
    funded: AccountDetails = {"balance": ACCOUNT_BALANCE, "nonce": 0, "code": b"", "storage": {}}
    return {account.address: funded for account in accounts}
