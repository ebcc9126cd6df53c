"""A person's picture as numbers: any format that Pillow reads, any kind of pixel."""

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
from mnistcnn.types import Float32Array
from mnistcnn.utils.compat import LIBTIFF_MESSAGES
from mnistcnn.utils.safe_read import read_limited
from mnistcnn.utils.stderr import filter_stderr
from mnistcnn.utils.validation import check_array, check_uint8_range, check_unit_interval

ImageLike: TypeAlias = str | os.PathLike[str] | bytes | Image.Image | NDArray[Any]

MAX_PIXELS = 50_000_000
# Beyond this a picture is made smaller first: digits that a person can read stay large.
WORKING_PIXELS = 12_000_000
_MAX_BYTES = 256 << 20
_SIZE_RULE = f"must hold at most {MAX_PIXELS // 1_000_000} megapixels"
# What people have pictures in, without formats for which Pillow would start a program.
_FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "MPO", "PNG", "PPM", "TIFF", "WEBP")
_ALPHA = ("LA", "La", "PA", "RGBA", "RGBa")
_FULL_SCALE = {"1": 1.0, "L": 255.0, "RGB": 255.0}
_SIXTEEN_BITS = 65535.0


@dataclass(frozen=True, eq=False)
class LoadedImage:
    """A picture as brightness.

    Parameters
    ----------
    brightness : Float32Array
        ``(h, w, 1)`` grey or ``(h, w, 3)`` red, green and blue, in [0, 1].
    width, height : int
        The size in pixels that it came in, which may be larger.
    """

    brightness: Float32Array
    width: int
    height: int


def read_image(picture: ImageLike) -> LoadedImage:
    """Return what a path, the bytes of a file, an open image or an array shows.

    A rotation in its EXIF data is carried out, transparency lies on white, of an animation
    the first frame is taken.

    Parameters
    ----------
    picture : str, path-like, bytes, PIL.Image.Image or numpy.ndarray
        Pixels in an array have shape ``(h, w)``, ``(h, w, 1)``, ``(h, w, 3)`` or
        ``(h, w, 4)``; they are booleans, integers in 0...255, ``uint16`` in 0...65535 or
        floats in [0, 1].

    Raises
    ------
    TypeError, ValueError
        If it is of another kind, holds no pixel, or more than 50 million.
    FileNotFoundError
        If there is no such file.
    CorruptFileError
        If the bytes are no picture, or a damaged one.
    """
    if isinstance(picture, np.ndarray):
        return _to_working_size(*_from_array(picture))
    if isinstance(picture, Image.Image):
        return _to_working_size(*_from_image("picture", picture))
    if isinstance(picture, bytes | bytearray | memoryview):
        name, content = "picture", bytes(picture)
    elif isinstance(picture, str | os.PathLike):
        name, content = str(picture), read_limited(Path(picture), limit=_MAX_BYTES)
    else:
        raise TypeError(
            "picture must be a path, bytes, a PIL image or a NumPy array; "
            f"received {type(picture).__name__}"
        )
    if not content:
        raise CorruptFileError(f"{name} must be a picture; it holds 0 bytes")
    with _wrap_decode_errors(name):
        image = Image.open(io.BytesIO(content), formats=_known_formats())
    return _to_working_size(*_from_image(name, image))


@contextmanager
def _wrap_decode_errors(name: str) -> Iterator[None]:
    """Turn whatever Pillow raises into one of this package's errors."""
    try:
        with warnings.catch_warnings():
            # Pillow warns of what is odd in a file, and of many pixels, which are counted here.
            warnings.simplefilter("ignore")
            yield
    except CorruptFileError:
        raise
    except Image.DecompressionBombError:
        raise ValueError(f"{name} {_SIZE_RULE}; it holds far more") from None
    except UnidentifiedImageError:
        raise CorruptFileError(
            f"{name} must be a picture of a known format: {', '.join(_known_formats())}"
        ) from None
    except Exception as error:  # damage makes Pillow's readers raise almost anything
        said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise CorruptFileError(f"{name} must be a whole picture; {said}") from error


def _known_formats() -> list[str]:
    """Return those of the formats that this Pillow was built with."""
    Image.init()
    return [name for name in _FORMATS if name in Image.OPEN]


