"""Reading pages whose text is known, drawn from digits that the network knows."""

import io
from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import mnistcnn
from benchmarks.ocr import synthetic_pages
from mnistcnn import Reading
from mnistcnn.ocr import image_io
from mnistcnn.ocr.classification import classify_with_tta
from mnistcnn.ocr.pipeline import read_page
from tests.helpers.drawing import draw_strokes

SEEDS = st.integers(0, 2**32 - 1)


def tight(page, box):
    """The box of the ink within a box of a black and white page."""
    left, top, right, bottom = box
    ink = page.picture[top:bottom, left:right] < 128
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    return left + columns[0], top + rows[0], left + columns[-1] + 1, top + rows[-1] + 1


def shared(one, other):
    """Intersection over union of two boxes."""
    wide = min(one[2], other[2]) - max(one[0], other[0])
    tall = min(one[3], other[3]) - max(one[1], other[1])
    both = max(wide, 0) * max(tall, 0)
    areas = [(right - left) * (bottom - top) for left, top, right, bottom in (one, other)]
    return both / (sum(areas) - both)


@settings(max_examples=40)
@given(SEEDS)
def test_easy_pages_are_read_whole(recognizer, legible_digits, seed):
    page = synthetic_pages.draw_simple_page(*legible_digits, np.random.default_rng(seed))
    reading = recognizer.read(page.picture)
    assert reading.text == page.text
    assert (reading.height, reading.width) == page.picture.shape
    for digit, box in zip(reading.digits, page.boxes, strict=True):
        # Where a stroke ends softly, its edge is a matter of some pixels.
        assert shared(digit.box, tight(page, box)) > 0.7


# In percent of the digits; of these pages none is wrong with the weights "best".
MAX_WRONG = dict.fromkeys(synthetic_pages.PAGE_STYLES, 2) | {"blur": 4, "touching": 4, "hard": 4}


@pytest.mark.parametrize("name", synthetic_pages.PAGE_STYLES)
def test_pages_of_every_class(name, recognizer, legible_digits):
    wrong = total = 0
    for seed in range(4):
        page = synthetic_pages.draw_page(
            *legible_digits, np.random.default_rng(seed), synthetic_pages.PAGE_STYLES[name]
        )
        reading = recognizer.read(page.picture)
        wrong += synthetic_pages.edit_distance(reading.text, page.text)
        total += len(page.text)
        if reading.text == page.text:
            # A page's own boxes have a border, and turned they are wider still.
            shares = [shared(d.box, b) for d, b in zip(reading.digits, page.boxes, strict=True)]
            assert min(shares) > 0.35
            assert np.mean(shares) > 0.5
    assert 100 * wrong / total <= MAX_WRONG[name]


@pytest.mark.mnist
@pytest.mark.parametrize(
    ("name", "least"),
    [
        ("clean", 99),
        ("uneven light", 97),
        ("noise", 97),
        ("tilt to 10 degrees", 97),
        ("light, tilt and noise", 97),
    ],
)
def test_pages_of_mnist(name, least, recognizer, mnist_path):
    _, test = mnistcnn.load_data(mnist_path)
    wrong = total = 0
    for seed in range(120):
        page = synthetic_pages.draw_page(
            *test, np.random.default_rng(seed), synthetic_pages.PAGE_STYLES[name]
        )
        wrong += synthetic_pages.edit_distance(recognizer.read(page.picture).text, page.text)
        total += len(page.text.replace("\n", ""))
    assert 100 * (1 - wrong / total) >= least


def as_file(page, kind):
    file = io.BytesIO()
    Image.fromarray(page.picture).convert("RGB").save(file, kind, quality=90)
    return file.getvalue()


def coloured(page):
    """Blue ink on yellowish paper."""
    cover = 1 - page.picture[..., np.newaxis] / 255
    return (1 - cover) * np.array([1, 0.97, 0.85]) + cover * np.array([0.1, 0.15, 0.6])


SAME = {
    "inverted": lambda page: 255 - page.picture,
    "in colour": coloured,
    "png": lambda page: as_file(page, "PNG"),
    "jpeg": lambda page: as_file(page, "JPEG"),
    "image": lambda page: Image.fromarray(page.picture),
    "floating": lambda page: page.picture / 255,
    "sixteen bits": lambda page: page.picture.astype(np.uint16) * 257,
    "black and white": lambda page: page.picture > 127,
    "twice as large": lambda page: page.picture.repeat(2, axis=0).repeat(2, axis=1),
    "shaded": lambda page: page.picture / 255 * np.linspace(1, 0.4, page.picture.shape[1]),
}


@pytest.mark.parametrize("how", SAME)
def test_the_same_page_has_the_same_text_however_it_comes(how, recognizer, page):
    assert recognizer.read(SAME[how](page)).text == page.text


