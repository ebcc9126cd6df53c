"""Options of `Recognizer.read`: region, pattern, and a mark for doubtful digits."""

import numpy as np
import pytest

from mnistcnn import PatternMismatchError
from mnistcnn.images.image_io import read_image
from tests.helpers.readings import fake_pipeline, make_digit

BLANK = np.full((100, 200), 255, np.uint8)


@pytest.fixture
def fake_digits(monkeypatch):
    """Replace the pipeline; return the list of the digits that it finds, and of the images."""
    digits, images = [], []

    def read_digits(image):
        images.append(image)
        return [digits]

    fake_pipeline(monkeypatch, read_digits)
    return digits, images


def test_doubtful_digits_are_omitted_or_marked(recognizer, fake_digits):
    found, _ = fake_digits
    found += [make_digit(4), make_digit(8, 0.75), make_digit(2)]
    reading = recognizer.read(BLANK, min_confidence=0.8)
    assert reading.text == "42"
    assert [digit.label for digit in reading.omitted] == [8]
    assert reading.probability == pytest.approx(0.9 * 0.9 * 0.25)
    marked = recognizer.read(BLANK, min_confidence=0.8, doubtful="?")
    assert marked.text == "4?2"
    assert marked.omitted == ()
    assert [digit.doubtful for digit in marked.digits] == [False, True, False]
    assert recognizer.read(BLANK, min_confidence=0.7, doubtful="?").text == "482"
    assert recognizer.read(BLANK, min_confidence=0.8, doubtful="_").text == "4_2"


def test_a_pattern_takes_doubtful_digits_into_account(recognizer, fake_digits):
    found, _ = fake_digits
    found += [make_digit(4), make_digit(8, 0.4), make_digit(2)]
    for doubtful in (None, "_"):
        read = lambda pattern, mark=doubtful: recognizer.read(  # noqa: E731
            BLANK, min_confidence=0.5, pattern=pattern, doubtful=mark
        )
        assert read(3).text == "482"
        assert read(2).text == "42"
        assert read(r"4\d\.2").text == "48.2"
        assert read("42".__eq__).text == "42"
        with pytest.raises(PatternMismatchError) as caught:
            read(4)
        assert (
            str(caught.value)
            == f"picture must show a number of 4 digits; it shows '4{doubtful or '?'}2'"
        )
        assert caught.value.reading.digits[1].doubtful


def test_only_the_region_is_read_and_boxes_refer_to_the_picture(recognizer, fake_digits):
    found, images = fake_digits
    found.append(make_digit(4, box=(3, 5, 13, 25)))
    reading = recognizer.read(BLANK, region=(50, 10, 120, 60))
    assert (images[-1].width, images[-1].height) == (70, 50)
    assert reading.digits[0].box == (53, 15, 63, 35)
    assert (reading.width, reading.height) == (200, 100)
    fraction = recognizer.read(BLANK, region=(0.25, 0.1, 0.6, 0.6), pattern=1)
    assert fraction.digits[0].box == (53, 15, 63, 35)
    assert recognizer.read(BLANK).digits[0].box == (3, 5, 13, 25)
    assert (images[-1].width, images[-1].height) == (200, 100)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"region": (0, 0, 201, 100)}, ValueError, "region must lie within the picture, 200 × 100 pixels; received (0, 0, 201, 100)"),
        ({"region": "all"}, TypeError, "region must be four numbers: left, top, right and bottom; received 'all'"),
        ({"pattern": 0}, ValueError, "pattern must be at least 1; received 0"),
        ({"doubtful": "7"}, ValueError, "doubtful must be one character other than a digit, '.', ',', '-' or a blank; received '7'"),
        ({"doubtful": True}, TypeError, "doubtful must be one character other than a digit, '.', ',', '-' or a blank; received True"),
    ],
)  # fmt: skip
def test_invalid_options(options, error, message, recognizer):
    with pytest.raises(error) as caught:
        recognizer.read(BLANK, **options)
    assert str(caught.value) == message


def test_an_image_that_was_loaded_is_not_loaded_again(recognizer, fake_digits):
    _, images = fake_digits
    image = read_image(BLANK)
    recognizer.read(image)
    assert images == [image]


def test_each_line_of_a_page_by_its_region(recognizer, page):
    whole = recognizer.read(page.picture)
    for line, text in zip(whole.lines, page.text.split("\n"), strict=True):
        top = min(digit.box[1] for digit in line) - 8
        bottom = max(digit.box[3] for digit in line) + 8
        region = (0, top, whole.width, bottom)
        reading = recognizer.read(page.picture, region=region, pattern=len(text))
        assert reading.text == text
        assert reading.probability > 0.5
        boxes = np.array([digit.box for digit in reading.digits])
        np.testing.assert_allclose(boxes, [digit.box for digit in line], atol=3)
        with pytest.raises(PatternMismatchError, match=f"; it shows '{text}'$"):
            recognizer.read(page.picture, region=region, pattern=len(text) + 1)
