"""The layout of forms must not change: printed forms are read by later versions."""

import hashlib

import numpy as np
import pytest

from mnistcnn.sheets.layout import (
    BOX_SIZE,
    MARK_MARGIN,
    MARK_SIZE,
    box_labels,
    classes_code,
    layout_of,
)
from mnistcnn.types import DIGIT_NAMES


@pytest.mark.parametrize(("paper", "columns", "rows"), [("a4", 12, 14), ("letter", 12, 13)])
def test_boxes_lie_between_the_marks(paper, columns, rows):
    layout = layout_of(paper)
    assert (layout.columns, layout.rows, layout.num_boxes) == (columns, rows, columns * rows)
    origins = layout.box_origins()
    assert origins.shape == (layout.num_boxes, 2)
    assert (origins[:, 0].min() + origins[:, 0].max() + BOX_SIZE) == pytest.approx(layout.width)
    inner = MARK_MARGIN + MARK_SIZE
    assert origins[:, 1].min() > inner + 3
    assert origins[:, 1].max() + BOX_SIZE < layout.height - inner - 2
    corners = layout.mark_corners().reshape(-1, 2)
    assert corners.min() == MARK_MARGIN
    assert np.allclose(corners.max(axis=0), (layout.width - 10, layout.height - 10))


def test_version_1_of_the_form_stays_as_it_is():
    layouts = [layout_of(paper) for paper in ("a4", "letter")]
    places = np.concatenate([[*each.box_origins(), *each.mark_origins()] for each in layouts])
    labels = [box_labels(page, 168, count).tolist() for page in (1, 2, 100) for count in (10, 26)]
    content = f"{np.round(places, 3).tolist()} {labels} {classes_code('ABC', 250)}"
    assert hashlib.sha256(content.encode()).hexdigest() == (
        "74604a74a71fce0371ad2b327c9ce3cde90aa81ce95458566c171c1ceef0b970"
    )


@pytest.mark.parametrize("num_classes", [1, 2, 10, 26, 200])
def test_classes_are_equally_frequent(num_classes):
    counts = np.bincount(box_labels(1, 168, num_classes), minlength=num_classes)
    assert counts.max() - counts.min() <= 1
    assert counts.sum() == 168


def test_pages_differ_in_their_order():
    pages = [box_labels(page, 168, 10).tolist() for page in range(1, 101)]
    assert len({tuple(page) for page in pages}) == 100
    assert pages[0][:10] != pages[0][10:20]


def test_the_code_of_the_classes():
    assert classes_code(DIGIT_NAMES, 250) == 0
    codes = {classes_code(names, 250) for names in ("AB", "BA", "ABC", ["AB", "C"], ["A", "BC"])}
    assert len(codes) == 5
    assert min(codes) >= 1
    assert max(codes) < 250