def test_a_file_has_the_same_reading_as_its_pixels(recognizer, page, tmp_path):
    (tmp_path / "page.png").write_bytes(as_file(page, "PNG"))
    for picture in ("page.png", tmp_path / "page.png"):
        assert recognizer.read(picture).to_dict() == recognizer.read(page.picture).to_dict()


def test_what_is_read_is_complete_and_consistent(recognizer, page):
    reading = recognizer.read(page.picture)
    assert [len(line) for line in reading.lines] == [len(line) for line in page.text.split("\n")]
    for digit in reading.digits:
        assert digit.image.shape == (28, 28)
        assert digit.image.dtype == np.uint8
        assert digit.probabilities.shape == (10,)
        assert 0 < digit.probabilities.sum() <= 1 + 1e-5  # the rest: that it is no digit
        assert digit.label == digit.probabilities.argmax()
        assert digit.confidence == pytest.approx(digit.probabilities.max())
        assert {type(edge) for edge in digit.box} == {int}
        assert (type(digit.label), type(digit.confidence)) == (int, float)
    again = recognizer.read(page.picture)
    assert again.to_dict() == reading.to_dict()


def test_digits_of_less_probability_are_left_out(recognizer, page):
    """Noise makes the network unsure of some."""
    noise = np.random.default_rng(3).normal(size=page.picture.shape)
    picture = np.clip(page.picture / 255 + 0.35 * noise, 0, 1)
    everything = recognizer.read(picture)
    probabilities = [digit.confidence for digit in everything.digits]
    least = float(np.median(probabilities))
    some = recognizer.read(picture, min_confidence=least)
    assert [d.box for d in some.digits] == [
        d.box for d in everything.digits if d.confidence >= least
    ]
    assert 0 < len(some.digits) < len(probabilities)


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (1.0, ValueError, r"min_confidence must lie in \[0, 1\); received 1.0"),
        (-0.1, ValueError, r"min_confidence must lie in \[0, 1\); received -0.1"),
        (float("nan"), ValueError, "min_confidence must be finite; received nan"),
        ("0.5", TypeError, "min_confidence must be a number; received '0.5'"),
    ],
)
def test_min_confidence_is_checked(value, error, message, recognizer):
    with pytest.raises(error, match=f"^{message}$"):
        recognizer.read(np.zeros((9, 9)), min_confidence=value)


def test_boxes_are_those_of_the_picture_that_came(recognizer, page, monkeypatch):
    large = page.picture.repeat(3, axis=0).repeat(3, axis=1)
    monkeypatch.setattr(image_io, "WORKING_PIXELS", page.picture.size)
    reading = recognizer.read(large)
    assert reading.text == page.text
    assert (reading.height, reading.width) == large.shape
    for digit, box in zip(reading.digits, page.boxes, strict=True):
        assert shared(digit.box, 3 * np.array(tight(page, box))) > 0.7


def test_blank_pages_have_no_digits(recognizer):
    for picture in (np.ones((60, 90)), np.zeros((1, 1), bool), np.full((5, 2, 3), 0.5)):
        reading = recognizer.read(picture)
        assert isinstance(reading, Reading)
        assert (reading.text, reading.lines, reading.digits) == ("", (), ())
        assert (reading.height, reading.width) == picture.shape[:2]


def drawn(image, height):
    """One digit's ink, without a margin."""
    ink = synthetic_pages.upscale_digit(image, height)
    return ink[np.ix_((ink > 0.5).any(axis=1), (ink > 0.5).any(axis=0))]


