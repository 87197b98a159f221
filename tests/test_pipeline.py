"""The pipeline: a call with prefetching is the call without it, whatever goes wrong ahead."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lmdb
import numpy as np
import pytest

from smartvm.chain import Chain
from smartvm.compiler.abi import encode_call
from smartvm.compiler.contract import ModelContract, build_contract
from smartvm.compiler.contract_abi import PREDICT
from smartvm.compiler.integer_graph import Interval
from smartvm.compiler.sequential import Sequential
from smartvm.exceptions import DatabaseError
from smartvm.storage import lookup, prefetch, resident
from smartvm.storage.prefetch import Prefetch

GAS = 1 << 32


def network() -> ModelContract:
    """Two convolutions and two layers, their weights in 141 blocks."""
    random = np.random.default_rng(5)

    def weights(*shape: int) -> np.ndarray:
        return random.integers(-900, 900, shape)

    layers = Sequential("small", (1, 10, 10), scale=255, input_range=Interval(0, 255))
    layers.convolution("a", weights(6, 1, 3, 3), weights(6) * 99, padding=1).relu("ar")
    layers.convolution("b", weights(8, 6, 3, 3), weights(8)).relu("br").max_pool("p", 2)
    layers.fully_connected("c", weights(24, 128), weights(24)).relu("cr")
    layers.fully_connected("d", weights(10, 24), weights(10))
    return build_contract(layers.graph, block_bytes=56)


CONTRACT = network()
CALL = encode_call(PREDICT, CONTRACT.input_format.pack(np.arange(100).reshape(1, 10, 10)))


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    path = tmp_path_factory.mktemp("pipeline") / "chain"
    with Chain(path) as chain:
        return path, chain.deploy_model(CONTRACT).address


@pytest.fixture
def chain(deployed: tuple[Path, bytes], monkeypatch: pytest.MonkeyPatch) -> Iterator[Chain]:
    monkeypatch.setattr(prefetch, "LEAST_ITEMS", 1)
    with Chain(deployed[0]) as opened:
        yield opened


@pytest.fixture
def address(deployed: tuple[Path, bytes]) -> bytes:
    return deployed[1]


def cold(chain: Chain, address: bytes, gas: int = GAS) -> dict[str, Any]:
    """All that a call leaves which finds nothing resident."""
    resident.clear()
    computation = chain.simulate(address, CALL, gas=gas)
    state = computation.state
    return {
        "output": computation.output,
        "error": repr(computation._error),
        "gas": computation.get_gas_remaining(),
        "witness": set(state._account_db._raw_store_db._keys_read),
        "warm": set(state._account_db._journal_accessed_state._journal._current_values),
    }


def alone(chain: Chain, address: bytes, gas: int = GAS) -> dict[str, Any]:
    """The same without prefetching."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lookup, "source_of", lambda database: None)
        return cold(chain, address, gas)


