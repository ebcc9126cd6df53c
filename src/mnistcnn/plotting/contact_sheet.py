"""A contact sheet: some images of each class of a data set."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from mnistcnn.plotting.figure import new_figure
from mnistcnn.plotting.image_grid import ImageGrid
from mnistcnn.types import IMAGE_SIZE, Split

_INCHES_PER_PIXEL = 0.5 / IMAGE_SIZE
_GAP = 2
_LABEL_INCHES = 0.9


def plot_contact_sheet(split: Split, class_names: Sequence[str], *, columns: int = 12) -> Figure:
    """Plot the first images of each class, one class per row.

    Parameters
    ----------
    split : Split
        Images and labels.
    class_names : sequence of str
        Name of each label, written on the left.
    columns : int, default 12
        Number of images per class.

    Returns
    -------
    matplotlib.figure.Figure
        The figure. Classes without images have no row.
    """
    labels = np.unique(split.labels)
    tiles = np.zeros((len(labels) * columns, IMAGE_SIZE, IMAGE_SIZE), np.uint8)
    for row, label in enumerate(labels):
        members = np.flatnonzero(split.labels == label)[:columns]
        tiles[row * columns : row * columns + len(members)] = split.images[members]
    grid = ImageGrid(tiles, columns=columns, gap=_GAP)
    height, width = (side * _INCHES_PER_PIXEL for side in grid.shape)
    figure = new_figure((width + _LABEL_INCHES, height + 0.2))
    axes = figure.subplots()
    grid.draw(axes, cmap="gray_r", vmin=0, vmax=255)
    for row, label in enumerate(labels):
        top, _ = grid.tile_origin(row * columns)
        axes.text(-4, top + IMAGE_SIZE / 2, class_names[label], ha="right", va="center", fontsize=9)
    return figure
