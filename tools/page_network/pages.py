"""Synthetic pages to train the page network on, and a contact sheet of them to look at.

    python tools/page_network/pages.py --output sheet.png --count 24

writes pairs of a picture and its truth: handwritten digits in red, other ink in blue, a box
around each digit.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Collection, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from mnistcnn import load_data
from tools.page_network.effects import draw_style
from tools.page_network.glyphs import Glyphs
from tools.page_network.layers import Layout
from tools.page_network.layout import draw_layout
from tools.page_network.photo import Page, photograph

# Pages for validation are drawn with the training images after these.
TRAINING_IMAGES = 50_000
# Most pages with digits below this height in pixels are drawn anew: the reader enlarges them.
_TINY, _REDRAWN_TINY = 20, 0.9


def draw_page(
    generator: np.random.Generator,
    glyphs: Glyphs,
    size: tuple[int, int] = (384, 384),
    *,
    without: Collection[str] = (),
) -> Page:
    """Draw a synthetic page.

    Parameters
    ----------
    generator : numpy.random.Generator
        Generators of equal state draw equal pages.
    glyphs : Glyphs
        Draws digits, letters and symbols.
    size : tuple of int, default (384, 384)
        Height and width in pixels.
    without : collection of str, default ()
        Names of layouts, styles and effects that never occur, for an ablation.

    Returns
    -------
    Page
        The picture and its truth.
    """
    style = draw_style(generator, without=without)
    if style == "scene":
        layout = Layout(layers=[], instances=np.zeros(size, np.int16), labels=[])
    else:
        layout = draw_layout(generator, glyphs, size, without=without)
        if _is_tiny(layout) and generator.random() < _REDRAWN_TINY:
            layout = draw_layout(generator, glyphs, size, without=without)
    return photograph(layout, generator, style=style, without=without)


def _is_tiny(layout: Layout) -> bool:
    """Return whether most digits are smaller than the reader enlarges digits to."""
    boxes = [box for box in ndimage.find_objects(layout.instances) if box is not None]
    heights = [rows.stop - rows.start for rows, _ in boxes]
    return bool(heights) and float(np.median(heights)) < _TINY


def show_truth(page: Page) -> NDArray[np.uint8]:
    """Draw the truth of a page: digits red, other ink blue, a box around each digit."""
    digit, other = page.digit_ink, page.other_ink
    truth = 255 - cv2.merge([other, np.maximum(digit, other), digit])
    for x, y, width, height, label in page.digits.tolist():
        first = (int(x - width / 2), int(y - height / 2))
        last = (int(x + width / 2), int(y + height / 2))
        cv2.rectangle(truth, first, last, (0, 150, 0))
        cv2.putText(truth, str(int(label)), first, cv2.FONT_HERSHEY_SIMPLEX, 0.35, (0, 110, 0), 1)
    return truth


def contact_sheet(pages: Sequence[Page], *, columns: int = 4) -> NDArray[np.uint8]:
    """Arrange pages, each beside its truth, on one picture."""
    pairs = [
        cv2.copyMakeBorder(
            np.hstack([page.image, show_truth(page)]), 2, 2, 2, 2, cv2.BORDER_CONSTANT, value=0
        )
        for page in pages
    ]
    pairs += [np.zeros_like(pairs[0])] * (-len(pairs) % columns)
    return np.vstack([np.hstack(pairs[i : i + columns]) for i in range(0, len(pairs), columns)])


def main(arguments: Sequence[str] | None = None) -> None:
    """Write a contact sheet and print the processor time per page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, required=True, help="image file to write")
    parser.add_argument("--count", type=int, default=24, help="number of pages; default: 24")
    parser.add_argument("--size", type=int, default=384, help="side in pixels; default: 384")
    parser.add_argument("--seed", type=int, default=0, help="default: 0")
    parser.add_argument(
        "--data", default="mnist", help="digits to draw with, as for load_data; default: mnist"
    )
    parser.add_argument("--without", nargs="*", default=[], help="effects that never occur")
    options = parser.parse_args(arguments)
    images, labels = load_data(options.data)[0]
    glyphs = Glyphs(images[:TRAINING_IMAGES], labels[:TRAINING_IMAGES])
    size = (options.size, options.size)
    # The first page computes the texture fields, which takes seconds.
    draw_page(np.random.default_rng(options.seed), glyphs, size)
    start = time.process_time()
    pages = [
        draw_page(
            np.random.default_rng([options.seed, number]), glyphs, size, without=options.without
        )
        for number in range(options.count)
    ]
    milliseconds = 1000 * (time.process_time() - start) / len(pages)
    cv2.imwrite(str(options.output), contact_sheet(pages)[..., ::-1])
    print(f"{len(pages)} pages, {milliseconds:.1f} ms of processor time each: {options.output}")


if __name__ == "__main__":
    # The arrays are too small for several threads to gain anything.
    cv2.setNumThreads(1)
    main()
