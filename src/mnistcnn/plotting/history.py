"""plotting.history"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from mnistcnn.plotting.common import check_axes, figure_of
from mnistcnn.plotting.evaluation import BLUE, VERMILION
from mnistcnn.public import public
from mnistcnn.utils.validation import check_array

if TYPE_CHECKING:
    from keras.callbacks import History


@public
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
        values = check_array(f"history: {name}", figures.get(name, ()))
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
        axes = check_axes(ax, 2)
    for panel, name, label in zip(
        axes, ("loss", "accuracy"), ("Loss (nats)", "Accuracy"), strict=True
    ):
        _draw_curves(panel, figures, name)
        panel.set_ylabel(label)
    axes[1].yaxis.set_major_formatter(PercentFormatter(xmax=1))
    return figure_of(axes[0])


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
