"""Detection of the page in a photo or screenshot: paper on a desk, a button on a screen.

A page is a rectangular region that is lighter or darker than its surroundings, has sharp edges,
and carries some content. A digit is not a page: it is not rectangular, or it is empty.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from mnistcnn.types import Float32Array

# Longer side, in pixels, of the downscaled image in which the page is searched for.
_DETECTION_SIZE = 256
# Shorter side, in pixels, below which an image shows a single digit, whose loops are not pages.
_MIN_IMAGE_SIDE = 64
# Shorter side, in pixels, below which the downscaled image has too little detail.
_MIN_DETECTION_SIDE = 8
# Area of a page as a fraction of the image area.
_MIN_AREA, _MAX_AREA = 0.12, 0.92
# Area of a page as a fraction of its minimum-area (rotated) bounding rectangle.
_MIN_RECTANGULARITY = 0.85
# Area of the content on a page as a fraction of the page area.
_MIN_CONTENT, _MAX_CONTENT = 0.003, 0.5
# Width of the blurred page border as a fraction of the longer image side.
_BORDER_WIDTH = 0.012
# A page edge is sharp where the gradient within this radius (pixels) exceeds this fraction of
# the contrast between light and dark regions.
_EDGE_RADIUS, _MIN_GRADIENT = 3, 0.5
# The mean levels on both sides of a page edge, within this radius (pixels), differ by at least
# this fraction of that contrast. A ruled line is an edge, too, but with the same paper beyond it.
_SIDE_RADIUS, _MIN_SIDE_CONTRAST = 9, 0.35
# Fraction of the page edge for which both must hold.
_MIN_SHARP_EDGE = 0.8


def detect_page(gray: Float32Array) -> NDArray[np.bool_] | None:
    """Return the mask of the page, ``bool (h, w)``, or None if the image shows nothing else.

    Parameters
    ----------
    gray : Float32Array
        ``(h, w)``: brightness in [0, 1].
    """
    scale = min(1.0, _DETECTION_SIZE / max(gray.shape))
    size = max(1, round(gray.shape[1] * scale)), max(1, round(gray.shape[0] * scale))
    if min(gray.shape) < _MIN_IMAGE_SIDE or min(size) < _MIN_DETECTION_SIDE:
        return None
    levels = np.rint(255 * cv2.resize(gray, size, interpolation=cv2.INTER_AREA)).astype(np.uint8)
    levels = np.asarray(cv2.GaussianBlur(levels, (3, 3), 0))
    _, light = cv2.threshold(levels, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    pages = [page_mask(np.asarray(mask), levels) for mask in (light, 255 - light)]
    page = max((mask for mask in pages if mask is not None), key=np.count_nonzero, default=None)
    if page is None:
        return None
    # Exclude the border, where the brightness of both sides mixes.
    border = 2 * max(1, round(_BORDER_WIDTH * max(size))) + 1
    inner = cv2.erode(np.pad(page, 1), np.ones((border, border), np.uint8))[1:-1, 1:-1]
    full_size = cv2.resize(inner, gray.shape[::-1], interpolation=cv2.INTER_NEAREST)
    return np.asarray(full_size > 0)


def page_mask(mask: NDArray[np.uint8], levels: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
    """Return the largest region of a mask with its holes filled, or None if it is not a page.

    Parameters
    ----------
    mask : numpy.ndarray
        ``uint8 (h, w)``: the pixels on one side of the threshold, 0 or 255.
    levels : numpy.ndarray
        ``uint8 (h, w)``: gray levels.
    """
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not contours:
        return None
    contour = max(contours, key=cv2.contourArea)
    filled = np.zeros_like(mask)
    cv2.drawContours(filled, [contour], -1, 1, thickness=cv2.FILLED)
    area = int(filled.sum())
    _, (width, height), _ = cv2.minAreaRect(contour)
    content = np.count_nonzero((filled > 0) & (mask == 0)) / max(area, 1)
    is_candidate = (
        _MIN_AREA < area / mask.size < _MAX_AREA
        and area > _MIN_RECTANGULARITY * (width + 1) * (height + 1)
        and _MIN_CONTENT < content < _MAX_CONTENT
    )
    if not is_candidate:
        return None
    # Test the edge of the convex hull: digits at the edge of a shadow have sharp edges, too.
    hull = np.zeros_like(mask)
    cv2.drawContours(hull, [cv2.convexHull(contour)], -1, 1, thickness=cv2.FILLED)
    return filled if _has_sharp_edges(hull, mask, levels) else None


def _has_sharp_edges(
    hull: NDArray[np.uint8], mask: NDArray[np.uint8], levels: NDArray[np.uint8]
) -> bool:
    """Return whether the region ends sharply, unlike a gradual change of the illumination."""
    edge = (cv2.dilate(hull, np.ones((3, 3), np.uint8)) > 0) & (hull == 0)
    if not edge.any():
        return False
    kernel = np.ones((2 * _EDGE_RADIUS + 1,) * 2, np.uint8)
    gradient = cv2.morphologyEx(levels, cv2.MORPH_GRADIENT, kernel)[edge]
    contrast = abs(float(levels[mask > 0].mean()) - float(levels[mask == 0].mean()))
    padded = np.pad(hull, _EDGE_RADIUS)
    inside = cv2.erode(padded, kernel)[_EDGE_RADIUS:-_EDGE_RADIUS, _EDGE_RADIUS:-_EDGE_RADIUS]
    outside = 1 - cv2.dilate(hull, kernel)
    inner, outer = (_local_mean(levels, side)[edge] for side in (inside, outside))
    sides_differ = np.abs(inner - outer) > _MIN_SIDE_CONTRAST * contrast
    # At the image border there is no outer side to compare with.
    sides_differ |= ~np.isfinite(inner - outer)
    is_sharp = (gradient > _MIN_GRADIENT * contrast) & sides_differ
    return float(np.mean(is_sharp)) > _MIN_SHARP_EDGE


def _local_mean(levels: NDArray[np.uint8], mask: NDArray[np.uint8]) -> Float32Array:
    """Return the mean level of the masked pixels around each pixel, NaN where there are none."""
    size = (2 * _SIDE_RADIUS + 1,) * 2
    weights = mask.astype(np.float32)
    total = cv2.boxFilter(levels * weights, -1, size, normalize=False)
    count = np.rint(cv2.boxFilter(weights, -1, size, normalize=False))
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan), np.float32)
