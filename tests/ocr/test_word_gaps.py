"""Words end at gaps that are much wider than the usual ones."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.ocr import synthetic_pages
from benchmarks.ocr.synthetic_pages import PAGE_STYLES
from mnistcnn.ocr.word_gaps import find_words
from tests.helpers.readings import make_boxes, make_reading


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize(
    "text", ["17 06 2024", "1 2 34", "12 3 4\n5", "1234\n12 34\n1 2", "1", "", "12345"]
)
def test_blanks_stand_for_wide_gaps(text, rotation):
    assert make_reading(text, rotation=rotation).text == text


@pytest.mark.parametrize("gap", [0, 15, 60, 200])
def test_equal_gaps_are_no_word_gaps(gap):
    assert make_reading("48213", gap=gap).text == "48213"
    assert make_reading("17", gap=gap).text == "17"
    assert make_reading("17\n3\n2", gap=gap).text == "17\n3\n2"


def test_a_short_line_has_the_usual_gap_of_the_page():
    lines = [make_boxes("12345")[0], make_boxes("1 2", top=100)[0]]
    assert find_words(lines, 0) == [[slice(0, 5)], [slice(0, 1), slice(1, 2)]]
    cells = [make_boxes("12345", gap=40)[0], make_boxes("12", gap=40, top=100)[0]]
    assert find_words(cells, 0) == [[slice(0, 5)], [slice(0, 2)]]


def test_overlapping_digits_do_not_narrow_the_usual_gap():
    boxes = make_boxes("123 45", gap=-6)[0]
    assert find_words([boxes], 0) == [[slice(0, 3), slice(3, 5)]]
    irregular = [(0, 0, 10, 20), (2, 0, 12, 20), (4, 0, 14, 20), (22, 0, 32, 20)]
    assert find_words([irregular], 0) == [[slice(0, 4)]]


def test_no_lines():
    assert find_words([], 0) == []


BOXES = st.tuples(*[st.integers(-500, 500)] * 2, *[st.integers(1, 100)] * 2).map(
    lambda box: (box[0], box[1], box[0] + box[2], box[1] + box[3])
)


@given(
    st.lists(st.lists(BOXES, min_size=1, max_size=6), max_size=4),
    st.sampled_from([0, 90, 180, 270]),
)
def test_words_are_parts_of_their_lines_in_order(lines, rotation):
    words = find_words(lines, rotation)
    assert [
        [box for word in each for box in line[word]]
        for line, each in zip(lines, words, strict=True)
    ] == lines
    assert all(word.start < word.stop for each in words for word in each)


@given(st.lists(st.lists(BOXES, min_size=1, max_size=6), max_size=4), st.integers(2, 9))
def test_words_do_not_depend_on_the_resolution(lines, factor):
    scaled = [[tuple(factor * edge for edge in box) for box in line] for line in lines]
    assert find_words(scaled, 0) == find_words(lines, 0)


@pytest.mark.parametrize("style", ["clean", "boxes", "touching", "tilt to 10 degrees"])
def test_synthetic_pages_have_no_word_gaps(style, digits):
    for seed in range(3):
        page = synthetic_pages.draw_page(
            *digits.train, np.random.default_rng(seed), PAGE_STYLES[style]
        )
        boxes = iter(page.boxes)
        lines = [[next(boxes) for _ in line] for line in page.text.split("\n")]
        assert find_words(lines, 0) == [[slice(0, len(line))] for line in lines]
