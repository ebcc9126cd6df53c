"""How often answers are right, beside how confident they are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter, StrMethodFormatter
from numpy.typing import ArrayLike

from mnistcnn._evaluation import Evaluation, as_evaluation
from mnistcnn._intervals import share_interval
from mnistcnn._plotting import BLUE, figure_of, panels

_DIAGONAL = "#777777"


def plot_reliability(evaluation: Evaluation, *, ax: Sequence[Axes] | None = None) -> Figure:
    """Draw how often answers of a given confidence are right.

    Where the points lie on the line, a probability says how often such an answer is right;
    under it the network is too sure of itself, above it not sure enough. A vertical line is
    the 95 % interval of a share. Bars below count the images of each bin.

    Parameters
    ----------
    evaluation : Evaluation
        What `evaluate` returned.
    ax : pair of matplotlib.axes.Axes, optional
        Where to draw shares and counts. Default: a new figure.

    Returns
    -------
    matplotlib.figure.Figure
        The figure drawn on.

    Raises
    ------
    TypeError, ValueError
        If `evaluation` is not an `Evaluation`, or `ax` is not a pair.

    Examples
    --------
    >>> from mnistcnn import Evaluation, plot_reliability
    >>> result = Evaluation.from_probabilities([[0.9, 0.1], [0.8, 0.2]], [0, 1])
    >>> plot_reliability(result).axes[0].get_title()
    'Calibration error 45.00 %'
    """
    bins = as_evaluation("evaluation", evaluation).reliability
    if ax is None:
        figure = Figure(figsize=(4.8, 4.8), layout="constrained")
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    else:
        above, below = panels(ax, 2)
    draw_bins(above, below, bins.images, bins.confidence, bins.right)
    above.set_title(
        f"Calibration error {100 * evaluation.expected_calibration_error:.2f} %", fontsize=10
    )
    above.set_ylabel("Answers that are right")
    below.set_ylabel("Images")
    return figure_of(above)


def draw_bins(
    above: Axes,
    below: Axes,
    images: ArrayLike,
    confidence: ArrayLike,
    right: ArrayLike,
    *,
    colour: str = BLUE,
    mark: str = "o",
) -> None:
    """Draw shares above and counts below; a confidence counts only where there are images."""
    counts, hits, sureness = np.asarray(images), np.asarray(right), np.asarray(confidence)
    filled = counts > 0
    above.plot([0, 1], [0, 1], color=_DIAGONAL, linewidth=1)
    for n, certainty, hit in zip(counts[filled], sureness[filled], hits[filled], strict=True):
        bounds = share_interval(int(hit), int(n))
        above.plot([certainty] * 2, bounds, color=colour, alpha=0.5, linewidth=1.5)
    shares = hits[filled] / counts[filled]
    # A point at 0 or 1 is drawn whole.
    above.plot(sureness[filled], shares, mark, color=colour, markersize=5, clip_on=False, zorder=3)
    above.set_xlim(0, 1.02)
    above.set_ylim(0, 1.03)
    above.yaxis.set_major_formatter(PercentFormatter(xmax=1))
    edges = np.arange(len(counts) + 1) / len(counts)
    below.bar(edges[:-1], counts, width=edges[1], align="edge", color=colour, edgecolor="white")
    most = int(counts.max())
    below.set_yscale("log")
    below.set_ylim(0.7, 2 * most)
    below.set_yticks([10**i for i in range(0, 9, 2) if 10**i <= most])
    below.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    below.minorticks_off()
    below.set_xlim(0, 1.02)
    below.set_xlabel("Probability of the answer")
    for axes in (above, below):
        axes.xaxis.set_major_formatter(PercentFormatter(xmax=1))
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
