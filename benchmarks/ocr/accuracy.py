"""Accuracy of `Recognizer.read` on synthetic pages, by page style, weights and confidence.

    python -m benchmarks.ocr.accuracy [--pages N] [--split train|test] [STYLE ...]
    python -m benchmarks.ocr.accuracy --only confidence weights

Draws pages of MNIST digits with a known text (`synthetic_pages`), reads them, and counts the
characters to insert, delete or substitute. The reader was developed on pages of training digits
(``--split train``); results are saved for test digits alone. Also measures the same pages, and
pages of scikit-learn's digits, with each set of pretrained weights; and the fraction of digits,
letters, blots and scribbles that each ``min_confidence`` accepts, in typefaces and shapes that
the page network was not trained on. Needs MNIST. Results go to
benchmarks/results/ocr_accuracy.json, figures to docs/images. With page styles or
``--split train``, results are only printed.
"""

import json
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

import mnistcnn
from benchmarks.harness import (
    ROOT,
    argument_parser,
    mnist_file,
    package_versions,
    parse_args,
    write_results,
)
from benchmarks.ocr.alignment import edit_distance
from benchmarks.ocr.figures import draw_hard_page, draw_steps, save_figure
from benchmarks.ocr.nondigit_images import confidence_pictures
from benchmarks.ocr.synthetic_pages import PAGE_STYLES, draw_page
from mnistcnn.evaluation.intervals import wilson_interval
from mnistcnn.weights.pretrained import PRETRAINED

IMAGES = ROOT / "docs" / "images"
PAGES, SKLEARN_PAGES = 120, 20
THRESHOLDS = (0.0, 0.5, 0.8, 0.9, 0.95, 0.99)
PARTS = ("page_styles", "weights", "confidence")
SMOKE_STYLES = ("clean", "ruled lines, tilt")


def accuracy_on_style(
    recognizer: mnistcnn.Recognizer, split: mnistcnn.Split, name: str, count: int
) -> dict[str, Any]:
    """Read pages of one style and count the errors."""
    errors = characters = digits = exact = 0
    seconds = []
    for index in range(count):
        generator = np.random.default_rng([list(PAGE_STYLES).index(name), index])
        page = draw_page(split.images, split.labels, generator, PAGE_STYLES[name])
        started = time.perf_counter()
        text = recognizer.read(page.picture).text.replace(" ", "")
        seconds.append(time.perf_counter() - started)
        distance = edit_distance(text, page.text)
        errors, characters = errors + distance, characters + len(page.text)
        digits += len(page.text.replace("\n", ""))
        exact += distance == 0
    low, high = wilson_interval(max(characters - errors, 0), max(characters, errors))
    return {
        "pages": count,
        "digits": digits,
        "characters": characters,
        "errors": errors,
        "accuracy": round(1 - errors / characters, 5),
        "accuracy_ci": [round(low, 5), round(high, 5)],
        "exact_pages": exact,
        "milliseconds": round(1e3 * float(np.median(seconds)), 1),
    }


def errors_by_weights(
    images: np.ndarray, labels: np.ndarray, count: int, styles: Sequence[str]
) -> dict[str, Any]:
    """Count the errors with each set of weights on pages of each style."""
    recognizers = {name: mnistcnn.Recognizer(name) for name in PRETRAINED}
    by_style = {name: dict.fromkeys(recognizers, 0) for name in styles}
    characters = 0
    for style_name in styles:
        number, style = list(PAGE_STYLES).index(style_name), PAGE_STYLES[style_name]
        for index in range(count):
            page = draw_page(images, labels, np.random.default_rng([number, index]), style)
            characters += len(page.text)
            for name, recognizer in recognizers.items():
                text = recognizer.read(page.picture).text.replace(" ", "")
                by_style[style_name][name] += edit_distance(text, page.text)
    errors = {name: sum(row[name] for row in by_style.values()) for name in recognizers}
    return {
        "pages": count * len(styles),
        "characters": characters,
        "errors": errors,
        "page_styles": by_style,
    }


