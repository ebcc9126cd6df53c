"""The figures of the model card, drawn from the metrics in the manifests."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray

from mnistcnn.plotting.common import BLUE, VERMILION
from mnistcnn.plotting.evaluation import draw_calibration

# Okabe and Ito's green: with their blue and vermilion it suits all common kinds of color vision.
# Line styles and markers distinguish the networks as well.
GREEN = "#009E73"
NETWORKS = {
    "best": ("best", BLUE, "o-"),
    "robust": ("robust", GREEN, "^-."),
    "plain": ("baseline training", VERMILION, "s--"),
}
_COLUMNS = 8


def card_figures(
    by_weights: Mapping[str, Mapping[str, Any]], test_images: NDArray[np.uint8]
) -> dict[str, Figure]:
    """Return every figure by its file name; `by_weights` are the metrics of each set of weights."""
    figures = {"robustness.png": draw_robustness(by_weights)}
    for name, metrics in by_weights.items():
        figures[f"calibration-{name}.png"] = draw_calibration_curves(metrics)
        figures[f"misclassified-{name}.png"] = draw_misclassified(metrics, test_images)
    return figures


def draw_misclassified(metrics: Mapping[str, Any], test_images: NDArray[np.uint8]) -> Figure:
    """Draw every misclassified test image, the most confident predictions first."""
    rows = sorted(metrics["misclassified"], key=lambda row: -row[3])
    disputed = set(metrics["undisputed_labels"]["excluded"])
    num_rows = max(math.ceil(len(rows) / _COLUMNS), 1)
    figure = Figure(figsize=(8.6, 0.45 + 1.42 * num_rows), layout="constrained")
    grid = figure.subplots(num_rows, _COLUMNS, squeeze=False).ravel()
    for axes in grid[len(rows) :]:
        axes.axis("off")
    for axes, (index, label, predicted, confidence) in zip(grid, rows, strict=False):
        marked = index in disputed
        axes.imshow(test_images[index], cmap="gray_r", vmin=0, vmax=255)
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set(
            color=VERMILION if marked else "#BBBBBB", linewidth=2.5 if marked else 0.8
        )
        star = "*" if marked else ""
        axes.set_title(f"label {label}{star}, predicted {predicted}", fontsize=7.5, pad=4)
        axes.set_xlabel(f"{100 * confidence:.0f} %, image {index}", fontsize=7.5, labelpad=3)
    figure.suptitle(
        f"All {len(rows)} misclassified images; * and a thick frame: the label is disputed",
        fontsize=10,
    )
    return figure


def draw_calibration_curves(metrics: Mapping[str, Any]) -> Figure:
    """Draw the calibration curve before and after temperature scaling."""
    figure = Figure(figsize=(8.6, 4.6), layout="constrained")
    upper, lower = figure.subplots(2, 2, sharex=True, sharey="row", height_ratios=[3, 1])
    sides = (("before", "as trained", VERMILION, "s"), ("after", "calibrated", BLUE, "o"))
    max_count = 1
    for above, below, (name, title, color, marker) in zip(upper, lower, sides, strict=True):
        part = metrics["calibration"][name]
        images, confidence, correct = zip(*part["calibration_curve"], strict=True)
        max_count = max(max_count, *images)
        draw_calibration(above, below, images, confidence, correct, color=color, marker=marker)
        above.set_title(f"{title}: calibration error {100 * part['ece']:.2f} %", fontsize=10)
    upper[0].set_ylabel("Accuracy")
    lower[0].set_ylabel("Images")
    lower[0].set_ylim(0.7, 2 * max_count)  # both panels share the scale
    return figure


def draw_robustness(by_weights: Mapping[str, Mapping[str, Any]]) -> Figure:
    """Draw accuracy by strength: one panel per corruption, one curve per network."""
    (plain, *_) = (metrics["plain"]["robustness"] for metrics in by_weights.values())
    curves = {name: metrics["robustness"] for name, metrics in by_weights.items()}
    curves["plain"] = plain
    strengths, names = plain["strengths"], list(plain["accuracy"])
    columns = 6
    num_rows = math.ceil(len(names) / columns)
    figure = Figure(figsize=(8.6, 0.7 + 1.6 * num_rows), layout="constrained")
    grid = figure.subplots(num_rows, columns, sharex=True, sharey=True, squeeze=False)
    for axes in grid.ravel()[len(names) :]:
        axes.axis("off")
    for axes, name in zip(grid.ravel(), names, strict=False):
        for network, robustness in curves.items():
            title, color, style = NETWORKS[network]
            axes.plot(
                strengths,
                robustness["accuracy"][name],
                style,
                color=color,
                markersize=3.5,
                linewidth=1.5,
                label=f"{title}, mean {100 * robustness['mean']:.1f} %",
            )
        axes.set_title(name, fontsize=9)
        axes.set_xticks(strengths)
        axes.tick_params(labelsize=8)
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    grid[0, 0].set_ylim(0, 1.03)
    grid[0, 0].yaxis.set_major_formatter(PercentFormatter(xmax=1))
    figure.supxlabel("Strength", fontsize=10)
    figure.supylabel("Accuracy on the test images", fontsize=10)
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=3, frameon=False)
    return figure
