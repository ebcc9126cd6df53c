"""What the detector of what is no digit is trained on, and how it is calibrated."""

import numpy as np
import pytest

from mnistcnn import Split
from mnistcnn.ocr.classification import NonDigitRejector
from mnistcnn.weights import pretrained
from mnistcnn.weights.arrays import REJECTOR_WEIGHT_SHAPES
from mnistcnn.weights.pretrained import REJECTOR, read_pretrained
from tools.pretrained import synthetic_nondigits, train_rejector
from tools.pretrained.synthetic_nondigits import (
    ALIKE,
    DIGITS,
    FACES,
    GROUPS,
    LETTERS,
    SCRIBBLES,
    SIGNS,
)

FEW = {**dict.fromkeys(train_rejector.COUNTS, 6), "pages": 12}
FAMILIES = [(part, name) for part, family in SCRIBBLES.items() for name in family]


@pytest.fixture(scope="module")
def images(digits):
    return Split(*(part[:300] for part in digits.train))


@pytest.fixture(scope="module")
def pool(images):
    return train_rejector.drawn(images, "train", FEW, np.random.default_rng(0))


def test_letters_that_look_like_digits_are_left_out():
    assert not set(ALIKE) & set(LETTERS + SIGNS + DIGITS)


def test_each_sign_has_one_group():
    assert sorted("".join(GROUPS)) == sorted(LETTERS + SIGNS)


def test_what_is_reported_was_not_trained_on():
    for one in (FACES, SCRIBBLES):
        train, choose, report = (set(one[part]) for part in ("train", "choose", "report"))
        assert not train & choose
        assert not train & report
        assert not choose & report


@pytest.mark.parametrize(("part", "name"), FAMILIES)
def test_scribbles_differ_and_fill_a_glyph(part, name):
    how = SCRIBBLES[part][name]
    drawn = [how(np.random.default_rng(seed)) for seed in (0, 0, 1)]
    glyphs = synthetic_nondigits.glyphs(drawn)
    assert glyphs.shape == (3, 28, 28)
    np.testing.assert_array_equal(glyphs[0], glyphs[1])
    assert (glyphs[0] != glyphs[2]).any()
    assert glyphs.max(axis=(1, 2)).min() > 150


@pytest.mark.parametrize("face", [face for part in FACES.values() for face in dict.fromkeys(part)])
def test_every_sign_can_be_drawn_in_every_typeface(face):
    generator = np.random.default_rng(0)
    found = [synthetic_nondigits.typed(one, face, generator) for one in LETTERS + SIGNS + DIGITS]
    assert all(0.5 < ink.max() <= 1 for ink in found)
    assert all(np.isfinite(synthetic_nondigits.glyphs(found)).ravel())


def test_bending_moves_ink_and_keeps_it():
    ink = synthetic_nondigits.typed("K", "simplex", np.random.default_rng(0))
    bent = synthetic_nondigits.bent(ink, np.random.default_rng(0))
    assert bent.shape == ink.shape
    assert (bent != ink).any()
    assert 0.4 < bent.sum() / ink.sum() < 2.5


def test_spoilt_digits_are_not_those_of_mnist(images):
    """Each is a digit turned, mirrored or cut: none is one of them as it was."""
    generator = np.random.default_rng(0)
    inks = [synthetic_nondigits.spoilt(*images, generator) for _ in range(100)]
    whole = synthetic_nondigits.glyphs(
        [synthetic_nondigits.large(image) for image in images.images]
    )
    for glyph in synthetic_nondigits.glyphs(inks):
        assert (whole != glyph).any(axis=(1, 2)).all()


def test_two_digits_stand_side_by_side(images):
    both = synthetic_nondigits.two(images.images, np.random.default_rng(0))
    dark = (both > 0.5).any(axis=0)
    assert dark[0] or dark[1]
    assert dark.mean() > 0.9
    narrow = np.zeros((28, 28), np.uint8)
    narrow[4:24, 13:15] = 255
    assert synthetic_nondigits.two(narrow[np.newaxis], np.random.default_rng(0)).any()


def test_a_pool_holds_what_was_asked_for(pool, images):
    counts = {**FEW, "mnist": len(images.images)}
    del counts["coarse"]
    assert {kind: int((pool.kinds == kind).sum()) for kind in counts} == counts
    assert pool.glyphs.shape == (sum(counts.values()), 28, 28)
    assert pool.glyphs.dtype == np.uint8
    digits = pool.outputs < 10
    for kind in ("mnist", "digits", "bent"):
        assert digits[pool.kinds == kind].all()
    for kind in ("letters", "signs", "scribbles", "spoilt", "two"):
        assert not digits[pool.kinds == kind].any()
    assert len(train_rejector.OUTPUTS) == REJECTOR_WEIGHT_SHAPES["dense.bias"][0]


