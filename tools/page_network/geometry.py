"""Where each point of the flat page lands in the picture: rotation, perspective, curled paper."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from tools.page_network import textures
from tools.page_network.effects import Effects

_SMALLEST_DIGIT = 7.0


@dataclass(frozen=True)
class Warp:
    """A geometric distortion from the flat page to the picture.

    Attributes
    ----------
    maps : tuple of numpy.ndarray, or None
        For each pixel of the picture the column and the row on the page, ``float32``; None: the
        picture shows the page as it is.
    scale : float
        Mean enlargement.
    surrounded : bool
        Whether the edges of the sheet lie inside the picture.
    """

    maps: tuple[NDArray[np.float32], NDArray[np.float32]] | None
    scale: float
    surrounded: bool

    def apply(self, array: NDArray, *, interpolation: int = cv2.INTER_LINEAR) -> NDArray:
        """Distort an array; what lies beside the page is 0."""
        if self.maps is None:
            return array
        return cv2.remap(array, *self.maps, interpolation, borderMode=cv2.BORDER_CONSTANT)


def draw_warp(effects: Effects, shape: tuple[int, int], height: float) -> Warp:
    """Draw a distortion.

    Parameters
    ----------
    effects : Effects
        Which distortions occur.
    shape : tuple of int
        Height and width of the page and of the picture, in pixels.
    height : float
        Height of the smallest digits, in pixels: limits the reduction.
    """
    surrounded = effects.occurs("surroundings")
    curled = effects.occurs("curl")
    corners = _place_corners(effects, shape, height, surrounded=surrounded)
    page = _rectangle(shape)
    if np.array_equal(corners, page) and not curled:
        return Warp(None, 1.0, surrounded)
    inverse = cv2.getPerspectiveTransform(corners.astype(np.float32), page).astype(np.float32)
    rows = np.arange(shape[0], dtype=np.float32)[:, np.newaxis] + 0.5
    columns = np.arange(shape[1], dtype=np.float32) + 0.5
    x, y, depth = (row[0] * columns + (row[1] * rows + row[2]) for row in inverse)
    x, y = x / depth - 0.5, y / depth - 0.5
    if curled:
        for coordinate in (x, y):
            coarse = textures.crop(effects.generator, "waves", (24, 24), scale=0.1)
            size = (shape[1], shape[0])
            bend = cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC)
            bend *= effects.log_uniform(0.002, 0.012) * max(shape)
            np.add(coordinate, bend, out=coordinate)
    area = cv2.contourArea(corners.astype(np.float32))
    return Warp((x, y), float(np.sqrt(area / (shape[0] * shape[1]))), surrounded)


def _rectangle(shape: tuple[int, int]) -> NDArray[np.float32]:
    height, width = shape
    return np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)


def _place_corners(
    effects: Effects, shape: tuple[int, int], height: float, *, surrounded: bool
) -> NDArray[np.float64]:
    """Draw where the corners of the page lie in the picture, clockwise from the top left."""
    page = _rectangle(shape).astype(np.float64)
    size = np.array(shape[::-1], np.float64)
    corners = page - size / 2
    angle = 0.0
    if effects.occurs("small rotation"):
        angle = float(np.clip(effects.generator.normal(0, 6), -15, 15))
    turn = np.deg2rad(angle)
    rotation = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    corners @= rotation
    if effects.occurs("perspective"):
        corners *= 1 + effects.generator.uniform(-0.12, 0.12, (4, 2))
    offset = size / 2
    if surrounded:
        smallest = min(1.0, _SMALLEST_DIGIT / height)
        scale = max(effects.uniform(0.5, 1.0), smallest)
        corners *= scale * np.exp(effects.generator.normal(0, 0.05, 2))
        # Up to a tenth of the sheet sticks out of the picture.
        room = np.abs(size * (1 - scale)) / 2 + 0.1 * size
        offset = offset + effects.generator.uniform(-room, room)
    elif angle and effects.generator.random() < 0.6:
        # Enlarge the page until it covers the picture.
        corners *= np.cos(turn) + np.abs(np.sin(turn)) * size.max() / size.min()
    return corners + offset
