"""Result of reading forms: labeled digit crops, and the boxes that could not be read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from mnistcnn.public import public
from mnistcnn.sheets.boxes import Reason
from mnistcnn.sheets.layout import VERSION
from mnistcnn.types import DIGIT_NAMES, PathLike, UInt8Array
from mnistcnn.utils.atomic_write import atomic_write
from mnistcnn.utils.validation import check_path

NPZ_SUFFIXES = (".npz",)


@public
@dataclass(frozen=True, kw_only=True)
class SheetBox:
    """One box of a form, in a `SheetReading`.

    Attributes
    ----------
    picture : int
        Index of the picture in the argument of `read_sheet`.
    page : int
        Page number of the form, from 1.
    row, column : int
        Place on the page, from 1, as on the form.
    label : int
        Index of the class that is printed above the box; for digits, the digit.
    reason : str, optional
        Why the box could not be read, or None if it was: ``"empty"``, ``"too faint"``,
        ``"too small"`` (less than 2 mm), ``"crosses the border"`` (or touches it),
        ``"blotted"`` (a stroke is wider than 4.5 mm) or ``"blurred"``.

    Examples
    --------
    >>> from mnistcnn import SheetBox
    >>> box = SheetBox(picture=0, page=1, row=3, column=12, label=7, reason="empty")
    >>> f"{box.label} in row {box.row}, column {box.column}: {box.reason}"
    '7 in row 3, column 12: empty'
    """

    picture: int
    page: int
    row: int
    column: int
    label: int
    reason: Reason | None = None


@public
@dataclass(frozen=True, eq=False, kw_only=True)
class SheetReading:
    """The labeled digits of forms, as `read_sheet` returns them.

    Attributes
    ----------
    images : numpy.ndarray
        ``uint8`` of shape ``(n, 28, 28)`` in the format of MNIST: 0 is the background, 255 full
        ink.
    labels : numpy.ndarray
        ``uint8`` of shape ``(n,)``.
    boxes : tuple of SheetBox
        The box of each image.
    unreadable : tuple of SheetBox
        The boxes that could not be read, each with its reason.
    class_names : tuple of str, default the ten digits
        Name of each label: ``class_names[label]``.

    Examples
    --------
    >>> from mnistcnn import read_sheet, write_sheet
    >>> write_sheet("form.png")
    >>> reading = read_sheet("form.png")  # not filled in yet
    >>> reading.images.shape, len(reading.unreadable), reading.reasons
    ((0, 28, 28), 168, {'empty': 168})
    """

    images: UInt8Array = field(repr=False)
    labels: UInt8Array = field(repr=False)
    boxes: tuple[SheetBox, ...] = field(repr=False)
    unreadable: tuple[SheetBox, ...] = field(repr=False)
    class_names: tuple[str, ...] = DIGIT_NAMES

    @property
    def reasons(self) -> dict[str, int]:
        """Number of unreadable boxes by reason, the most frequent first."""
        return dict(Counter(str(box.reason) for box in self.unreadable).most_common())

    def save(self, path: PathLike) -> None:
        """Write the images and labels as an ``.npz`` file, which `load_data` reads.

        The arrays are ``x`` and ``y``, and ``picture``, ``page``, ``row`` and ``column`` of each
        image. Names of classes are not stored.

        Parameters
        ----------
        path : str or path-like
            The file. An existing one is replaced.

        Raises
        ------
        TypeError, ValueError
            If `path` is not a path that ends in ``.npz``, or there is no image.
        OSError
            If the file can't be written.
        """
        target = check_path("path", path, suffixes=NPZ_SUFFIXES)
        if not len(self.images):
            raise ValueError("a data set must hold at least one image; no box could be read")
        places = {
            name: np.array([getattr(box, name) for box in self.boxes], np.int32)
            for name in ("picture", "page", "row", "column")
        }
        with atomic_write(target) as temporary:
            arrays: dict[str, Any] = {
                "form_version": np.array(VERSION), "x": self.images, "y": self.labels, **places
            }  # fmt: skip
            np.savez_compressed(temporary, **arrays)

    def to_dict(self) -> dict[str, Any]:
        """Return the boxes as a dictionary that JSON can represent, without the images."""
        return {
            "class_names": list(self.class_names),
            "boxes": [asdict(box) for box in self.boxes],
            "unreadable": [asdict(box) for box in self.unreadable],
        }


def merge_readings(readings: Sequence[SheetReading], class_names: tuple[str, ...]) -> SheetReading:
    """Return the reading of several pictures."""
    images = [np.zeros((0, 28, 28), np.uint8), *(reading.images for reading in readings)]
    labels = [np.zeros(0, np.uint8), *(reading.labels for reading in readings)]
    return SheetReading(
        images=np.concatenate(images),
        labels=np.concatenate(labels),
        boxes=tuple(box for reading in readings for box in reading.boxes),
        unreadable=tuple(box for reading in readings for box in reading.unreadable),
        class_names=class_names,
    )
