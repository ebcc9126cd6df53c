"""Classification with test-time augmentation, and the rejection of what is not a digit."""

import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest
from matplotlib import font_manager
from PIL import Image, ImageDraw, ImageFont

from mnistcnn import CorruptFileError, Recognizer
from mnistcnn.ocr.classification import (
    LOG_PRIOR_ODDS,
    NonDigitRejector,
    apply_rejection,
    classify_with_tta,
)
from mnistcnn.ocr.pipeline import read_page
from mnistcnn.ocr.segmentation import split_touching
from mnistcnn.weights import arrays
from mnistcnn.weights.pretrained import FOLDER, REJECTOR, load_rejector_weights, read_pretrained
from tests.helpers.drawing import (
    classify_narrow_as_one,
    draw_strokes,
    joined_ones,
    predict_three,
)
from tests.helpers.models import numpy_forward

SUFFIXES = ("json", "safetensors")


def test_tta_returns_the_mean_over_six_views():
    crops = list(np.random.default_rng(0).integers(0, 256, (3, 28, 28), np.uint8))
    calls = []

    def predict_proba(views):
        calls.append(views)
        return np.tile(np.arange(len(views), dtype=np.float32)[:, np.newaxis], 10)

    probabilities = classify_with_tta(crops, predict_proba)
    (views,) = calls
    assert views.shape == (18, 28, 28)
    assert views.dtype == np.uint8
    np.testing.assert_array_equal(views[:3], crops)
    np.testing.assert_allclose(probabilities[:, 0], [7.5, 8.5, 9.5])  # of i, i + 3, ... i + 15
    assert classify_with_tta([], predict_proba).shape == (0, 10)


def test_tta_views_are_rotated_sheared_and_scaled():
    """Measured on a vertical bar: the offset of its upper end, and its height."""
    bar = np.zeros((28, 28), np.uint8)
    bar[4:24, 13:15] = 255
    views = []

    def predict_proba(stack):
        views.extend(stack)
        return np.zeros((len(stack), 10), np.float32)

    classify_with_tta([bar], predict_proba)
    offsets = [view[7] @ np.arange(28) / view[7].sum() - 13.5 for view in views]
    heights = [np.count_nonzero(view.max(axis=1) > 100) for view in views]
    rotation = 6.5 * np.tan(np.radians(10))
    np.testing.assert_allclose(offsets, [0, -rotation, rotation, 0, -1.3, 1.3], atol=0.3)
    assert heights[3] == pytest.approx(17, abs=1)
    assert min(np.delete(heights, 3)) >= 19


@pytest.fixture(scope="module")
def rejector():
    return NonDigitRejector(1)


def typeset(letter, *, bold):
    """Return a letter in a typeface that the rejector was not trained on."""
    face = font_manager.FontProperties(family="DejaVu Sans", weight="bold" if bold else "normal")
    font = ImageFont.truetype(font_manager.findfont(face), 80)
    picture = Image.new("L", (160, 160), 255)
    ImageDraw.Draw(picture).text((80, 80), letter, fill=0, font=font, anchor="mm")
    return np.asarray(picture)


def draw_blot(generator):
    """Return a round blot with an uneven edge."""
    angles = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    waves = [
        generator.uniform(0, 5) * np.sin(frequency * angles + generator.uniform(0, 7))
        for frequency in range(2, 6)
    ]
    radii = generator.uniform(25, 40) + sum(waves)
    contour = 70 + np.stack([radii * np.cos(angles), radii * np.sin(angles)], axis=1)
    picture = np.full((140, 140), 255, np.uint8)
    cv2.fillPoly(picture, [np.rint(contour).astype(np.int32)], 0)
    # With a wide margin, since a blot that fills the picture would become the background.
    return np.pad(picture, 150, constant_values=255)


def fraction_read(recognizer, pictures, *, min_confidence=0.9):
    """Return the fraction of pictures with a digit, with the rejector and without it."""
    with_rejector = without_rejector = 0
    for picture in pictures:
        digits = recognizer.read(picture).digits
        # The rejector scales all ten probabilities by the probability of a digit.
        unscaled = [digit.confidence / digit.probabilities.sum() for digit in digits]
        with_rejector += any(digit.confidence >= min_confidence for digit in digits)
        without_rejector += any(confidence >= min_confidence for confidence in unscaled)
    return with_rejector / len(pictures), without_rejector / len(pictures)


def test_most_letters_are_rejected(recognizer):
    """Including N, W and m, whose strokes are split into touching ones."""
    pictures = [typeset(letter, bold=bold) for letter in "AEFHKMNRWXkmx" for bold in (False, True)]
    with_rejector, without_rejector = fraction_read(recognizer, pictures)
    assert with_rejector < 0.2
    assert with_rejector <= without_rejector / 2


def test_most_blots_are_rejected(recognizer):
    generator = np.random.default_rng(0)
    with_rejector, without_rejector = fraction_read(
        recognizer, [draw_blot(generator) for _ in range(20)]
    )
    assert with_rejector < 0.2
    assert with_rejector <= without_rejector / 2


def test_digits_are_not_rejected(recognizer, legible_digits):
    indices = np.random.default_rng(0).choice(len(legible_digits.images), 60, replace=False)
    images = legible_digits.images[indices]
    pictures = [np.pad(255 - image, 10, constant_values=255) for image in images]
    assert fraction_read(recognizer, pictures)[0] > 0.9


