"""Pictures of a training and of its result. Nothing here shows a window."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from mnistcnn import _checks
from mnistcnn._evaluation import Evaluation, as_evaluation

if TYPE_CHECKING:
    from keras.callbacks import History

# Okabe and Ito's blue and vermilion: told apart by all common kinds of colour vision.
BLUE, VERMILION = "#0072B2", "#D55E00"


def plot_history(
    history: History | Mapping[str, Sequence[float]],
    *,
    ax: Sequence[Axes] | None = None,
) -> Figure:
    """Draw loss and accuracy over the epochs, training and validation.

    Parameters
    ----------
    history : keras.callbacks.History or mapping
        What `train` returned, or its ``history`` dictionary: at least ``loss`` and
        ``accuracy``.
    ax : pair of matplotlib.axes.Axes, optional
        Where to draw loss and accuracy. Default: a new figure.

    Returns
    -------
    matplotlib.figure.Figure
        The figure drawn on; ``figure.savefig("history.png")`` keeps it.

    Raises
    ------
    TypeError, ValueError
        If `history` has no epochs or lacks a figure, or `ax` is not a pair.

    Examples
    --------
    >>> from mnistcnn import plot_history
    >>> figure = plot_history({"loss": [0.9, 0.4], "accuracy": [0.7, 0.9]})
    >>> [axes.get_ylabel() for axes in figure.axes]
    ['Loss (nats)', 'Accuracy']
    """
    figures = getattr(history, "history", history)
    if not isinstance(figures, Mapping):
        raise TypeError(f"history must be a History or a mapping; received {history!r}")
    for name in ("loss", "accuracy", "val_loss", "val_accuracy"):
        values = _checks.as_array(f"history: {name}", figures.get(name, ()))
        if values.ndim != 1:
            raise ValueError(f"history: {name} must be a list of numbers; received {values!r}")
        if not values.size and not name.startswith("val_"):
            raise ValueError(
                f"history must hold at least one epoch of loss and accuracy; {name!r} is absent"
            )
    if ax is None:
        figure = Figure(figsize=(9, 3.6), layout="constrained")
        axes: Sequence[Axes] = figure.subplots(1, 2)
    else:
        axes = panels(ax, 2)
    for panel, name, label in zip(
        axes, ("loss", "accuracy"), ("Loss (nats)", "Accuracy"), strict=True
    ):
        _draw_curves(panel, figures, name)
        panel.set_ylabel(label)
    axes[1].yaxis.set_major_formatter(PercentFormatter(xmax=1))
    return figure_of(axes[0])


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
    as_evaluation("evaluation", evaluation)
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


def _draw_curves(axes: Axes, figures: Mapping[str, Any], name: str) -> None:
    for key, label, colour, style in (
        (name, "training", BLUE, "o-"),
        (f"val_{name}", "validation", VERMILION, "s--"),
    ):
        values = figures.get(key)
        if values:
            epochs = np.arange(1, len(values) + 1)
            axes.plot(epochs, values, style, color=colour, label=label, markersize=4)
    axes.set_xlabel("Epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    axes.legend()


def as_axes(ax: Any) -> Axes:
    """Return what is to be drawn on, or say what came in its place."""
    if not isinstance(ax, Axes):
        raise TypeError(f"ax must be Matplotlib's Axes; received {ax!r}")
    return ax


def panels(ax: Any, count: int) -> list[Axes]:
    """Return the two or three Axes that a picture of so many parts is to be drawn on."""
    axes = list(np.ravel(np.asarray(ax, dtype=object)))
    if len(axes) != count:
        wanted = {2: "a pair of", 3: "three"}[count]
        raise ValueError(f"ax must be {wanted} Axes; received {len(axes)}")
    return [as_axes(one) for one in axes]


def figure_of(axes: Axes) -> Figure:
    """Return the figure that `axes` are part of."""
    figure = axes.get_figure(root=True)
    assert figure is not None  # an Axes that was drawn on has its figure
    return figure
