"""Colours and fonts of the figures."""

from __future__ import annotations

from paper import model

COLOURS = {
    model.SMARTVM: "#1f6f50",
    model.SMARTVM_CPU: "#1f6f50",
    model.SMARTVM_GPU: "#3fae7f",
    model.SMARTVM_COLD: "#5b8f79",
    model.SMARTVM_GPU_COLD: "#7fd3b0",
    model.SMARTVM_NUMPY: "#8fcfb3",
    model.SMARTVM_SOLIDITY: "#3fae7f",
    model.ONNX_RUNTIME: "#3a6ea5",
    model.PYTORCH: "#8fb3d9",
    model.OFFCHAIN_GET: "#b5651d",
    model.OFFCHAIN_BLOCKS: "#e0a96d",
    model.PLAIN_EVM: "#a23b3b",
    model.PLAIN_PY_EVM: "#a23b3b",
    model.PLAIN_REVM: "#d98c8c",
    model.SOLIDITY: "#7a5c99",
    model.STOCK: "#777777",
    model.WEIGHTS_TIME: "#b5651d",
    model.SEQUENTIAL: "#8a8a8a",
    model.PIPELINED: "#1f6f50",
    model.COMPUTE: "#3a6ea5",
}
"""Of contenders, and of the stages of a call."""
PUBLISHED_COLOUR = "#c9b458"
"""Of everything that was not measured here."""
STYLE = {
    "figure.dpi": 110,
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 11,
    "axes.labelsize": 9,
    "axes.titlelocation": "left",
    "svg.hashsalt": "smartvm",
}
"""For matplotlib."""


def colour(name: str) -> str:
    """The colour of a contender or a stage, the same in all figures."""
    return COLOURS.get(name, PUBLISHED_COLOUR)
