"""Telling digits from what is none: in a reading's confidence, and nowhere else."""

import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest
from matplotlib import font_manager
from PIL import Image, ImageDraw, ImageFont

from mnistcnn import CorruptFileError, Recognizer
from mnistcnn.ocr.classification import LOG_PRIOR_ODDS, NonDigitRejector, apply_rejection
from mnistcnn.ocr.pipeline import read_page
from mnistcnn.ocr.segmentation import split_touching
from mnistcnn.weights import arrays
from mnistcnn.weights.pretrained import FOLDER, REJECTOR, load_rejector_weights, read_pretrained
from tests.helpers.drawing import classify_narrow_as_one, draw_strokes, joined_ones
from tests.helpers.models import numpy_forward

ENDINGS = ("json", "safetensors")


@pytest.fixture(scope="session")
def detector():
    return NonDigitRejector(1)


def typed(letter, bold):
    """A letter in a typeface that nothing was trained on."""
    face = font_manager.FontProperties(family="DejaVu Sans", weight="bold" if bold else "normal")
    font = ImageFont.truetype(font_manager.findfont(face), 80)
    picture = Image.new("L", (160, 160), 255)
    ImageDraw.Draw(picture).text((80, 80), letter, fill=0, font=font, anchor="mm")
    return np.asarray(picture)


def blot(generator):
    """A round blot with an uneven edge."""
    angles = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    waves = [
        generator.uniform(0, 5) * np.sin(number * angles + generator.uniform(0, 7))
        for number in range(2, 6)
    ]
    reach = generator.uniform(25, 40) + sum(waves)
    edge = 70 + np.stack([reach * np.cos(angles), reach * np.sin(angles)], axis=1)
    picture = np.full((140, 140), 255, np.uint8)
    cv2.fillPoly(picture, [np.rint(edge).astype(np.int32)], 0)
    # Amid much paper: one that fills the picture is taken for the paper.
    return np.pad(picture, 150, constant_values=255)


def share_left(recognizer, pictures):
    left = [bool(recognizer.read(one, min_confidence=0.9).digits) for one in pictures]
    return float(np.mean(left))


@pytest.fixture
def alone(monkeypatch):
    """A recognizer to which every glyph is a digit."""
    found = Recognizer()
    monkeypatch.setattr(found, "_rejector", lambda glyphs: certain(len(glyphs)))
    return found


def certain(count):
    """What is said of glyphs that are digits beyond doubt."""
    return np.ones((count, 2), np.float32)


def test_most_letters_are_dropped(recognizer, alone):
    """Also N, W and m, whose strokes the reader takes for several ones that touch."""
    pictures = [typed(letter, bold) for letter in "AEFHKMNRWXkmx" for bold in (False, True)]
    left = share_left(recognizer, pictures)
    assert left < 0.2
    assert left <= share_left(alone, pictures) / 2


def test_most_blots_are_dropped(recognizer, alone):
    generator = np.random.default_rng(0)
    pictures = [blot(generator) for _ in range(40)]
    left = share_left(recognizer, pictures)
    assert left < 0.2
    assert left <= share_left(alone, pictures) / 2


def test_digits_stay(recognizer, legible_digits):
    some = np.random.default_rng(0).choice(len(legible_digits.images), 60, replace=False)
    pictures = [np.pad(255 - legible_digits.images[i], 10, constant_values=255) for i in some]
    assert share_left(recognizer, pictures) > 0.9


def test_what_stands_among_digits_is_dropped(recognizer, legible_digits):
    """A line of digits with letters between them."""
    chosen = [int(np.flatnonzero(legible_digits.labels == digit)[0]) for digit in (2, 5, 0)]
    stamps = [
        cv2.resize(np.pad(255 - legible_digits.images[i], 4, constant_values=255), (140, 140))
        for i in chosen
    ]
    strange = [cv2.resize(typed(one, bold=False), (140, 140)) for one in "XKR"]
    page = np.hstack([one for pair in zip(stamps, strange, strict=True) for one in pair])
    assert len(recognizer.read(page).text) == 6
    assert recognizer.read(page, min_confidence=0.8).text == "250"


def test_it_computes_what_the_layers_say(detector, digits):
    glyphs = digits.test.images[:40]
    expected = numpy_forward(
        load_rejector_weights().weights(calibrated=True), glyphs[..., np.newaxis] / 255
    )
    one, two = expected[:, :10].sum(axis=1), expected[:, -1] * np.exp(LOG_PRIOR_ODDS)
    none = expected[:, 10:-1].sum(axis=1)
    shares = np.stack([one, (one + two) / (none + one + two)], axis=1)
    np.testing.assert_allclose(detector(glyphs), shares, atol=1e-5)


