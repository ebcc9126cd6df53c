"""The layout of a form: where its marks and boxes are, and the label of each box.

All lengths are millimeters from the upper left corner of the paper. What is printed must stay
readable by later versions, so a change of this module needs a new version of the form, with marks
of its own.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mnistcnn.types import DIGIT_NAMES

Paper: TypeAlias = Literal["a4", "letter"]

VERSION = 1
PAPERS: tuple[Paper, ...] = ("a4", "letter")  # in the order of the marks' codes
PAPER_SIZES = MappingProxyType({"a4": (210.0, 297.0), "letter": (215.9, 279.4)})
MAX_PAGES = 100
PIXELS_PER_MM = 8  # of a flat page, once it is found in a picture
# In the order of the marks' identifiers.
CORNERS = ("top left", "top right", "bottom right", "bottom left")

MARK_SIZE = 14.0
MARK_MARGIN = 10.0  # printers leave 4 to 6 mm blank
BOX_SIZE = 12.0
FRAME_WIDTH = 0.3
_COLUMN_PITCH, _ROW_PITCH = 15.0, 16.6  # the label is printed above its box
_LABEL_HEIGHT = 3.6
_MARK_GAP = 3.0


@dataclass(frozen=True)
class Layout:
    """The positions of everything on a form.

    Parameters
    ----------
    paper : {"a4", "letter"}
        Size of the paper.
    width, height : float
        Its sides.
    columns, rows : int
        Number of boxes across and down.
    left, top : float
        Corner of the first box: the middle of its frame.
    """

    paper: Paper
    width: float
    height: float
    columns: int
    rows: int
    left: float
    top: float

    @property
    def num_boxes(self) -> int:
        """The number of boxes on a page."""
        return self.rows * self.columns

    def box_origins(self) -> NDArray[np.float64]:
        """Return the left and top of each box, ``(num_boxes, 2)``, row by row."""
        rows, columns = np.divmod(np.arange(self.num_boxes), self.columns)
        return np.stack([self.left + columns * _COLUMN_PITCH, self.top + rows * _ROW_PITCH], axis=1)

    def mark_origins(self) -> NDArray[np.float64]:
        """Return the left and top of each mark, ``(4, 2)``, in the order of `CORNERS`."""
        right, bottom = (side - MARK_MARGIN - MARK_SIZE for side in (self.width, self.height))
        return np.array(
            [
                [MARK_MARGIN, MARK_MARGIN],
                [right, MARK_MARGIN],
                [right, bottom],
                [MARK_MARGIN, bottom],
            ]
        )

    def mark_corners(self) -> NDArray[np.float64]:
        """Return the corners of each mark, ``(4, 4, 2)``, clockwise from its upper left one."""
        square = np.array([[0, 0], [1, 0], [1, 1], [0, 1]])
        return self.mark_origins()[:, None] + MARK_SIZE * square


def layout_of(paper: Paper) -> Layout:
    """Return the layout of a form: as many boxes as fit between the marks."""
    width, height = PAPER_SIZES[paper]
    margin = MARK_MARGIN + MARK_SIZE + _MARK_GAP
    gap = _COLUMN_PITCH - BOX_SIZE
    columns = int((width - 2 * (MARK_MARGIN + gap) + gap) // _COLUMN_PITCH)
    rows = int((height - 2 * margin) // _ROW_PITCH)
    used = rows * _ROW_PITCH
    return Layout(
        paper,
        width,
        height,
        columns,
        rows,
        left=(width - columns * _COLUMN_PITCH + gap) / 2,
        top=margin + (height - 2 * margin - used) / 2 + _LABEL_HEIGHT,
    )


def box_labels(page: int, num_boxes: int, num_classes: int) -> NDArray[np.uint8]:
    """Return the label of each box of a page.

    Each class comes once in every `num_classes` boxes, in an order that differs from page to page:
    who writes the same character twelve times in a row writes it unlike any other time. The order
    is drawn with SHA-256, since a generator of NumPy may change with its version.
    """
    labels: list[int] = []
    for block in range(math.ceil(num_boxes / num_classes)):
        keys = [
            hashlib.sha256(f"{VERSION},{page},{block},{label}".encode()).digest()
            for label in range(num_classes)
        ]
        labels += sorted(range(num_classes), key=keys.__getitem__)
    return np.array(labels[:num_boxes], np.uint8)


def classes_code(class_names: Sequence[str], num_codes: int) -> int:
    """Return the number by which a form tells that it was printed for these classes.

    It is 0 for the ten digits, and in ``1...num_codes - 1`` for others, equal by chance only.
    """
    if tuple(class_names) == DIGIT_NAMES:
        return 0
    digest = hashlib.sha256("\0".join(class_names).encode()).digest()
    return 1 + int.from_bytes(digest[:8]) % (num_codes - 1)
