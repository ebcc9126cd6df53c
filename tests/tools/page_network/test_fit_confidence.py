"""The confidence is fitted on pages with a truth, to digits that are compared with it."""

import numpy as np
import pytest

from mnistcnn.ocr.confidence import ScoredDigit
from tools.page_network.confidence_pages import TruePage, draw_confidence_page
from tools.page_network.fit_confidence import Example, Unweighted, compare, fit
from tools.page_network.glyphs import Glyphs


@pytest.fixture(scope="module")
def pages(digits, tmp_path_factory):
    images, labels = digits.train
    glyphs = Glyphs(images[:200], labels[:200], tmp_path_factory.mktemp("no typefaces"))
    return [draw_confidence_page(np.random.default_rng([5, i]), glyphs) for i in range(16)]


def test_digits_lie_in_the_picture(pages):
    for image, digits in pages:
        assert image.dtype == np.uint8
        assert image.shape[2] in {1, 3}
        height, width = image.shape[:2]
        assert set(digits[:, 4]) <= set(range(10))
        assert (digits[:, 2:4] > 0).all()
        # The center of a digit at the edge may lie outside by a rounding error.
        assert (digits[:, :2] > -1).all()
        assert (digits[:, :2] < (width + 1, height + 1)).all()


def test_pictures_of_one_digit_are_small_and_pages_are_not(pages):
    sides = [max(image.shape[:2]) for image, _ in pages]
    assert min(sides) < 200
    assert max(sides) >= 320
    counts = [len(digits) for _, digits in pages]
    assert 1 in counts
    assert max(counts) > 5


def scored(label, box, kind="detected"):
    probabilities = np.full(10, 0.01, np.float32)
    probabilities[label] = 0.9
    return ScoredDigit(box, np.zeros((28, 28), np.uint8), kind, {}, probabilities)


def test_a_digit_is_right_at_its_place_once():
    page = TruePage(
        np.zeros((60, 90, 1), np.uint8), np.array([[20, 30, 10, 20, 7], [60, 30, 12, 20, 3.0]])
    )
    box, other = (15, 20, 25, 40), (54, 20, 66, 40)
    digits = [scored(7, box), scored(7, box), scored(7, other), scored(3, other)]
    assert compare(digits, page, 0) == [True, False, False, True]
    # The same page on its side, read upright.
    turned = TruePage(np.zeros((90, 60, 1), np.uint8), np.array([[30, 20, 20, 10, 7.0]]))
    assert compare([scored(7, (70 - 5, 20, 70 + 5, 40))], turned, 1) == [False]
    assert compare([scored(7, (15, 20, 25, 40))], turned, 1) == [True]
    empty = TruePage(np.zeros((60, 90, 1), np.uint8), np.zeros((0, 5)))
    assert compare(digits, empty, 0) == [False] * 4


def test_fitted_weights_predict_what_is_right():
    generator = np.random.default_rng(0)
    examples = []
    for page in range(400):
        features = {"center": float(generator.normal()), "purity": float(generator.normal())}
        probability = 1 / (1 + np.exp(-(0.5 + 2 * features["center"])))
        examples.append(Example(features, bool(generator.random() < probability), page))
    weights = fit(examples)
    assert weights.keys() == {"intercept", "center", "purity"}
    assert weights["center"] == pytest.approx(2, abs=0.6)
    assert weights["intercept"] == pytest.approx(0.5, abs=0.4)
    assert weights["purity"] == pytest.approx(0, abs=0.4)


def test_before_the_fit_all_kinds_of_evidence_count():
    weights = Unweighted()
    assert (weights["center"], weights["log size"], weights["intercept"]) == (1, 0, 0)
