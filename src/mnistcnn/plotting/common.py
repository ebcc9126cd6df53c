"""Checks of Matplotlib axes, and the colors of all plots."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# From the palette of Okabe and Ito, distinguishable with all common color vision deficiencies.
BLUE, VERMILION = "#0072B2", "#D55E00"


def check_ax(ax: Any) -> Axes:
    """Return `ax` if it is a Matplotlib ``Axes``, or raise ``TypeError``."""
    if not isinstance(ax, Axes):
        raise TypeError(f"ax must be a Matplotlib Axes; received {ax!r}")
    return ax


def check_axes(ax: Any, count: int) -> list[Axes]:
    """Return a sequence or array of `count` ``Axes`` as a list, or raise."""
    axes = list(np.ravel(np.asarray(ax, dtype=object)))
    if len(axes) != count:
        raise ValueError(f"ax must be {count} Axes; received {len(axes)}")
    return [check_ax(item) for item in axes]


def figure_of(axes: Axes) -> Figure:
    """Return the figure that contains `axes`."""
    figure = axes.get_figure(root=True)
    assert figure is not None  # an Axes that was drawn on belongs to a figure
    return figure
