"""The public function `write_sheet`: a form to print."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mnistcnn.public import public
from mnistcnn.sheets.class_names import check_printable_names
from mnistcnn.sheets.layout import (
    BOX_SIZE,
    FRAME_WIDTH,
    MARK_MARGIN,
    MARK_SIZE,
    MAX_PAGES,
    PAPERS,
    VERSION,
    Layout,
    Paper,
    box_labels,
    classes_code,
    layout_of,
)
from mnistcnn.sheets.marks import NUM_CODES, mark_modules
from mnistcnn.types import PathLike
from mnistcnn.utils.atomic_write import atomic_write
from mnistcnn.utils.environment import import_matplotlib
from mnistcnn.utils.requirements import require
from mnistcnn.utils.text import quote
from mnistcnn.utils.validation import check_in, check_int, check_path

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SUFFIXES = (".pdf", ".png")
_DPI = 300
_MM_PER_INCH = 25.4
_POINTS_PER_MM = 72 / _MM_PER_INCH
_FRAME_GRAY = "0.6"  # lighter than ink, but visible in a photo
_LABEL_POINTS, _LABEL_CHARS = 9.0, 3  # longer labels are printed smaller
_FONT = "DejaVu Sans"  # comes with Matplotlib
_TITLE = "Handwriting sample"
_INSTRUCTIONS = (
    "Write the character above each box into the box, with a dark pen.\n"
    "Do not touch the frames. To skip a box, leave it empty.\n"
    "Then photograph the whole page with its four corner marks."
)


@public
def write_sheet(
    path: PathLike,
    *,
    paper: Paper = "a4",
    first_page: int = 1,
    num_pages: int = 1,
    class_names: Sequence[str] | None = None,
) -> None:
    """Write a form to print, on which people write digits for a data set of their own.

    A page of A4 has 168 boxes, one of letter 156. Above each is the character to write, every
    class equally often (or once less), in an order that differs from page to page. The marks
    in the corners tell `read_sheet` the page number, the paper and the classes, so it reads
    photos of the pages without any further information.

    Parameters
    ----------
    path : str or path-like
        The file: ``.pdf`` (vector graphics) or ``.png`` (one page, 300 dots per inch). An
        existing one is replaced.
    paper : {"a4", "letter"}, default "a4"
        Size of the paper. Forms that are printed smaller to fit a page can be read, too.
    first_page : int, default 1
        Number of the first page, in 1...100. Everyone may fill in the same pages; other
        pages have other orders of the characters.
    num_pages : int, default 1
        Number of pages, at least 1; only 1 for a ``.png`` file.
    class_names : list of str, optional
        The characters to write, each of at most 8 letters, such as ``list("ABC")``. Default:
        the ten digits. `read_sheet` needs the same names in the same order.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type or value, or the font lacks a character of a name.
    OSError
        If the file can't be written.

    Returns
    -------
    None

    Examples
    --------
    >>> from mnistcnn import write_sheet
    >>> write_sheet("form.pdf", num_pages=2)
    >>> write_sheet("letters.png", paper="letter", class_names=list("ABCDEF"))
    """
    target = check_path("path", path, suffixes=SUFFIXES)
    layout = layout_of(check_in("paper", paper, PAPERS))
    first = check_int("first_page", first_page, minimum=1)
    count = check_int("num_pages", num_pages, minimum=1)
    if first + count - 1 > MAX_PAGES:
        raise ValueError(f"the last page must be at most {MAX_PAGES}; received {first + count - 1}")
    if count > 1 and target.suffix != ".pdf":
        raise ValueError(f"num_pages must be 1 for a {target.suffix} file; received {count}")
    names = check_printable_names(class_names)
    require("write_sheet", "matplotlib")
    import_matplotlib()
    _check_characters(names)
    figures = (_draw_page(layout, page, names) for page in range(first, first + count))
    with atomic_write(target) as temporary:
        _save(temporary, figures)


def _save(path: Path, figures: Iterable[Figure]) -> None:
    import matplotlib as mpl
    from matplotlib.backends.backend_pdf import PdfPages

    # Fonts as outlines, and no date: the same call writes the same file.
    if path.suffix == ".pdf":
        metadata = {"Creator": "mnistcnn", "CreationDate": None}
        # PdfPages would leave a file open that does not fit on the disk.
        buffer = io.BytesIO()
        with mpl.rc_context({"pdf.fonttype": 42}), PdfPages(buffer, metadata=metadata) as pdf:
            for figure in figures:
                pdf.savefig(figure)
        path.write_bytes(buffer.getvalue())
        return
    for figure in figures:
        figure.savefig(path, dpi=_DPI, metadata={"Software": "mnistcnn"})


def _check_characters(names: Sequence[str]) -> None:
    from matplotlib import font_manager

    font = font_manager.get_font(font_manager.findfont(_FONT))
    for name in names:
        if not all(font.get_char_index(ord(character)) for character in name):
            raise ValueError(
                f"class_names must consist of characters of the font {_FONT}; "
                f"received {quote(name)}"
            )


def _draw_page(layout: Layout, page: int, class_names: Sequence[str]) -> Figure:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(layout.width / _MM_PER_INCH, layout.height / _MM_PER_INCH))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, layout.width), ylim=(layout.height, 0))
    axes.axis("off")
    _draw_marks(
        axes, layout, mark_modules(layout.paper, page, classes_code(class_names, NUM_CODES))
    )
    _draw_boxes(axes, layout, [class_names[i] for i in _labels(layout, page, class_names)])
    _draw_text(axes, layout, page)
    return figure


def _labels(layout: Layout, page: int, class_names: Sequence[str]) -> list[int]:
    labels: list[int] = box_labels(page, layout.num_boxes, len(class_names)).tolist()
    return labels


def _draw_marks(axes: Axes, layout: Layout, modules: Any) -> None:
    for (left, top), mark in zip(layout.mark_origins(), modules, strict=True):
        side = MARK_SIZE / len(mark)
        # White modules on a black square leave no gaps between the black ones.
        axes.add_patch(_rectangle(left, top, MARK_SIZE, MARK_SIZE, facecolor="black"))
        for row, column in np.argwhere(~mark):
            x, y = left + column * side, top + row * side
            axes.add_patch(_rectangle(x, y, side, side, facecolor="white"))


def _draw_boxes(axes: Axes, layout: Layout, labels: Sequence[str]) -> None:
    for (left, top), label in zip(layout.box_origins(), labels, strict=True):
        axes.add_patch(
            _rectangle(
                left,
                top,
                BOX_SIZE,
                BOX_SIZE,
                fill=False,
                edgecolor=_FRAME_GRAY,
                linewidth=FRAME_WIDTH * _POINTS_PER_MM,
            )
        )
        points = _LABEL_POINTS * min(1, _LABEL_CHARS / len(label))
        _text(axes, left + BOX_SIZE / 2, top - 0.7, label, points, ha="center", va="baseline")


def _draw_text(axes: Axes, layout: Layout, page: int) -> None:
    left = MARK_MARGIN + MARK_SIZE + 6
    top, bottom = MARK_MARGIN, layout.height - MARK_MARGIN
    _text(axes, left, top - 0.5, _TITLE, 13, va="top", weight="bold")
    _text(axes, left, top + 5.2, _INSTRUCTIONS, 8, va="top", linespacing=1.25)
    paper = "A4" if layout.paper == "a4" else "letter"
    footer = f"mnistcnn form {VERSION}, page {page}, {paper}"
    _text(axes, left, bottom, footer, 8, va="bottom")
    command = "mnistcnn sheet --read photo.jpg"
    right = layout.width - left
    _text(axes, right, bottom, command, 8, va="bottom", ha="right", family="monospace")


def _text(axes: Axes, x: float, y: float, text: str, points: float, **style: Any) -> None:
    # A name may hold a dollar sign, which would begin a formula.
    axes.text(x, y, text, fontsize=points, parse_math=False, **{"family": _FONT, **style})


def _rectangle(left: float, top: float, width: float, height: float, **style: Any) -> Any:
    from matplotlib.patches import Rectangle

    style = {"linewidth": 0, **style}
    return Rectangle((left, top), width, height, **style)
