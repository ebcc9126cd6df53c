"""The synthetic images of non-digits and printed digits."""

import numpy as np
import pytest

from mnistcnn import Split
from tools.pretrained import synthetic_nondigits
from tools.pretrained.synthetic_nondigits import (
    DIGITS,
    LETTERS,
    LOOKALIKES,
    SCRIBBLES,
    SHAPE_GROUPS,
    SYMBOLS,
    TYPEFACES,
)

ALL_SCRIBBLES = [(split, name) for split, family in SCRIBBLES.items() for name in family]
ALL_TYPEFACES = list(dict.fromkeys(name for names in TYPEFACES.values() for name in names))


@pytest.fixture(scope="module")
def images(digits):
    return Split(*(array[:300] for array in digits.train))


def test_characters_that_resemble_digits_are_excluded():
    assert not set(LOOKALIKES) & set(LETTERS + SYMBOLS + DIGITS)


def test_every_character_is_in_one_shape_group():
    assert sorted("".join(SHAPE_GROUPS)) == sorted(LETTERS + SYMBOLS)


@pytest.mark.parametrize("names", [TYPEFACES, SCRIBBLES], ids=["typefaces", "scribbles"])
def test_splits_are_disjoint(names):
    train, validation, test = (set(names[split]) for split in ("train", "validation", "test"))
    assert not train & validation
    assert not train & test
    assert not validation & test


@pytest.mark.parametrize(("split", "name"), ALL_SCRIBBLES)
def test_scribbles_vary_and_fill_the_crop(split, name):
    draw = SCRIBBLES[split][name]
    drawings = [draw(np.random.default_rng(seed)) for seed in (0, 0, 1)]
    crops = synthetic_nondigits.to_crops(drawings)
    assert crops.shape == (3, 28, 28)
    np.testing.assert_array_equal(crops[0], crops[1])
    assert (crops[0] != crops[2]).any()
    assert crops.max(axis=(1, 2)).min() > 150


@pytest.mark.parametrize("typeface", ALL_TYPEFACES)
def test_every_typeface_has_every_character(typeface):
    generator = np.random.default_rng(0)
    drawings = [
        synthetic_nondigits.draw_printed(character, typeface, generator)
        for character in LETTERS + SYMBOLS + DIGITS
    ]
    assert all(0.5 < ink.max() <= 1 for ink in drawings)
    assert synthetic_nondigits.to_crops(drawings).max(axis=(1, 2)).min() > 0


def test_distortion_moves_ink_and_keeps_its_amount():
    ink = synthetic_nondigits.draw_printed("K", "simplex", np.random.default_rng(0))
    distorted = synthetic_nondigits.distort(ink, np.random.default_rng(0))
    assert distorted.shape == ink.shape
    assert (distorted != ink).any()
    assert 0.4 < distorted.sum() / ink.sum() < 2.5


def test_altered_digits_differ_from_every_original(images):
    generator = np.random.default_rng(0)
    altered = [synthetic_nondigits.alter_digit(*images, generator) for _ in range(100)]
    originals = synthetic_nondigits.to_crops(
        [synthetic_nondigits.upscale(image) for image in images.images]
    )
    for crop in synthetic_nondigits.to_crops(altered):
        assert (originals != crop).any(axis=(1, 2)).all()


def test_digit_pairs_are_side_by_side(images):
    pair = synthetic_nondigits.draw_digit_pair(images.images, np.random.default_rng(0))
    dark = (pair > 0.5).any(axis=0)
    assert dark[0] or dark[1]
    assert dark.mean() > 0.9
    narrow = np.zeros((28, 28), np.uint8)
    narrow[4:24, 13:15] = 255
    assert synthetic_nondigits.draw_digit_pair(narrow[np.newaxis], np.random.default_rng(0)).any()
