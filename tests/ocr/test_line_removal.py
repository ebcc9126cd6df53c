"""Lines and frames go, the strokes on them stay."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from mnistcnn.ocr.binarization import AREA, HEIGHT, connected_components
from mnistcnn.ocr.components import median_digit_height
from mnistcnn.ocr.line_removal import remove_lines
from tests.helpers.drawing import draw_strokes

SHAPE = 200, 400
# Two sevens and a one, 60 pixels tall.
DIGITS = [
    [(60, 60), (95, 60), (70, 120)],
    [(180, 60), (215, 60), (190, 120)],
    [(300, 60), (300, 120)],
]


def ink_of(cover):
    return connected_components(np.float32(cover), (cover > 0.5).astype(np.uint8))


def masks(lines, *, width=3):
    """The digits, the lines alone, and what is left of both together."""
    digits, ruling = draw_strokes(SHAPE, *DIGITS, width=6), draw_strokes(SHAPE, *lines, width=width)
    left = remove_lines(ink_of(np.maximum(digits, ruling))).labels > 0
    return digits > 0.5, (ruling > 0.5) & (digits <= 0), left


def sheet_line(y, fall=0):
    return [(0, y), (399, y + fall)]


CROSSING = {
    "under": [sheet_line(124)],
    "through": [sheet_line(90)],
    "above": [sheet_line(50)],
    "many": [sheet_line(y) for y in (10, 50, 90, 130, 170)],
    "falling": [sheet_line(85, 30)],
    "rising": [sheet_line(105, -40)],
    "underline": [[(40, 126), (330, 126)]],
    "margin": [[(130, 0), (130, 199)]],
    "border": [[(20, 15), (380, 15), (380, 185), (20, 185), (20, 15)]],
}


@pytest.mark.parametrize("name", CROSSING)
def test_lines_go_and_strokes_stay(name):
    digits, lines, left = masks(CROSSING[name])
    assert np.count_nonzero(left & lines) < 0.1 * np.count_nonzero(lines)
    assert np.count_nonzero(left & digits) > 0.93 * np.count_nonzero(digits)


@pytest.mark.parametrize("touching", [0, 1], ids=["around", "touched"])
def test_frames_go_and_what_is_in_them_stays(touching):
    boxes = [(45, 45, 110, 135), (165, 45, 230, 135), (270, 45, 330, 135 - 13 * touching)]
    frames = [[(l, t), (r, t), (r, b), (l, b), (l, t)] for l, t, r, b in boxes]  # noqa: E741  # left
    digits, lines, left = masks(frames)
    assert np.count_nonzero(left & lines) < 0.1 * np.count_nonzero(lines)
    assert np.count_nonzero(left & digits) > 0.93 * np.count_nonzero(digits)


def test_ink_without_lines_is_given_as_it_is():
    ink = ink_of(draw_strokes(SHAPE, *DIGITS))
    assert remove_lines(ink) is ink


@pytest.mark.parametrize("digit", ["0", "1", "4", "7", "8"])
def test_digits_are_neither_lines_nor_frames(digit, legible_digits):
    """Alone on its page, whatever its size, nothing is taken from it."""
    images, labels = legible_digits
    for image in images[labels == int(digit)][:6]:
        large = Image.fromarray(image).resize((112, 112), Image.Resampling.BICUBIC)
        ink = ink_of(np.asarray(large) / 255)
        assert np.array_equal(remove_lines(ink).labels > 0, ink.labels > 0)


def test_the_typical_height_is_that_of_digits():
    def stats(*parts):
        return np.array([(0, 0, 0, 0, 0), *((0, 0, *part) for part in parts)], np.int32)

    digits = [(20, 40, 250)] * 5
    assert median_digit_height(stats()) == 0
    assert median_digit_height(stats((3, 50, 150))) == 50
    assert median_digit_height(stats(*digits)) == 40
    assert median_digit_height(stats(*digits, *[(4, 4, 12)] * 40)) == 40  # dirt
    assert median_digit_height(stats(*digits, (900, 5, 4000))) == 40  # a line
    assert median_digit_height(stats(*digits, (600, 300, 3600))) == 40  # a frame
    assert AREA - HEIGHT == 1


def ruled(page, draw):
    image = Image.new("L", page.picture.shape[::-1], 255)
    draw(ImageDraw.Draw(image), *image.size)
    return np.minimum(np.asarray(image), page.picture)


def underline(pen, wide, tall, page):
    left, right = page.boxes[0][0], page.boxes[-1][2]
    low = max(box[3] for box in page.boxes) + 2
    pen.line([(left, low), (right, low - 3)], fill=60, width=2)


def border(pen, wide, tall, page):
    pen.rectangle((6, 6, wide - 7, tall - 7), outline=40, width=3)


def squared(pen, wide, tall, page):
    """As on paper for sums: digits are two squares tall, and darker than the lines."""
    for x in range(5, wide, 24):
        pen.line([(x, 0), (x, tall)], fill=160, width=1)
    for y in range(5, tall, 24):
        pen.line([(0, y), (wide, y)], fill=160, width=1)


def cells(pen, wide, tall, page):
    """One box for all lines, with walls between them."""
    pen.rectangle((8, 8, wide - 9, tall - 9), outline=80, width=2)
    for y in (tall / 2 - 35, tall / 2 + 35):
        pen.line([(8, y), (wide - 9, y)], fill=80, width=2)


def boxes(pen, wide, tall, page):
    for left, top, right, bottom in page.boxes:
        pen.rectangle((left - 4, top - 5, right + 4, bottom + 5), outline=80, width=1)


@pytest.mark.parametrize("draw", [underline, border, squared, boxes, cells])
def test_what_is_printed_on_a_page_is_not_read(draw, recognizer, page):
    picture = ruled(page, lambda pen, wide, tall: draw(pen, wide, tall, page))
    assert recognizer.read(picture).text == page.text
