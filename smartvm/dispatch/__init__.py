"""Backends and the dispatcher: what computes, apart from what prices and checks."""

from smartvm.dispatch.backend import KERNELS, Backend
from smartvm.dispatch.dispatcher import Dispatcher
from smartvm.dispatch.registry import available_backends, backend_names, make_dispatcher

__all__ = [
    "KERNELS",
    "Backend",
    "Dispatcher",
    "available_backends",
    "backend_names",
    "make_dispatcher",
]
