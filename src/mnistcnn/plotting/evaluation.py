"""Pictures of a training and of its result. Nothing here shows a window.

How often answers are right, beside how confident they are.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter, StrMethodFormatter
from numpy.typing import ArrayLike

from mnistcnn.evaluation.intervals import wilson_interval
from mnistcnn.evaluation.results import Evaluation, check_evaluation
from mnistcnn.plotting.common import as_axes, check_axes, figure_of
from mnistcnn.public import public

# Okabe and Ito's blue and vermilion: told apart by all common kinds of colour vision.
BLUE, VERMILION = "#0072B2", "#D55E00"


@public
def plot_confusion_matrix(evaluation: Evaluation, *, ax: Axes | None = None) -> Figure:
    """Draw which digits were taken for which; colour shows the mistakes.

    Parameters
    ----------
    evaluation : Evaluation
        What `evaluate` returned.
    ax : matplotlib.axes.Axes, optional
        Where to draw. Default: a new figure.

    Returns
    -------
    matplotlib.figure.Figure
        The figure drawn on.

    Raises
    ------
    TypeError
        If `evaluation` is not an `Evaluation`, or `ax` is something else.

    Examples
    --------
    >>> import numpy as np
    >>> from mnistcnn import Evaluation, plot_confusion_matrix
    >>> result = Evaluation.from_probabilities(np.eye(10), range(10))
    >>> figure = plot_confusion_matrix(result)
    >>> figure.axes[0].get_xlabel()
    'Predicted digit'
    """
    check_evaluation("evaluation", evaluation)
    if ax is None:
        ax = Figure(figsize=(6.4, 5.4), layout="constrained").subplots()
    axes = as_axes(ax)
    matrix = evaluation.confusion_matrix
    # On the scale of the right answers no mistake could be seen, so they have their own.
    mistakes = np.ma.masked_array(matrix, mask=np.eye(len(matrix), dtype=bool))
    most = max(int((matrix - np.diag(np.diag(matrix))).max()), 1)
    image = axes.imshow(mistakes, cmap="Oranges", vmin=0, vmax=most)
    axes.set_facecolor("#DCE6EF")
    for (row, column), count in np.ndenumerate(matrix):
        if count:
            dark = row != column and count > 0.6 * most
            axes.text(
                column,
                row,
                f"{count}",
                ha="center",
                va="center",
                fontsize=8,
                color="white" if dark else "black",
            )
    axes.set_xticks(range(len(matrix)))
    axes.set_yticks(range(len(matrix)))
    axes.set_xlabel("Predicted digit")
    axes.set_ylabel("True digit")
    axes.set_title(f"{evaluation.num_correct:,} of {evaluation.num_images:,} right")
    figure = figure_of(axes)
    bar = figure.colorbar(image, ax=axes, label="Mistakes (images)")
    bar.locator = MaxNLocator(integer=True)
    bar.update_ticks()
    return figure


_DIAGONAL = "#777777"


@public
def plot_calibration(evaluation: Evaluation, *, ax: Sequence[Axes] | None = None) -> Figure:
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
    >>> from mnistcnn import Evaluation, plot_calibration
    >>> result = Evaluation.from_probabilities([[0.9, 0.1], [0.8, 0.2]], [0, 1])
    >>> plot_calibration(result).axes[0].get_title()
    'Calibration error 45.00 %'
    """
    bins = check_evaluation("evaluation", evaluation).calibration_curve
    if ax is None:
        figure = Figure(figsize=(4.8, 4.8), layout="constrained")
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    else:
        above, below = check_axes(ax, 2)
    draw_calibration(above, below, bins.counts, bins.confidence, bins.correct)
    above.set_title(
        f"Calibration error {100 * evaluation.expected_calibration_error:.2f} %", fontsize=10
    )
    above.set_ylabel("Answers that are right")
    below.set_ylabel("Images")
    return figure_of(above)


def draw_calibration(
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
        bounds = wilson_interval(int(hit), int(n))
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