def measure_weights(split: mnistcnn.Split, pages: int, *, smoke: bool) -> dict[str, Any]:
    """Compare the pretrained weights on MNIST digits and on digits unlike all they have seen."""
    styles = SMOKE_STYLES if smoke else tuple(PAGE_STYLES)
    digits = (np.concatenate(arrays) for arrays in zip(*mnistcnn.load_data("digits"), strict=True))
    return {
        "MNIST test digits": errors_by_weights(*split, pages, styles),
        "scikit-learn's digits": errors_by_weights(*digits, min(pages, SKLEARN_PAGES), styles),
    }


def measure_confidence(
    recognizer: mnistcnn.Recognizer, split: mnistcnn.Split, *, smoke: bool
) -> dict[str, Any]:
    """Return the fraction of each kind of picture that is accepted at each confidence.

    Also by the confidence of the classification alone, given that there is a digit.
    """
    accepted: dict[str, list[float]] = {}
    by_classifier: dict[str, list[float]] = {}
    pictures = confidence_pictures(split.images, smoke=smoke)
    for name, each in pictures.items():
        readings = [recognizer.read(picture, min_confidence=0.0).digits for picture in each]
        confidences = [max((d.confidence for d in digits), default=0.0) for digits in readings]
        # The share of the label among the ten digits.
        classifier_alone = [
            max((d.confidence / float(d.probabilities.sum()) for d in digits), default=0.0)
            for digits in readings
        ]
        for result, values in ((accepted, confidences), (by_classifier, classifier_alone)):
            result[name] = [
                round(float(np.mean(np.array(values) >= threshold)), 4) for threshold in THRESHOLDS
            ]
        print(f"{name}: {accepted[name]}, classifier alone: {by_classifier[name]}", flush=True)
    return {
        "thresholds": list(THRESHOLDS),
        "pictures": {name: len(each) for name, each in pictures.items()},
        "accepted": accepted,
        "accepted_by_classifier": by_classifier,
    }


def main(argv: Sequence[str] | None = None) -> None:
    """Read pages of each style, or of those that are named."""
    parser = argument_parser(__doc__, "ocr_accuracy.json")
    parser.add_argument("styles", nargs="*", metavar="STYLE", help="default: all, saved")
    parser.add_argument("--pages", type=int, default=PAGES, help="pages of each style")
    parser.add_argument("--split", choices=("train", "test"), default="test")
    parser.add_argument("--only", choices=PARTS, nargs="+", default=PARTS, help="these parts")
    options = parse_args(parser, argv)
    smoke, pages = options.smoke, 1 if options.smoke else options.pages
    split = getattr(mnistcnn.load_data(mnist_file(smoke=smoke)), options.split)
    recognizer = mnistcnn.Recognizer()
    saved = options.output.is_file() and len(options.only) < len(PARTS)
    report = json.loads(options.output.read_text()) if saved else {}
    report["versions"] = package_versions("mnistcnn", "onnxruntime", "opencv-python-headless")
    if "page_styles" in options.only:
        report["page_styles"] = {}
        for name in options.styles or (SMOKE_STYLES if smoke else PAGE_STYLES):
            row = accuracy_on_style(recognizer, split, name, pages)
            report["page_styles"][name] = row
            print(f"{name}: {row}", flush=True)
    if options.styles or options.split != "test":
        return
    if "weights" in options.only:
        report["weights"] = measure_weights(split, pages, smoke=smoke)
        print(report["weights"])
    if "confidence" in options.only:
        report["confidence"] = measure_confidence(recognizer, split, smoke=smoke)
    write_results(options.output, report)
    if "page_styles" in options.only:
        folder = options.output.parent if smoke else IMAGES
        save_figure(draw_hard_page(recognizer, split), folder / "reading.png")
        save_figure(draw_steps(recognizer, split), folder / "reading-steps.png")


if __name__ == "__main__":
    main()
