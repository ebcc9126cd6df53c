"""Image input: any format that Pillow reads, and arrays of any pixel type, as brightness."""

from __future__ import annotations

import io
import math
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from mnistcnn.errors import CorruptFileError
from mnistcnn.ocr.libtiff import silence_libtiff
from mnistcnn.types import Float32Array
from mnistcnn.utils.safe_read import read_limited
from mnistcnn.utils.text import escape
from mnistcnn.utils.validation import check_array, check_uint8_range, check_unit_interval

ImageLike: TypeAlias = str | os.PathLike[str] | bytes | Image.Image | NDArray[Any]
# Pixels, and the value of full brightness.
_ScaledPixels: TypeAlias = tuple[NDArray[Any], float]

MAX_PIXELS = 50_000_000
# Number of pixels above which an image is downscaled; legible digits stay large enough.
WORKING_PIXELS = 12_000_000
_MAX_BYTES = 256 << 20
_SIZE_RULE = f"must hold at most {MAX_PIXELS // 1_000_000} megapixels"
# Common formats, without those for which Pillow would run another program.
_FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "MPO", "PNG", "PPM", "TIFF", "WEBP")
# Pillow's modes: those with transparency, and full brightness of those that are read directly.
_ALPHA_MODES = ("LA", "La", "PA", "RGBA", "RGBa")
_FULL_BRIGHTNESS = {"1": 1.0, "L": 255.0, "RGB": 255.0}
_MAX_UINT16 = 65535.0


@dataclass(frozen=True, eq=False)
class LoadedImage:
    """An image as brightness.

    Parameters
    ----------
    brightness : Float32Array
        ``(h, w, 1)`` for gray or ``(h, w, 3)`` for red, green and blue, in [0, 1].
    width, height : int
        Original size in pixels, which is larger if the image was downscaled.
    """

    brightness: Float32Array
    width: int
    height: int


def read_image(picture: ImageLike) -> LoadedImage:
    """Return the brightness of an image.

    The EXIF orientation is applied, transparency is composited on white, and of an animation the
    first frame is used.

    Parameters
    ----------
    picture : str, path-like, bytes, PIL.Image.Image or numpy.ndarray
        A file, its content, an open image or pixels. An array has shape ``(h, w)``,
        ``(h, w, 1)``, ``(h, w, 3)`` or ``(h, w, 4)`` and contains booleans, integers in 0...255,
        ``uint16`` in 0...65535 or floats in [0, 1].

    Raises
    ------
    TypeError, ValueError
        If the picture has another type, no pixels, or more than 50 million.
    FileNotFoundError
        If the file does not exist.
    CorruptFileError
        If the content is not an image or damaged, or the path is not that of a regular file.
    """
    if isinstance(picture, np.ndarray):
        return _to_loaded_image(*_from_array(picture))
    if isinstance(picture, Image.Image):
        return _to_loaded_image(*_from_pillow("picture", picture))
    if isinstance(picture, bytes | bytearray | memoryview):
        name, content = "picture", bytes(picture)
    elif isinstance(picture, str | os.PathLike):
        name, content = escape(picture), read_limited(Path(picture), limit=_MAX_BYTES)
    else:
        raise TypeError(
            "picture must be a path, bytes, a PIL image or a NumPy array; "
            f"received {type(picture).__name__}"
        )
    if not content:
        raise CorruptFileError(f"{name} must be an image; received 0 bytes")
    with _wrap_decode_errors(name):
        image = Image.open(io.BytesIO(content), formats=_supported_formats())
    return _to_loaded_image(*_from_pillow(name, image))


@contextmanager
def _wrap_decode_errors(name: str) -> Iterator[None]:
    """Convert the errors of Pillow into those of this package."""
    try:
        with warnings.catch_warnings():
            # Pillow warns about unusual files and about many pixels, which are checked here.
            warnings.simplefilter("ignore")
            yield
    except CorruptFileError:
        raise
    except Image.DecompressionBombError:
        raise ValueError(f"{name} {_SIZE_RULE}; received far more") from None
    except UnidentifiedImageError:
        raise CorruptFileError(
            f"{name} must be an image in one of these formats: {', '.join(_supported_formats())}"
        ) from None
    except Exception as error:  # Pillow raises almost any exception for a damaged file
        reason = f"{type(error).__name__}: {escape(error)}" if str(error) else type(error).__name__
        raise CorruptFileError(f"{name} must be an undamaged image; {reason}") from error


def _supported_formats() -> list[str]:
    """Return the formats that this build of Pillow supports."""
    Image.init()
    return [name for name in _FORMATS if name in Image.OPEN]


