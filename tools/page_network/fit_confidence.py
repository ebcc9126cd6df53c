"""Fit the confidence of a digit that was read: the probability that it is one, and is right.

    python -m tools.page_network.fit_confidence [--pages 400]

Reads synthetic pages, drawn from the last 10,000 training images of MNIST, without any threshold.
A digit is right if its center lies within half a size of the center of a true digit of the same
label that no better one has claimed. A logistic regression on the features that
`mnistcnn.ocr.confidence` computes gives the weights, which are printed as they stand in that
module, beside the reliability of the confidence on every fourth page, which is not fitted.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import mnist_file
from mnistcnn.ocr.classification import NonDigitRejector
from mnistcnn.ocr.confidence import ScoredDigit, score_components, score_detected
from mnistcnn.ocr.digit_detection import detect_digits, turn_back
from mnistcnn.ocr.page_network import PageNetwork
from mnistcnn.ocr.pipeline import find_components
from mnistcnn.ocr.recognizer import Recognizer
from tools.page_network.pages import draw_page
from tools.page_network.photo import Page
from tools.page_network.train import FONTS, load_glyphs

# Apart from the seeds of training and validation pages.
SEED = 2 * 10**6
# Sides of the pages in pixels.
_SIZES = (320, 480, 640)
_MAX_DISTANCE = 0.5
_BINS = (0, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95, 0.99, 1)


def score_page(
    page: Page, network: PageNetwork, recognizer: Recognizer, rejector: NonDigitRejector
) -> dict[str, list[tuple[NDArray[np.float64], bool]]]:
    """Return, for each regression, features of each digit that was read, and if it is right."""
    image = page.image.astype(np.float32) / 255
    detection = detect_digits(image, network)
    upright = np.rot90(image, detection.quarter_turns)
    components = find_components(upright, len(detection.digits), recognizer.predict_proba, "auto")
    scored = {
        "instances": score_detected(detection.digits, recognizer.predict_proba, rejector),
        "components": score_components(components, detection.candidates, rejector),
    }
    return {
        name: _compare(digits, page, detection.quarter_turns) for name, digits in scored.items()
    }


def _compare(
    digits: Sequence[ScoredDigit], page: Page, quarter_turns: int
) -> list[tuple[NDArray[np.float64], bool]]:
    free = np.ones(len(page.digits), bool)
    scored = []
    for digit in sorted(digits, key=lambda digit: -digit.confidence):
        # The page may have been turned upright.
        box = turn_back(digit.edges, quarter_turns, page.image.shape)
        center = np.array([(box[0] + box[2]) / 2, (box[1] + box[3]) / 2])
        is_right = False
        if len(page.digits):
            distances = np.linalg.norm(page.digits[:, :2] - center, axis=1)
            sizes = page.digits[:, 2:4].max(axis=1)
            matches = (page.digits[:, 4] == digit.probabilities.argmax()) & free
            matches &= distances < _MAX_DISTANCE * sizes
            if matches.any():
                free[np.where(matches, distances, np.inf).argmin()] = False
                is_right = True
        scored.append((digit.features, is_right))
    return scored


def fit(scored: Sequence[Sequence[tuple[NDArray[np.float64], bool]]]) -> None:
    """Fit a regression to the digits of each page, and print it with its reliability."""
    from sklearn.linear_model import LogisticRegression

    x = np.array([features for page in scored for features, _ in page])
    y = np.array([is_right for page in scored for _, is_right in page])
    is_test = np.array([i % 4 == 0 for i, page in enumerate(scored) for _ in page])
    model = LogisticRegression(C=10.0, max_iter=1000).fit(x[~is_test], y[~is_test])
    print(f"{len(y)} were read on {len(scored)} pages, {y.mean():.1%} of them right")
    print("weights:", [round(float(w), 3) for w in (*model.intercept_, *model.coef_[0])])
    probabilities = model.predict_proba(x[is_test])[:, 1]
    for low, high in itertools.pairwise(_BINS):
        inside = (probabilities >= low) & (probabilities < high + (high == 1))
        if inside.any():
            print(
                f"{low:4.2f} to {high:4.2f}: {inside.sum():6} digits, mean confidence "
                f"{probabilities[inside].mean():.3f}, right {y[is_test][inside].mean():.3f}"
            )


def main(argv: Sequence[str] | None = None) -> None:
    """Fit and print the weights."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--pages", type=int, default=400)
    parser.add_argument("--data", type=Path, default=None, metavar="NPZ")
    parser.add_argument("--fonts", type=Path, default=FONTS, metavar="FOLDER")
    arguments = parser.parse_args(argv)
    glyphs = load_glyphs(arguments.data or mnist_file(), arguments.fonts)["validation"]
    network, recognizer, rejector = PageNetwork(), Recognizer(), NonDigitRejector(0)
    pages = []
    for i in range(arguments.pages):
        generator = np.random.default_rng([SEED, i])
        page = draw_page(generator, glyphs, (int(generator.choice(_SIZES)),) * 2)
        pages.append(score_page(page, network, recognizer, rejector))
    for name in ("instances", "components"):
        print(f"{name}:")
        fit([page[name] for page in pages])


if __name__ == "__main__":
    main()
