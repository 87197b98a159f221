"""What a client may ask of a node: every bound, in one place."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Bounds on requests; what is beyond one is answered with an error.

    Attributes:
        gas_cap: gas of a call, an estimate or a trace; enough to write a block of 1 MiB.
        body_bytes: size of a request's body.
        batch: requests in one body.
        waiting: bodies that wait or are carried out at one time.
        seconds: time in which a body must arrive, and again in which it must be answered; what
            is not finished then is stopped.
        trace_items: steps of one trace, the items of their Stacks and their maps.
        logs: logs in one answer.
        log_blocks: blocks that one request for logs searches.
        filters: filters that are installed at one time.
        snapshots: snapshots (evm_snapshot) that are kept.
        pool: transactions that wait for a block.
        export_bytes: bytes of blocks in one answer of smartvm_exportBlocks.
    """

    gas_cap: int = 500_000_000
    body_bytes: int = 16 << 20
    batch: int = 100
    waiting: int = 128
    seconds: float = 60.0
    trace_items: int = 1_000_000
    logs: int = 10_000
    log_blocks: int = 100_000
    filters: int = 1_000
    snapshots: int = 1_000
    pool: int = 1_000
    export_bytes: int = 8 << 20
