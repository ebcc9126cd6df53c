"""The page network: the ink of handwritten digits on a page, and their centers and sizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from mnistcnn.types import Float32Array
from mnistcnn.weights.onnx_session import open_session
from mnistcnn.weights.page_network_onnx import (
    DIGITS_NAME,
    INK_NAME,
    PAGE_INPUT_NAME,
    PAGE_STRIDE,
    page_network_to_onnx,
)
from mnistcnn.weights.pretrained import load_page_network_weights

Polarity: TypeAlias = Literal["auto", "dark", "light"]
POLARITIES: tuple[Polarity, ...] = ("auto", "dark", "light")

# Pixels per side of a cell of the maps of digits.
CELL_SIZE = 4
# The unit of the network's sizes, in pixels.
_SIZE_UNIT = 32
# Digits outside this range of sizes, in pixels, are implausible.
_SIZE_RANGE = (2, 2000)


@dataclass(frozen=True, eq=False)
class PageMaps:
    """The output of the page network for an image of ``(h, w)`` pixels.

    The maps of digits have one value for each cell of 4 × 4 pixels, ``(h / 4, w / 4)`` rounded
    up. Offsets, sizes and classes are meaningful where there is digit ink only.

    Parameters
    ----------
    digit_ink, other_ink : Float32Array
        ``(h, w)`` in [0, 1]: coverage of each pixel by ink of handwritten digits, and by other
        ink: print, letters, symbols, lines.
    centers : Float32Array
        ``(h / 4, w / 4)`` in [0, 1]: 1 at the center of a digit's bounding box, and lower around.
    offsets : Float32Array
        ``(2, h / 4, w / 4)``: offset (x, y) to the center of the cell's digit, in pixels.
    sizes : Float32Array
        ``(h / 4, w / 4)``: longer side of the bounding box of the cell's digit, in pixels.
    class_logits : Float32Array
        ``(10, h / 4, w / 4)``: logits of the digits 0 to 9.
    """

    digit_ink: Float32Array
    other_ink: Float32Array
    centers: Float32Array
    offsets: Float32Array
    sizes: Float32Array
    class_logits: Float32Array


class PageNetwork:
    """The page network on ONNX Runtime.

    Several threads may call it at once. A pickle holds its arguments only.

    Parameters
    ----------
    num_threads : int, default 0
        Number of threads per call; 0 means one per core.
    weights : sequence of Float32Array, optional
        The arrays of `PAGE_NETWORK_WEIGHT_SHAPES`, in this order. Default: the shipped ones.

    Raises
    ------
    FileNotFoundError, CorruptFileError
        If a file with the shipped weights is missing or damaged.
    """

    def __init__(self, num_threads: int = 0, weights: Sequence[Float32Array] | None = None) -> None:
        self._arguments = num_threads, weights
        if weights is None:
            weights = load_page_network_weights().weights(calibrated=False)
        self._session = open_session(page_network_to_onnx(weights), num_threads)

    def __call__(self, image: Float32Array) -> PageMaps:
        """Return the maps of an image.

        Parameters
        ----------
        image : Float32Array
            ``(h, w, 3)``: red, green and blue in [0, 1].
        """
        height, width = image.shape[:2]
        padding = [(0, 0), (0, -height % PAGE_STRIDE), (0, -width % PAGE_STRIDE)]
        padded = np.pad(image.transpose(2, 0, 1), padding, mode="edge")
        inputs = {PAGE_INPUT_NAME: padded[np.newaxis]}
        ink, digits = self._session.run([INK_NAME, DIGITS_NAME], inputs)
        rows, columns = -(-height // CELL_SIZE), -(-width // CELL_SIZE)
        return to_page_maps(ink[0, :, :height, :width], digits[0, :, :rows, :columns])

    def __reduce__(self) -> tuple[type[PageNetwork], tuple[int, Sequence[Float32Array] | None]]:
        """Pickle the constructor's arguments, since a session can't be pickled."""
        return PageNetwork, self._arguments


def to_page_maps(ink: Float32Array, digits: Float32Array) -> PageMaps:
    """Return the maps of the network's raw outputs.

    Parameters
    ----------
    ink : Float32Array
        ``(2, h, w)`` in [0, 1].
    digits : Float32Array
        ``(14, h / 4, w / 4)``, as `page_network_to_onnx` describes it.
    """
    sizes = np.clip(_SIZE_UNIT * np.exp(np.clip(digits[3], -5, 5)), *_SIZE_RANGE)
    return PageMaps(
        digit_ink=ink[0],
        other_ink=ink[1],
        centers=1 / (1 + np.exp(-np.clip(digits[0], -30, 30))),
        offsets=digits[1:3] * sizes,
        sizes=sizes,
        class_logits=digits[4:],
    )