def test_many_glyphs_are_answered_as_few(detector, digits):
    glyphs = np.tile(digits.train.images[:150], (4, 1, 1))
    shares = detector(glyphs)
    assert shares.dtype == np.float32
    assert shares.shape == (600, 2)
    assert 0 <= shares.min() <= shares.max() <= 1
    np.testing.assert_allclose(shares, np.tile(detector(glyphs[:150]), (4, 1)), atol=1e-6)


def three(glyphs):
    """A network that says 3 of everything, fairly sure."""
    answers = np.full((len(glyphs), 10), 0.2 / 9, np.float32)
    answers[:, 3] = 0.8
    return answers


def test_the_confidence_is_the_product_of_both():
    """To be a 3 it must be a digit first; the label and the order of digits stay."""
    cover = draw_strokes((100, 300), [(20, 20), (20, 80)], [(180, 20), (180, 80)], width=6)
    asked = []

    def half(glyphs):
        asked.append(glyphs)
        return np.array([[0.5, 1], [1, 1]], np.float32)[: len(glyphs)]

    digits = read_page(1 - cover, three, min_confidence=0, digit_scorer=half).digits
    assert [digit.label for digit in digits] == [3, 3]
    assert [digit.confidence for digit in digits] == pytest.approx([0.4, 0.8])
    assert [digit.probabilities.sum() for digit in digits] == pytest.approx([0.5, 1])
    assert [digit.probabilities.max() for digit in digits] == pytest.approx([0.4, 0.8])
    (glyphs,) = asked
    np.testing.assert_array_equal(glyphs, [digit.image for digit in digits])
    left = read_page(1 - cover, three, min_confidence=0.5, digit_scorer=half).digits
    assert [digit.box for digit in left] == [digits[1].box]


def weighed_uprights(count):
    """What is made of so many ones that touch, and how many glyphs were asked about."""
    asked = []

    def is_digit(glyphs):
        asked.append(len(glyphs))
        found = certain(len(glyphs))
        found[count:] = 0.1, 0.4  # the part that was cut, after its pieces
        return found

    pieces = split_touching([joined_ones(count)], 40, classify_narrow_as_one)
    found = apply_rejection(pieces, is_digit)
    np.testing.assert_array_equal([one.crop for one in found], [one.crop for one in pieces])
    return [one.confidence for one in found], *asked


def test_what_was_cut_counts_as_far_as_the_whole_looks_like_digits():
    """The strokes of a letter may each be a good one."""
    assert weighed_uprights(2) == (pytest.approx([0.4, 0.4]), 3)


def test_more_than_two_that_touch_are_only_asked_about_each():
    assert weighed_uprights(4) == (pytest.approx([1, 1, 1, 1]), 4)


def test_on_a_blank_page_nothing_is_asked():
    def refuse(glyphs):
        raise AssertionError

    blank = np.full((50, 50), 255, np.uint8)
    assert read_page(blank, three, min_confidence=0, digit_scorer=refuse).text == ""


def test_a_pickled_recognizer_reads_the_same(recognizer, page):
    recognizer.read(page.picture)
    again = pickle.loads(pickle.dumps(recognizer))
    first, second = (one.read(page.picture).to_dict() for one in (recognizer, again))
    assert first == second


@pytest.mark.parametrize("ending", ENDINGS)
def test_without_its_files_no_picture_is_read(shipped_files, ending, page):
    (shipped_files / f"{REJECTOR}.{ending}").unlink()
    recognizer = Recognizer()
    with pytest.raises(FileNotFoundError, match=f"{REJECTOR}.{ending}"):
        recognizer.read(page.picture)
    assert recognizer.predict_proba(np.zeros((1, 28, 28), np.uint8)).shape == (1, 10)


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_flipped_byte_is_refused(shipped_files, ending, page):
    path = shipped_files / f"{REJECTOR}.{ending}"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(CorruptFileError, match=f"{REJECTOR}.{ending}: "):
        Recognizer().read(page.picture)


def test_the_two_networks_are_not_taken_for_each_other(shipped_files):
    """Each is of its own shape, whatever file it stands in."""
    message = r"conv1.kernel must be float32 \(3, 3, 1, 16\); received float32 \(3, 3, 1, 32\)$"
    with pytest.raises(CorruptFileError, match=f"best.safetensors: {message}"):
        read_pretrained(shipped_files, "best", arrays.REJECTOR_WEIGHT_SHAPES)
    message = r"conv1.kernel must be float32 \(3, 3, 1, 32\); received float32 \(3, 3, 1, 16\)$"
    with pytest.raises(CorruptFileError, match=f"{REJECTOR}.safetensors: {message}"):
        read_pretrained(shipped_files, REJECTOR)


def test_it_is_small():
    assert sum((Path(FOLDER) / f"{REJECTOR}.{one}").stat().st_size for one in ENDINGS) < 100_000
