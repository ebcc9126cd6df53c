"""The result of drawing a page: layers of ink by colour, and the digit of each pixel.

Pages are drawn in layers, since a photograph gives each its own colour and texture. The layer
"digit" holds the handwritten digits that a reader should find; everything else is "other" ink.
Tinted areas, screens and pictures are "area": they are visible, but are no ink.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Ink = NDArray[np.float32]
Color = tuple[float, float, float]
Kind = Literal["digit", "other", "area"]


@dataclass
class InkLayer:
    """Ink of one colour and texture.

    Parameters
    ----------
    coverage : ndarray of shape (h, w), float32
        How much of each pixel the ink covers, in [0, 1].
    color : tuple of float
        Red, green and blue in [0, 1].
    kind : {"digit", "other", "area"}
        Handwritten digits, any other ink, or a tinted area that is no ink.
    texture : str
        The texture of the pen, or "print".
    """

    coverage: Ink
    color: Color
    kind: Kind
    texture: str


@dataclass
class Layout:
    """A page as drawn: ink layers from bottom to top, and its digits.

    Parameters
    ----------
    layers : list of InkLayer
        From bottom to top.
    instances : ndarray of shape (h, w), int16
        0, or 1 + the index of the digit that covers the pixel most.
    labels : list of int
        The class of each digit.
    """

    layers: list[InkLayer]
    instances: NDArray[np.int16]
    labels: list[int]


class Box(NamedTuple):
    """A rectangle in pixels; may reach past the page."""

    left: float
    top: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """Right edge."""
        return self.left + self.width

    @property
    def bottom(self) -> float:
        """Lower edge."""
        return self.top + self.height
