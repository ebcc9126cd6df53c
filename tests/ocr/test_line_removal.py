"""Lines and frames are removed, and the strokes on them stay."""

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw

from mnistcnn.ocr.line_removal import keep_vertical_runs, remove_lines
from tests.helpers.drawing import draw_strokes, ink_map_of

SHAPE = 200, 400
# Two sevens and a one, 60 pixels tall.
DIGITS = [
    [(60, 60), (95, 60), (70, 120)],
    [(180, 60), (215, 60), (190, 120)],
    [(300, 60), (300, 120)],
]


def remove_from_digits(lines, *, width=3):
    """Return the masks of the digits, of the lines alone, and of what remains of both."""
    digits, lines_only = (
        draw_strokes(SHAPE, *DIGITS, width=6),
        draw_strokes(SHAPE, *lines, width=width),
    )
    remaining = remove_lines(ink_map_of(np.maximum(digits, lines_only))).labels > 0
    return digits > 0.5, (lines_only > 0.5) & (digits <= 0), remaining


def assert_lines_removed(digits, lines, remaining):
    assert np.count_nonzero(remaining & lines) < 0.1 * np.count_nonzero(lines)
    assert np.count_nonzero(remaining & digits) > 0.93 * np.count_nonzero(digits)


def line_across(y, fall=0):
    return [(0, y), (399, y + fall)]


RULINGS = {
    "below": [line_across(124)],
    "through": [line_across(90)],
    "above": [line_across(50)],
    "many": [line_across(y) for y in (10, 50, 90, 130, 170)],
    "falling": [line_across(85, 30)],
    "rising": [line_across(105, -40)],
    "underline": [[(40, 126), (330, 126)]],
    "margin": [[(130, 0), (130, 199)]],
    "border": [[(20, 15), (380, 15), (380, 185), (20, 185), (20, 15)]],
}


@pytest.mark.parametrize("name", RULINGS)
def test_lines_are_removed_and_strokes_stay(name):
    assert_lines_removed(*remove_from_digits(RULINGS[name]))


@pytest.mark.parametrize("touching", [False, True], ids=["around", "touching"])
def test_frames_are_removed_and_their_content_stays(touching):
    boxes = [(45, 45, 110, 135), (165, 45, 230, 135), (270, 45, 330, 122 if touching else 135)]
    frames = [
        [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
        for left, top, right, bottom in boxes
    ]
    assert_lines_removed(*remove_from_digits(frames))


def test_ink_without_lines_is_returned_unchanged():
    ink_map = ink_map_of(draw_strokes(SHAPE, *DIGITS))
    assert remove_lines(ink_map) is ink_map


@pytest.mark.parametrize("digit", ["0", "1", "4", "7", "8"])
def test_digits_are_neither_lines_nor_frames(digit, legible_digits):
    """A large digit alone on its page loses nothing."""
    images, labels = legible_digits
    for image in images[labels == int(digit)][:6]:
        large = Image.fromarray(image).resize((112, 112), Image.Resampling.BICUBIC)
        ink_map = ink_map_of(np.asarray(large) / 255)
        assert np.array_equal(remove_lines(ink_map).labels > 0, ink_map.labels > 0)


def draw_on(page, draw):
    image = Image.new("L", page.picture.shape[::-1], 255)
    draw(ImageDraw.Draw(image), *image.size, page)
    return np.minimum(np.asarray(image), page.picture)


def underline(pen, width, height, page):
    left, right = page.boxes[0][0], page.boxes[-1][2]
    bottom = max(box[3] for box in page.boxes) + 2
    pen.line([(left, bottom), (right, bottom - 3)], fill=60, width=2)


def border(pen, width, height, page):
    pen.rectangle((6, 6, width - 7, height - 7), outline=40, width=3)


def squared_paper(pen, width, height, page):
    """Digits are two squares tall, and darker than the lines."""
    for x in range(5, width, 24):
        pen.line([(x, 0), (x, height)], fill=160, width=1)
    for y in range(5, height, 24):
        pen.line([(0, y), (width, y)], fill=160, width=1)


def table(pen, width, height, page):
    pen.rectangle((8, 8, width - 9, height - 9), outline=80, width=2)
    for y in (height / 2 - 35, height / 2 + 35):
        pen.line([(8, y), (width - 9, y)], fill=80, width=2)


def boxes(pen, width, height, page):
    for left, top, right, bottom in page.boxes:
        pen.rectangle((left - 4, top - 5, right + 4, bottom + 5), outline=80, width=1)


@pytest.mark.parametrize("draw", [underline, border, squared_paper, boxes, table])
def test_ruled_pages_are_read(draw, recognizer, page):
    assert recognizer.read(draw_on(page, draw)).text == page.text


@pytest.mark.parametrize("length", [3, 4, 7, 16, 31, 50, 300])
@pytest.mark.parametrize("transposed", [False, True])
def test_vertical_runs_are_those_of_opencv(length, transposed):
    generator = np.random.default_rng(length)
    for density in (0.5, 0.9, 0.98, 1):
        mask = (generator.random((60 if length < 60 else 700, 45)) < density).astype(np.uint8)
        kernel = np.ones((length, 1), np.uint8)
        expected = cv2.morphologyEx(mask, cv2.MORPH_OPEN, kernel)
        layout = np.asfortranarray(mask) if transposed else mask
        np.testing.assert_array_equal(keep_vertical_runs(layout, length), expected)
