"""Fit the confidence of a digit that was read: the probability that it is one, and is right.

    python -m tools.page_network.fit_confidence [--pages 2400] [--install [FOLDER]]

Reads synthetic pages, drawn from the last 10,000 training images of MNIST, without any threshold.
A digit is right if its center lies within half a size of the center of a true digit of the same
label that no better one has claimed. For each kind of digit, a logistic regression on the features
that `mnistcnn.ocr.confidence` computes gives the weights. The reliability of the confidence on
every fourth page, which is not fitted, is printed.
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections import defaultdict
from collections.abc import Sequence
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.harness import mnist_file
from mnistcnn.ocr.boxes import turn_back
from mnistcnn.ocr.classification import NonDigitRejector
from mnistcnn.ocr.confidence import ScoredDigit
from mnistcnn.ocr.page_network import PageNetwork
from mnistcnn.ocr.pipeline import Models, find_digits
from mnistcnn.ocr.recognizer import Recognizer
from mnistcnn.weights.pretrained import CONFIDENCE, FOLDER
from tools.page_network.confidence_pages import TruePage, draw_confidence_page
from tools.page_network.train import FONTS, load_glyphs

# Apart from the seeds of training and validation pages.
SEED = 2 * 10**6
_MAX_DISTANCE = 0.5
_BINS = (0, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95, 0.99, 1)
# Inverse of the strength of the L2 penalty on the weights of standardized features.
_REGULARIZATION = 3.0


class Unweighted(dict[str, float]):
    """Weights before they are fitted: the features that mean a digit, equally."""

    def __missing__(self, name: str) -> float:
        return float(name in ("center", "class by classifier", "class by network", "digit"))


class Example(NamedTuple):
    """Features of a digit that was read, whether it is right, and the number of its page."""

    features: dict[str, float]
    is_right: bool
    page: int


def compare(digits: Sequence[ScoredDigit], page: TruePage, quarter_turns: int) -> list[bool]:
    """Return which digits are right, of digits in the order of their confidence."""
    free = np.ones(len(page.digits), bool)
    right = []
    for digit in digits:
        # The page may have been turned upright.
        box = turn_back(digit.edges, quarter_turns, page.image.shape)
        center = np.array([(box[0] + box[2]) / 2, (box[1] + box[3]) / 2])
        distances = np.linalg.norm(page.digits[:, :2] - center, axis=1)
        matches = (page.digits[:, 4] == digit.probabilities.argmax()) & free
        matches &= distances < _MAX_DISTANCE * page.digits[:, 2:4].max(axis=1, initial=0)
        right.append(bool(matches.any()))
        if matches.any():
            free[np.where(matches, distances, np.inf).argmin()] = False
    return right


class Reader:
    """Reads pages in a process of its own."""

    def __init__(self, data: Path, fonts: Path) -> None:
        import cv2

        cv2.setNumThreads(1)
        self._glyphs = load_glyphs(data, fonts)["validation"]
        self._models = Models(
            PageNetwork(1),
            Recognizer(num_threads=1).predict_proba,
            NonDigitRejector(1),
            defaultdict(Unweighted),
        )

    def read(self, number: int) -> list[tuple[str, Example]]:
        """Draw a page, read it, and return kind and example of each digit."""
        page = draw_confidence_page(np.random.default_rng([SEED, number]), self._glyphs)
        digits, turns = find_digits(page.image.astype(np.float32) / 255, self._models)
        digits.sort(key=lambda digit: -digit.confidence)
        examples = []
        # A digit is often found both by the network and as a component: each time it is right.
        for is_detected in (True, False):
            some = [digit for digit in digits if (digit.kind == "detected") == is_detected]
            for digit, is_right in zip(some, compare(some, page, turns), strict=True):
                examples.append((digit.kind, Example(dict(digit.features), is_right, number)))
        return examples


_reader: Reader | None = None


def _start_worker(data: Path, fonts: Path) -> None:
    global _reader  # noqa: PLW0603  # one for each process
    _reader = Reader(data, fonts)


def _read(number: int) -> list[tuple[str, Example]]:
    assert _reader is not None
    return _reader.read(number)


def collect_examples(count: int, data: Path, fonts: Path) -> dict[str, list[Example]]:
    """Read pages, and return the examples of each kind of digit."""
    examples = defaultdict(list)
    with get_context("spawn").Pool(initializer=_start_worker, initargs=(data, fonts)) as pool:
        for page in pool.imap(_read, range(count), chunksize=8):
            for kind, example in page:
                examples[kind].append(example)
    return examples


def fit(examples: Sequence[Example]) -> dict[str, float]:
    """Fit a regression to the digits of a kind, and print its reliability."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    names = sorted(examples[0].features)
    x = np.array([[one.features[name] for name in names] for one in examples])
    y = np.array([one.is_right for one in examples])
    is_test = np.array([one.page % 4 == 0 for one in examples])
    scaler = StandardScaler().fit(x[~is_test])
    model = LogisticRegression(C=_REGULARIZATION, max_iter=5000)
    model.fit(scaler.transform(x[~is_test]), y[~is_test])
    probabilities = model.predict_proba(scaler.transform(x[is_test]))[:, 1]
    for low, high in itertools.pairwise(_BINS):
        inside = (probabilities >= low) & (probabilities < high + (high == 1))
        if inside.any():
            print(
                f"{low:4.2f} to {high:4.2f}: {inside.sum():6} digits, mean confidence "
                f"{probabilities[inside].mean():.3f}, right {y[is_test][inside].mean():.3f}"
            )
    weights = model.coef_[0] / scaler.scale_
    intercept = model.intercept_[0] - weights @ scaler.mean_
    named = zip(names, weights, strict=True)
    return {"intercept": round(float(intercept), 4)} | {n: round(float(w), 4) for n, w in named}


def main(argv: Sequence[str] | None = None) -> None:
    """Fit the weights and write them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--pages", type=int, default=2400)
    parser.add_argument("--data", type=Path, default=None, metavar="NPZ")
    parser.add_argument("--fonts", type=Path, default=FONTS, metavar="FOLDER")
    parser.add_argument(
        "--install", type=Path, nargs="?", const=FOLDER, metavar="FOLDER",
        help="write the weights to the package, or to this folder",
    )  # fmt: skip
    arguments = parser.parse_args(argv)
    examples = collect_examples(arguments.pages, arguments.data or mnist_file(), arguments.fonts)
    weights = {}
    for kind in sorted(examples):
        some = examples[kind]
        share = np.mean([one.is_right for one in some])
        print(f"{kind}: {len(some)} on {arguments.pages} pages, {share:.1%} of them right")
        weights[kind] = fit(some)
    if arguments.install is not None:
        document = {"pages": arguments.pages, "seed": SEED, "weights": weights}
        path = arguments.install / f"{CONFIDENCE}.json"
        path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
        print(f"The weights are in {path}")


if __name__ == "__main__":
    main()