def _check_size(name: str, height: int, width: int) -> None:
    if not height or not width:
        raise ValueError(f"{name} must hold at least one pixel; received {width} × {height}")
    if height * width > MAX_PIXELS:
        raise ValueError(f"{name} {_SIZE_RULE}; received {width:,} × {height:,} pixels")


Pixels = tuple[NDArray[Any], float]


def _from_image(name: str, image: Image.Image) -> Pixels:
    """Return pixels and the number that full brightness is."""
    _check_size(name, image.height, image.width)  # before a pixel is unpacked
    with _wrap_decode_errors(name):
        _load(image)
        image = _upright(image)
        if image.mode.startswith("I;16"):
            pixels = np.asarray(image)
            clear = image.info.get("transparency")  # one grey level, in a PNG
            if isinstance(clear, int):
                pixels = np.where(pixels == clear, np.uint16(_SIXTEEN_BITS), pixels)
            return pixels, _SIXTEEN_BITS
        if image.mode in ("I", "F"):
            return _unknown_range_error(name, np.asarray(image))
        if image.mode == "La":
            image = image.convert("LA")  # the only way from there to colours
        if image.mode in _ALPHA or "transparency" in image.info:
            colours = image.convert("RGBA")
            paper = Image.new("RGBA", colours.size, "white")
            image = Image.alpha_composite(paper, colours).convert("RGB")
        if image.mode not in _FULL_SCALE:
            # CMYK, palettes, YCbCr, Lab: Pillow knows their colours.
            image = image.convert("RGB")
        return np.asarray(image), _FULL_SCALE[image.mode]


def _load(image: Image.Image) -> None:
    """Unpack the pixels; what libtiff would print of damage is told in an error anyway."""
    if image.format == "TIFF" and image.info.get("compression") != "raw":
        with filter_stderr(LIBTIFF_MESSAGES):
            image.load()
    else:
        image.load()


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # noqa: BLE001  # damaged EXIF data says nothing of the pixels
        return image


def _unknown_range_error(name: str, pixels: NDArray[Any]) -> Pixels:
    """Scale numbers whose format leaves open how bright the brightest is."""
    low, high = float(pixels.min()), float(pixels.max())
    if not math.isfinite(low) or not math.isfinite(high):
        raise CorruptFileError(f"{name} must hold finite numbers; received NaN or infinity")
    for full in (1.0, 255.0, _SIXTEEN_BITS):
        if low >= 0 and high <= full:
            return pixels, full
    # In float64, since the range may be wider than float32 is.
    return (pixels.astype(np.float64) - low) / ((high - low) or 1.0), 1.0


def _from_array(pixels: NDArray[Any]) -> Pixels:
    shape = pixels.shape
    if not (pixels.ndim == 2 or (pixels.ndim == 3 and shape[2] in (1, 3, 4))):
        raise ValueError(
            f"picture must have shape (h, w), (h, w, 1), (h, w, 3) or (h, w, 4); received {shape}"
        )
    _check_size("picture", shape[0], shape[1])
    array = pixels if pixels.dtype == np.bool_ else check_array("picture", pixels)
    if array.dtype.kind == "b":
        full = 1.0
    elif array.dtype.kind == "f":
        check_unit_interval("a picture of floats", array)
        full = 1.0
    elif array.dtype.kind == "u" and array.dtype.itemsize == 2:  # of either byte order
        full = _SIXTEEN_BITS
    else:
        check_uint8_range("a picture of integers that are not uint16", array)
        full = 255.0
    if shape[2:] == (4,):
        colours = np.divide(array, np.float32(full), dtype=np.float32)
        alpha = colours[..., 3:]
        return colours[..., :3] * alpha + (1 - alpha), 1.0
    return array, full


def _to_working_size(pixels: NDArray[Any], full: float) -> LoadedImage:
    height, width = pixels.shape[:2]
    brightness = np.divide(pixels, np.float32(full), dtype=np.float32)
    if height * width > WORKING_PIXELS:
        scale = math.sqrt(WORKING_PIXELS / (height * width))
        size = max(1, round(width * scale)), max(1, round(height * scale))
        import cv2  # which pictures of an ordinary size don't need

        brightness = np.asarray(cv2.resize(brightness, size, interpolation=cv2.INTER_AREA))
    shape = (*brightness.shape[:2], -1)
    return LoadedImage(np.clip(brightness, 0, 1).reshape(shape), width, height)
