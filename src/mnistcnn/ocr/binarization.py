"""Binarization: separation of the ink from the background, whatever the illumination.

The background is estimated locally: the median over a large window, refined by a Gaussian mean
over the pixels that are not ink. A pixel is ink if it differs from the background by more than
the noise, and by at least half of the peak difference of its stroke, so that pale and dark
strokes both keep their true width.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mnistcnn.images.brightness import to_gray
from mnistcnn.ocr.page_network import Polarity
from mnistcnn.types import Float32Array

# Columns of `InkMap.stats`, in OpenCV's order.
LEFT, TOP, WIDTH, HEIGHT, AREA = range(5)

# Longer side, in pixels, of the downscaled image in which the background is estimated.
_BACKGROUND_SIZE = 384
# Side of the median filter, wider than any stroke, and standard deviation of the Gaussian mean;
# both as a fraction of the square root of the image area.
_MEDIAN_WINDOW, _MEAN_SIGMA = 0.6, 0.05
# Largest side of the median filter in pixels: OpenCV's limit for uint8.
_MAX_MEDIAN_WINDOW = 255
# Weight of the background pixels below which the Gaussian mean is unreliable.
_RELIABLE_WEIGHT = 0.2
# Minimum difference between ink and background: absolute, in brightness, and in standard
# deviations of the noise.
_MIN_CONTRAST, _MIN_DEVIATIONS = 0.06, 5.0
# Standard deviation of the noise, relative to full ink, that does not distort strokes.
_MAX_NOISE = 0.1
# Smallest area of a stroke in pixels.
_MIN_AREA = 6
# Largest total area of the components' bounding boxes, in image areas.
_MAX_BOX_AREA = 4
# Ratio of signal to noise by which a color channel must exceed gray to replace it.
_MIN_COLOR_GAIN = 1.4


@dataclass(frozen=True, eq=False)
class InkMap:
    """Ink of an image, with its connected components.

    Parameters
    ----------
    strength : Float32Array
        ``(h, w)``: difference from the background, in [0, 1].
    labels : numpy.ndarray
        ``int32 (h, w)``: label of the connected component, 0 for the background.
    stats : numpy.ndarray
        ``int32 (num_components + 1, 5)``: left, top, width, height and area of each component,
        indexed by label; row 0 is the background.
    """

    strength: Float32Array
    labels: NDArray[np.int32]
    stats: NDArray[np.int32]


def binarize(brightness: Float32Array, polarity: Polarity = "auto") -> InkMap:
    """Return the ink of an image.

    Parameters
    ----------
    brightness : Float32Array
        ``(h, w, 1)`` or ``(h, w, 3)`` in [0, 1].
    polarity : {"auto", "dark", "light"}
        Whether the ink is darker or lighter than the background; by default the one of which
        there is more.
    """
    gray = to_gray(brightness)
    channels = [gray]
    inverted = is_inverted(gray) if polarity == "auto" else polarity == "light"
    if brightness.shape[2] == 3:
        # Colored ink on white paper is dark in at least one channel.
        darkest, lightest = _extremes(brightness)
        if float((lightest - darkest).max()) > _MIN_CONTRAST:
            channels.append(lightest if inverted else darkest)
    differences = [_background_difference(channel, inverted=inverted) for channel in channels]
    strength = differences[0]
    if len(differences) > 1:
        gray_snr, color_snr = (_signal_to_noise(difference) for difference in differences)
        if color_snr > _MIN_COLOR_GAIN * gray_snr:
            strength = differences[1]
    return connected_components(*_threshold(strength))


def _extremes(brightness: Float32Array) -> tuple[Float32Array, Float32Array]:
    """Return the smallest and the largest of the three channels of each pixel."""
    # NumPy's reduction of a short axis takes ten times as long.
    red, green, blue = cv2.split(np.ascontiguousarray(brightness))
    return (
        np.asarray(cv2.min(cv2.min(red, green), blue)),
        np.asarray(cv2.max(cv2.max(red, green), blue)),
    )


def drop_enclosing(ink_map: InkMap) -> InkMap:
    """Remove components that enclose most of the others, or return the argument unchanged.

    The later steps process each bounding box, so nested components (a frame within a frame) would
    take a time that grows with the square of their number.
    """
    areas = ink_map.stats[:, WIDTH].astype(np.int64) * ink_map.stats[:, HEIGHT]
    areas[0] = 0
    order = np.argsort(areas, kind="stable")
    enclosing = order[np.cumsum(areas[order]) > _MAX_BOX_AREA * ink_map.labels.size]
    if not len(enclosing):
        return ink_map
    keep = np.ones(len(ink_map.stats), np.uint8)
    keep[[0, *enclosing]] = 0
    return connected_components(ink_map.strength, keep[ink_map.labels])


def connected_components(strength: Float32Array, mask: NDArray[np.uint8]) -> InkMap:
    """Return an ink map with the connected components of a mask."""
    labels, stats = label_components(mask)
    return InkMap(strength, labels, stats)


def label_components(mask: NDArray[np.uint8]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return the labels and stats of the connected components of a mask, as in `InkMap`."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    return np.asarray(labels, np.int32), np.asarray(stats, np.int32)


def is_inverted(gray: Float32Array) -> bool:
    """Return whether the ink is lighter than the background."""
    small = _downscale(gray)
    padded, inner = _pad(small)
    difference = small - _median_filter(padded, _window_size(small))[inner]
    threshold = max(_MIN_CONTRAST, _MIN_DEVIATIONS * estimate_noise(small))
    lighter = difference[difference > threshold].sum()
    return bool(lighter > -difference[difference < -threshold].sum())


def estimate_noise(gray: Float32Array) -> float:
    """Return the standard deviation of the pixel noise.

    After Immerkær, "Fast noise variance estimation" (1996), with the median instead of the mean,
    which edges would bias.
    """
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    # The kernel multiplies the deviation by 6; the median of |x| is 0.6745 for a standard normal.
    return float(np.median(np.abs(cv2.filter2D(gray, -1, kernel)))) / (6 * 0.6745)


def _downscale(gray: Float32Array) -> Float32Array:
    scale = _BACKGROUND_SIZE / max(gray.shape)
    if scale >= 1:
        return gray
    height, width = (max(1, round(side * scale)) for side in gray.shape)
    return np.asarray(cv2.resize(gray, (width, height), interpolation=cv2.INTER_AREA))


def _window_size(small: Float32Array) -> int:
    """Return the side of the median filter in pixels, an odd number."""
    return int(np.clip(_MEDIAN_WINDOW * np.sqrt(small.size), 3, _MAX_MEDIAN_WINDOW)) | 1


def _pad(small: Float32Array) -> tuple[Float32Array, tuple[slice, slice]]:
    """Extrapolate the image beyond its border, and return where the image itself lies.

    With odd reflection a gradient of the illumination continues, and ink near the border becomes
    lighter than any paper, that is, background.
    """
    margins = [min(_window_size(small) // 2, side - 1) for side in small.shape]
    widths = [(margin, margin) for margin in margins]
    padded = np.pad(small, widths, mode="reflect", reflect_type="odd")
    padded = np.clip(padded, small.min(), small.max())
    rows, columns = (
        slice(margin, margin + side) for margin, side in zip(margins, small.shape, strict=True)
    )
    return padded.astype(np.float32), (rows, columns)


def _median_filter(gray: Float32Array, window: int) -> Float32Array:
    levels = np.rint(255 * np.clip(gray, 0, 1)).astype(np.uint8)
    return np.asarray(cv2.medianBlur(levels, window), np.float32) / np.float32(255)


def _background_difference(gray: Float32Array, *, inverted: bool) -> Float32Array:
    """Return the difference of each pixel from the background, positive towards the ink."""
    if inverted:
        gray = 1 - gray
    background = _estimate_background(gray)
    difference = background - gray
    if not inverted:
        # Shadow scales ink and paper by the same factor.
        difference /= np.maximum(background, 0.1)
    return np.asarray(difference, np.float32)


def _estimate_background(gray: Float32Array) -> Float32Array:
    """Return the brightness of the background at each pixel, for dark ink on a light background."""
    small = _downscale(gray)
    padded, inner = _pad(small)
    median = _median_filter(padded, _window_size(small))
    threshold = max(_MIN_CONTRAST, 3 * estimate_noise(small))
    is_background = (median - padded < threshold).astype(np.float32)
    # Exclude the soft edges of strokes.
    is_background = np.asarray(cv2.erode(is_background, np.ones((3, 3), np.uint8)), np.float32)
    sigma = _MEAN_SIGMA * np.sqrt(small.size) + 1
    weight = cv2.GaussianBlur(is_background, (0, 0), sigma)
    mean = cv2.GaussianBlur(padded * is_background, (0, 0), sigma) / np.maximum(weight, 1e-6)
    # Far from any background pixel, fall back to the median.
    reliability = np.clip(weight / _RELIABLE_WEIGHT, 0, 1)
    background = (reliability * mean + (1 - reliability) * median)[inner]
    return np.asarray(cv2.resize(background, gray.shape[::-1], interpolation=cv2.INTER_LINEAR))


def _signal_to_noise(difference: Float32Array) -> float:
    signal = float(np.quantile(_downscale(difference), 0.98))
    return signal / (estimate_noise(difference) + 0.01)


def _threshold(strength: Float32Array) -> tuple[Float32Array, NDArray[np.uint8]]:
    """Return the denoised strength and the ink mask: at least half of each component's peak."""
    noise = estimate_noise(strength)
    strong = strength[strength > max(_MIN_CONTRAST, 3 * noise)]
    full_ink = float(np.quantile(strong, 0.8)) if strong.size else 1.0
    # A Gaussian filter with standard deviation s scales white noise by 1 / (2 s sqrt(pi)).
    sigma = min(2.0, noise / (2 * np.sqrt(np.pi) * _MAX_NOISE * full_ink))
    if sigma > 0.3:
        strength = np.asarray(cv2.GaussianBlur(strength, (0, 0), sigma), np.float32)
        noise /= max(1.0, 2 * np.sqrt(np.pi) * sigma)
    strength = np.clip(strength, 0, 1)
    above = strength > max(_MIN_CONTRAST, _MIN_DEVIATIONS * noise)
    labels, stats = label_components(above.astype(np.uint8))
    peaks = _component_peaks(np.asarray(cv2.blur(strength, (3, 3)), np.float32), labels, len(stats))
    peaks[stats[:, AREA] < _MIN_AREA] = np.inf
    peaks[0] = np.inf
    return strength, (strength > 0.5 * peaks[labels]).astype(np.uint8)


def _component_peaks(strength: Float32Array, labels: NDArray[np.int32], count: int) -> Float32Array:
    """Return the maximum strength of each component, indexed by label."""
    peaks = np.zeros(count, np.float32)
    inside = labels > 0
    np.maximum.at(peaks, labels[inside], strength[inside])
    return peaks
