"""Numbers on synthetic pictures are read right more often with a pattern, and never lose a digit."""

from dataclasses import replace

import numpy as np
import pytest

import mnistcnn
from benchmarks.ocr import synthetic_pages
from benchmarks.ocr.synthetic_pages import PAGE_STYLES
from mnistcnn import PatternMismatchError

NUM_PICTURES = 25
STYLES = ("light, tilt and noise", "touching", "hard")


def draw_numbers(test, style):
    """Yield pictures of one number each, with the number."""
    style = replace(PAGE_STYLES[style], lines=(1, 1), digits_per_line=(4, 8))
    for seed in range(NUM_PICTURES):
        page = synthetic_pages.draw_page(*test, np.random.default_rng([7, seed]), style)
        yield page.picture, page.text


@pytest.mark.mnist
@pytest.mark.slow
def test_numbers_with_and_without_a_pattern(recognizer, mnist_path):
    _, test = mnistcnn.load_data(mnist_path)
    right = {"without": 0, "with": 0}
    for style in STYLES:
        for picture, number in draw_numbers(test, style):
            plain = recognizer.read(picture, min_confidence=0.5)
            digits_read = plain.text.replace(" ", "").replace("\n", "")
            right["without"] += digits_read == number
            marked = recognizer.read(picture, min_confidence=0.5, doubtful="?")
            if len(digits_read) < len(number):
                # A digit was omitted, or its place was not found with any confidence.
                assert len(marked.digits) >= len(number) or plain.probability < 0.9
            try:
                fitted = recognizer.read(picture, min_confidence=0.5, pattern=len(number))
            except PatternMismatchError:
                assert digits_read != number
                continue
            assert len(fitted.text) == len(number)
            right["with"] += fitted.text == number
    assert right["with"] >= right["without"] >= 0.9 * len(STYLES) * NUM_PICTURES
