"""Eight nodes on one machine, as in the paper's testbed, import each other's blocks.

    python benchmarks/eight_nodes.py [--nodes N] [--rounds N] [--backends NAME ...]

Each node is a process with a database of its own, on another backend: numpy, reference, native
where it is built, and again. The first deploys LeNet-5 and uploads it; then each in turn infers a
digit by a transaction. Whoever has mined exports its blocks, all others import them, and all must
have the same newest block and the same state root, and answer the same to the same digit.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any, NamedTuple

from node_process import NodeClient, serving

from smartvm.compiler import lenet5
from smartvm.compiler.abi import encode_call
from smartvm.compiler.contract import ModelContract, build_contract, set_block_call
from smartvm.compiler.contract_abi import CLASSIFY, INFER
from smartvm.dispatch import available_backends

BACKENDS = [name for name in ("numpy", "reference", "native") if name in available_backends()]
"""In the order in which the nodes take them."""
INFER_GAS = hex(200_000)


class Outcome(NamedTuple):
    """What the nodes came to.

    Attributes:
        backends: of the nodes.
        blocks: on every node.
        roots: the state roots that were compared, one a turn, the same on all nodes.
        labels: the label of each digit that was classified, the same on all nodes.
        import_seconds: what all imports took, by node.
    """

    backends: list[str]
    blocks: int
    roots: list[str]
    labels: list[int]
    import_seconds: list[float]


class Testbed:
    """The connections to all nodes."""

    def __init__(self, clients: Sequence[NodeClient]) -> None:
        self._clients = clients
        self._pool = ThreadPoolExecutor(len(clients))
        self.import_seconds = [0.0] * len(clients)

    def all(self, ask: Callable[[NodeClient], Any]) -> Any:
        """What every node answers, which must be the same."""
        answers = list(self._pool.map(ask, self._clients))
        if any(answer != answers[0] for answer in answers):
            raise SystemExit(f"the nodes disagree: {answers}")
        return answers[0]

    def share(self, miner: int) -> str:
        """Bring all nodes to the newest block of one; the state root."""
        known = min(self._height(client) for client in self._clients)
        while known < self._height(self._clients[miner]):
            blocks = self._clients[miner].result("smartvm_exportBlocks", known + 1)
            others = [n for n in range(len(self._clients)) if n != miner]
            list(self._pool.map(lambda n, new=blocks: self._import(n, new), others))
            known += len(blocks)
        newest = self.all(lambda c: c.result("eth_getBlockByNumber", "latest", True))
        return str(newest["stateRoot"])

    def _import(self, node: int, blocks: Sequence[str]) -> None:
        started = perf_counter()
        for block in blocks:
            self._clients[node].result("smartvm_importBlock", block)
        self.import_seconds[node] += perf_counter() - started

    def _height(self, client: NodeClient) -> int:
        return int(client.result("eth_blockNumber"), 16)

    def close(self) -> None:
        """Close the connections."""
        self._pool.shutdown()


def deploy(client: NodeClient, model: ModelContract) -> str:
    """Deploy and upload a model through a node; its address."""
    owner = client.result("eth_accounts")[0]
    created = client.result("eth_sendTransaction", {"from": owner, "data": hexed(model.init_code)})
    address: str = client.result("eth_getTransactionReceipt", created)["contractAddress"]
    for number, block in model.blocks.items():
        data = hexed(set_block_call(number, block))
        client.result("eth_sendTransaction", {"from": owner, "to": address, "data": data})
    return address


def hexed(content: bytes) -> str:
    """Bytes as JSON-RPC has them."""
    return "0x" + content.hex()


def run(
    directory: Path, *, nodes: int = 8, rounds: int = 2, backends: Sequence[str] = BACKENDS
) -> Outcome:
    """Let the nodes take turns."""
    backends = list(islice(cycle(backends), nodes))
    pixels = lenet5.test_split().pixels
    with ExitStack() as stack:
        served = [
            stack.enter_context(
                serving("--db", str(directory / f"{n}"), "--backend", backend, "--quiet")
            )
            for n, backend in enumerate(backends)
        ]
        clients = [stack.enter_context(node.client()) for node in served]
        testbed = Testbed(clients)
        stack.callback(testbed.close)
        address = deploy(clients[0], build_contract(lenet5.load()))
        roots, labels = [testbed.share(0)], []
        for turn in range(nodes * rounds):
            miner, image = turn % nodes, pixels[turn].tobytes()
            infer = {"to": address, "data": hexed(encode_call(INFER, image)), "gas": INFER_GAS}
            clients[miner].result("eth_sendTransaction", infer)
            roots.append(testbed.share(miner))
            call = {"to": address, "data": hexed(encode_call(CLASSIFY, image))}
            labels.append(int(testbed.all(lambda c, call=call: c.result("eth_call", call)), 16))
        blocks = int(clients[0].result("eth_blockNumber"), 16)
        return Outcome(backends, blocks, roots, labels, testbed.import_seconds)


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--nodes", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--backends", nargs="+", default=BACKENDS, metavar="NAME")
    options = parser.parse_args()
    started = perf_counter()
    with TemporaryDirectory() as directory:
        found = run(
            Path(directory),
            nodes=options.nodes,
            rounds=options.rounds,
            backends=options.backends,
        )
    print(f"nodes          {', '.join(found.backends)}")
    print(f"blocks         {found.blocks} on every node")
    print(f"state roots    {len(found.roots)} compared on all nodes, all equal")
    print(f"labels         {len(found.labels)} compared on all nodes, all equal")
    for backend, seconds in zip(found.backends, found.import_seconds, strict=True):
        print(f"imports        {backend:<10}{seconds:8.2f} s")
    print(f"in all         {perf_counter() - started:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
