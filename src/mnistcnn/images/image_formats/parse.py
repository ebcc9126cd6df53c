"""Recognition of the format of an image file."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable

from mnistcnn.errors import CorruptFileError
from mnistcnn.images.image_formats.bmp import parse_bmp
from mnistcnn.images.image_formats.encoded_image import EncodedImage
from mnistcnn.images.image_formats.gif import parse_gif
from mnistcnn.images.image_formats.jpeg import parse_jpeg
from mnistcnn.images.image_formats.png import parse_png
from mnistcnn.images.image_formats.ppm import parse_ppm
from mnistcnn.images.image_formats.tiff import page_offsets, parse_tiff
from mnistcnn.images.image_formats.webp import parse_webp

# By the name in Pillow: the beginning of a file, and the function that parses it.
_FORMATS: dict[str, tuple[re.Pattern[bytes], Callable[[bytes], EncodedImage]]] = {
    "BMP": (re.compile(rb"BM"), parse_bmp),
    "GIF": (re.compile(rb"GIF8[79]a"), parse_gif),
    "JPEG": (re.compile(rb"\xff\xd8\xff"), parse_jpeg),
    "PNG": (re.compile(rb"\x89PNG\r\n\x1a\n"), parse_png),
    "PPM": (re.compile(rb"P[456]\s"), parse_ppm),
    "TIFF": (re.compile(rb"II\*\0|MM\0\*"), parse_tiff),
    "WEBP": (re.compile(rb"RIFF....WEBPVP8[ LX]", re.DOTALL), parse_webp),
}
FORMATS = tuple(_FORMATS)
FORMAT_RULE = f"must be an image in one of these formats: {', '.join(FORMATS)}"


def has_known_signature(content: bytes) -> bool:
    """Return whether content begins like an image in one of `FORMATS`."""
    return any(signature.match(content) for signature, _ in _FORMATS.values())


def find_pages(name: str, content: bytes) -> list[int]:
    """Return where the pages of an image file begin, if it has several; otherwise an empty list.

    Only TIFF files have several. Frames of an animation are no pages.

    Raises
    ------
    CorruptFileError
        If there are more than 10,000. The message begins with `name`.
    """
    if not _FORMATS["TIFF"][0].match(content):
        return []
    try:
        offsets = page_offsets(content)
    except ValueError as error:
        raise CorruptFileError(f"{name} {error}") from None
    except struct.error:
        return []  # damaged, as parsing it reports
    return offsets if len(offsets) > 1 else []


def parse_image(name: str, content: bytes, offset: int | None = None) -> EncodedImage:
    """Return the first frame of an image file, or the page of a TIFF file that begins at `offset`.

    Raises
    ------
    CorruptFileError
        If the content has another format, is damaged, or has so many parts that decoding it would
        take very long. The message begins with `name`.
    """
    for signature, parse in _FORMATS.values():
        if signature.match(content):
            try:
                return parse(content) if offset is None else parse_tiff(content, offset)
            except ValueError as error:
                raise CorruptFileError(f"{name} {error}") from None
            except (struct.error, IndexError):
                raise CorruptFileError(
                    f"{name} must be an undamaged image; its header is incomplete"
                ) from None
    raise CorruptFileError(f"{name} {FORMAT_RULE}")