def test_letters_among_digits_are_omitted(recognizer, legible_digits):
    images, labels = legible_digits
    digits = [
        cv2.resize(np.pad(255 - images[labels == label][0], 4, constant_values=255), (140, 140))
        for label in (2, 5, 0)
    ]
    letters = [cv2.resize(typeset(letter, bold=False), (140, 140)) for letter in "XKR"]
    page = np.hstack([crop for pair in zip(digits, letters, strict=True) for crop in pair])
    assert len(recognizer.read(page).text) == 6
    assert recognizer.read(page, min_confidence=0.8).text == "250"


def test_rejector_matches_the_layers(rejector, digits):
    crops = digits.test.images[:40]
    weights = load_rejector_weights().weights(calibrated=True)
    outputs = numpy_forward(weights, crops[..., np.newaxis] / 255)
    one, two = outputs[:, :10].sum(axis=1), outputs[:, -1] * np.exp(LOG_PRIOR_ODDS)
    none = outputs[:, 10:-1].sum(axis=1)
    expected = np.stack([one, (one + two) / (none + one + two)], axis=1)
    np.testing.assert_allclose(rejector(crops), expected, atol=1e-5)


def test_rejector_scores_many_crops_like_few(rejector, digits):
    crops = np.tile(digits.train.images[:150], (4, 1, 1))
    scores = rejector(crops)
    assert scores.dtype == np.float32
    assert scores.shape == (600, 2)
    assert 0 <= scores.min() <= scores.max() <= 1
    np.testing.assert_allclose(scores, np.tile(rejector(crops[:150]), (4, 1)), atol=1e-6)


def test_confidence_is_scaled_by_the_score():
    """The label and the order of the digits do not change."""
    coverage = draw_strokes((100, 300), [(20, 20), (20, 80)], [(180, 20), (180, 80)], width=6)
    calls = []

    def score_first_half(crops):
        calls.append(crops)
        return np.array([[0.5, 1], [1, 1]], np.float32)[: len(crops)]

    def read(min_confidence):
        return read_page(
            1 - coverage,
            predict_three(0.8),
            min_confidence=min_confidence,
            digit_scorer=score_first_half,
        ).digits

    digits = read(0)
    assert [digit.label for digit in digits] == [3, 3]
    assert [digit.confidence for digit in digits] == pytest.approx([0.4, 0.8])
    assert [digit.probabilities.sum() for digit in digits] == pytest.approx([0.5, 1])
    assert [digit.probabilities.max() for digit in digits] == pytest.approx([0.4, 0.8])
    (crops,) = calls
    np.testing.assert_array_equal(crops, [digit.image for digit in digits])
    assert [digit.box for digit in read(0.5)] == [digits[1].box]


def reject_joined_ones(count):
    """Return the confidences of `count` split ones and the number of crops that were scored."""
    num_crops = []

    def score(crops):
        num_crops.append(len(crops))
        scores = np.ones((len(crops), 2), np.float32)
        scores[count:] = 0.1, 0.4  # the candidate that was split, after its pieces
        return scores

    pieces = split_touching([joined_ones(count)], 40, classify_narrow_as_one)
    candidates = apply_rejection(pieces, score)
    for candidate, piece in zip(candidates, pieces, strict=True):
        np.testing.assert_array_equal(candidate.crop, piece.crop)
    return [candidate.confidence for candidate in candidates], *num_crops


def test_pieces_are_scaled_by_the_score_of_their_parent():
    """Since each stroke of a letter may look like a digit."""
    assert reject_joined_ones(2) == (pytest.approx([0.4, 0.4]), 3)


def test_parent_of_more_than_two_digits_is_not_scored():
    assert reject_joined_ones(4) == (pytest.approx([1, 1, 1, 1]), 4)


def test_nothing_is_scored_on_a_blank_page():
    def fail(crops):
        raise AssertionError

    blank = np.full((50, 50), 255, np.uint8)
    assert read_page(blank, predict_three(0.8), min_confidence=0, digit_scorer=fail).text == ""


def test_pickled_recognizer_gives_the_same_reading(recognizer, page):
    expected = recognizer.read(page.picture).to_dict()
    copy = pickle.loads(pickle.dumps(recognizer))
    assert copy.read(page.picture).to_dict() == expected


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_missing_rejector_file(shipped_files, suffix, page):
    (shipped_files / f"{REJECTOR}.{suffix}").unlink()
    recognizer = Recognizer()
    with pytest.raises(FileNotFoundError, match=f"{REJECTOR}.{suffix}"):
        recognizer.read(page.picture)
    assert recognizer.predict_proba(np.zeros((1, 28, 28), np.uint8)).shape == (1, 10)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_corrupt_rejector_file(shipped_files, suffix, page):
    path = shipped_files / f"{REJECTOR}.{suffix}"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(CorruptFileError, match=f"{REJECTOR}.{suffix}: "):
        Recognizer().read(page.picture)


def test_weights_of_classifier_and_rejector_are_not_interchangeable(shipped_files):
    message = r"conv1.kernel must be float32 \(3, 3, 1, 16\); received float32 \(3, 3, 1, 32\)$"
    with pytest.raises(CorruptFileError, match=f"best.safetensors: {message}"):
        read_pretrained(shipped_files, "best", arrays.REJECTOR_WEIGHT_SHAPES)
    message = r"conv1.kernel must be float32 \(3, 3, 1, 32\); received float32 \(3, 3, 1, 16\)$"
    with pytest.raises(CorruptFileError, match=f"{REJECTOR}.safetensors: {message}"):
        read_pretrained(shipped_files, REJECTOR)


def test_rejector_files_are_small():
    sizes = [(Path(FOLDER) / f"{REJECTOR}.{suffix}").stat().st_size for suffix in SUFFIXES]
    assert sum(sizes) < 100_000
