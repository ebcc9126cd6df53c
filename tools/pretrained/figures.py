"""The pictures of the shipped weights, drawn from the figures in their manifest."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray

from mnistcnn.plotting.common import BLUE, VERMILION
from mnistcnn.plotting.evaluation import draw_calibration

# Okabe and Ito's green, as their blue and vermilion told apart by all common kinds of colour
# vision. Line styles and marks tell the same once more.
GREEN = "#009E73"
NETWORKS = {
    "best": ("best", BLUE, "o-"),
    "robust": ("robust", GREEN, "^-."),
    "plain": ("plain training", VERMILION, "s--"),
}
_COLUMNS = 8


def pictures(
    sets: Mapping[str, Mapping[str, Any]], test_images: NDArray[np.uint8]
) -> dict[str, Figure]:
    """Return every picture by the name of its file; `sets` are figures by the weights' name."""
    drawn = {"robustness.png": draw_robustness(sets)}
    for name, figures in sets.items():
        drawn[f"calibration-{name}.png"] = draw_calibration_figure(figures)
        drawn[f"mistakes-{name}.png"] = draw_mistakes(figures, test_images)
    return drawn


def draw_mistakes(figures: Mapping[str, Any], test_images: NDArray[np.uint8]) -> Figure:
    """Draw every test image that is read wrong, the surest mistakes first."""
    rows = sorted(figures["mistakes"], key=lambda row: -row[3])
    doubted = set(figures["sound_labels"]["left_out"])
    lines = max(math.ceil(len(rows) / _COLUMNS), 1)
    figure = Figure(figsize=(8.6, 0.45 + 1.42 * lines), layout="constrained")
    grid = figure.subplots(lines, _COLUMNS, squeeze=False).ravel()
    for axes in grid[len(rows) :]:
        axes.axis("off")
    for axes, (index, label, answer, probability) in zip(grid, rows, strict=False):
        marked = index in doubted
        axes.imshow(test_images[index], cmap="gray_r", vmin=0, vmax=255)
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set(
            color=VERMILION if marked else "#BBBBBB", linewidth=2.5 if marked else 0.8
        )
        star = "*" if marked else ""
        axes.set_title(f"label {label}{star}, read {answer}", fontsize=8.5, pad=4)
        axes.set_xlabel(f"{100 * probability:.0f} %, image {index}", fontsize=7.5, labelpad=3)
    figure.suptitle(
        f"All {len(rows)} mistakes; * and a thick frame: most people asked doubt the label",
        fontsize=10,
    )
    return figure


def draw_calibration_figure(figures: Mapping[str, Any]) -> Figure:
    """Draw how often answers of a given sureness are right, before and after the temperature."""
    figure = Figure(figsize=(8.6, 4.6), layout="constrained")
    upper, lower = figure.subplots(2, 2, sharex=True, sharey="row", height_ratios=[3, 1])
    sides = (("before", "as trained", VERMILION, "s"), ("after", "calibrated", BLUE, "o"))
    most = 1
    for above, below, (name, title, colour, mark) in zip(upper, lower, sides, strict=True):
        part = figures["calibration"][name]
        images, confidence, right = zip(*part["reliability"], strict=True)
        most = max(most, *images)
        draw_calibration(above, below, images, confidence, right, color=colour, marker=mark)
        above.set_title(f"{title}: calibration error {100 * part['ece']:.2f} %", fontsize=10)
    upper[0].set_ylabel("Answers that are right")
    lower[0].set_ylabel("Images")
    lower[0].set_ylim(0.7, 2 * most)  # the scale of the counts is of both
    return figure


def draw_robustness(sets: Mapping[str, Mapping[str, Any]]) -> Figure:
    """Draw accuracy against strength, a panel for each corruption, a curve for each network."""
    (plain, *_) = (figures["plain"]["robustness"] for figures in sets.values())
    curves = {name: figures["robustness"] for name, figures in sets.items()} | {"plain": plain}
    strengths, names = plain["strengths"], list(plain["accuracy"])
    columns = 6
    lines = math.ceil(len(names) / columns)
    figure = Figure(figsize=(8.6, 0.7 + 1.6 * lines), layout="constrained")
    grid = figure.subplots(lines, columns, sharex=True, sharey=True, squeeze=False)
    for axes in grid.ravel()[len(names) :]:
        axes.axis("off")
    for axes, name in zip(grid.ravel(), names, strict=False):
        for network, robust in curves.items():
            title, colour, style = NETWORKS[network]
            axes.plot(
                strengths,
                robust["accuracy"][name],
                style,
                color=colour,
                markersize=3.5,
                linewidth=1.5,
                label=f"{title}, mean {100 * robust['mean']:.1f} %",
            )
        axes.set_title(name, fontsize=9)
        axes.set_xticks(strengths)
        axes.tick_params(labelsize=8)
        _plain(axes)
    grid[0, 0].set_ylim(0, 1.03)
    grid[0, 0].yaxis.set_major_formatter(PercentFormatter(xmax=1))
    figure.supxlabel("Strength", fontsize=10)
    figure.supylabel("Accuracy on the test images", fontsize=10)
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=3, frameon=False)
    return figure


def _plain(axes: Axes) -> None:
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
