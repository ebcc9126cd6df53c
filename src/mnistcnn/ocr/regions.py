"""Regions: parts of a picture that are read by themselves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from mnistcnn.images.image_io import LoadedImage
from mnistcnn.ocr.results import Box, Digit, Reading
from mnistcnn.utils.text import quote

# Left, top, right and bottom: integers in pixels, or fractions of the width and height.
Region: TypeAlias = Sequence[float]

_ORDER_RULE = "region must have left < right and top < bottom"


def check_region(region: Region) -> Region:
    """Return a region as a tuple of Python integers, or of floats in [0, 1].

    Raises
    ------
    TypeError, ValueError
        If it is not one.
    """
    rule = "region must be four numbers: left, top, right and bottom"
    if not isinstance(region, tuple | list | np.ndarray) or len(region) != 4:
        raise TypeError(f"{rule}; received {quote(region)}")
    try:
        edges = np.asarray(region)
    except ValueError:  # lists of different lengths
        edges = np.zeros(0)
    if edges.shape != (4,) or edges.dtype.kind not in "iuf":
        raise TypeError(f"{rule}; received {quote(region)}")
    left, top, right, bottom = values = tuple(edges.tolist())
    if edges.dtype.kind == "f" and not all(0 <= value <= 1 for value in values):
        raise ValueError(f"a region of floats must lie in [0, 1]; received {quote(values)}")
    if not (left < right and top < bottom):
        raise ValueError(f"{_ORDER_RULE}; received {quote(values)}")
    return values


def crop_region(image: LoadedImage, region: Region) -> tuple[LoadedImage, tuple[int, int]]:
    """Return a region of an image, and its left and top edge in pixels of the original size.

    Parameters
    ----------
    image : LoadedImage
        The image, which may be smaller than the original.
    region : tuple
        As `check_region` returns it.

    Raises
    ------
    ValueError
        If the region exceeds the image.
    """
    left, top, right, bottom = region
    if isinstance(left, float):
        left, right = left * image.width, right * image.width
        top, bottom = top * image.height, bottom * image.height
    elif left < 0 or top < 0 or right > image.width or bottom > image.height:
        raise ValueError(
            f"region must lie within the picture, {image.width} × {image.height} pixels; "
            f"received {quote(tuple(region))}"
        )
    height, width = image.brightness.shape[:2]
    horizontal, vertical = image.width / width, image.height / height
    rows = slice(math.floor(top / vertical), math.ceil(bottom / vertical))
    columns = slice(math.floor(left / horizontal), math.ceil(right / horizontal))
    brightness = np.ascontiguousarray(image.brightness[rows, columns])
    part = LoadedImage(
        brightness,
        width=round(horizontal * brightness.shape[1]),
        height=round(vertical * brightness.shape[0]),
    )
    return part, (round(horizontal * columns.start), round(vertical * rows.start))


def move_reading(reading: Reading, offset: tuple[int, int], image: LoadedImage) -> Reading:
    """Return the reading of a region with boxes and size of the whole image."""
    x, y = offset

    def move_box(box: Box) -> Box:
        left, top, right, bottom = box
        return (
            left + x,
            top + y,
            min(right + x, image.width),
            min(bottom + y, image.height),
        )

    def move(digits: Sequence[Digit]) -> tuple[Digit, ...]:
        return tuple(replace(digit, box=move_box(digit.box)) for digit in digits)

    return replace(
        reading,
        lines=tuple(map(move, reading.lines)),
        omitted=move(reading.omitted),
        signs=tuple(replace(sign, box=move_box(sign.box)) for sign in reading.signs),
        width=image.width,
        height=image.height,
    )
