"""The figures of the report, by matplotlib (the extra ``bench``)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from paper import model
from paper.model import Measurement
from paper.palette import STYLE, colour
from paper.published import beside
from paper.results import Results
from paper.text import PREFIXES, amount, network_name, number, quantity, tick

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_NAMES = 16
"""Layers of a panel that can be named."""
MOST_TICKS = 5
"""Of an axis, so that units have room."""
LOGARITHMIC_FROM = 30
"""Greatest by least value from which an axis is logarithmic."""


Draw = Callable[["Axes", Sequence[Measurement]], None]


def bars(results: Results, questions: Sequence[str], wanted: str) -> Figure | None:
    """A panel a network, a bar a contender; published values beside ours.

    A network with a single bar is left out where others have more.
    """
    shown = whole_figures(results, questions, wanted)
    counts = Counter(m.network for m in shown)
    panels = [network for network in counts if counts[network] > 1] or list(counts)
    if not panels:
        return None
    most = max(counts.values())
    figure, axes = panel_grid(len(panels), 2, 0.34 * most + 0.9)
    for axis, network in zip(axes, panels, strict=False):
        own = [m for m in shown if m.network == network]
        draw_bars(axis, sorted(own, key=lambda m: -m.value))
        axis.set_title(network_name(network))
        axis.set_xlabel(axis_label(wanted, shown[0].unit, axis.get_xscale()))
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
    """Horizontal bars with their values, the last on top."""
    for row, m in enumerate(shown):
        half = m.spread / 2
        mark, hatch = ("†", "///") if m.extrapolated else ("", "")
        axis.barh(row, m.value, color=colour(m.contender), hatch=hatch, edgecolor="white")
        axis.plot([max(m.value - half, m.value / 2), m.value + half], [row, row], "k", lw=0.8)
        axis.annotate(value_text(m) + mark, (m.value + half, row), xytext=(4, 0),
                      textcoords="offset points", va="center", fontsize=9)  # fmt: skip
    axis.set_yticks(range(len(shown)), [m.contender for m in shown])
    scale_axis(axis, "x", shown)
    axis.margins(x=0.28)
    axis.set_ylim(-0.6, len(shown) - 0.4)


def stages(results: Results, question: str, wanted: Sequence[str]) -> Figure | None:
    """A panel a network, a bar each of several quantities of one unit."""
    shown = [m for w in wanted for m in results.find(question=question, quantity=w)]
    panels = list(dict.fromkeys(m.network for m in shown))
    if not panels:
        return None
    figure, axes = panel_grid(len(panels), 2, 0.34 * len(wanted) + 0.9)
    for axis, network in zip(axes, panels, strict=False):
        own = [replace(m, contender=m.quantity) for m in shown if m.network == network]
        draw_bars(axis, own[::-1])
        axis.set_title(network_name(network))
        axis.set_xlabel(axis_label("time", shown[0].unit, axis.get_xscale()))
    return figure


def lines(
    results: Results, question: str, wanted: str, x_label: str, part: str = ""
) -> Figure | None:
    """A panel a network, a line a contender, over x: batches, threads."""
    return panels_over_x(results, question, wanted, x_label, draw_lines, part)


def layers(results: Results, question: str, wanted: str) -> Figure | None:
    """A panel a network, bars of its layers, in their order."""
    return panels_over_x(results, question, wanted, "layers, in order", draw_layers)


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
        axis.set_ylabel(axis_label(wanted, shown[0].unit, axis.get_yscale()))
    if len({m.contender for m in shown}) > 1:
        handles, names = axes[0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside upper right", ncols=4, fontsize=8, frameon=False)
    return figure


def draw_layers(axis: Axes, shown: Sequence[Measurement]) -> None:
    """Bars side by side, named; where there are too many layers for that, steps, numbered."""
    contenders = list(dict.fromkeys(m.contender for m in shown))
    names = {m.x: m.part for m in shown}
    width = 0.8 / len(contenders)
    for index, contender in enumerate(contenders):
        own = [m for m in shown if m.contender == contender]
        shift = (index - (len(contenders) - 1) / 2) * width
        places, heights = [(m.x or 0) for m in own], [m.value for m in own]
        look: dict[str, Any] = {"label": contender, "color": colour(contender)}
        if len(contenders) > 1 and len(names) > MOST_NAMES:
            axis.step(places, heights, where="mid", linewidth=1.6, **look)
        else:
            axis.bar([place + shift for place in places], heights, width, **look)
    if len(names) <= MOST_NAMES:
        axis.set_xticks(list(names), list(names.values()), rotation=45, ha="right", fontsize=8)
    else:
        axis.locator_params(axis="x", integer=True)
    scale_axis(axis, "y", shown)


def draw_lines(axis: Axes, shown: Sequence[Measurement]) -> None:
    """A line a contender; x is named where it has few places."""
    for contender in dict.fromkeys(m.contender for m in shown):
        own = sorted((m for m in shown if m.contender == contender), key=lambda m: m.x or 0)
        axis.plot([m.x for m in own], [m.value for m in own], marker="o", markersize=3,
                  label=contender, color=colour(contender))  # fmt: skip
    places = sorted({m.x for m in shown if m.x is not None})
    if places[-1] > 8 * places[0] > 0:
        axis.set_xscale("log", base=2)
    if len(places) <= 8:
        axis.set_xticks(places, [f"{place:g}" for place in places])
    scale_axis(axis, "y", shown)
    if axis.get_yscale() == "linear":
        axis.set_ylim(bottom=0)


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
    axis.set_xlabel(axis_label(wanted, shown[0].unit))
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
    axis.scatter([m.x for m in shown], [m.value for m in shown], color=colour(model.SMARTVM))
    for place, m in enumerate(sorted(shown, key=lambda m: m.value)):
        above = place % 2 == 0  # neighbours' names do not meet
        axis.annotate(
            m.part or network_name(m.network),
            (m.x, m.value),
            xytext=(-5, 5) if above else (5, -9),
            ha="right" if above else "left",
            textcoords="offset points",
            fontsize=8,
        )
    axis.set_xscale("log", subs=[])
    scale_axis(axis, "y", shown)
    axis.margins(0.15)
    axis.set_xlabel(f"{x_label}, logarithmic")
    axis.set_ylabel(axis_label(wanted, shown[0].unit, axis.get_yscale()))
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


def scale_axis(axis: Axes, which: Literal["x", "y"], shown: Sequence[Measurement]) -> None:
    """Logarithmic where values of one size would hide the others; units at the ticks."""
    values, unit = [m.value for m in shown], shown[0].unit
    logarithmic = min(values) > 0 and max(values) > LOGARITHMIC_FROM * min(values)
    if logarithmic:
        set_scale = axis.set_xscale if which == "x" else axis.set_yscale
        set_scale("log", subs=[])  # minor ticks take longer to draw than all else
    ticks = axis.xaxis if which == "x" else axis.yaxis
    if logarithmic:
        axis.locator_params(axis=which, numticks=MOST_TICKS - 1)
        ticks.set_minor_formatter(lambda *_: "")
    else:
        axis.locator_params(axis=which, nbins=MOST_TICKS)
    if unit in PREFIXES:
        ticks.set_major_formatter(lambda value, _: tick(value, unit))
    elif not logarithmic:
        ticks.set_major_formatter(lambda value, _: number(value))


def axis_label(wanted: str, unit: str, scale: str = "linear") -> str:
    """What an axis shows, its unit where it is not at the ticks, and whether it is logarithmic."""
    named = unit in PREFIXES or unit in wanted
    return f"{wanted}{'' if named else f' ({unit})'}{', logarithmic' * (scale == 'log')}"


def value_text(m: Measurement) -> str:
    """A value beside its bar, the unit where it is not that of the axis."""
    return quantity(m.value, m.unit) if m.unit in PREFIXES else amount(m.value, m.unit)
