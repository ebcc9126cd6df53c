"""Decimal points, commas and minus signs are found beside the digits of a reading."""

import re

import cv2
import numpy as np
import pytest

from mnistcnn import Reading, Sign
from mnistcnn.images.image_io import LoadedImage, read_image
from mnistcnn.ocr.results import check_signs
from mnistcnn.ocr.signs import add_signs
from tests.helpers.readings import fake_pipeline, make_digit

HEIGHT, WIDTH = 160, 400
# Two digits, 40 pixels high, with a gap for a sign; and one before them.
TOP, BOTTOM = 60, 100
LEFTS = (120, 170)
POINT, COMMA, MINUS = (148, 94, 154, 100), (148, 96, 154, 112), (85, 78, 107, 82)
SPECK = (149, 72, 155, 78)


def page_of(*boxes, lefts=LEFTS):
    """Return a white page with the frames of digits, as their ink, and black boxes."""
    page = np.full((HEIGHT, WIDTH), 255, np.uint8)
    for left in lefts:
        cv2.rectangle(page, (left, TOP), (left + 23, BOTTOM - 1), 0, 4)
    for left, top, right, bottom in boxes:
        page[top:bottom, left:right] = 0
    return page


def reading_of(lefts=LEFTS, extra=()):
    digits = tuple(
        make_digit(i, box=(x - 2, TOP - 2, x + 26, BOTTOM + 2)) for i, x in enumerate(lefts)
    )
    lines = (digits, *((make_digit(1, 0.6, box=box),) for box in extra))
    return Reading(lines=lines, width=WIDTH, height=HEIGHT)


def read(page, reading=None, signs=".,-", **options):
    return add_signs(reading or reading_of(), read_image(page), signs, **options)


@pytest.mark.parametrize(
    ("boxes", "text"),
    [
        ([], "01"),
        ([POINT], "0.1"),
        ([COMMA], "0,1"),
        ([MINUS], "-01"),
        ([MINUS, POINT], "-0.1"),
        ([(149, 78, 164, 82)], "0-1"),
        ([SPECK], "01"),
        # An equals sign, a division sign, a colon, a row of dots, and a dot far below.
        ([MINUS, (85, 88, 107, 92)], "01"),
        ([(142, 78, 164, 82), (150, 66, 156, 72), (150, 88, 156, 94)], "01"),
        ([POINT, SPECK], "01"),
        ([POINT, (159, 94, 164, 100)], "01"),
        ([(148, 118, 154, 124)], "01"),
        # No digit after it.
        ([(202, 94, 208, 100)], "01"),
        ([(240, 78, 262, 82)], "01"),
    ],
)  # fmt: skip
def test_signs_by_shape_and_place(boxes, text):
    reading = read(page_of(*boxes))
    assert reading.text.replace(" ", "") == text
    assert [sign.label for sign in reading.signs] == re.findall(r"\D", text)
    assert all(0.5 <= sign.confidence < 1 for sign in reading.signs)
    assert reading.lines == reading_of().lines or len(reading.digits) == 2


def test_a_sign_has_its_place():
    (sign,) = read(page_of(COMMA)).signs
    assert (sign.label, sign.line, sign.position, sign.omitted) == (",", 0, 1, False)
    assert np.abs(np.subtract(sign.box, COMMA)).max() <= 1


@pytest.mark.parametrize(
    ("signs", "text"), [(".", "-0.1"), (",", "-0,1"), (".,", "-0,1"), ("-", "-01")]
)
def test_only_the_requested_signs_are_read(signs, text):
    reading = read(page_of(COMMA, MINUS), signs=signs)
    assert reading.text.replace(" ", "") == text.replace("-", "" if "-" not in signs else "-")


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_signs_of_turned_text(turns):
    upright = page_of(COMMA, MINUS)
    image = LoadedImage(
        np.rot90(upright, -turns)[..., None] / np.float32(255), *_size(upright, turns)
    )

    def turn(box):
        height, width = HEIGHT, WIDTH
        for _ in range(turns):
            left, top, right, bottom = box
            box = height - bottom, left, height - top, right
            height, width = width, height
        return box

    digits = tuple(make_digit(d.label, box=turn(d.box)) for d in reading_of().digits)
    reading = Reading(lines=(digits,), width=image.width, height=image.height, rotation=90 * turns)
    result = add_signs(reading, image, ".,-")
    assert result.text.replace(" ", "") == "-0,1"
    for sign, box in zip(result.signs, (MINUS, COMMA), strict=True):
        assert np.abs(np.subtract(sign.box, turn(box))).max() <= 1


def _size(page, turns):
    height, width = page.shape
    return (height, width) if turns % 2 else (width, height)


def test_boxes_refer_to_the_original_size():
    page = page_of(POINT)
    image = LoadedImage(page[..., None] / np.float32(255), 2 * WIDTH, 2 * HEIGHT)
    doubled = tuple(
        make_digit(d.label, box=tuple(2 * edge for edge in d.box)) for d in reading_of().digits
    )
    reading = Reading(lines=(doubled,), width=2 * WIDTH, height=2 * HEIGHT)
    (sign,) = add_signs(reading, image, ".").signs
    assert np.abs(np.subtract(sign.box, [2 * edge for edge in POINT])).max() <= 2


