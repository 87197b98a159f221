"""The operations of an integer graph, one DNN instruction each."""

from smartvm.compiler.operations.activation import (
    ERF,
    EXP,
    LOG,
    SQRT,
    Function,
    Sigmoid,
    Softmax,
    Tanh,
)
from smartvm.compiler.operations.elementwise import (
    Add,
    Clip,
    Divide,
    Multiply,
    MultiplyConstant,
    Rectify,
    Rescale,
)
from smartvm.compiler.operations.linear import Convolution, FullyConnected, MatrixProduct
from smartvm.compiler.operations.movement import (
    Concatenate,
    Gather,
    Load,
    Reduce,
    View,
)
from smartvm.compiler.operations.pooling import AveragePool, MaxPool
from smartvm.dispatch.movement import Reduction

__all__ = [
    "ERF",
    "EXP",
    "LOG",
    "SQRT",
    "Add",
    "AveragePool",
    "Clip",
    "Concatenate",
    "Convolution",
    "Divide",
    "FullyConnected",
    "Function",
    "Gather",
    "Load",
    "MatrixProduct",
    "MaxPool",
    "Multiply",
    "MultiplyConstant",
    "Rectify",
    "Reduce",
    "Reduction",
    "Rescale",
    "Sigmoid",
    "Softmax",
    "Tanh",
    "View",
]