def test_the_same_generator_gives_the_same_pool(pool, images):
    again = train_rejector.drawn(images, "train", FEW, np.random.default_rng(0))
    np.testing.assert_array_equal(again.glyphs, pool.glyphs)
    np.testing.assert_array_equal(again.outputs, pool.outputs)


def test_coarse_glyphs_are_those_of_the_pool_with_less_detail(pool):
    found = train_rejector.with_coarse(pool, 40, np.random.default_rng(0))
    np.testing.assert_array_equal(found.glyphs[:-40], pool.glyphs)
    assert set(found.kinds[-40:]) == {"coarse"}
    for glyph, output in zip(found.glyphs[-40:], found.outputs[-40:], strict=True):
        assert glyph.max() == 255
        apart = np.abs(pool.glyphs.astype(int) - glyph).mean(axis=(1, 2))
        assert pool.outputs[apart.argmin()] == output
        assert 1 < apart.min() < 30


def test_shares_of_boxes():
    boxes = np.array([[0, 0, 10, 10], [5, 0, 15, 10], [20, 20, 30, 30]], float)
    np.testing.assert_allclose(train_rejector._share(boxes, boxes[0]), [1, 1 / 3, 0])


def test_the_temperature_undoes_a_scaling():
    """Of answers that are drawn as sure as they say, and then said twice as sure."""
    generator = np.random.default_rng(0)
    logits = generator.normal(0, 1.5, (8000, 24)).astype(np.float32)
    chosen = generator.random(8000) < train_rejector.digit_share(logits, 1)
    assert train_rejector.fitted_temperature(logits, chosen) == pytest.approx(1, abs=0.12)
    assert train_rejector.fitted_temperature(2 * logits, chosen) == pytest.approx(2, abs=0.2)


@pytest.mark.parametrize("cut", [False, True])
def test_a_prior_makes_digits_likelier_by_its_odds(cut):
    logits = np.random.default_rng(0).normal(0, 1, (50, 24)).astype(np.float32)
    first = train_rejector.digit_share(logits, 1.3, cut=cut)
    second = train_rejector.digit_share(logits, 1.3, prior=2.0, cut=cut)
    odds = np.log(second / (1 - second)) - np.log(first / (1 - first))
    np.testing.assert_allclose(odds, 2.0)


def test_two_that_touch_are_digits_where_something_was_cut():
    logits = np.zeros((2, 24), np.float32)
    logits[0, 23] = logits[1, 3] = 9
    assert train_rejector.digit_share(logits, 1) == pytest.approx([0, 1], abs=0.01)
    assert train_rejector.digit_share(logits, 1, cut=True) == pytest.approx([1, 1], abs=0.01)


def test_what_is_written_can_be_read_and_tells_its_figures(pool, tmp_path, monkeypatch):
    monkeypatch.setattr(train_rejector, "commit", lambda: "a" * 40)
    noise = np.random.default_rng(0)
    weights = [
        noise.normal(0, 0.1, shape).astype(np.float32) for shape in REJECTOR_WEIGHT_SHAPES.values()
    ]
    figures = train_rejector.write(tmp_path, weights, pool, pool)
    found = read_pretrained(tmp_path, REJECTOR, REJECTOR_WEIGHT_SHAPES)
    for name, array in zip(list(REJECTOR_WEIGHT_SHAPES)[:5], weights, strict=False):
        np.testing.assert_array_equal(found.arrays[name], array)
    # The detector gives the shares that the figures are of.
    monkeypatch.setattr(pretrained, "FOLDER", tmp_path)
    one, digits = NonDigitRejector(1)(pool.glyphs).T
    for name, kind, share in (
        ("digits", "mnist", one), ("no_digits", "two", one), ("no_digits_cut", "two", digits),
    ):  # fmt: skip
        taken = share[pool.kinds == kind]
        left = [pytest.approx((taken >= least).mean(), abs=0.011) for least in train_rejector.LEAST]
        assert figures[name][kind]["left"] == left
    assert found.manifest.metrics == figures
    assert found.manifest.data["images"] == len(pool.glyphs)
    rows = figures["digits"] | {f"no {kind}": row for kind, row in figures["no_digits"].items()}
    assert sum(row["glyphs"] for row in rows.values()) == len(pool.glyphs)
    for row in [*rows.values(), *figures["no_digits_cut"].values()]:
        assert row["left"] == sorted(row["left"], reverse=True)
