"""Rides that a network judges, whose weights riders and drivers vote on.

    python -m examples.rides.run [--rpc URL]

The network looks for jerks: its kernels are differences of acceleration over two samples, with
either sign; ReLU and the average over the ride give how jerky it was, forward and sideways, and the
last layer compares that with what is tolerated.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from eth_account import Account
from eth_account.messages import encode_defunct
from web3 import Web3

from examples.support import ask, compiled, connect_as_told, deploy, events, send

SAMPLES = 32
FARE = 10**16
RIDER, DRIVER, OTHER_RIDER = 0, 1, 2
TRACKER = Account.from_key(b"\x07" * 32)
KERNELS, WEIGHTS, BIAS = 1, 2, 3
STRICT, TOLERANT = 12, 60


def difference_kernels() -> bytes:
    """(4, 2, 1, 3): of each of the two accelerations the difference with either sign."""
    kernels = np.zeros((4, 2, 3), np.int8)
    for feature in range(4):
        sign = 1 - 2 * (feature % 2)
        kernels[feature, feature // 2] = [-sign, 0, sign]
    return kernels.tobytes()


def smooth_ride() -> bytes:
    """A gentle start, a bend, a gentle stop."""
    time = np.linspace(0, np.pi, SAMPLES)
    return np.rint([30 * np.cos(time), 20 * np.sin(time)]).astype(np.int8).tobytes()


def jerky_ride() -> bytes:
    """Full speed and full brakes every other second."""
    forward = np.where(np.arange(SAMPLES) // 2 % 2, 70, -70)
    return np.array([forward, np.roll(forward, 1) // 3], np.int8).tobytes()


def propose_and_vote(web3: Web3, rides: Any, number: int, items: bytes, width: int) -> None:
    """A proposal that a majority of both houses votes for, and its block."""
    receipt = send(web3, rides.functions.propose(number, width, items), sender=DRIVER)
    proposal = events(rides.events.Proposed(), receipt)[0]["proposal"]
    for voter, house in ((RIDER, 0), (OTHER_RIDER, 0), (DRIVER, 1)):
        send(web3, rides.functions.vote(proposal, house), sender=voter)
    send(web3, rides.functions.enact(proposal, number, width, items), sender=RIDER)


def ride(web3: Web3, rides: Any, trajectory: bytes) -> Any:
    """A ride from the request to the judgement: the arguments of `Judged`."""
    driver = web3.eth.accounts[DRIVER]
    request = rides.functions.request(driver, TRACKER.address)
    receipt = send(web3, request, sender=RIDER, value=FARE)
    number = events(rides.events.Requested(), receipt)[0]["ride"]
    content = Web3.keccak(
        web3.codec.encode(
            ["uint256", "address", "uint256", "bytes"],
            [web3.eth.chain_id, rides.address, number, trajectory],
        )
    )
    signed = TRACKER.sign_message(encode_defunct(content))
    r, s = (part.to_bytes(32, "big") for part in (signed.r, signed.s))
    finish = rides.functions.finish(number, trajectory, r, s, signed.v)
    receipt = send(web3, finish, sender=DRIVER)
    return events(rides.events.Judged(), receipt)[0]


def main(arguments: Sequence[str] | None = None) -> int:
    """Found the houses, vote for weights, ride; 0 if each ride was paid as it should be."""
    web3 = connect_as_told(arguments, __doc__)
    contract = compiled(Path(__file__).parent / "Rides.sol")["Rides"]
    who = web3.eth.accounts
    rides = deploy(web3, contract, [who[RIDER], who[OTHER_RIDER]], [who[DRIVER]])
    propose_and_vote(web3, rides, KERNELS, difference_kernels(), 1)
    propose_and_vote(web3, rides, WEIGHTS, np.full(4, -1, np.int8).tobytes(), 1)

    propose_and_vote(web3, rides, BIAS, STRICT.to_bytes(2, "big"), 2)
    judgements = [ride(web3, rides, smooth_ride()), ride(web3, rides, jerky_ride())]
    propose_and_vote(web3, rides, BIAS, (8 * TOLERANT).to_bytes(2, "big"), 2)
    judgements.append(ride(web3, rides, jerky_ride()))

    names = ("a smooth ride", "a jerky ride", "the same, after a vote to tolerate more")
    for name, judgement in zip(names, judgements, strict=True):
        paid = "the driver is paid" if judgement["good"] else "the rider has the fare back"
        print(f"{name:<41}{judgement['score']:>5}  {paid}")
    balances = [ask(rides.functions.balance(who[each])) // FARE for each in (RIDER, DRIVER)]
    print(f"fares: {balances[1]} to the driver, {balances[0]} back to the rider")
    send(web3, rides.functions.withdraw(), sender=DRIVER)
    return int([each["good"] for each in judgements] != [True, False, True])


if __name__ == "__main__":
    raise SystemExit(main())
