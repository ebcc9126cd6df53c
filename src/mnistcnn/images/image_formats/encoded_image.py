"""The first frame of an image file, and limits of several formats."""

from __future__ import annotations

from dataclasses import dataclass

# Steps of a loop over the blocks of a file. libpng writes 13,000 chunks for 100 MB.
MAX_BLOCKS = 100_000
MAX_EXIF_BYTES = 1 << 20


@dataclass(frozen=True, eq=False)
class EncodedImage:
    """The first frame of an image file.

    Parameters
    ----------
    format : str
        Name of the format in Pillow.
    content : bytes
        Minimal file with this frame.
    width, height : int
        Size in pixels, as stored.
    pixel_bytes : int
        Memory that a pixel of the decoded image takes.
    orientation : int
        EXIF orientation, 1 to 8.
    decoder_bytes : int
        Memory that the decoder takes in addition to the content and the decoded image.
    """

    format: str
    content: bytes
    width: int
    height: int
    pixel_bytes: int
    orientation: int = 1
    decoder_bytes: int = 0
