"""The figures of the report, by matplotlib (the extra ``bench``)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from paper import model
from paper.model import Measurement
from paper.published import beside
from paper.results import Results
from paper.text import network_name, quantity

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = {
    model.SMARTVM: "#1f6f50",
    model.SMARTVM_CPU: "#1f6f50",
    model.SMARTVM_GPU: "#3fae7f",
    model.SMARTVM_NUMPY: "#8fcfb3",
    model.ONNX_RUNTIME: "#3a6ea5",
    model.PYTORCH: "#8fb3d9",
    model.OFFCHAIN_GET: "#b5651d",
    model.OFFCHAIN_BLOCKS: "#e0a96d",
    model.PLAIN_EVM: "#a23b3b",
    model.PLAIN_PY_EVM: "#a23b3b",
    model.PLAIN_REVM: "#d98c8c",
    model.SOLIDITY: "#7a5c99",
    model.STOCK: "#777777",
}
OTHER_COLOURS = ("#444444", "#999999", "#c2b280", "#bbbbbb", "#5f7a8a")
MOST_NAMES = 16
"""Layers of a panel that can be named."""
LOGARITHMIC_FROM = 30
"""Greatest by least value from which an axis is logarithmic."""
STYLE = {
    "figure.dpi": 110,
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "svg.hashsalt": "smartvm",
}


Draw = Callable[["Axes", Sequence[Measurement]], None]


def bars(
    results: Results, questions: Sequence[str], wanted: str, columns: int = 2
) -> Figure | None:
    """A panel a network, a bar a contender; published values beside ours."""
    shown = whole_figures(results, questions, wanted)
    panels = list(dict.fromkeys(m.network for m in shown))
    if not panels:
        return None
    most = max(sum(m.network == p for m in shown) for p in panels)
    figure, axes = panel_grid(len(panels), columns, 0.34 * most + 0.9)
    for axis, network in zip(axes, panels, strict=False):
        draw_bars(axis, [m for m in shown if m.network == network])
        axis.set_title(network_name(network))
        axis.set_xlabel(f"{wanted} ({shown[0].unit})")
    return figure


def whole_figures(results: Results, questions: Sequence[str], wanted: str) -> list[Measurement]:
    """Figures of whole networks, a contender once: the first question that has it."""
    networks = results.conditions.get("networks", [])
    shown: dict[tuple[str, str], Measurement] = {}
    for question in questions:
        found = [*results.find(question=question, quantity=wanted), *beside(question, networks)]
        for m in found:
            if m.quantity == wanted and m.value > 0:
                shown.setdefault((m.network, m.contender), m)
    order = list(dict.fromkeys(m.network for m in shown.values()))
    return sorted(shown.values(), key=lambda m: order.index(m.network))


def draw_bars(axis: Axes, shown: Sequence[Measurement]) -> None:
    """Horizontal bars with their values, the least on top."""
    ordered = sorted(shown, key=lambda m: -m.value)
    for row, m in enumerate(ordered):
        half = m.spread / 2
        mark, hatch = ("†", "///") if m.extrapolated else ("", "")
        axis.barh(row, m.value, color=colour(m.contender), hatch=hatch, edgecolor="white")
        axis.plot([max(m.value - half, m.value / 2), m.value + half], [row, row], "k", lw=0.8)
        axis.annotate(quantity(m.value, m.unit) + mark, (m.value + half, row), xytext=(4, 0),
                      textcoords="offset points", va="center", fontsize=9)  # fmt: skip
    axis.set_yticks(range(len(ordered)), [m.contender for m in ordered])
    scale_axis(axis.set_xscale, [m.value for m in ordered])
    axis.margins(x=0.28)


def stages(results: Results, question: str, wanted: Sequence[str]) -> Figure | None:
    """A panel a network, a bar each of several quantities of one unit."""
    shown = [m for w in wanted for m in results.find(question=question, quantity=w)]
    panels = list(dict.fromkeys(m.network for m in shown))
    if not panels:
        return None
    figure, axes = panel_grid(len(panels), 2, 0.34 * len(wanted) + 0.9)
    for axis, network in zip(axes, panels, strict=False):
        own = [m for m in shown if m.network == network]
        draw_bars(axis, [replace(m, contender=m.quantity) for m in own])
        axis.set_title(network_name(network))
        axis.set_xlabel(f"time ({shown[0].unit})")
    return figure


def lines(
    results: Results, question: str, wanted: str, x_label: str, part: str = ""
) -> Figure | None:
    """A panel a network, a line a contender, over x: batches, threads."""
    return panels_over_x(results, question, wanted, x_label, draw_lines, part)


def layers(results: Results, question: str, wanted: str) -> Figure | None:
    """A panel a network, bars of its layers, in their order."""
    return panels_over_x(results, question, wanted, "layer", draw_layers)


def panels_over_x(
    results: Results, question: str, wanted: str, x_label: str, draw: Draw, part: str = ""
) -> Figure | None:
    """A panel for each network that has such figures with an x."""
    shown = [
        m
        for m in results.of(question)
        if m.quantity == wanted and m.x is not None and (not part or m.part == part)
    ]
    panels = list(dict.fromkeys(m.network for m in shown))
    if not panels:
        return None
    figure, axes = panel_grid(len(panels), 2, 3.0)
    for axis, network in zip(axes, panels, strict=False):
        draw(axis, [m for m in shown if m.network == network])
        axis.set_title(network_name(network))
        axis.set_xlabel(x_label)
        axis.set_ylabel(f"{wanted} ({shown[0].unit})")
    if len({m.contender for m in shown}) > 1:
        handles, names = axes[0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside upper right", ncols=4, fontsize=8, frameon=False)
    return figure


def draw_layers(axis: Axes, shown: Sequence[Measurement]) -> None:
    """Bars side by side; layers are named where there is room, else numbered."""
    contenders = list(dict.fromkeys(m.contender for m in shown))
    width = 0.8 / len(contenders)
    for index, contender in enumerate(contenders):
        own = [m for m in shown if m.contender == contender]
        places = [(m.x or 0) + (index - (len(contenders) - 1) / 2) * width for m in own]
        heights = [m.value for m in own]
        axis.bar(places, heights, width, label=contender, color=colour(contender))
    names = {m.x: m.part for m in shown}
    if len(names) <= MOST_NAMES:
        axis.set_xticks(list(names), list(names.values()), rotation=45, ha="right", fontsize=8)
    else:
        axis.locator_params(axis="x", integer=True)
    scale_axis(axis.set_yscale, [m.value for m in shown])


def draw_lines(axis: Axes, shown: Sequence[Measurement]) -> None:
    """A line a contender; x is named where it has few places."""
    for contender in dict.fromkeys(m.contender for m in shown):
        own = sorted((m for m in shown if m.contender == contender), key=lambda m: m.x or 0)
        axis.plot([m.x for m in own], [m.value for m in own], marker="o", markersize=3,
                  label=contender, color=colour(contender))  # fmt: skip
    places = sorted({m.x for m in shown if m.x is not None})
    if len(places) <= 8:
        axis.set_xticks(places, [f"{place:g}" for place in places])
    scale_axis(axis.set_yscale, [m.value for m in shown])


def ranking(
    results: Results, question: str, wanted: str, limit: float | None = None
) -> Figure | None:
    """All parts of a question in one ranking, the greatest on top."""
    shown = sorted((m for m in results.of(question) if m.quantity == wanted and m.part),
                   key=lambda m: m.value)  # fmt: skip
    if not shown:
        return None
    figure, (axis,) = panel_grid(1, 1, 0.2 * len(shown) + 0.8)
    axis.barh(
        range(len(shown)), [m.value for m in shown], color=[colour(m.contender) for m in shown]
    )
    axis.set_yticks(range(len(shown)), [m.part for m in shown], fontsize=8)
    axis.margins(y=0.01)
    axis.set_xlabel(f"{wanted} ({shown[0].unit})")
    if limit is not None:
        axis.axvline(limit, color="#a23b3b", linewidth=1)
    handles = {m.contender: colour(m.contender) for m in shown}
    for name, shade in handles.items():
        axis.barh(0, 0, color=shade, label=name)
    axis.legend(frameon=False, loc="lower right")
    return figure


def scatter(results: Results, question: str, wanted: str, x_label: str) -> Figure | None:
    """A point a network or size, both axes logarithmic."""
    shown = [m for m in results.of(question) if m.quantity == wanted and m.x]
    if not shown:
        return None
    figure, (axis,) = panel_grid(1, 1, 3.6)
    axis.scatter([m.x for m in shown], [m.value for m in shown], color=COLOURS[model.SMARTVM])
    for m in shown:
        label = m.part or network_name(m.network)
        axis.annotate(label, (m.x, m.value), xytext=(5, -9), textcoords="offset points", fontsize=8)
    axis.set_xscale("log", subs=[])
    scale_axis(axis.set_yscale, [m.value for m in shown])
    axis.margins(0.15)
    axis.set_xlabel(x_label)
    axis.set_ylabel(f"{wanted} ({shown[0].unit})")
    return figure


def panel_grid(count: int, columns: int, height: float) -> tuple[Figure, list[Axes]]:
    """A figure of so many panels of that height in inches; those left over are hidden."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    mpl.rcParams.update(STYLE)
    columns = min(columns, count)
    rows = -(-count // columns)
    figure = Figure(figsize=(5.6 * columns + (2 if columns == 1 else 0), height * rows),
                    layout="constrained")  # fmt: skip
    axes = list(figure.subplots(rows, columns, squeeze=False).flat)
    for unused in axes[count:]:
        unused.set_visible(False)
    return figure, axes[:count]


def scale_axis(set_scale: Callable[..., Any], values: Sequence[float]) -> None:
    """Make an axis logarithmic where values of one size would hide the others."""
    positive = [value for value in values if value > 0]
    if len(positive) == len(values) and max(positive) > LOGARITHMIC_FROM * min(positive):
        set_scale("log", subs=[])  # minor ticks take longer to draw than all else


def colour(contender: str) -> str:
    """The colour of a contender, the same in all figures."""
    return COLOURS.get(contender, OTHER_COLOURS[sum(contender.encode()) % len(OTHER_COLOURS)])
