"""Plots of recognized pages."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from mnistcnn.images.content import is_file_like
from mnistcnn.images.documents import load_page
from mnistcnn.images.image_io import ImageLike
from mnistcnn.ocr.results import Digit, Reading, Sign
from mnistcnn.plotting.common import BLUE, VERMILION, check_ax, figure_of
from mnistcnn.plotting.figure import new_figure
from mnistcnn.public import public

_HIGH_CONFIDENCE = 0.9
_WIDTH, _MIN_HEIGHT, _MAX_HEIGHT = 9.0, 1.5, 12.0  # of a new figure, in inches


@public
def plot_reading(picture: ImageLike, reading: Reading, *, ax: Axes | None = None) -> Figure:
    """Plot an image with a box around each recognized digit and sign.

    The text above each box is the digit or sign and its confidence. Boxes with a confidence below
    90 % have a dashed line in another color.

    Parameters
    ----------
    picture : str, path-like, bytes, file object, PIL.Image.Image or numpy.ndarray
        The image, as `Recognizer.read` accepts it. Of a file of several pages, the page of the
        reading is plotted.
    reading : Reading
        The result of `Recognizer.read` for this image.
    ax : matplotlib.axes.Axes, optional
        Axes for the plot. Default: a new figure.

    Returns
    -------
    matplotlib.figure.Figure
        The figure that contains the plot.

    Raises
    ------
    TypeError, ValueError
        If `reading` is not a `Reading`, or the size of the image differs from it; and as
        raised by `Recognizer.read`.

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
    image = load_page(picture, reading.page if is_file_like(picture) else None)
    width, height = image.width, image.height
    if (width, height) != (reading.width, reading.height):
        raise ValueError(
            f"picture must be {reading.width} × {reading.height} pixels, as in the reading; "
            f"received {width} × {height}"
        )
    if ax is None:
        inches = np.clip(_WIDTH * height / width + 0.4, _MIN_HEIGHT, _MAX_HEIGHT)
        ax = new_figure((_WIDTH, float(inches))).subplots()
    axes = check_ax(ax)
    pixels = np.broadcast_to(image.brightness, (*image.brightness.shape[:2], 3))
    axes.imshow(pixels, extent=(0, width, height, 0))
    for digit in reading.digits:
        _draw_box(axes, digit)
    for sign in reading.signs:
        if not sign.omitted:
            _draw_box(axes, sign)
    count = len(reading.digits)
    title = f"{count} digit{'s' if count > 1 else ''}" if count else "No digits"
    axes.set_title(title, fontsize=10)
    axes.set_axis_off()
    return figure_of(axes)


def _draw_box(axes: Axes, digit: Digit | Sign) -> None:
    left, top, right, bottom = digit.box
    confident = digit.confidence >= _HIGH_CONFIDENCE
    color, linestyle = (BLUE, "-") if confident else (VERMILION, "--")
    axes.add_patch(
        Rectangle(
            (left, top),
            right - left,
            bottom - top,
            fill=False,
            edgecolor=color,
            linestyle=linestyle,
            linewidth=1.4,
        )
    )
    axes.annotate(
        f"{digit.label}  {100 * digit.confidence:.0f} %",
        (left, top),
        xytext=(0, 2),
        textcoords="offset points",
        fontsize=7,
        color="white",
        bbox={"facecolor": color, "edgecolor": "none", "pad": 1.2},
    )
