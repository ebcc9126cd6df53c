"""Image input: files, Pillow images and arrays of any pixel type, as brightness."""

from __future__ import annotations

import io
import math
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageFile, UnidentifiedImageError
from PIL.JpegImagePlugin import JpegImageFile

from mnistcnn.errors import CorruptFileError
from mnistcnn.images.brightness import array_pixels, pillow_pixels, reduce, to_brightness
from mnistcnn.images.content import FileLike, is_file_like, read_content, source_name
from mnistcnn.images.image_formats.encoded_image import EncodedImage
from mnistcnn.images.image_formats.parse import FORMAT_RULE, FORMATS, find_pages, parse_image
from mnistcnn.images.libtiff import silence_libtiff
from mnistcnn.types import Float32Array
from mnistcnn.utils.text import escape

MAX_PIXELS = 50_000_000
MAX_SIDE = 30_000
# Number of pixels above which an image is downscaled, twice that of any view of the page network.
WORKING_PIXELS = 4_000_000
# Size of a file together with its decoded image and the memory of the decoder.
_MAX_DECODING_BYTES = 320_000_000
_SIZE_RULE = f"must hold at most {MAX_PIXELS // 1_000_000} megapixels"

# EXIF orientations of images that are stored transposed; and the steps, along the rows and columns
# of an image that was transposed back, from which it results upright.
_TRANSPOSED = (5, 6, 7, 8)
_STEPS = {2: (1, -1), 3: (-1, -1), 4: (-1, 1), 6: (1, -1), 7: (-1, -1), 8: (-1, 1)}


@dataclass(frozen=True, eq=False)
class LoadedImage:
    """An image as brightness.

    Parameters
    ----------
    brightness : Float32Array
        ``(h, w, 1)`` for gray or ``(h, w, 3)`` for red, green and blue, in [0, 1].
    width, height : int
        Original size in pixels, which is larger if the image was downscaled.
    page : int, default 1
        Number of the page in its file.
    """

    brightness: Float32Array
    width: int
    height: int
    page: int = 1


ImageLike: TypeAlias = (
    str | os.PathLike[str] | bytes | IO[bytes] | Image.Image | NDArray[Any] | LoadedImage
)


def read_image(picture: ImageLike) -> LoadedImage:
    """Return the brightness of an image.

    The EXIF orientation is applied, transparency is composited on white, or on black if all
    visible pixels are light, and of an animation the first frame is used.

    Parameters
    ----------
    picture : str, path-like, bytes, file object, PIL.Image.Image or numpy.ndarray
        A path or a data URL in base64; the content of a file; a file that is open in binary mode,
        such as ``io.BytesIO``; an open image; or pixels. An array has shape ``(h, w)``,
        ``(h, w, 1)``, ``(h, w, 3)`` or ``(h, w, 4)`` and contains booleans, integers in 0...255,
        ``uint16`` in 0...65535 or floats in [0, 1]. A `LoadedImage` is returned as it is.

    Raises
    ------
    TypeError, ValueError
        If the picture has another type, several pages, no pixels, more than 50 million, a side of
        more than 30,000, or would take more than 320 MB of memory to decode.
    FileNotFoundError
        If the file does not exist.
    CorruptFileError
        If the content is not an image or damaged, or the path is not that of a regular file.
    """
    if isinstance(picture, LoadedImage):
        return picture
    if isinstance(picture, np.ndarray):
        return _read_array(picture)
    if isinstance(picture, Image.Image):
        return _read_pillow(picture)
    if is_file_like(picture):
        return _read_file(source_name(picture), picture)
    raise TypeError(
        "picture must be a path, bytes, a binary file, a PIL image or a NumPy array; "
        f"received {type(picture).__name__}"
    )


def _read_file(name: str, source: FileLike) -> LoadedImage:
    contents = [read_content(source)]
    pages = find_pages(name, contents[0])
    if pages:
        raise ValueError(f"{name} must have one page; it has {len(pages)}")
    return decode_content(name, contents)


def decode_content(name: str, contents: list[bytes], offset: int | None = None) -> LoadedImage:
    """Return the image of a file.

    Parameters
    ----------
    name : str
        How messages name the file.
    contents : list of bytes
        Its content, which is removed from the list.
    offset : int, optional
        Where the page begins in a file of several, as `find_pages` returns it.

    Raises
    ------
    ValueError, CorruptFileError
        As `read_image`.
    """
    # No variable holds what the next step doesn't need: the content of the file, the minimal file
    # or the decoded image. So each is released before that step.
    pixels, size, orientation = _reduce_file(name, contents, offset)
    return _upright(to_brightness(pixels), size, orientation)


def convert_decoded(name: str, image: Image.Image, size: tuple[int, int]) -> LoadedImage:
    """Return an upright image that another process has decoded.

    Parameters
    ----------
    name : str
        How messages name the file.
    image : PIL.Image.Image
        The image, of at most `WORKING_PIXELS`.
    size : tuple of int
        Its original width and height.
    """
    pixels = reduce(pillow_pixels(name, image), image.size)
    return _upright(to_brightness(pixels), size, 1)


