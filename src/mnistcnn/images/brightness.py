"""Conversion of pixels of any type to brightness, in strips, which takes little memory."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mnistcnn.errors import CorruptFileError
from mnistcnn.types import Float32Array
from mnistcnn.utils.validation import check_array, check_uint8_range, check_unit_interval

# A strip has about this many pixels, and at most this many rows.
_STRIP_PIXELS = 1 << 18
_MAX_STRIP_ROWS = 256
# Pillow's modes: those with transparency, and full brightness of those that are read directly.
_ALPHA_MODES = ("LA", "La", "PA", "RGBA", "RGBa")
_FULL_BRIGHTNESS = {"1": 1.0, "L": 255.0, "RGB": 255.0}
_MAX_UINT16 = 65535.0
# Strokes are drawn on a transparent canvas if at least so much of it is transparent. They are light
# if at most so much of it is visible and dark.
_MIN_TRANSPARENT, _MAX_DARK = 0.05, 0.001
_WHITE, _BLACK = 1.0, 0.0
# Weights of red, green and blue in the gray level (ITU-R BT.601).
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True, eq=False)
class Pixels:
    """The pixels of an image.

    Parameters
    ----------
    width, height : int
        Size in pixels.
    channels : int
        1 for gray or 3 for red, green and blue.
    rows : callable
        Returns the rows of pixels from one index up to another, of shape ``(n, w)`` or
        ``(n, w, channels)`` and any numeric type.
    full_brightness : float
        Value of white; 0 is black.
    """

    width: int
    height: int
    channels: int
    rows: Callable[[int, int], NDArray[Any]]
    full_brightness: float

    def strips(self) -> list[tuple[int, int]]:
        """Return the first row of each strip, and the row after its last one."""
        step = max(1, min(_STRIP_PIXELS // self.width, _MAX_STRIP_ROWS))
        return [(top, min(top + step, self.height)) for top in range(0, self.height, step)]


def array_pixels(array: NDArray[Any]) -> Pixels:
    """Return the pixels of an array of shape ``(h, w)`` or ``(h, w, c)`` with 1, 3 or 4 channels.

    Raises
    ------
    TypeError, ValueError
        If its values have another type or range than `read_image` accepts.
    """
    numbers = array if array.dtype == np.bool_ else check_array("picture", array)
    if numbers.dtype.kind == "b":
        full_brightness = 1.0
    elif numbers.dtype.kind == "f":
        check_unit_interval("a picture of floats", numbers)
        full_brightness = 1.0
    elif numbers.dtype.kind == "u" and numbers.dtype.itemsize == 2:  # of either byte order
        full_brightness = _MAX_UINT16
    else:
        check_uint8_range("a picture of integers other than uint16", numbers)
        full_brightness = 255.0
    height, width, channels = (*numbers.shape, 1)[:3]
    pixels = Pixels(width, height, channels, lambda *edges: numbers[slice(*edges)], full_brightness)
    if channels < 4:
        return pixels

    def rgba_rows(top: int, bottom: int) -> Float32Array:
        return _scale(numbers[top:bottom], full_brightness)

    background = np.float32(_choose_background(pixels, rgba_rows))

    def composite(top: int, bottom: int) -> Float32Array:
        rgba = rgba_rows(top, bottom)
        alpha = rgba[..., 3:]
        composited: Float32Array = rgba[..., :3] * alpha + background * (1 - alpha)
        return composited

    return replace(pixels, channels=3, rows=composite, full_brightness=1.0)


def pillow_pixels(name: str, image: Image.Image) -> Pixels:
    """Return the pixels of a decoded image, composited on white or black.

    Raises
    ------
    CorruptFileError
        If they are NaN or infinite. The message begins with `name`.
    """
    width, height = image.size

    def crop(top: int, bottom: int) -> Image.Image:
        return image.crop((0, top, width, bottom))

    if image.mode.startswith("I;16"):
        transparent = image.info.get("transparency")  # a gray level, in a PNG

        def read_uint16(top: int, bottom: int) -> NDArray[Any]:
            rows = np.asarray(crop(top, bottom))
            if isinstance(transparent, int):
                rows = np.where(rows == transparent, np.uint16(_MAX_UINT16), rows)
            return rows

        return Pixels(width, height, 1, read_uint16, _MAX_UINT16)
    if image.mode in ("I", "F"):
        raw = Pixels(width, height, 1, lambda *edges: np.asarray(crop(*edges)), 1.0)
        return _with_guessed_scale(name, raw)
    has_alpha = image.mode in _ALPHA_MODES or "transparency" in image.info
    # Others are CMYK, palettes, YCbCr and Lab.
    mode = image.mode if image.mode in _FULL_BRIGHTNESS and not has_alpha else "RGB"
    pixels = Pixels(
        width,
        height,
        channels=3 if mode == "RGB" else 1,
        rows=lambda *edges: np.asarray(_convert(crop(*edges), mode)),
        full_brightness=_FULL_BRIGHTNESS[mode],
    )
    if not has_alpha:
        return pixels

    def rgba_rows(top: int, bottom: int) -> Float32Array:
        return _scale(np.asarray(_to_rgba(crop(top, bottom))), 255)

    color = "white" if _choose_background(pixels, rgba_rows) == _WHITE else "black"

    def composite(top: int, bottom: int) -> NDArray[Any]:
        rgba = _to_rgba(crop(top, bottom))
        background = Image.new("RGBA", rgba.size, color)
        return np.asarray(_convert(Image.alpha_composite(background, rgba), mode))

    return replace(pixels, rows=composite)


def _to_rgba(strip: Image.Image) -> Image.Image:
    if strip.mode == "La":
        strip = strip.convert("LA")  # the only conversion that Pillow has for this mode
    return strip.convert("RGBA")


def _convert(strip: Image.Image, mode: str) -> Image.Image:
    return strip if strip.mode == mode else strip.convert(mode)


def _choose_background(pixels: Pixels, rgba_rows: Callable[[int, int], Float32Array]) -> float:
    """Return the brightness to composite an image on: white, or black if all its ink is light.

    Parameters
    ----------
    pixels : Pixels
        The size of the image.
    rgba_rows : callable
        Returns rows as red, green, blue and alpha in [0, 1].
    """
    num_pixels = pixels.width * pixels.height
    dark = light = 0.0
    for edges in pixels.strips():
        rgba = rgba_rows(*edges)
        alpha = rgba[..., 3]
        strip_dark = float(alpha[rgba[..., :3].mean(axis=-1) < 0.5].sum(dtype=np.float64))
        dark += strip_dark
        light += float(alpha.sum(dtype=np.float64)) - strip_dark
        if dark > _MAX_DARK * num_pixels:
            return _WHITE
    is_transparent = dark + light <= (1 - _MIN_TRANSPARENT) * num_pixels
    return _BLACK if light > dark and is_transparent else _WHITE


def _with_guessed_scale(name: str, pixels: Pixels) -> Pixels:
    """Return pixels with their full brightness, for formats that do not define it."""
    low, high = np.float64(math.inf), np.float64(-math.inf)
    for edges in pixels.strips():
        rows = pixels.rows(*edges)
        low, high = np.minimum(low, rows.min()), np.maximum(high, rows.max())
    if not math.isfinite(low) or not math.isfinite(high):
        raise CorruptFileError(f"{name} must hold finite numbers; received NaN or infinity")
    for full_brightness in (1.0, 255.0, _MAX_UINT16):
        if low >= 0 and high <= full_brightness:
            return replace(pixels, full_brightness=full_brightness)
    span = (high - low) or np.float64(1)  # in float64, since it may overflow float32
    return replace(pixels, rows=lambda *edges: (pixels.rows(*edges) - low) / span)


def reduce(pixels: Pixels, size: tuple[int, int]) -> NDArray[Any]:
    """Return pixels, downscaled to a width and height.

    Each value is the mean over the area that the new pixel covers.

    Returns
    -------
    numpy.ndarray
        ``(h, w, channels)``: ``uint8``, or ``float32`` in [0, 1] if the pixels have another type.
    """
    width, height = size
    # The resolution of uint8 suffices for means.
    dtype = np.uint8 if pixels.rows(0, 1).dtype == np.uint8 else np.float32
    narrow: NDArray[Any] = np.empty((pixels.height, width, pixels.channels), dtype)
    for top, bottom in pixels.strips():
        rows = pixels.rows(top, bottom).reshape(bottom - top, pixels.width, -1)
        if dtype == np.float32:
            rows = _scale(rows, pixels.full_brightness)
        narrow[top:bottom] = _resize(rows, width, bottom - top)
    return _resize(narrow, width, height)


def to_brightness(pixels: NDArray[Any]) -> Float32Array:
    """Return the result of `reduce` as ``float32`` in [0, 1]."""
    brightness = _scale(pixels, 255) if pixels.dtype == np.uint8 else pixels
    return np.clip(brightness, 0, 1, out=brightness)


def _scale(pixels: NDArray[Any], full_brightness: float) -> Float32Array:
    brightness: Float32Array = np.divide(pixels, np.float32(full_brightness), dtype=np.float32)
    return brightness


def _resize(pixels: NDArray[Any], width: int, height: int) -> NDArray[Any]:
    if pixels.shape[:2] == (height, width):
        return pixels
    import cv2  # only needed for large images

    pixels = np.ascontiguousarray(pixels)
    resized = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
    return np.reshape(resized, (height, width, -1))


def to_gray(brightness: Float32Array) -> Float32Array:
    """Return the gray level of each pixel, ``(h, w)``, of ``(h, w, 1)`` or ``(h, w, 3)``."""
    return np.asarray(brightness[..., 0] if brightness.shape[2] == 1 else brightness @ _LUMA)
