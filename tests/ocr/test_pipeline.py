"""Pages with known text, drawn from digits that the network recognizes, are read correctly."""

import io
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import mnistcnn
from benchmarks.ocr import synthetic_pages
from benchmarks.ocr.alignment import edit_distance
from benchmarks.ocr.synthetic_pages import PAGE_STYLES
from mnistcnn import Reading
from mnistcnn.images import image_io
from tests.helpers.drawing import cropped_digit


def tight_box(page, box):
    """Return the bounding box of the ink within a box of a black and white page."""
    left, top, right, bottom = box
    ink = page.picture[top:bottom, left:right] < 128
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    return left + columns[0], top + rows[0], left + columns[-1] + 1, top + rows[-1] + 1


def iou(first, second):
    """Return the intersection over union of two boxes."""
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    intersection = max(width, 0) * max(height, 0)
    areas = [(right - left) * (bottom - top) for left, top, right, bottom in (first, second)]
    return intersection / (sum(areas) - intersection)


@settings(max_examples=10)
@given(st.integers(0, 2**32 - 1))
def test_simple_pages_are_read_without_error(recognizer, legible_digits, seed):
    page = synthetic_pages.draw_simple_page(*legible_digits, np.random.default_rng(seed))
    reading = recognizer.read(page.picture)
    assert reading.text == page.text
    assert (reading.height, reading.width) == page.picture.shape
    for digit, box in zip(reading.digits, page.boxes, strict=True):
        # The end of a soft stroke is uncertain by some pixels.
        assert iou(digit.box, tight_box(page, box)) > 0.7


# In percent of the characters; the weights "best" make no error on these pages.
MAX_ERROR_RATE = dict.fromkeys(PAGE_STYLES, 2) | {"blur": 4, "touching": 4, "hard": 4}
# One of the nine digits of both pages.
MAX_ERROR_RATE["200 to 400 pixels"] = 12


@pytest.mark.parametrize("name", PAGE_STYLES)
def test_pages_of_every_style(name, recognizer, legible_digits):
    errors = total = 0
    for seed in range(2):
        generator = np.random.default_rng(seed)
        page = synthetic_pages.draw_page(*legible_digits, generator, PAGE_STYLES[name])
        reading = recognizer.read(page.picture)
        errors += edit_distance(reading.text, page.text)
        total += len(page.text)
        if reading.text == page.text:
            # The boxes of the page have a border, and those of a tilted page are wider still.
            ious = [iou(d.box, box) for d, box in zip(reading.digits, page.boxes, strict=True)]
            assert min(ious) > 0.35
            assert np.mean(ious) > 0.5
    assert 100 * errors / total <= MAX_ERROR_RATE[name]


@pytest.mark.mnist
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "min_accuracy"),
    [
        ("clean", 99),
        ("uneven light", 97),
        ("noise", 97),
        ("tilt to 10 degrees", 97),
        ("light, tilt and noise", 97),
    ],
)
def test_pages_of_mnist(name, min_accuracy, recognizer, mnist_path):
    _, test = mnistcnn.load_data(mnist_path)
    errors = total = 0
    for seed in range(40):
        page = synthetic_pages.draw_page(*test, np.random.default_rng(seed), PAGE_STYLES[name])
        errors += edit_distance(recognizer.read(page.picture).text, page.text)
        total += len(page.text.replace("\n", ""))
    assert 100 * (1 - errors / total) >= min_accuracy


def encode(page, file_format):
    file = io.BytesIO()
    Image.fromarray(page.picture).convert("RGB").save(file, file_format, quality=90)
    return file.getvalue()


def blue_on_yellow(page):
    coverage = 1 - page.picture[..., np.newaxis] / 255
    return (1 - coverage) * np.array([1, 0.97, 0.85]) + coverage * np.array([0.1, 0.15, 0.6])