def _reduce_file(
    name: str, contents: list[bytes], offset: int | None
) -> tuple[NDArray[Any], tuple[int, int], int]:
    image, size, orientation = _decode_file(name, parse_image(name, contents.pop(), offset))
    with _wrap_decode_errors(name):
        pixels = reduce(pillow_pixels(name, image), _working_size(*size))
    return pixels, size, orientation


def _decode_file(name: str, encoded: EncodedImage) -> tuple[Image.Image, tuple[int, int], int]:
    """Return the decoded image, which may be smaller, its original size and its orientation."""
    size = encoded.width, encoded.height
    check_size(name, *size)
    working_size = _working_size(*size)
    _check_memory(name, encoded, working_size)
    with _wrap_decode_errors(name):
        image = Image.open(io.BytesIO(encoded.content), formats=[encoded.format])
        if image.size != size:
            raise CorruptFileError(
                f"{name} must be an undamaged image; it declares two sizes, {size} and {image.size}"
            )
        if isinstance(image, JpegImageFile):
            image.draft(None, working_size)  # decodes at a fraction of the size, in less time
        _decode(image)
    return image, size, encoded.orientation


def _read_pillow(image: Image.Image) -> LoadedImage:
    """Convert a Pillow image; if it is not decoded yet, Pillow decodes it."""
    name = "picture"
    if isinstance(image, ImageFile.StubImageFile) or (
        getattr(image, "tile", None) and image.format not in (*FORMATS, "MPO")
    ):
        # For some formats, Pillow would run another program.
        raise ValueError(
            f"{name} must be decoded, or {FORMAT_RULE.removeprefix('must be ')}; "
            f"received an undecoded image in the format {escape(image.format)}"
        )
    check_size(name, *image.size)
    with _wrap_decode_errors(name):
        _decode(image)
        pixels = reduce(pillow_pixels(name, image), _working_size(*image.size))
    return _upright(to_brightness(pixels), image.size, _read_orientation(image))


def _read_array(array: NDArray[Any]) -> LoadedImage:
    shape = array.shape
    if not (array.ndim == 2 or (array.ndim == 3 and shape[2] in (1, 3, 4))):
        raise ValueError(
            f"picture must have shape (h, w), (h, w, 1), (h, w, 3) or (h, w, 4); received {shape}"
        )
    size = shape[1], shape[0]
    check_size("picture", *size)
    pixels = reduce(array_pixels(array), _working_size(*size))
    return _upright(to_brightness(pixels), size, 1)


def _upright(brightness: Float32Array, size: tuple[int, int], orientation: int) -> LoadedImage:
    """Return an upright image; `size` is its original width and height, as stored."""
    width, height = size
    if orientation in _TRANSPOSED:
        brightness, width, height = brightness.transpose(1, 0, 2), height, width
    vertical, horizontal = _STEPS.get(orientation, (1, 1))
    brightness = np.ascontiguousarray(brightness[::vertical, ::horizontal])
    return LoadedImage(brightness, width, height)


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
    except UnidentifiedImageError:
        raise CorruptFileError(f"{name} {FORMAT_RULE}") from None
    except Exception as error:  # Pillow raises almost any exception for a damaged file
        reason = f"{type(error).__name__}: {escape(error)}" if str(error) else type(error).__name__
        raise CorruptFileError(f"{name} must be an undamaged image; {reason}") from error


def check_size(name: str, width: int, height: int) -> None:
    """Raise ``ValueError`` if an image has no pixels or too many."""
    received = f"received {width:,} × {height:,} pixels"
    if height <= 0 or width <= 0:
        raise ValueError(f"{name} must hold at least one pixel; received {width} × {height}")
    if height * width > MAX_PIXELS:
        raise ValueError(f"{name} {_SIZE_RULE}; {received}")
    if max(height, width) > MAX_SIDE:
        raise ValueError(f"{name} must have sides of at most {MAX_SIDE:,} pixels; {received}")


def _check_memory(name: str, encoded: EncodedImage, working_size: tuple[int, int]) -> None:
    num_pixels = encoded.width * encoded.height
    if encoded.format == "JPEG":
        reduction = min(encoded.width // working_size[0], encoded.height // working_size[1])
        num_pixels //= (1 << min(reduction.bit_length() - 1, 3)) ** 2  # 1, 1/2, 1/4 or 1/8 a side
    num_bytes = len(encoded.content) + num_pixels * encoded.pixel_bytes + encoded.decoder_bytes
    if num_bytes > _MAX_DECODING_BYTES:
        raise ValueError(
            f"{name} must take at most {_MAX_DECODING_BYTES // 1_000_000} MB of memory to decode; "
            f"it takes {num_bytes // 1_000_000:,} MB"
        )


def _working_size(width: int, height: int) -> tuple[int, int]:
    """Return the width and height to which an image is downscaled."""
    scale = min(1.0, math.sqrt(WORKING_PIXELS / (height * width)))
    return max(1, round(width * scale)), max(1, round(height * scale))


def _decode(image: Image.Image) -> None:
    """Decode the pixels, without libtiff's messages on damage, which an error reports anyway."""
    if image.format == "TIFF" and image.info.get("compression") != "raw":
        with silence_libtiff():
            image.load()
    else:
        image.load()


def _read_orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # noqa: BLE001  # the pixels are valid even if the EXIF data is damaged
        return 1
