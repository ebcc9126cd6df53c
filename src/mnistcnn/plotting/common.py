"""Many small pictures in one: what grids of digits, filters and maps are drawn by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from mnistcnn.types import Float64Array


def as_axes(ax: Any) -> Axes:
    """Return what is to be drawn on, or say what came in its place."""
    if not isinstance(ax, Axes):
        raise TypeError(f"ax must be Matplotlib's Axes; received {ax!r}")
    return ax


def check_axes(ax: Any, count: int) -> list[Axes]:
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


_FRAME = "#BBBBBB"


class ImageGrid:
    """Tiles in rows of `columns`, each with room above and beside it, in one Axes.

    Everything is measured in the tiles' pixels.
    """

    def __init__(
        self, tiles: NDArray[Any], *, columns: int, gap: int, above: int = 0, below: int = 0
    ) -> None:
        self.tiles, self.columns = tiles, min(columns, len(tiles))
        self.rows = -(-len(tiles) // self.columns)
        self._gap, self._above, self._below = gap, above, below
        self._height, self._width = tiles.shape[1:]

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the whole."""
        height = self._above + self._height + self._below
        return (
            self.rows * height + (self.rows - 1) * self._gap,
            self.columns * self._width + (self.columns - 1) * self._gap,
        )

    def corner(self, number: int) -> tuple[int, int]:
        """Return top and left of a tile."""
        row, column = divmod(number, self.columns)
        height = self._above + self._height + self._below + self._gap
        return row * height + self._above, column * (self._width + self._gap)

    def canvas(self) -> Float64Array:
        """Return the whole as one array, NaN between the tiles."""
        canvas = np.full(self.shape, np.nan)
        for number, tile in enumerate(self.tiles):
            top, left = self.corner(number)
            canvas[top : top + self._height, left : left + self._width] = tile
        return canvas

    def draw(self, axes: Axes, **options: Any) -> AxesImage:
        """Draw the tiles; `options` are those of Matplotlib's ``imshow``."""
        height, width = self.shape
        image = axes.imshow(
            np.ma.masked_invalid(self.canvas()),
            extent=(0, width, height, 0),
            interpolation="nearest",
            **options,
        )
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set_visible(False)
        return image

    def frame(self, axes: Axes) -> None:
        """Draw a thin line around each tile."""
        boxes = [
            Rectangle((left, top), self._width, self._height)
            for top, left in map(self.corner, range(len(self.tiles)))
        ]
        axes.add_collection(
            PatchCollection(boxes, facecolor="none", edgecolor=_FRAME, linewidth=0.6, clip_on=False)
        )

    def write(self, axes: Axes, words: Sequence[str], *, size: float, under: bool = False) -> None:
        """Write a word above each tile, or under it."""
        for number, word in enumerate(words):
            top, left = self.corner(number)
            axes.text(
                left + self._width / 2,
                top + self._height + 1 if under else top - 1,
                word,
                ha="center",
                va="top" if under else "bottom",
                fontsize=size,
            )
