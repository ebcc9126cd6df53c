"""Things that lie on a page or hold it: fingers, pens, rulers, spiral bindings."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from tools.page_network.effects import Effects

Image = NDArray[np.float32]
Mask = NDArray[np.uint8]


def cover(effects: Effects, image: Image) -> Mask:
    """Lay something on the page, in place.

    Parameters
    ----------
    effects : Effects
        The source of randomness.
    image : numpy.ndarray
        The reflectances, ``float32 (height, width, 3)``; changed in place.

    Returns
    -------
    numpy.ndarray
        ``uint8 (height, width)``: 255 where the page is covered.
    """
    shadow = effects.uniform(0, 0.7)
    kind = effects.generator.choice(["fingers", "pen", "spiral"], p=[0.5, 0.3, 0.2])
    if kind == "spiral":
        return _bind(effects, image)
    mask = np.zeros(image.shape[:2], np.uint8)
    start, inward = _border_point(effects, image.shape[:2])
    if kind == "pen":
        length = effects.uniform(0.15, 0.5) * max(image.shape)
        width = effects.log_uniform(4, 24)
        color = effects.generator.uniform(0, 1, 3)
        _draw_bar(
            image, mask, (start, inward), length=length, width=width, color=color, shadow=shadow
        )
        return mask
    width = effects.log_uniform(16, 70)
    color = effects.uniform(0.25, 0.95) * np.array([1, effects.uniform(0.6, 0.85), 0.55])
    across = np.array([-inward[1], inward[0]])
    for finger in range(effects.generator.integers(1, 5)):
        origin = start + 1.1 * width * finger * across
        length = effects.uniform(0.3, 2) * width
        _draw_bar(
            image, mask, (origin, inward), length=length, width=width, color=color, shadow=shadow
        )
    return mask


def _border_point(
    effects: Effects, shape: tuple[int, ...]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Draw a point of the border and a direction into the picture, as (x, y)."""
    along = effects.uniform(0, 1)
    side = effects.generator.integers(4)
    x, y = [(along, 0.0), (1.0, along), (along, 1.0), (0.0, along)][side]
    angle = np.pi / 2 * (side + 1) + effects.uniform(-0.7, 0.7)
    point = np.array([x * shape[1], y * shape[0]])
    return point, np.array([np.cos(angle), np.sin(angle)])


def _draw_bar(
    image: Image,
    mask: Mask,
    axis: tuple[NDArray[np.float64], NDArray[np.float64]],
    *,
    length: float,
    width: float,
    color: NDArray[np.float64],
    shadow: float,
) -> None:
    """Draw a rounded bar from a point in a direction: a finger or a pen, with its shadow."""
    start, direction = axis
    shape = np.zeros(mask.shape, np.uint8)
    first = (start - width * direction).astype(int)
    last = (start + length * direction).astype(int)
    cv2.line(shape, first.tolist(), last.tolist(), 255, max(2, int(width)), cv2.LINE_AA)
    amount = shape.astype(np.float32)[..., np.newaxis] / 255
    sigma = max(width / 5, 1.0)
    volume = cv2.GaussianBlur(shape, (0, 0), sigma).astype(np.float32)[..., np.newaxis] / 255
    image *= 1 - np.float32(shadow) * volume
    body = color.astype(np.float32) * (0.4 + 0.6 * volume)
    image += amount * (body - image)
    np.maximum(mask, shape, out=mask)


def _bind(effects: Effects, image: Image) -> Mask:
    """Draw holes and wire rings along one border."""
    mask = np.zeros(image.shape[:2], np.uint8)
    height, width = mask.shape
    pitch, radius = effects.uniform(12, 40), effects.uniform(2, 6)
    depth = effects.uniform(1.5, 4) * radius
    upright = effects.generator.random() < 0.5
    far = effects.generator.random() < 0.5
    hole, wire = effects.uniform(0, 0.3), effects.uniform(0.3, 1)
    length, breadth = (height, width) if upright else (width, height)
    place = int(breadth - depth if far else depth)
    border = breadth if far else 0
    for along in np.arange(effects.uniform(0, pitch), length, pitch).astype(int).tolist():
        center, end = (place, along), (border, along)
        if not upright:
            center, end = center[::-1], end[::-1]
        for canvas, dark, light in ((image, [hole] * 3, [wire] * 3), (mask, 255, 255)):
            cv2.circle(canvas, center, int(radius), dark, -1, cv2.LINE_AA)
            cv2.line(canvas, center, end, light, max(1, int(radius * 0.7)), cv2.LINE_AA)
    return mask
