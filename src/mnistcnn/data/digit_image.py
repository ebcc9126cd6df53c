"""A picture of one digit, of any size and color, as an image of MNIST."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistcnn.data.size_normalization import to_mnist_format
from mnistcnn.types import IMAGE_SIZE, Float32Array, UInt8Array

_MAX_SIDE = 256  # larger pictures are downscaled, which bounds the time per picture
_NUM_BINS = 256
_MIN_CONTRAST = 0.08  # of full brightness, below which a picture is blank
_MIN_AREA = 0.04  # of the largest component, below which a component is a speck
_FULL_INK = 0.9  # quantile of the ink that becomes full ink
# Mean brightness of the borders of images, and how much brighter they are than what is inside, from
# which the images look dark on light.
_LIGHT_BORDER, _LIGHTER_THAN_INSIDE = 0.6, 0.02


def to_gray(brightness: Float32Array) -> UInt8Array:
    """Return the mean of the colors of a picture, ``uint8`` of shape ``(h, w)``."""
    return np.asarray(np.rint(brightness.mean(axis=2) * 255), np.uint8)


def has_light_background(gray: UInt8Array) -> bool:
    """Return whether most pixels of the border are light."""
    return float(np.median(_border(gray))) > 127


def look_dark_on_light(images: NDArray[Any]) -> bool:
    """Return whether images, ``(n, 28, 28)``, have dark ink on a light background, unlike MNIST.

    Parameters
    ----------
    images : numpy.ndarray
        Integers in 0...255 or floats in [0, 1].
    """
    if not len(images):
        return False
    full_brightness = 1.0 if images.dtype.kind == "f" else 255.0
    mean = images.mean(axis=0, dtype=np.float64) / full_brightness
    border, inside = float(_border(mean).mean()), float(mean[1:-1, 1:-1].mean())
    return border > _LIGHT_BORDER and border - inside > _LIGHTER_THAN_INSIDE


def to_digit_image(brightness: Float32Array) -> UInt8Array:
    """Return the digit of a picture in the format of MNIST.

    The background is the median of the border of the picture, in each color; the ink is what
    differs from it, darker or lighter. Specks are removed. The digit is then normalized as
    `to_mnist_format` describes.

    Parameters
    ----------
    brightness : numpy.ndarray
        ``float32`` of shape ``(h, w, 1)`` or ``(h, w, 3)`` in [0, 1].

    Returns
    -------
    numpy.ndarray
        ``uint8`` of shape ``(28, 28)``. All 0 if the picture is blank.
    """
    contrast = _contrast(_downscale(brightness))
    if float(contrast.max()) < _MIN_CONTRAST:
        return np.zeros((IMAGE_SIZE, IMAGE_SIZE), np.uint8)
    threshold = _otsu_threshold(contrast)
    is_ink = _without_specks(contrast > threshold)
    ink = np.where(is_ink, np.maximum(contrast - threshold / 2, 0), 0)
    full = float(np.quantile(ink[ink > 0], _FULL_INK))
    return to_mnist_format(np.clip(ink / full, 0, 1).astype(np.float32))


def to_class_image(brightness: Float32Array) -> UInt8Array:
    """Return a picture of one symbol in the format of MNIST, as folders of pictures are read.

    A picture of 28 × 28 pixels is taken as it is and, if its background is light, inverted. Any
    other is normalized as `to_digit_image` describes.
    """
    if brightness.shape[:2] != (IMAGE_SIZE, IMAGE_SIZE):
        return to_digit_image(brightness)
    gray = to_gray(brightness)
    return 255 - gray if has_light_background(gray) else gray


def _border(image: NDArray[Any]) -> NDArray[Any]:
    """Return the pixels of the border, with their colors if there are any."""
    return np.concatenate([image[0], image[-1], image[1:-1, 0], image[1:-1, -1]])


def _downscale(brightness: Float32Array) -> Float32Array:
    import cv2

    height, width = brightness.shape[:2]
    scale = _MAX_SIDE / max(height, width)
    if scale >= 1:
        return brightness
    size = max(1, round(width * scale)), max(1, round(height * scale))
    resized = cv2.resize(brightness, size, interpolation=cv2.INTER_AREA)
    return np.asarray(resized, np.float32).reshape(size[1], size[0], -1)


def _contrast(brightness: Float32Array) -> Float32Array:
    """Return the difference to the background, in the color with the largest one."""
    background = np.median(_border(brightness), axis=0)
    difference = np.abs(brightness - background.astype(np.float32))
    return np.asarray(difference.max(axis=2), np.float32)


def _otsu_threshold(contrast: Float32Array) -> float:
    """Return the threshold of Otsu (1979), which separates two classes best."""
    counts, edges = np.histogram(contrast, _NUM_BINS, (0.0, float(contrast.max())))
    centers = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)[:-1]
    above = counts.sum() - below
    sums = np.cumsum(counts * centers)
    with np.errstate(divide="ignore", invalid="ignore"):
        means_below, means_above = sums[:-1] / below, (sums[-1] - sums[:-1]) / above
        variance = below * above * (means_below - means_above) ** 2
    return float(edges[1 + int(np.argmax(np.nan_to_num(variance)))])


def _without_specks(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return a mask of the large components, with a margin of one pixel for soft edges."""
    import cv2

    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        mask.astype(np.uint8), connectivity=8
    )
    areas = stats[1:count, cv2.CC_STAT_AREA]
    kept = 1 + np.flatnonzero(areas >= _MIN_AREA * areas.max(initial=0))
    large = np.isin(labels, kept).astype(np.uint8)
    return np.asarray(cv2.dilate(large, np.ones((3, 3), np.uint8)), bool)
