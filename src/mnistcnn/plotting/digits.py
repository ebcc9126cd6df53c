"""Digits side by side: any ones, and those that a network read wrong."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from mnistcnn.evaluation.results import Evaluation, check_evaluation
from mnistcnn.plotting.common import ImageGrid, as_axes, figure_of
from mnistcnn.public import public
from mnistcnn.utils.validation import (
    check_array,
    check_images,
    check_int,
    check_labels,
    check_same_length,
    is_one_hot,
)

_INCHES = 0.85  # of a digit with the gap beside it
_COLUMNS = 8


@public
def plot_digits(
    images: ArrayLike,
    labels: ArrayLike | None = None,
    *,
    columns: int = 10,
    max_images: int = 100,
    ax: Axes | None = None,
) -> Figure:
    """Draw images of digits side by side, dark ink on light paper.

    Parameters
    ----------
    images : array_like
        One or many: raw ``uint8 (n, 28, 28)`` as `load_data` gives them, or preprocessed
        ``float32 (n, 28, 28, 1)`` in [0, 1].
    labels : array_like, optional
        ``(n,)`` in ``0...9``, or one-hot ``(n, 10)``: written above them.
    columns : int, default 10
        How many stand in a row, at least 1.
    max_images : int, default 100
        How many are drawn at most, the first ones, at least 1.
    ax : matplotlib.axes.Axes, optional
        Where to draw all of them. Default: a new figure.

    Returns
    -------
    matplotlib.figure.Figure
        The figure drawn on.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another kind or outside its range, or there are no images.

    Examples
    --------
    >>> from mnistcnn import load_data, plot_digits
    >>> (images, labels), _ = load_data("digits")
    >>> figure = plot_digits(images, labels, max_images=3)
    >>> [text.get_text() for text in figure.axes[0].texts] == [str(n) for n in labels[:3]]
    True
    """
    stack = check_images(images)
    if not len(stack):
        raise ValueError("images must hold at least one image; received none")
    across = check_int("columns", columns, minimum=1)
    most = check_int("max_images", max_images, minimum=1)
    words = []
    if labels is not None:
        coded = check_array("labels", labels)
        truth = coded.argmax(axis=1) if is_one_hot(coded, 10) else coded
        truth = check_labels(truth, 10)
        check_same_length("images", len(stack), "labels", len(truth))
        words = [str(label) for label in truth[:most]]
    mosaic = ImageGrid(stack[:most], columns=across, gap=3, above=7 if words else 0)
    axes = _grid_axes(mosaic) if ax is None else as_axes(ax)
    mosaic.draw(axes, cmap="gray_r", vmin=0, vmax=1 if stack.dtype.kind == "f" else 255)
    mosaic.write(axes, words, size=9)
    return figure_of(axes)


@public
def plot_misclassified(
    evaluation: Evaluation,
    images: ArrayLike,
    *,
    max_images: int = 40,
    ax: Axes | None = None,
) -> Figure:
    """Draw the images that were read wrong, the most confident mistakes first.

    Above each stands what it is and what it was taken for; below, how probable that answer
    was held, and which image it is, counted from 0.

    Parameters
    ----------
    evaluation : Evaluation
        What `evaluate` returned.
    images : array_like
        All the images that were evaluated, in that order: raw ``uint8 (n, 28, 28)`` or
        preprocessed ``float32 (n, 28, 28, 1)`` in [0, 1].
    max_images : int, default 40
        How many are drawn at most, at least 1.
    ax : matplotlib.axes.Axes, optional
        Where to draw all of them. Default: a new figure.

    Returns
    -------
    matplotlib.figure.Figure
        The figure drawn on.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another kind or outside its range, or the images are more or
        fewer than were evaluated.

    Examples
    --------
    >>> from mnistcnn import Evaluation, load_data, plot_misclassified
    >>> _, (images, labels) = load_data("digits")
    >>> guesses = [[0.1] * 10] * 3  # the first of equal ones counts: 0, which is right once
    >>> figure = plot_misclassified(Evaluation.from_probabilities(guesses, labels[:3]), images[:3])
    >>> figure.axes[0].get_title()
    'All 2 mistakes: digit → answer'
    """
    wrong = check_evaluation("evaluation", evaluation).misclassified
    stack = check_images(images)
    if len(stack) != evaluation.num_images:
        raise ValueError(
            f"images must be the {evaluation.num_images:,} that were evaluated; "
            f"received {len(stack):,}"
        )
    most = check_int("max_images", max_images, minimum=1)
    shown = wrong.most_confident_first[:most]
    if not len(shown):
        if ax is None:
            ax = Figure(figsize=(4, 1), layout="constrained").subplots()
        axes = as_axes(ax)
        axes.set_title("No mistakes", fontsize=10)
        axes.set_axis_off()
        return figure_of(axes)
    mosaic = ImageGrid(stack[wrong.indices[shown]], columns=_COLUMNS, gap=7, above=7, below=6)
    axes = _grid_axes(mosaic) if ax is None else as_axes(ax)
    mosaic.draw(axes, cmap="gray_r", vmin=0, vmax=1 if stack.dtype.kind == "f" else 255)
    mosaic.frame(axes)
    pairs = zip(wrong.labels[shown], wrong.predicted[shown], strict=True)
    mosaic.write(axes, [f"{true} → {said}" for true, said in pairs], size=9)
    details = zip(wrong.confidence[shown], wrong.indices[shown], strict=True)
    mosaic.write(axes, [f"{100 * p:.0f} %, #{i}" for p, i in details], size=7, under=True)
    count = f"All {len(wrong)}" if len(shown) == len(wrong) else f"{len(shown)} of {len(wrong):,}"
    axes.set_title(f"{count} mistakes: digit → answer", fontsize=10)
    return figure_of(axes)


def _grid_axes(mosaic: ImageGrid) -> Axes:
    height, width = (side * _INCHES / 31 for side in mosaic.shape)
    figure = Figure(figsize=(max(width, 1) + 0.2, height + 0.4), layout="constrained")
    return figure.subplots()
