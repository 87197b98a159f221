"""A chain in memory, model contracts on it, and the demonstration."""

from smartvm.chain.accounts import Account
from smartvm.chain.local import Chain
from smartvm.chain.receipts import ExecutionFailed, Log, Receipt
from smartvm.chain.upload import Progress, Upload, upload_blocks

__all__ = [
    "Account",
    "Chain",
    "ExecutionFailed",
    "Log",
    "Progress",
    "Receipt",
    "Upload",
    "upload_blocks",
]
