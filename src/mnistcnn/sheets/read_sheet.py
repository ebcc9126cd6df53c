"""The public function `read_sheet`: photos of filled-in forms as a labeled data set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mnistcnn.data.digit_image import to_gray
from mnistcnn.images.image_io import ImageLike, LoadedImage, read_image
from mnistcnn.public import public
from mnistcnn.sheets.boxes import read_box
from mnistcnn.sheets.class_names import check_printable_names
from mnistcnn.sheets.layout import BOX_SIZE, box_labels, classes_code, layout_of
from mnistcnn.sheets.marks import NUM_CODES, find_marks
from mnistcnn.sheets.rectification import flatten_page, pixels_per_mm
from mnistcnn.sheets.results import SheetBox, SheetReading, merge_readings
from mnistcnn.utils.text import escape

_MIN_BOX_PIXELS = 24


@public
def read_sheet(
    pictures: ImageLike | Sequence[ImageLike], *, class_names: Sequence[str] | None = None
) -> SheetReading:
    """Read photos or scans of filled-in forms: a labeled data set of digit crops.

    A picture must show one page of a form of `write_sheet` with its four corner marks, at any
    angle. Perspective, shadows and slightly bent paper are compensated. The ink in each box
    becomes an image as in MNIST, whose label is the character that is printed above the box.

    Nothing is classified, so characters that were written into the wrong box get its label.
    Look at the result, for example with ``mnistcnn data digits.npz --contact-sheet digits.png``.

    Parameters
    ----------
    pictures : str, path-like, bytes, file object, PIL.Image.Image, numpy.ndarray, or a list
        The pictures, as `Recognizer.read` takes them, one for each page. Between 1 and 12
        megapixels are useful; larger pictures are downscaled.
    class_names : list of str, optional
        The names that the form was printed with. Default: the ten digits.

    Returns
    -------
    SheetReading
        Images and labels, and the boxes that could not be read, each with a reason.

    Raises
    ------
    TypeError, ValueError
        If a picture has an invalid type, shape or size, or does not show a form: a corner mark
        is missing (the message names it), the form was printed for other classes, the boxes are
        too small, or their frames are not found. The message names the picture.
    FileNotFoundError, CorruptFileError
        If a file is missing, damaged or not an image.

    Examples
    --------
    >>> from mnistcnn import load_data, read_sheet, write_sheet
    >>> write_sheet("form.png")

    Let's write a digit into the first box; usually, a photo shows handwriting:

    >>> import numpy as np
    >>> from PIL import Image
    >>> _, (images, _) = load_data("digits")
    >>> ink = Image.fromarray(255 - images[1]).resize((110, 110))
    >>> page = np.array(Image.open("form.png").convert("L"))
    >>> page[430:540, 207:317] = ink
    >>> reading = read_sheet(page)
    >>> reading.images.shape, reading.boxes[0].row, reading.boxes[0].column
    ((1, 28, 28), 1, 1)
    """
    names = check_printable_names(class_names)
    readings = [
        read_page(picture, index=index, name=name, class_names=names)
        for index, (picture, name) in enumerate(_named(pictures))
    ]
    return merge_readings(readings, names)


def read_page(
    picture: ImageLike, *, index: int, name: str, class_names: tuple[str, ...]
) -> SheetReading:
    """Read one picture, whose errors begin with `name`."""
    image = read_image(picture)
    try:
        return _read_page(image, index, class_names)
    except ValueError as error:
        raise ValueError(f"{name} {error}") from None


def _named(pictures: Any) -> list[tuple[Any, str]]:
    """Return the pictures with the names by which errors call them."""
    if isinstance(pictures, Sequence) and not isinstance(
        pictures, str | bytes | bytearray | memoryview
    ):
        if not pictures:
            raise ValueError("pictures must hold at least one picture; received none")
        return [(each, picture_name(each, f"picture {i}")) for i, each in enumerate(pictures)]
    return [(pictures, picture_name(pictures, "picture"))]


def picture_name(picture: Any, default: str) -> str:
    """Return the path of a picture, or else a name for it."""
    if isinstance(picture, bytes | bytearray | memoryview) or not hasattr(picture, "__fspath__"):
        return escape(picture) if isinstance(picture, str) else default
    return escape(picture)


def _read_page(image: LoadedImage, index: int, class_names: tuple[str, ...]) -> SheetReading:
    marks = find_marks(to_gray(image.brightness))
    if marks.classes_code != classes_code(class_names, NUM_CODES):
        raise ValueError(
            "must show a form with the classes of class_names; it was printed for others"
        )
    layout = layout_of(marks.paper)
    box_pixels = pixels_per_mm(marks.corners, layout) * BOX_SIZE
    if box_pixels < _MIN_BOX_PIXELS:
        raise ValueError(
            f"must show each box with at least {_MIN_BOX_PIXELS} pixels a side; they have "
            f"{box_pixels:.0f}: photograph the page from nearby, at full resolution"
        )
    page = flatten_page(image.brightness, marks.corners, layout)
    labels = box_labels(marks.page, layout.num_boxes, len(class_names))
    images, boxes, unreadable = [], [], []
    for number, (frame, label) in enumerate(zip(page.frames, labels.tolist(), strict=True)):
        crop, reason = read_box(page.ink, frame)
        row, column = divmod(number, layout.columns)
        box = SheetBox(
            picture=index,
            page=marks.page,
            row=row + 1,
            column=column + 1,
            label=label,
            reason=reason,
        )
        if crop is None:
            unreadable.append(box)
        else:
            images.append(crop)
            boxes.append(box)
    return SheetReading(
        images=np.array(images, np.uint8).reshape(-1, 28, 28),
        labels=np.array([box.label for box in boxes], np.uint8),
        boxes=tuple(boxes),
        unreadable=tuple(unreadable),
        class_names=class_names,
    )
