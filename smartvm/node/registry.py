"""What a namespace of methods is: a mapping from names to functions of the node.

A module of methods has a table ``METHODS``. A method takes the node and the request's positional
parameters, as JSON gives them; it checks them and returns JSON, or raises `RPCError`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Method = Callable[..., Any]
"""method(node, *params) -> JSON; `node.chain` is the `smartvm.chain.Chain`."""
Methods = Mapping[str, Method]