def test_small_digits_and_light_ink():
    small = cv2.resize(page_of(POINT), None, fx=0.4, fy=0.4, interpolation=cv2.INTER_AREA)
    digits = tuple(
        make_digit(d.label, box=tuple(round(0.4 * edge) for edge in d.box))
        for d in reading_of().digits
    )
    reading = Reading(lines=(digits,), width=small.shape[1], height=small.shape[0])
    for page in (small, 255 - small):
        assert add_signs(reading, read_image(page), ".").text == "0.1"
    assert add_signs(reading, read_image(small), ".", "light").text == "01"


def test_pale_marks_are_no_signs():
    page = page_of()
    left, top, right, bottom = POINT
    page[top:bottom, left:right] = 200
    assert read(page).signs == ()


def test_a_sign_that_was_read_as_a_digit_is_none():
    reading = read(page_of(COMMA), reading_of(extra=[(147, 95, 155, 113)]))
    assert reading.text == "0,1"
    assert len(reading.lines) == 1
    omitted = Reading(
        lines=reading_of().lines,
        width=WIDTH,
        height=HEIGHT,
        omitted=(make_digit(1, 0.3, box=COMMA),),
    )
    assert read(page_of(COMMA), omitted).omitted == ()


def test_a_page_without_digits():
    blank = Reading(lines=(), width=WIDTH, height=HEIGHT)
    assert read(page_of(POINT), blank) is blank


def test_a_texture_has_no_signs():
    page = page_of()
    page[np.random.default_rng(0).random(page.shape) < 0.3] = 0
    assert read(page).signs == ()


def test_the_probability_has_that_of_the_signs():
    sign = Sign(label=".", confidence=0.75, box=POINT, line=0, position=1)
    reading = reading_of()
    with_sign = Reading(lines=reading.lines, width=WIDTH, height=HEIGHT, signs=(sign,))
    assert with_sign.probability == pytest.approx(0.75 * reading.probability)
    assert with_sign.to_dict()["signs"] == [
        {"line": 1, "label": ".", "confidence": 0.75, "box": list(POINT), "position": 1, "omitted": False}
    ]  # fmt: skip


@pytest.fixture
def read_fake(recognizer, monkeypatch):
    """Read a page whose digits are known."""
    digits = reading_of().digits
    fake_pipeline(monkeypatch, lambda image: [digits])
    return lambda *boxes, **options: recognizer.read(page_of(*boxes), **options)


@pytest.mark.parametrize(
    ("boxes", "pattern", "text", "omitted"),
    [
        ([POINT], r"-?\d\.?\d", "0.1", []),
        ([], r"-?\d\.?\d", "01", []),
        ([MINUS], r"-?\d\.?\d", "-01", []),
        ([], r"\d\.\d", "0.1", []),
        ([MINUS, POINT], r"\d\.\d", "0.1", ["-"]),
        ([POINT], r"\d\d", "01", ["."]),
        ([MINUS, POINT], 2, "-0.1", []),
        ([MINUS, POINT], lambda text: text == "-0.1", "-0.1", []),
        ([COMMA], r"\d\.\d", "0.1", []),
    ],
)
def test_signs_and_patterns(read_fake, boxes, pattern, text, omitted):
    reading = read_fake(*boxes, pattern=pattern, signs=".,-")
    assert reading.text == text
    assert [sign.label for sign in reading.signs if sign.omitted] == omitted
    assert all(sign.label in text for sign in reading.signs if not sign.omitted)


def test_signs_of_a_region(read_fake):
    (sign,) = read_fake(POINT, signs=".", region=(0, 0, WIDTH, HEIGHT)).signs
    assert np.abs(np.subtract(sign.box, POINT)).max() <= 1


def test_by_default_no_signs_are_sought(read_fake, monkeypatch):
    monkeypatch.setattr("mnistcnn.ocr.signs.add_signs", None)
    reading = read_fake(POINT)
    assert (reading.text.replace(" ", ""), reading.signs) == ("01", ())


def test_digits_are_the_same_with_signs(recognizer, page):
    without, with_signs = (recognizer.read(page.picture, signs=signs) for signs in (None, ".,-"))
    assert without.to_dict() == with_signs.to_dict()


RULE = "signs must be characters among '.', ',', '-', such as '.-'"


@pytest.mark.parametrize(("signs", "expected"), [("-.", ".-"), (",,", ","), (".,-", ".,-")])
def test_valid_signs(signs, expected):
    assert check_signs(signs) == expected


@pytest.mark.parametrize(
    ("signs", "error", "received"),
    [("", ValueError, "''"), ("+", ValueError, "'+'"), (True, TypeError, "True")],
)
def test_other_signs_are_errors(recognizer, signs, error, received):
    with pytest.raises(error, match=f"^{re.escape(RULE)}; received {re.escape(received)}$"):
        recognizer.read(page_of(), signs=signs)
