"""What a namespace of methods is: a mapping from names to functions of the node.

A module of methods has a table ``METHODS``. A method takes the node and the request's positional
parameters, as JSON gives them; it checks them (`smartvm.node.params`) and returns JSON, or raises
`RPCError`. Parameters that a client may leave out have a default.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from inspect import Parameter, signature
from typing import Any

from smartvm.node.errors import INVALID_PARAMS, METHOD_NOT_FOUND, RPCError

Method = Callable[..., Any]
"""method(node, *params) -> JSON; `node.chain` is the `smartvm.chain.Chain`."""
Methods = Mapping[str, Method]


def invoke(methods: Methods, node: Any, name: str, params: Sequence[Any]) -> Any:
    """Carry out a method by its name.

    Raises:
        RPCError: there is no such method, it takes another number of parameters, or it fails.
    """
    method = methods.get(name)
    if method is None:
        raise RPCError(METHOD_NOT_FOUND, f"the method {name} does not exist on this node")
    fewest, most = _arity(method)
    if not fewest <= len(params) <= most:
        takes = f"{fewest}" if fewest == most else f"{fewest} to {most}"
        message = f"{name}: expected {takes} parameters, found {len(params)}"
        raise RPCError(INVALID_PARAMS, message)
    return method(node, *params)


@cache
def _arity(method: Method) -> tuple[int, int]:
    """How many parameters a method takes beside the node, at least and at most."""
    parameters = list(signature(method).parameters.values())[1:]
    required = [p for p in parameters if p.default is Parameter.empty]
    return len(required), len(parameters)
