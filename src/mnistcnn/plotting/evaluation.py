"""Plots of evaluations: confusion matrix and calibration curve."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter, StrMethodFormatter
from numpy.typing import ArrayLike

from mnistcnn.evaluation.formatting import class_noun
from mnistcnn.evaluation.intervals import wilson_interval
from mnistcnn.evaluation.results import Evaluation, check_evaluation
from mnistcnn.plotting.common import BLUE, check_ax, check_axes, figure_of
from mnistcnn.plotting.figure import new_figure
from mnistcnn.public import public
from mnistcnn.types import Int64Array

_DIAGONAL_COLOR = "#777777"
_CORRECT_COLOR = "#DCE6EF"
# Sides of the confusion matrix in inches: of one class, of all, and around it.
_CELL, _MIN_SIDE, _MAX_SIDE, _MARGINS = 0.32, 4.4, 20.0, (2.0, 1.0)
_MAX_TICKS = 60  # numbers of more classes would overlap
_MAX_LEVEL_NAME = 2  # characters of a class name that fit beside those of other columns


@public
def plot_confusion_matrix(evaluation: Evaluation, *, ax: Axes | None = None) -> Figure:
    """Plot the confusion matrix; the color scale covers the misclassified images only.

    Parameters
    ----------
    evaluation : Evaluation
        The result of `evaluate`.
    ax : matplotlib.axes.Axes, optional
        Axes for the plot. Default: a new figure.

    Returns
    -------
    matplotlib.figure.Figure
        The figure that contains the plot.

    Raises
    ------
    TypeError
        If `evaluation` is not an `Evaluation`, or `ax` is not an Axes.

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
    matrix = evaluation.confusion_matrix
    if ax is None:
        side = float(np.clip(_CELL * len(matrix), _MIN_SIDE, _MAX_SIDE))
        size = (side + _MARGINS[0], side + _MARGINS[1])
        ax = new_figure(size).subplots()
    axes = check_ax(ax)
    # Masked diagonal: on a scale that includes it, all errors would have the same color.
    errors = np.ma.masked_array(matrix, mask=np.eye(len(matrix), dtype=bool))
    largest = max(int((matrix - np.diag(np.diag(matrix))).max()), 1)
    image = axes.imshow(errors, cmap="Oranges", vmin=0, vmax=largest)
    axes.set_facecolor(_CORRECT_COLOR)
    _write_counts(axes, matrix, largest)
    _label_classes(axes, evaluation)
    axes.set_title(f"{evaluation.num_correct:,} of {evaluation.num_images:,} correct")
    figure = figure_of(axes)
    colorbar = figure.colorbar(image, ax=axes, label="Misclassified images")
    colorbar.locator = MaxNLocator(integer=True)
    colorbar.update_ticks()
    return figure


def _write_counts(axes: Axes, matrix: Int64Array, largest: int) -> None:
    """Write each count that is not 0, if there is room."""
    if len(matrix) > _MAX_TICKS:
        return
    for row, column in np.argwhere(matrix).tolist():
        count = int(matrix[row, column])
        dark = row != column and count > 0.6 * largest
        axes.text(
            column,
            row,
            f"{count}",
            ha="center",
            va="center",
            fontsize=8 if count < 1000 or len(matrix) <= 14 else 6,
            color="white" if dark else "black",
        )


def _label_classes(axes: Axes, evaluation: Evaluation) -> None:
    """Write the names of the classes along both axes; of many classes, those of some."""
    names, noun = evaluation.class_names, class_noun(evaluation)
    ticks = range(0, len(names), -(-len(names) // _MAX_TICKS))
    labels = [names[tick] for tick in ticks]
    longest = max(map(len, labels))
    axes.set_xticks(ticks, labels, rotation=90 if longest > _MAX_LEVEL_NAME else 0)
    axes.set_yticks(ticks, labels)
    axes.set_xlabel(f"Predicted {noun}")
    axes.set_ylabel(f"True {noun}")


@public
def plot_calibration(evaluation: Evaluation, *, ax: Sequence[Axes] | None = None) -> Figure:
    """Plot the calibration curve, and the number of images in each bin.

    Points on the diagonal are well calibrated: their accuracy equals their confidence. Below
    the diagonal the model is overconfident, above it underconfident. Vertical lines are 95 %
    confidence intervals of the accuracy.

    Parameters
    ----------
    evaluation : Evaluation
        The result of `evaluate`.
    ax : pair of matplotlib.axes.Axes, optional
        Axes for the curve and the counts. Default: a new figure.

    Returns
    -------
    matplotlib.figure.Figure
        The figure that contains the plot.

    Raises
    ------
    TypeError, ValueError
        If `evaluation` is not an `Evaluation`, or `ax` is not a pair of Axes.

    Examples
    --------
    >>> from mnistcnn import Evaluation, plot_calibration
    >>> result = Evaluation.from_probabilities([[0.9, 0.1], [0.8, 0.2]], [0, 1])
    >>> plot_calibration(result).axes[0].get_title()
    'Calibration error 45.00 %'
    """
    curve = check_evaluation("evaluation", evaluation).calibration_curve
    if ax is None:
        figure = new_figure((4.8, 4.8))
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    else:
        above, below = check_axes(ax, 2)
    draw_calibration(above, below, curve.counts, curve.confidence, curve.correct)
    above.set_title(
        f"Calibration error {100 * evaluation.expected_calibration_error:.2f} %", fontsize=10
    )
    above.set_ylabel("Accuracy")
    below.set_ylabel("Images")
    return figure_of(above)


def draw_calibration(
    above: Axes,
    below: Axes,
    counts: ArrayLike,
    confidence: ArrayLike,
    correct: ArrayLike,
    *,
    color: str = BLUE,
    marker: str = "o",
) -> None:
    """Draw accuracy by confidence in `above`, and the counts of the bins in `below`.

    The confidence of bins without images is ignored.
    """
    counts, correct, confidence = np.asarray(counts), np.asarray(correct), np.asarray(confidence)
    filled = counts > 0
    above.plot([0, 1], [0, 1], color=_DIAGONAL_COLOR, linewidth=1)
    bins = zip(confidence[filled], correct[filled], counts[filled], strict=True)
    for x, num_correct, count in bins:
        interval = wilson_interval(int(num_correct), int(count))
        above.plot([x, x], interval, color=color, alpha=0.5, linewidth=1.5)
    # Unclipped, so that markers at 0 and 1 are drawn completely.
    above.plot(
        confidence[filled],
        correct[filled] / counts[filled],
        marker,
        color=color,
        markersize=5,
        clip_on=False,
        zorder=3,
    )
    above.set_xlim(0, 1.02)
    above.set_ylim(0, 1.03)
    above.yaxis.set_major_formatter(PercentFormatter(xmax=1))
    edges = np.arange(len(counts) + 1) / len(counts)
    below.bar(edges[:-1], counts, width=edges[1], align="edge", color=color, edgecolor="white")
    largest = int(counts.max())
    below.set_yscale("log")
    below.set_ylim(0.7, 2 * largest)
    below.set_yticks([10**i for i in range(0, 9, 2) if 10**i <= largest])
    below.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    below.minorticks_off()
    below.set_xlim(0, 1.02)
    below.set_xlabel("Confidence")
    for axes in (above, below):
        axes.xaxis.set_major_formatter(PercentFormatter(xmax=1))
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
