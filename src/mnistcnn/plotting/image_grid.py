"""A grid of small images in one Matplotlib axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from mnistcnn.types import Float64Array

_FRAME_COLOR = "#BBBBBB"


class ImageGrid:
    """Tiles in rows of `columns`, with space around each for annotations, drawn as one image.

    All lengths and positions are in pixels of the tiles.
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
        """Height and width of the grid."""
        height = self._above + self._height + self._below
        return (
            self.rows * height + (self.rows - 1) * self._gap,
            self.columns * self._width + (self.columns - 1) * self._gap,
        )

    def tile_origin(self, index: int) -> tuple[int, int]:
        """Return the top and left coordinates of a tile."""
        row, column = divmod(index, self.columns)
        height = self._above + self._height + self._below + self._gap
        return row * height + self._above, column * (self._width + self._gap)

    def canvas(self) -> Float64Array:
        """Return the grid as one array, with NaN between the tiles."""
        canvas = np.full(self.shape, np.nan)
        for index, tile in enumerate(self.tiles):
            top, left = self.tile_origin(index)
            canvas[top : top + self._height, left : left + self._width] = tile
        return canvas

    def draw(self, axes: Axes, **options: Any) -> AxesImage:
        """Draw the tiles; pass `options` to Matplotlib's ``imshow``."""
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

    def draw_frames(self, axes: Axes) -> None:
        """Draw a thin frame around each tile."""
        frames = [
            Rectangle((left, top), self._width, self._height)
            for top, left in map(self.tile_origin, range(len(self.tiles)))
        ]
        axes.add_collection(
            PatchCollection(
                frames, facecolor="none", edgecolor=_FRAME_COLOR, linewidth=0.6, clip_on=False
            )
        )

    def annotate(
        self, axes: Axes, texts: Sequence[str], *, fontsize: float, below: bool = False
    ) -> None:
        """Write a text above or below each tile."""
        for index, text in enumerate(texts):
            top, left = self.tile_origin(index)
            axes.text(
                left + self._width / 2,
                top + self._height + 1 if below else top - 1,
                text,
                ha="center",
                va="top" if below else "bottom",
                fontsize=fontsize,
            )