@pytest.fixture
def read_ahead(monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """Numbers of the blocks that threads have read."""
    numbers: set[int] = set()
    block = Prefetch._block

    def noting(self: Prefetch, number: int) -> Any:
        if threading.current_thread().name.startswith("smartvm-prefetch"):
            numbers.add(number)
        return block(self, number)

    monkeypatch.setattr(Prefetch, "_block", noting)
    return numbers


def test_it_is_the_call_without(chain: Chain, address: bytes, read_ahead: set[int]) -> None:
    expected = alone(chain, address)
    assert not read_ahead
    assert expected["error"] == "None"
    for _ in range(5):
        assert cold(chain, address) == expected
    assert len(read_ahead) > 100
    assert read_ahead <= set(CONTRACT.blocks)


def test_one_frame_looks_ahead_once(
    chain: Chain, address: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[prefetch.Ahead] = []
    initialise = Prefetch.__init__

    def noting(self: Prefetch, source: Any, root: Any, ahead: prefetch.Ahead) -> None:
        made.append(ahead)
        initialise(self, source, root, ahead)

    monkeypatch.setattr(Prefetch, "__init__", noting)
    cold(chain, address)
    bases = [run.base for run in made[0].runs]
    assert len(made) == 1
    assert bases == sorted(CONTRACT.tensors.values())
    chain.simulate(address, CALL, gas=GAS)
    assert len(made) == 1  # nothing is cold


@pytest.mark.parametrize("part", range(1, 40, 3))
def test_it_runs_out_of_gas_as_without(chain: Chain, address: bytes, part: int) -> None:
    used = GAS - cold(chain, address)["gas"]
    limit = used - used * part // 60
    assert cold(chain, address, limit) == alone(chain, address, limit)


def test_a_small_window_changes_nothing(
    chain: Chain, address: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prefetch, "AHEAD_BYTES", 300)
    assert cold(chain, address) == alone(chain, address)


def test_a_cache_that_drops_everything_changes_nothing(chain: Chain, address: bytes) -> None:
    expected = alone(chain, address)
    capacity = resident.capacity
    try:
        for size in (0, 5_000, 3 * prefetch.AHEAD_BYTES):
            resident.set_capacity(size)
            assert cold(chain, address) == expected
    finally:
        resident.set_capacity(capacity)


def test_threads_that_fail_change_nothing(
    chain: Chain, address: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = alone(chain, address)

    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(prefetch, "find_block", fail)
    assert cold(chain, address) == expected


def test_a_missing_block_is_the_same_error(deployed: tuple[Path, bytes], chain: Chain) -> None:
    _, address = deployed
    last = max(CONTRACT.blocks)

    def without(state: Any) -> None:
        state.delete_block(address, last)

    def outcome() -> tuple[str, int]:
        resident.clear()
        call = chain._call(address, CALL, 0, None, GAS)
        left = chain.run(call, prepare=without)
        return repr(left._error), left.get_gas_remaining()

    ahead = outcome()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lookup, "source_of", lambda database: None)
        assert outcome() == ahead
    assert "BlockMissing" in ahead[0]


def test_threads_start_for_cold_blocks_and_end_with_the_chain(
    deployed: tuple[Path, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def readers() -> int:
        return sum(t.name.startswith("smartvm-prefetch") for t in threading.enumerate())

    path, address = deployed
    with Chain(path) as chain:
        cold(chain, address)  # too little to pay
        assert readers() == 0
        monkeypatch.setattr(prefetch, "LEAST_ITEMS", 1)
        cold(chain, address)
        assert 1 <= readers() <= prefetch.THREADS
    assert readers() == 0


def test_chains_of_several_threads(tmp_path: Path) -> None:
    """Every thread with a chain of its own, and all with one cache."""
    found: list[bytes] = []

    def use(path: Path) -> None:
        with Chain(path) as chain:
            address = chain.deploy_model(CONTRACT).address
            left = [chain.call(address, CALL, gas=GAS) for _ in range(3)]
            left += [cold(chain, address)["output"] for _ in range(6)]
        found.extend(left)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prefetch, "LEAST_ITEMS", 1)
        users = [threading.Thread(target=use, args=(tmp_path / str(n),)) for n in range(3)]
        for user in users:
            user.start()
        for user in users:
            user.join(120)
    assert len(found) == 27
    assert len(set(found)) == 1


def test_damage_is_met_by_the_frame_alone(tmp_path: Path) -> None:
    path = tmp_path / "chain"
    with Chain(path) as chain:
        address = chain.deploy_model(CONTRACT).address
        resident.clear()
        chain.call(address, CALL, gas=GAS)
        root = chain.state._account_db._get_storage_root(address)
        leaf = resident.place(root, max(CONTRACT.blocks))[1].nodes[-1]
    with lmdb.open(str(path)) as environment, environment.begin(write=True) as writer:
        writer.put(leaf, b"damaged")
    with Chain(path) as chain:
        assert chain.database.prefetching.peek(leaf) is None
        chain.transact(chain.accounts[1].address, value=1)
        with pytest.raises(DatabaseError, match="damaged"):
            cold(chain, address)