def _check_size(name: str, height: int, width: int) -> None:
    if not height or not width:
        raise ValueError(f"{name} must hold at least one pixel; received {width} × {height}")
    if height * width > MAX_PIXELS:
        raise ValueError(f"{name} {_SIZE_RULE}; received {width:,} × {height:,} pixels")


def _from_pillow(name: str, image: Image.Image) -> _ScaledPixels:
    _check_size(name, image.height, image.width)  # before any pixel is decoded
    with _wrap_decode_errors(name):
        _decode(image)
        image = _apply_orientation(image)
        if image.mode.startswith("I;16"):
            pixels = np.asarray(image)
            transparent = image.info.get("transparency")  # a gray level, in a PNG
            if isinstance(transparent, int):
                pixels = np.where(pixels == transparent, np.uint16(_MAX_UINT16), pixels)
            return pixels, _MAX_UINT16
        if image.mode in ("I", "F"):
            return _guess_scale(name, np.asarray(image))
        if image.mode == "La":
            image = image.convert("LA")  # the only conversion that Pillow has for this mode
        if image.mode in _ALPHA_MODES or "transparency" in image.info:
            rgba = image.convert("RGBA")
            paper = Image.new("RGBA", rgba.size, "white")
            image = Image.alpha_composite(paper, rgba).convert("RGB")
        if image.mode not in _FULL_BRIGHTNESS:
            # CMYK, palettes, YCbCr and Lab.
            image = image.convert("RGB")
        return np.asarray(image), _FULL_BRIGHTNESS[image.mode]


def _decode(image: Image.Image) -> None:
    """Decode the pixels, without libtiff's messages on damage, which an error reports anyway."""
    if image.format == "TIFF" and image.info.get("compression") != "raw":
        with silence_libtiff():
            image.load()
    else:
        image.load()


def _apply_orientation(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # noqa: BLE001  # the pixels are valid even if the EXIF data is damaged
        return image


def _guess_scale(name: str, pixels: NDArray[Any]) -> _ScaledPixels:
    """Return pixels and full brightness for formats that do not define it."""
    low, high = float(pixels.min()), float(pixels.max())
    if not math.isfinite(low) or not math.isfinite(high):
        raise CorruptFileError(f"{name} must hold finite numbers; received NaN or infinity")
    for full_brightness in (1.0, 255.0, _MAX_UINT16):
        if low >= 0 and high <= full_brightness:
            return pixels, full_brightness
    # In float64, since the range may overflow float32.
    return (pixels.astype(np.float64) - low) / ((high - low) or 1.0), 1.0


def _from_array(pixels: NDArray[Any]) -> _ScaledPixels:
    shape = pixels.shape
    if not (pixels.ndim == 2 or (pixels.ndim == 3 and shape[2] in (1, 3, 4))):
        raise ValueError(
            f"picture must have shape (h, w), (h, w, 1), (h, w, 3) or (h, w, 4); received {shape}"
        )
    _check_size("picture", shape[0], shape[1])
    array = pixels if pixels.dtype == np.bool_ else check_array("picture", pixels)
    if array.dtype.kind == "b":
        full_brightness = 1.0
    elif array.dtype.kind == "f":
        check_unit_interval("a picture of floats", array)
        full_brightness = 1.0
    elif array.dtype.kind == "u" and array.dtype.itemsize == 2:  # of either byte order
        full_brightness = _MAX_UINT16
    else:
        check_uint8_range("a picture of integers other than uint16", array)
        full_brightness = 255.0
    if shape[2:] == (4,):
        rgba = np.divide(array, np.float32(full_brightness), dtype=np.float32)
        alpha = rgba[..., 3:]
        return rgba[..., :3] * alpha + (1 - alpha), 1.0
    return array, full_brightness


def _to_loaded_image(pixels: NDArray[Any], full_brightness: float) -> LoadedImage:
    """Scale the pixels to [0, 1], and downscale an image of very many pixels."""
    height, width = pixels.shape[:2]
    brightness = np.divide(pixels, np.float32(full_brightness), dtype=np.float32)
    if height * width > WORKING_PIXELS:
        scale = math.sqrt(WORKING_PIXELS / (height * width))
        size = max(1, round(width * scale)), max(1, round(height * scale))
        import cv2  # only needed for large images

        brightness = np.asarray(cv2.resize(brightness, size, interpolation=cv2.INTER_AREA))
    shape = (*brightness.shape[:2], -1)
    return LoadedImage(np.clip(brightness, 0, 1).reshape(shape), width, height)
