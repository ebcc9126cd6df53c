"""A person's picture with what was read from it."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from mnistcnn.ocr.image_io import ImageLike, read_image
from mnistcnn.ocr.results import Reading
from mnistcnn.plotting.common import figure_of
from mnistcnn.plotting.evaluation import BLUE, VERMILION
from mnistcnn.public import public

_SURE, _DOUBTFUL = BLUE, VERMILION  # digits in doubt have broken lines as well
_MIN_FONT_SIZE = 0.9
_WIDTH, _TALLEST = 9.0, 12.0


@public
def plot_reading(picture: ImageLike, reading: Reading, *, ax: Axes | None = None) -> Figure:
    """Draw a picture with a box around each digit that was read from it.

    Over each box stand the digit and its confidence in percent. Digits below 90 %
    have a broken line in another colour.

    Parameters
    ----------
    picture : str, path-like, bytes, PIL.Image.Image or numpy.ndarray
        The picture, as `Recognizer.read` takes it.
    reading : Reading
        What was read from it.
    ax : matplotlib.axes.Axes, optional
        Where to draw. Default: a new figure.

    Returns
    -------
    matplotlib.figure.Figure
        The figure drawn on.

    Raises
    ------
    TypeError, ValueError
        If `reading` is not a `Reading`, or one of a picture of another size; and as
        `Recognizer.read` raises them.

    Examples
    --------
    >>> import numpy as np
    >>> from mnistcnn import Recognizer, plot_reading
    >>> page = np.full((100, 200), 255, np.uint8)
    >>> figure = plot_reading(page, Recognizer().read(page))
    >>> figure.axes[0].get_title()
    'No digits'
    """
    if not isinstance(reading, Reading):
        raise TypeError(f"reading must be a Reading; received {reading!r}")
    opened = read_image(picture)
    if (opened.width, opened.height) != (reading.width, reading.height):
        raise ValueError(
            f"picture must be the one that was read, {reading.width} × {reading.height}; "
            f"received {opened.width} × {opened.height}"
        )
    if ax is None:
        tall = np.clip(_WIDTH * opened.height / opened.width + 0.4, 1.5, _TALLEST)
        ax = Figure(figsize=(_WIDTH, tall), layout="constrained").subplots()
    shown = np.broadcast_to(opened.brightness, (*opened.brightness.shape[:2], 3))
    ax.imshow(shown, extent=(0, opened.width, opened.height, 0))
    for digit in reading.digits:
        left, top, right, bottom = digit.box
        sure = digit.confidence >= _MIN_FONT_SIZE
        colour = _SURE if sure else _DOUBTFUL
        box = Rectangle(
            (left, top), right - left, bottom - top,
            fill=False, edgecolor=colour, linestyle="-" if sure else "--", linewidth=1.4,
        )  # fmt: skip
        ax.add_patch(box)
        ax.annotate(
            f"{digit.label}  {100 * digit.confidence:.0f} %",
            (left, top),
            xytext=(0, 2),
            textcoords="offset points",
            fontsize=7,
            color="white",
            bbox={"facecolor": colour, "edgecolor": "none", "pad": 1.2},
        )
    count = len(reading.digits)
    ax.set_title(f"{count} digit{'s' if count > 1 else ''}" if count else "No digits", fontsize=10)
    ax.set_axis_off()
    return figure_of(ax)
