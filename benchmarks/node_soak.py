"""Thousands of mixed requests from several clients: right answers, bounded memory, latency.

    python benchmarks/node_soak.py [--requests N] [--clients N] [--backend NAME] [--seed N]

A node on disk has LeNet-5. Each client sends, in an order drawn from the seed: predictions
(`classify`, half of all), reads of blocks, receipts, logs, balances and proofs, inferences by
transaction, filters, and requests that are malformed or wrong. Every answer is compared: labels
with those of a chain in this process, errors with the code that they must have. The node's
memory (anonymous resident pages, which leaves out what the database maps) is read after a tenth of
the requests and at the end, and may grow by `GROWTH_BYTES`. The exit code is 1 where it grows more
or an answer is wrong.

Latency is measured at the client, in two settings: predictions in the mix, where requests of
others stand before them, and predictions of a single client afterwards.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
from eight_nodes import deploy, hexed
from node_process import NodeClient, NodeProcess, serving

from smartvm.chain import Chain
from smartvm.compiler import lenet5
from smartvm.compiler.abi import decode_uint256, encode_call
from smartvm.compiler.contract import ModelContract, build_contract
from smartvm.compiler.contract_abi import CLASSIFY, INFER
from smartvm.vm import SmartVM

GROWTH_BYTES = 24 << 20
"""Of anonymous memory, from a tenth of the requests to the end."""
IMAGES = 60
"""Digits that are classified, again and again."""
ALONE = 500
"""Predictions of the single client."""

MALFORMED = (
    (b"{", -32700),
    (b"\xff\xfe", -32700),
    (b"[" * 5_000, -32700),
    (b"[]", -32600),
    (b'{"jsonrpc":"2.0","id":1,"method":"eth_unknown"}', -32601),
    (b'{"jsonrpc":"2.0","id":1,"method":"eth_getBalance","params":["0x12"]}', -32602),
    (b'{"jsonrpc":"2.0","id":1,"method":"eth_call","params":[{"data":"0xfe"}]}', -32000),
    (b'{"jsonrpc":"2.0","id":1,"method":"eth_call","params":[{"data":"0x60006000fd"}]}', 3),
)
"""Bodies, and the code with which they are refused."""


class Digit(NamedTuple):
    """An image and what it must be answered with."""

    classify: str
    infer: str
    label: int


class Wrong(Exception):
    """Raised for an answer that is not what it must be."""


class Outcome(NamedTuple):
    """What a soak came to.

    Attributes:
        requests: by kind.
        wrong: what was wrong with answers; empty if all were right.
        seconds: from the first request of the mix to the last answer.
        growth: bytes by which the node's memory grew.
        memory: bytes at the end.
        mixed: milliseconds of each prediction in the mix.
        alone: milliseconds of each prediction of the single client.
    """

    requests: Counter[str]
    wrong: list[str]
    seconds: float
    growth: int
    memory: int
    mixed: list[float]
    alone: list[float]


class Session:
    """One client with a connection, an account and an order of requests of its own."""

    def __init__(
        self, client: NodeClient, address: str, digits: Sequence[Digit], number: int, seed: int
    ) -> None:
        self._client = client
        self._address = address
        self._digits = digits
        self._account = client.result("eth_accounts")[number]
        self._random = random.Random(f"{seed} {number}")
        self.requests: Counter[str] = Counter()
        self.milliseconds: list[float] = []
        self.wrong: list[str] = []

    def run(self, requests: int) -> None:
        """Send so many requests; wrong answers are noted."""
        kinds: dict[str, tuple[int, Callable[[], None]]] = {
            "predict": (50, self.predict),
            "read": (30, self.read),
            "infer": (4, self.infer),
            "filter": (4, self.filter),
            "malformed": (12, self.malformed),
        }
        weights = [weight for weight, _ in kinds.values()]
        for kind in self._random.choices(list(kinds), weights, k=requests):
            self.requests[kind] += 1
            try:
                kinds[kind][1]()
            except (Wrong, RuntimeError, KeyError, TypeError, ValueError, OSError) as error:
                self.wrong.append(f"{kind}: {error!r}")

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def predict(self) -> None:
        """Classify a digit by a call."""
        digit = self._random.choice(self._digits)
        started = perf_counter()
        answer = self._client.result("eth_call", {"to": self._address, "data": digit.classify})
        self.milliseconds.append((perf_counter() - started) * 1e3)
        expect(int(answer, 16), digit.label)

    def infer(self) -> None:
        """Classify a digit by a transaction, and read its event."""
        digit = self._random.choice(self._digits)
        request = {"from": self._account, "to": self._address, "data": digit.infer}
        sent = self._client.result("eth_sendTransaction", {**request, "gas": hex(200_000)})
        receipt = self._client.result("eth_getTransactionReceipt", sent)
        (log,) = receipt["logs"]
        expect(int(log["data"][-64:], 16), digit.label)
        expect(log["topics"][1][-40:], self._account[2:])

    def read(self) -> None:
        """Read a block, its receipts and logs, a balance, and a proof of the model's account."""
        newest = int(self._client.result("eth_blockNumber"), 16)
        number = hex(self._random.randint(0, newest))
        block = self._client.result("eth_getBlockByNumber", number, True)
        expect(self._client.result("eth_getBlockByHash", block["hash"], True), block)
        receipts = self._client.result("eth_getBlockReceipts", number)
        expect([r["transactionHash"] for r in receipts], [t["hash"] for t in block["transactions"]])
        logs = self._client.result("eth_getLogs", {"blockHash": block["hash"]})
        expect(logs, [log for receipt in receipts for log in receipt["logs"]])
        proof = self._client.result("eth_getProof", self._account, [], number)
        balance = self._client.result("eth_getBalance", self._account, number)
        expect(proof["balance"], balance)

    def filter(self) -> None:
        """Install a filter, ask it, and remove it."""
        found = self._client.result("eth_newBlockFilter")
        self._client.result("eth_getFilterChanges", found)
        expect(self._client.result("eth_uninstallFilter", found), True)

    def malformed(self) -> None:
        """Send what must be refused."""
        body, code = self._random.choice(MALFORMED)
        _, answer = self._client.request("POST", "/", body)
        expect(json.loads(answer)["error"]["code"], code)


