"""debug_traceTransaction and debug_traceCall: every step, the DNN instructions by name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from eth.exceptions import Halt

from smartvm.exceptions import SmartVMError
from smartvm.node import params
from smartvm.node.blocks import block_id
from smartvm.node.calls import as_call, overriding
from smartvm.node.errors import LIMIT_EXCEEDED, RPCError
from smartvm.node.formats import JSON, hex_bytes, hex_number
from smartvm.trace import Step, Tracer


class BoundedSteps(list[Step]):
    """Steps, as many as one trace may have: each counts with its items and its maps."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._left = most

    def append(self, step: Step) -> None:
        """Add a step.

        Raises:
            RPCError: with it, they are too many.
        """
        self._left -= 1 + len(step.stack) + len(step.buffer_maps)
        if self._left < 0:
            message = f"the trace is too long: it ends after {len(self)} steps"
            raise RPCError(LIMIT_EXCEEDED, message)
        super().append(step)


def trace_transaction(node: Any, transaction_hash: Any, options: Any = None) -> JSON:
    """The steps of a transaction of the chain's history, executed again."""
    wanted, tracer = params.hash32(transaction_hash), _tracer(node, options)
    receipt = node.chain.replay(wanted, tracer)
    return _trace(tracer, options, receipt.gas_used, receipt.output, receipt.error)


def trace_call(node: Any, request: Any, tag: Any = None, options: Any = None) -> JSON:
    """The steps of a call; `stateOverrides` in the options change accounts beforehand."""
    tracer, wanted = _tracer(node, options), as_call(node, params.call_request(request))
    prepare = overriding(params.mapping(options, "trace options").get("stateOverrides"))
    found = node.chain.run(wanted, block=block_id(tag), tracer=tracer, prepare=prepare)
    gas = wanted.gas - found.get_gas_remaining()
    return _trace(tracer, options, gas, found.output, found._error)


def _tracer(node: Any, options: Any) -> Tracer:
    name = params.mapping(options, "trace options").get("tracer")
    if name not in (None, ""):
        params.refuse("tracer", "none: this node gives struct logs", name)
    if not hasattr(node.chain.vm.state, "tracer"):
        raise SmartVMError("the chain's VM records no steps: it is not SmartVM")
    tracer = Tracer()
    tracer.steps = BoundedSteps(node.limits.trace_items)
    return tracer


def _trace(tracer: Tracer, options: Any, gas: int, output: bytes, error: Exception | None) -> JSON:
    chosen = params.mapping(options, "trace options")
    most = params.quantity(chosen.get("limit") or 0, "limit")
    with_stack = not params.boolean(chosen.get("disableStack"), "disableStack")
    # An account without code does nothing: what py-evm's loop ends with stands nowhere.
    steps = [step for step in in_order(tracer.steps) if step.pc >= 0]
    return {
        "gas": gas,
        "failed": error is not None,
        "returnValue": hex_bytes(output),
        "structLogs": [_struct_log(step, with_stack) for step in (steps[:most] if most else steps)],
    }


def in_order(steps: Iterable[Step]) -> list[Step]:
    """Steps as they began; a tracer has a call after the steps of the frame that it made."""
    by_depth: dict[int, list[Step]] = {}
    for step in steps:
        within = by_depth.pop(step.depth + 1, [])
        by_depth.setdefault(step.depth, []).extend([step, *within])
    return by_depth.get(0, [])


def _struct_log(step: Step, with_stack: bool) -> JSON:
    """A step as geth writes it, and the Buffer after it: lengths of the maps, the top last."""
    found: JSON = {
        "pc": step.pc,
        "op": step.mnemonic,
        "gas": step.gas,
        "gasCost": step.gas_cost,
        "depth": step.depth + 1,
    }
    if with_stack:
        found["stack"] = [hex_number(item) for item in step.stack]
    if step.buffer_maps:
        found["buffer"] = {"maps": list(step.buffer_maps), "bytes": step.buffer_bytes}
    if step.error is not None and not isinstance(step.error, Halt):
        found["error"] = f"{type(step.error).__name__}: {step.error}"
    return found


METHODS = {
    "debug_traceCall": trace_call,
    "debug_traceTransaction": trace_transaction,
}
