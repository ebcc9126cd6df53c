"""The benchmark of signs draws and counts them as it says."""

import numpy as np
import pytest

from benchmarks.ocr.sign_accuracy import COUNTS, count_numbers
from benchmarks.ocr.signed_numbers import NUMBER_KINDS, STYLES, draw_sign, draw_signed_page


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("-1.5\n20", (2, 2, 2, 2, 0, 0)),
        ("15\n20", (2, 2, 1, 2, 2, 0)),
        ("-1.5\n2.0", (2, 2, 1, 2, 0, 1)),
        ("-1,5\n20", (2, 2, 1, 2, 1, 1)),
        ("-1.6\n20", (2, 1, 1, 0, 0, 0)),
        ("-1.5", (2, 0, 0, 0, 0, 0)),
    ],
)
def test_counts(text, counts):
    assert count_numbers(text, "-1.5\n20") == dict(zip(COUNTS, counts, strict=True))


@pytest.mark.parametrize("kind", NUMBER_KINDS)
def test_pages_repeat_and_have_numbers_of_their_kind(kind, digits):
    pages = [
        draw_signed_page(*digits.test, np.random.default_rng(0), STYLES["clean"], kind)
        for _ in range(2)
    ]
    assert pages[0].text == pages[1].text
    assert np.array_equal(pages[0].picture, pages[1].picture)
    forms = {form.replace(".", ",") for form in NUMBER_KINDS[kind]}
    for line in pages[0].text.split("\n"):
        assert "".join("d" if c.isdigit() else c.replace(".", ",") for c in line) in forms


@pytest.mark.parametrize(
    ("sign", "top", "bottom"), [(".", -0.3, 0.1), (",", -0.2, 0.6), ("-", -0.8, -0.2)]
)
def test_signs_stand_where_they_belong(sign, top, bottom):
    for seed in range(20):
        stamp, offset = draw_sign(sign, 100, 12, np.random.default_rng(seed))
        rows = np.flatnonzero(stamp.max(axis=1) > 0.5)
        assert 100 * top <= offset + rows[0] <= offset + rows[-1] <= 100 * bottom