@pytest.mark.parametrize("height", [16, 28, 60, 150])
def test_one_digit_alone_with_little_or_much_around_it(height, recognizer, legible_digits):
    for label in range(10):
        ink = drawn(legible_digits.images[legible_digits.labels == label][0], height)
        for margin in (height // 5, height // 2, height):
            assert recognizer.read(1 - np.pad(ink, margin)).text == str(label)
        assert recognizer.read(np.pad(ink, height // 2)).text == str(label)


def test_an_image_of_mnists_own_kind_is_read_too(recognizer, legible_digits):
    right = sum(
        recognizer.read(image).text == str(label)
        for image, label in zip(legible_digits.images, legible_digits.labels, strict=True)
    )
    assert right >= 0.94 * len(legible_digits.labels)


def test_digits_in_two_pieces_are_read_as_one(recognizer, legible_digits):
    """A pen that failed for a moment leaves a gap across."""
    right = total = 0
    for image, label in zip(*(part[:25] for part in legible_digits), strict=True):
        ink = drawn(image, 80)
        ink[len(ink) * 2 // 5 :][:4] = 0
        row = [ink, drawn(legible_digits.images[0], 80), drawn(legible_digits.images[1], 80)]
        page = np.hstack([np.pad(one, ((20, 120 - len(one)), (30, 0))) for one in row])
        total += 1
        expected = f"{label}{legible_digits.labels[0]}{legible_digits.labels[1]}"
        right += recognizer.read(1 - np.pad(page, 20)).text == expected
    assert right >= 0.75 * total


def pushed_together(one, other):
    """Two drawings side by side, so near that their ink overlaps by a pixel."""
    tall = max(len(one), len(other))
    one, other = (np.pad(ink, ((tall - len(ink), 0), (0, 0))) for ink in (one, other))
    last = np.array([np.flatnonzero(row > 0.5).max(initial=-999) for row in one])
    first = np.array([np.flatnonzero(row > 0.5).min(initial=999) for row in other])
    place = int((last - first).max())
    both = np.zeros((tall, max(one.shape[1], place + other.shape[1])), np.float32)
    both[:, : one.shape[1]] = one
    part = both[:, place : place + other.shape[1]]
    np.maximum(part, other, out=part)
    return both


def test_digits_that_touch_are_cut_apart(recognizer, legible_digits):
    generator = np.random.default_rng(0)
    right = total = 0
    for i, j in generator.integers(0, len(legible_digits.images), (30, 2)):
        both = pushed_together(
            drawn(legible_digits.images[i], 60), drawn(legible_digits.images[j], 60)
        )
        total += cv2.connectedComponents((both > 0.5).astype(np.uint8))[0] == 2
        text = recognizer.read(1 - np.pad(both, 30)).text
        right += text == f"{legible_digits.labels[i]}{legible_digits.labels[j]}"
    assert total > 20
    assert right > 0.65 * total


def test_tilted_lines_are_read_in_order(recognizer, legible_digits):
    look = replace(
        synthetic_pages.PAGE_STYLES["clean"], height=(40, 40), lines=(3, 3), digits_per_line=(8, 9)
    )
    page = synthetic_pages.draw_page(*legible_digits, np.random.default_rng(1), look)
    for angle in (-10, 10):
        turned = Image.fromarray(page.picture).rotate(
            angle, Image.Resampling.BICUBIC, expand=True, fillcolor=255
        )
        found = recognizer.read(turned).text
        assert found.count("\n") == 2
        assert synthetic_pages.edit_distance(found, page.text) <= 2


def constant(sure):
    """A network that says 3 of everything, as sure as that."""

    def recognise(glyphs):
        answers = np.full((len(glyphs), 10), (1 - sure) / 9, np.float32)
        answers[:, 3] = sure
        return answers

    return recognise


def test_without_a_reason_nothing_is_cut_and_nothing_joined():
    """If all is equally sure, a part stays as it is."""
    pair = [(20, 20), (20, 80)], [(20, 50), (110, 50)], [(110, 20), (110, 80)]
    cover = draw_strokes((100, 300), *pair, [(180, 20), (180, 80)], width=6)
    reading = read_page(1 - cover, constant(0.8), min_confidence=0)
    assert reading.text == "33"
    assert [digit.confidence for digit in reading.digits] == pytest.approx([0.8, 0.8])


def test_the_answer_is_the_mean_over_six_views_of_a_glyph():
    glyphs = list(np.random.default_rng(0).integers(0, 256, (3, 28, 28), np.uint8))
    seen = []

    def recognise(views):
        seen.append(views)
        return np.tile(np.arange(len(views), dtype=np.float32)[:, np.newaxis], 10)

    answers = classify_with_tta(glyphs, recognise)
    (views,) = seen
    assert views.shape == (18, 28, 28)
    assert views.dtype == np.uint8
    np.testing.assert_array_equal(views[:3], glyphs)
    np.testing.assert_allclose(answers[:, 0], [7.5, 8.5, 9.5])  # of i, i + 3, ... i + 15
    assert classify_with_tta([], recognise).shape == (0, 10)


def test_the_views_are_turned_slanted_and_smaller():
    """Of an upright bar: how far its upper end moves aside, and how tall it is."""
    bar = np.zeros((28, 28), np.uint8)
    bar[4:24, 13:15] = 255
    seen = []

    def recognise(views):
        seen.extend(views)
        return np.zeros((len(views), 10), np.float32)

    classify_with_tta([bar], recognise)
    aside = [view[7] @ np.arange(28) / view[7].sum() - 13.5 for view in seen]
    tall = [np.count_nonzero(view.max(axis=1) > 100) for view in seen]
    turn = 6.5 * np.tan(np.radians(10))
    np.testing.assert_allclose(aside, [0, -turn, turn, 0, -1.3, 1.3], atol=0.3)
    assert tall[3] == pytest.approx(17, abs=1)
    assert min(np.delete(tall, 3)) >= 19