VARIANTS = {
    "inverted": lambda page: 255 - page.picture,
    "colored": blue_on_yellow,
    "png": lambda page: encode(page, "PNG"),
    "jpeg": lambda page: encode(page, "JPEG"),
    "image": lambda page: Image.fromarray(page.picture),
    "float": lambda page: page.picture / 255,
    "uint16": lambda page: page.picture.astype(np.uint16) * 257,
    "bool": lambda page: page.picture > 127,
    "twice as large": lambda page: page.picture.repeat(2, axis=0).repeat(2, axis=1),
    "shaded": lambda page: page.picture / 255 * np.linspace(1, 0.4, page.picture.shape[1]),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_variants_of_a_page_have_the_same_text(variant, recognizer, page):
    assert recognizer.read(VARIANTS[variant](page)).text == page.text


def test_file_and_its_pixels_give_the_same_reading(recognizer, page, tmp_path):
    (tmp_path / "page.png").write_bytes(encode(page, "PNG"))
    expected = recognizer.read(page.picture).to_dict()
    for picture in ("page.png", tmp_path / "page.png"):
        assert recognizer.read(picture).to_dict() == expected


def test_reading_is_consistent(recognizer, page):
    reading = recognizer.read(page.picture)
    assert [len(line) for line in reading.lines] == [len(line) for line in page.text.split("\n")]
    for digit in reading.digits:
        assert digit.image.shape == (28, 28)
        assert digit.image.dtype == np.uint8
        assert digit.probabilities.shape == (10,)
        assert 0 < digit.probabilities.sum() <= 1 + 1e-5  # the rest: not a digit
        assert digit.label == digit.probabilities.argmax()
        assert digit.confidence == pytest.approx(digit.probabilities.max())
        assert {type(edge) for edge in digit.box} == {int}
        assert (type(digit.label), type(digit.confidence)) == (int, float)
    assert recognizer.read(page.picture).to_dict() == reading.to_dict()


def test_digits_below_min_confidence_are_omitted(recognizer, page):
    noise = np.random.default_rng(3).normal(size=page.picture.shape)
    picture = np.clip(page.picture / 255 + 0.35 * noise, 0, 1)
    digits = recognizer.read(picture, min_confidence=0).digits
    min_confidence = float(np.median([digit.confidence for digit in digits]))
    confident = recognizer.read(picture, min_confidence=min_confidence).digits
    expected = [digit.box for digit in digits if digit.confidence >= min_confidence]
    assert [digit.box for digit in confident] == expected
    assert 0 < len(confident) < len(digits)


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (1.0, ValueError, r"min_confidence must lie in \[0, 1\); received 1.0"),
        (-0.1, ValueError, r"min_confidence must lie in \[0, 1\); received -0.1"),
        (float("nan"), ValueError, "min_confidence must be finite; received nan"),
        ("0.5", TypeError, "min_confidence must be a number; received '0.5'"),
    ],
)
def test_min_confidence_is_validated(value, error, message, recognizer):
    with pytest.raises(error, match=f"^{message}$"):
        recognizer.read(np.zeros((9, 9)), min_confidence=value)


def test_polarity_is_validated(recognizer):
    message = "polarity must be one of 'auto', 'dark', 'light'; received 'white'"
    with pytest.raises(ValueError, match=f"^{message}$"):
        recognizer.read(np.zeros((9, 9)), polarity="white")


def test_boxes_refer_to_the_original_size(recognizer, page, monkeypatch):
    large = page.picture.repeat(3, axis=0).repeat(3, axis=1)
    monkeypatch.setattr(image_io, "WORKING_PIXELS", page.picture.size)
    reading = recognizer.read(large)
    assert reading.text == page.text
    assert (reading.height, reading.width) == large.shape
    for digit, box in zip(reading.digits, page.boxes, strict=True):
        assert iou(digit.box, 3 * np.array(tight_box(page, box))) > 0.7


def test_blank_pages_have_no_digits(recognizer):
    for picture in (np.ones((60, 90)), np.zeros((1, 1), bool), np.full((5, 2, 3), 0.5)):
        reading = recognizer.read(picture)
        assert isinstance(reading, Reading)
        assert (reading.text, reading.lines, reading.digits) == ("", (), ())
        assert (reading.height, reading.width) == picture.shape[:2]


@pytest.mark.parametrize("height", [16, 28, 60, 150])
def test_single_digit_with_any_margin(height, recognizer, legible_digits):
    texts = {}
    for label in range(10):
        ink = cropped_digit(legible_digits.images[legible_digits.labels == label][0], height)
        for margin in (height // 5, height):
            texts[label, margin] = recognizer.read(1 - np.pad(ink, margin)).text
        texts[label, "inverted"] = recognizer.read(np.pad(ink, height // 2)).text
    wrong = {key: text for key, text in texts.items() if text != str(key[0])}
    # A large, soft 1 that is alone may look like a letter or a line.
    assert {label for label, _ in wrong} <= ({1} if height == 150 else set()), wrong
    assert len(wrong) < 3


def test_mnist_images_are_read(recognizer, legible_digits):
    num_correct = sum(
        recognizer.read(image).text == str(label)
        for image, label in zip(legible_digits.images, legible_digits.labels, strict=True)
    )
    assert num_correct >= 0.94 * len(legible_digits.labels)


def test_tilted_lines_are_read_in_order(recognizer, legible_digits):
    style = replace(PAGE_STYLES["clean"], height=(40, 40), lines=(3, 3), digits_per_line=(8, 9))
    page = synthetic_pages.draw_page(*legible_digits, np.random.default_rng(1), style)
    for angle in (-10, 10):
        rotated = Image.fromarray(page.picture).rotate(
            angle, Image.Resampling.BICUBIC, expand=True, fillcolor=255
        )
        text = recognizer.read(rotated).text
        assert text.count("\n") == 2
        assert edit_distance(text, page.text) <= 2
