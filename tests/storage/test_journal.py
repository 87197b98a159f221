"""Random histories: blocks, slots and a plain dictionary never disagree.

Every write is done to a block, to a slot and to the model. Slots are py-evm's own, so that the
comparison with them holds blocks to its semantics; the model catches what both could share.
"""

from __future__ import annotations

from copy import deepcopy

import rlp
from eth.db.atomic import AtomicDB
from eth.db.backends.memory import MemoryDB
from eth_hash.auto import keccak
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from trie import HexaryTrie

from smartvm.dispatch.tensor import Tensor
from smartvm.storage import SmartVMAccountDB, block_key, encode_block, resident

ADDRESSES = (b"\xaa" * 20, b"\xbb" * 20)
NUMBERS = range(4)
VALUES = range(1, 4)

addresses = st.sampled_from(ADDRESSES)
numbers = st.sampled_from(NUMBERS)
values = st.sampled_from(VALUES)


def block_value(value: int) -> bytes:
    """A different length for each value, so that leaves change form."""
    return encode_block(Tensor.full(value**4, value), 1)


class History(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        resident.clear()
        self.nodes = MemoryDB()
        self.database = SmartVMAccountDB(AtomicDB(self.nodes))
        self.model = {address: {} for address in ADDRESSES}
        self.wipes = 0
        self.checkpoints = []

    @rule(address=addresses, number=numbers, value=values)
    def write(self, address, number, value):
        self.database.set_storage(address, number, value)
        self.database.set_block(address, number, block_value(value))
        self.model[address][number] = value

    @rule(address=addresses, number=numbers)
    def delete(self, address, number):
        self.database.set_storage(address, number, 0)
        self.database.delete_block(address, number)
        self.model[address].pop(number, None)

    @rule()
    def record(self):
        self.checkpoints.append((self.database.record(), deepcopy(self.model), self.wipes))

    def revertible(self):
        # py-evm reverts past one wiped account at most.
        return [i for i, (_, _, wipes) in enumerate(self.checkpoints) if self.wipes - wipes <= 1]

    @precondition(lambda self: self.revertible())
    @rule(data=st.data())
    def revert(self, data):
        index = data.draw(st.sampled_from(self.revertible()))
        checkpoint, self.model, self.wipes = self.checkpoints[index]
        del self.checkpoints[index:]
        self.database.discard(checkpoint)

    @precondition(lambda self: self.checkpoints)
    @rule()
    def commit(self):
        self.database.commit(self.checkpoints.pop()[0])

    @rule(address=addresses, everything=st.booleans())
    def wipe(self, address, everything):
        (self.database.delete_account if everything else self.database.delete_storage)(address)
        self.model[address] = {}
        self.wipes += 1

    def end_transaction(self):
        if self.checkpoints:
            self.database.commit(self.checkpoints[0][0])
            self.checkpoints.clear()
        self.database.lock_changes()

    @rule()
    def lock_changes(self):
        self.end_transaction()

    @rule()
    def make_state_root(self):
        self.end_transaction()
        self.database.make_state_root()
        for address in ADDRESSES:
            assert self.database._get_storage_root(address) == self.expected_root(address)

    def expected_root(self, address):
        trie = HexaryTrie({})
        for number, value in self.model[address].items():
            trie[keccak(number.to_bytes(32, "big"))] = rlp.encode(value)
            trie[keccak(block_key(number))] = block_value(value)
        return trie.root_hash

    @rule(empty_cache=st.booleans())
    def persist_and_reopen(self, empty_cache):
        self.end_transaction()
        self.database.persist()
        self.database = SmartVMAccountDB(AtomicDB(self.nodes), self.database.state_root)
        if empty_cache:
            resident.clear()

    @invariant()
    def blocks_and_slots_are_those_of_the_model(self):
        for address in ADDRESSES:
            for number in NUMBERS:
                value = self.model[address].get(number, 0)
                assert self.database.get_storage(address, number) == value
                block = self.database.get_block(address, number)
                assert self.database.has_block(address, number) == (value != 0)
                assert (block.items.to_ints() if block else []) == [value] * value**4


History.TestCase.settings = settings(stateful_step_count=30)
TestHistory = History.TestCase