def expect(found: Any, expected: Any) -> None:
    """Raise `Wrong` unless both are the same."""
    if found != expected:
        raise Wrong(f"expected {str(expected)[:200]}, found {str(found)[:200]}")


def digits_of(model: ModelContract, count: int) -> list[Digit]:
    """Images with the labels that a chain in this process gives them."""
    chain = Chain(vm=SmartVM.with_backend("numpy"))
    address = chain.deploy_model(model).address
    found = []
    for pixels in lenet5.test_split().pixels[:count]:
        classify = encode_call(CLASSIFY, pixels.tobytes())
        infer = hexed(encode_call(INFER, pixels.tobytes()))
        label = decode_uint256(chain.call(address, classify))
        found.append(Digit(hexed(classify), infer, label))
    return found


def run(
    directory: Path,
    *,
    requests: int = 10_000,
    clients: int = 4,
    images: int = IMAGES,
    alone: int = ALONE,
    seed: int = 1,
    options: Sequence[str] = (),
) -> Outcome:
    """Start a node and send the requests."""
    model = build_contract(lenet5.load())
    digits = digits_of(model, images)
    with serving("--db", str(directory / "chain"), "--quiet", *options) as node:
        with node.client() as owner:
            address = deploy(owner, model)
        sessions = [
            Session(node.client(), address, digits, number, seed) for number in range(clients)
        ]
        share = requests // clients
        started = perf_counter()
        _together(sessions, share // 10)
        before = node.anonymous_bytes()
        _together(sessions, share - share // 10)
        seconds = perf_counter() - started
        return _outcome(node, sessions, seconds, before, alone)


def _together(sessions: Sequence[Session], requests: int) -> None:
    with ThreadPoolExecutor(len(sessions)) as pool:
        list(pool.map(lambda session: session.run(requests), sessions))


def _outcome(
    node: NodeProcess, sessions: Sequence[Session], seconds: float, before: int, alone: int
) -> Outcome:
    counts = sum((session.requests for session in sessions), Counter())
    mixed = [taken for session in sessions for taken in session.milliseconds]
    first = sessions[0]
    first.milliseconds = []
    for _ in range(alone):
        first.predict()
    wrong = [text for session in sessions for text in session.wrong]
    memory = node.anonymous_bytes()
    for session in sessions:
        session.close()
    return Outcome(counts, wrong, seconds, memory - before, memory, mixed, first.milliseconds)


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--backend", help="of the node")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with TemporaryDirectory() as directory:
        found = run(
            Path(directory),
            requests=given.requests,
            clients=given.clients,
            seed=given.seed,
            options=["--backend", given.backend] if given.backend else [],
        )
    return report(found)


def report(found: Outcome) -> int:
    """Print an outcome; the exit code."""
    total = sum(found.requests.values())
    kinds = ", ".join(f"{count} {kind}" for kind, count in found.requests.most_common())
    print(f"requests       {total} ({kinds}) in {found.seconds:.1f} s")
    print(f"throughput     {total / found.seconds:.0f} of them a second")
    for name, taken in (("in the mix", found.mixed), ("alone", found.alone)):
        p50, p99 = np.percentile(taken, (50, 99))
        print(f"predictions    {name:<12}p50 {p50:.2f} ms, p99 {p99:.2f} ms ({len(taken)})")
    bound = GROWTH_BYTES / 1e6
    print(f"memory         {found.memory / 1e6:.1f} MB, grown by {found.growth / 1e6:.1f} MB")
    print(f"               (at most {bound:.1f} MB)")
    print(f"wrong answers  {len(found.wrong)}")
    for text in found.wrong[:10]:
        print(f"  {text}")
    return int(bool(found.wrong) or found.growth > GROWTH_BYTES)


if __name__ == "__main__":
    sys.exit(main())
