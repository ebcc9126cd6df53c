"""Plots of training histories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from mnistcnn.plotting.common import BLUE, VERMILION, check_axes, figure_of
from mnistcnn.plotting.figure import new_figure
from mnistcnn.public import public
from mnistcnn.utils.text import quote
from mnistcnn.utils.validation import check_array

if TYPE_CHECKING:
    from keras.callbacks import History

# Of models that are compiled with the metric "acc", and of Keras 2.2.
_CURRENT_NAMES = {"acc": "accuracy", "val_acc": "val_accuracy"}


@public
def plot_history(
    history: History | Mapping[str, Sequence[float]],
    *,
    ax: Sequence[Axes] | None = None,
) -> Figure:
    """Plot training and validation loss and accuracy by epoch.

    Parameters
    ----------
    history : keras.callbacks.History or mapping
        The result of `train`, or its ``history`` dictionary: at least ``loss`` and
        ``accuracy``.
    ax : pair of matplotlib.axes.Axes, optional
        Axes for loss and accuracy. Default: a new figure.

    Returns
    -------
    matplotlib.figure.Figure
        The figure that contains the plot; ``figure.savefig("history.png")`` saves it.

    Raises
    ------
    TypeError, ValueError
        If `history` has no epochs or lacks a metric, or `ax` is not a pair of Axes.

    Examples
    --------
    >>> from mnistcnn import plot_history
    >>> figure = plot_history({"loss": [0.9, 0.4], "accuracy": [0.7, 0.9]})
    >>> [axes.get_ylabel() for axes in figure.axes]
    ['Loss (nats)', 'Accuracy']
    """
    metrics = getattr(history, "history", history)
    if not isinstance(metrics, Mapping):
        raise TypeError(f"history must be a History or a mapping; received {quote(history)}")
    metrics = {_CURRENT_NAMES.get(name, name): values for name, values in metrics.items()}
    for name in ("loss", "accuracy", "val_loss", "val_accuracy"):
        values = check_array(f"history: {name}", metrics.get(name, ()))
        if values.ndim != 1:
            raise ValueError(f"history: {name} must be a list of numbers; received {quote(values)}")
        if not values.size and not name.startswith("val_"):
            raise ValueError(
                "history must hold loss and accuracy of at least one epoch; "
                f"received no values of {name!r}"
            )
    if ax is None:
        figure = new_figure((9, 3.6))
        panels: Sequence[Axes] = figure.subplots(1, 2)
    else:
        panels = check_axes(ax, 2)
    for axes, name, label in zip(
        panels, ("loss", "accuracy"), ("Loss (nats)", "Accuracy"), strict=True
    ):
        _draw_curves(axes, metrics, name)
        axes.set_ylabel(label)
    panels[1].yaxis.set_major_formatter(PercentFormatter(xmax=1))
    return figure_of(panels[0])


def _draw_curves(axes: Axes, metrics: Mapping[str, Any], name: str) -> None:
    for key, label, color, style in (
        (name, "training", BLUE, "o-"),
        (f"val_{name}", "validation", VERMILION, "s--"),
    ):
        values = metrics.get(key)
        if values:
            epochs = np.arange(1, len(values) + 1)
            axes.plot(epochs, values, style, color=color, label=label, markersize=4)
    axes.set_xlabel("Epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    axes.legend()
