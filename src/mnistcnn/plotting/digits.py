"""Plots of digit images: any images, and the misclassified ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from mnistcnn.evaluation.formatting import top_classes
from mnistcnn.evaluation.results import Evaluation, check_evaluation
from mnistcnn.plotting.common import check_ax, figure_of
from mnistcnn.plotting.figure import new_figure
from mnistcnn.plotting.image_grid import ImageGrid
from mnistcnn.public import public
from mnistcnn.utils.validation import (
    check_array,
    check_images,
    check_int,
    check_labels,
    check_same_length,
    is_one_hot,
    resolve_classes,
)

_INCHES_PER_PIXEL = 0.85 / 31  # a digit of 28 pixels with a gap of 3
_COLUMNS = 8
_POINTS_PER_IMAGE = 72 * 28 * _INCHES_PER_PIXEL


@public
def plot_digits(
    images: ArrayLike,
    labels: ArrayLike | None = None,
    *,
    columns: int = 10,
    max_images: int = 100,
    class_names: Sequence[str] | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Plot digit images in a grid, dark on a light background.

    Parameters
    ----------
    images : array_like
        One image or several: raw ``uint8 (n, 28, 28)`` as returned by `load_data`, or
        preprocessed ``float32 (n, 28, 28, 1)`` in [0, 1].
    labels : array_like, optional
        ``(n,)`` in ``0...9``, or one-hot ``(n, 10)``: written above the images. Of other
        classes than the ten digits, in ``0...k - 1`` or one-hot ``(n, k)``, with the k
        `class_names`.
    columns : int, default 10
        Number of images per row, at least 1.
    max_images : int, default 100
        Maximum number of images, at least 1; the first ones are plotted.
    class_names : sequence of str, optional
        Name of each class, written instead of its number. Default: those of the ten digits.
    ax : matplotlib.axes.Axes, optional
        Axes for the whole grid. Default: a new figure.

    Returns
    -------
    matplotlib.figure.Figure
        The figure that contains the plot.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type or range, or there are no images.

    Examples
    --------
    >>> from mnistcnn import load_data, plot_digits
    >>> (images, labels), _ = load_data("digits")
    >>> figure = plot_digits(images, labels, max_images=3)
    >>> [text.get_text() for text in figure.axes[0].texts] == [str(n) for n in labels[:3]]
    True
    """
    pixels = check_images(images)
    if not len(pixels):
        raise ValueError("images must hold at least one image; received none")
    columns = check_int("columns", columns, minimum=1)
    max_images = check_int("max_images", max_images, minimum=1)
    texts = []
    if labels is not None:
        num_classes, names = resolve_classes(None, class_names)
        classes = check_array("labels", labels)
        classes = classes.argmax(axis=1) if is_one_hot(classes, num_classes) else classes
        advice = "" if class_names else "give class_names for more classes"
        classes = check_labels(classes, num_classes, advice=advice)
        check_same_length("images", len(pixels), "labels", len(classes))
        texts = [names[index] for index in classes[:max_images]]
    grid = ImageGrid(pixels[:max_images], columns=columns, gap=3, above=7 if texts else 0)
    axes = _new_axes(grid) if ax is None else check_ax(ax)
    grid.draw(axes, cmap="gray_r", vmin=0, vmax=_white(pixels))
    grid.annotate(axes, texts, fontsize=_font_size(texts))
    return figure_of(axes)


@public
def plot_misclassified(
    evaluation: Evaluation,
    images: ArrayLike,
    *,
    max_images: int = 40,
    ax: Axes | None = None,
) -> Figure:
    """Plot misclassified images by descending confidence.

    The text above each image is the true and the predicted class. Below it are the confidence and
    the index of the image, counted from 0, and the second most probable class.

    Parameters
    ----------
    evaluation : Evaluation
        The result of `evaluate`.
    images : array_like
        All evaluated images in the same order: raw ``uint8 (n, 28, 28)`` or preprocessed
        ``float32 (n, 28, 28, 1)`` in [0, 1].
    max_images : int, default 40
        Maximum number of images, at least 1.
    ax : matplotlib.axes.Axes, optional
        Axes for the whole grid. Default: a new figure.

    Returns
    -------
    matplotlib.figure.Figure
        The figure that contains the plot.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type or range, or the number of images differs from the
        evaluation.

    Examples
    --------
    >>> from mnistcnn import Evaluation, load_data, plot_misclassified
    >>> _, (images, labels) = load_data("digits")
    >>> probabilities = [[0.1] * 10] * 3  # the first maximum counts: 0, which is correct once
    >>> result = Evaluation.from_probabilities(probabilities, labels[:3])
    >>> plot_misclassified(result, images[:3]).axes[0].get_title()
    'All 2 misclassified images: true → predicted'
    """
    misclassified = check_evaluation("evaluation", evaluation).misclassified
    pixels = check_images(images)
    if len(pixels) != evaluation.num_images:
        raise ValueError(
            f"images must be the {evaluation.num_images:,} evaluated images; "
            f"received {len(pixels):,}"
        )
    max_images = check_int("max_images", max_images, minimum=1)
    total, shown = len(misclassified), misclassified.most_confident_first[:max_images]
    if not total:
        if ax is None:
            ax = new_figure((4, 1)).subplots()
        axes = check_ax(ax)
        axes.set_title("No misclassified images", fontsize=10)
        axes.set_axis_off()
        return figure_of(axes)
    indices, confidence = misclassified.indices[shown], misclassified.confidence[shown]
    grid = ImageGrid(pixels[indices], columns=_COLUMNS, gap=7, above=7, below=11)
    axes = _new_axes(grid) if ax is None else check_ax(ax)
    grid.draw(axes, cmap="gray_r", vmin=0, vmax=_white(pixels))
    grid.draw_frames(axes)
    names = evaluation.class_names
    pairs = zip(misclassified.labels[shown], misclassified.predicted[shown], strict=True)
    texts = [f"{names[true]} → {names[predicted]}" for true, predicted in pairs]
    grid.annotate(axes, texts, fontsize=_font_size(texts))
    seconds = [top_classes(row, names, 2)[-1] for row in misclassified.probabilities[shown]]
    details = [
        f"{100 * p:.0f} %, #{i}\n{second}"
        for p, i, second in zip(confidence, indices, seconds, strict=True)
    ]
    grid.annotate(axes, details, fontsize=min(7, _font_size(seconds)), below=True)
    count = f"All {total}" if len(shown) == total else f"{len(shown)} of {total:,}"
    axes.set_title(f"{count} misclassified images: true → predicted", fontsize=10)
    return figure_of(axes)


def _font_size(texts: Sequence[str]) -> float:
    """Return a size in points at which the texts of adjacent images do not overlap."""
    longest = max(map(len, texts), default=0)
    return min(9.0, max(3.0, _POINTS_PER_IMAGE / max(0.6 * longest, 1)))


def _white(pixels: NDArray[Any]) -> int:
    return 1 if pixels.dtype.kind == "f" else 255


def _new_axes(grid: ImageGrid) -> Axes:
    height, width = (side * _INCHES_PER_PIXEL for side in grid.shape)
    figure = new_figure((max(width, 1) + 0.2, height + 0.4))
    return figure.subplots()
