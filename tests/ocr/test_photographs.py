"""Photos, scans and drawings by strangers are read as well as before, where they are present."""

import dataclasses

import pytest

import mnistcnn
from benchmarks.ocr.picture_set import VARIABLE, load_digits, load_pictures, picture_folder
from benchmarks.ocr.text_accuracy import count_by_kind, read_picture

pytestmark = pytest.mark.slow


@dataclasses.dataclass(frozen=True)
class Limit:
    """The most errors and the fewest exact pictures."""

    errors: int
    exact: int


# Beside each limit what was measured.
LIMITS = {
    "plain": Limit(errors=2, exact=22),  # 1 error in 248 characters, 23 of 24 exact
    "lines": Limit(errors=125, exact=5),  # 113 in 708, 6 of 24
    "light": Limit(errors=15, exact=6),  # 11 in 185, 7 of 14
    "signs": Limit(errors=13, exact=4),  # 11 in 50, 5 of 9
    "none": Limit(errors=4, exact=5),  # 2 digits on 8 pictures without any
}
RIGHT_DIGITS = 227  # 229 of 235


@pytest.fixture(scope="module")
def folder():
    folder = picture_folder()
    if folder is None:
        pytest.skip(f"needs photos: {VARIABLE} is not set")
    return folder


@pytest.fixture(scope="module")
def recognizer():
    return mnistcnn.Recognizer()


@pytest.mark.parametrize("kind", LIMITS)
def test_pictures_are_read_within_the_limits(kind, folder, recognizer):
    readings = [
        # Blanks between words do not count, as in the benchmark.
        read_picture(picture, lambda path: recognizer.read(path).text.replace(" ", ""))
        for picture in load_pictures(folder)
        if picture.kind == kind
    ]
    wrong = {each.picture.path.name: each.text for each in readings if each.errors}
    counts = count_by_kind(readings)[kind]
    assert counts["errors"] <= LIMITS[kind].errors, wrong
    assert counts["exact"] >= LIMITS[kind].exact, wrong


def test_single_digits_are_read_within_the_limit(folder, recognizer):
    digits = load_digits(folder)
    texts = {digit.path.name: recognizer.read(digit.path).text for digit in digits}
    wrong = {digit.path.name for digit in digits if texts[digit.path.name] != str(digit.label)}
    assert len(digits) - len(wrong) >= RIGHT_DIGITS, {name: texts[name] for name in wrong}
