"""Accounts of a development chain."""

from __future__ import annotations

from dataclasses import dataclass

from eth_keys.datatypes import PrivateKey
from eth_typing import Address
from eth_utils import keccak


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
