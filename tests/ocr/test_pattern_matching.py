"""The reading that fits a pattern is the most probable one of all, by exhaustive search."""

import itertools
import math
import re
import time

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mnistcnn.ocr.pattern_matching import (
    MAX_CANDIDATES,
    MIN_PROBABILITY,
    _combinations,
    compile_pattern,
)
from mnistcnn.ocr.patterns import PUNCTUATION_MARKS
from tests.helpers.expressions import expressions


def digit(**probabilities):
    """Return the class probabilities of a digit, such as ``digit(_1=0.7, _7=0.2)``."""
    row = np.zeros(10, np.float32)
    for name, probability in probabilities.items():
        row[int(name[1])] = probability
    return row


@st.composite
def marks(draw, max_size=4):
    """Class probabilities of some marks, of which few labels are possible; and which are doubtful."""
    rows = []
    for _ in range(draw(st.integers(0, max_size))):
        labels = draw(st.lists(st.integers(0, 9), min_size=1, max_size=3, unique=True))
        shares = [draw(st.floats(0, 1)) for _ in labels]
        total = max(sum(shares), 1) * draw(st.sampled_from([1, 1.0001, 1.7]))
        row = np.zeros(10)
        row[labels] = np.array(shares) / total
        rows.append(row)
    return rows, [draw(st.booleans()) for _ in rows]


def log(probability):
    return math.log(probability) if probability else -math.inf


def score(labels, rows, doubtful):
    """Return the logarithm of the probability of a reading."""
    total = 0.0
    for label, row, may_omit in zip(labels, rows, doubtful, strict=True):
        if label is not None:
            total += log(row[label] if row[label] >= MIN_PROBABILITY else 0)
        else:
            total += log(max(1 - row.sum(), MIN_PROBABILITY) if may_omit else 0)
    return total


def best_score(accepts, rows, doubtful):
    """Return the score of the most probable accepted text, by trying all."""
    options = [[*np.flatnonzero(row).tolist(), None] for row in rows]
    return max(
        (
            score(labels, rows, doubtful)
            for labels in itertools.product(*options)
            if accepts("".join(str(label) for label in labels if label is not None))
        ),
        default=-math.inf,
    )


def check_is_best(fit, accepts, rows, doubtful):
    best = best_score(accepts, rows, doubtful)
    if fit is None:
        assert best == -math.inf
        return
    digits = "".join(str(label) for label in fit.labels if label is not None)
    assert accepts(digits)
    assert score(fit.labels, rows, doubtful) == pytest.approx(best)
    assert fit.text.translate(dict.fromkeys(map(ord, PUNCTUATION_MARKS))) == digits


@given(expressions(punctuation=False), marks())
def test_an_expression_gives_the_most_probable_reading(expression, drawn):
    rows, doubtful = drawn
    fit = compile_pattern(expression).best_fit(rows, doubtful)
    check_is_best(fit, lambda text: bool(re.fullmatch(expression, text)), rows, doubtful)
    if fit is not None:
        assert re.fullmatch(expression, fit.text)


@given(st.integers(1, 4), marks())
def test_a_length_gives_the_most_probable_reading(length, drawn):
    fit = compile_pattern(length).best_fit(*drawn)
    check_is_best(fit, lambda text: len(text) == length, *drawn)


@given(st.integers(1, 4), st.integers(0, 3), marks())
def test_a_function_gives_the_most_probable_reading(divisor, remainder, drawn):
    def check_sum(text):
        return sum(map(int, text)) % divisor == remainder

    check_is_best(compile_pattern(check_sum).best_fit(*drawn), check_sum, *drawn)


def with_punctuation(digits):
    """Return all texts of these digits with at most one punctuation mark at each place."""
    gaps = itertools.product(["", *PUNCTUATION_MARKS], repeat=len(digits) + 1)
    return ("".join(itertools.chain(*zip(gap, [*digits, ""], strict=True))) for gap in gaps)


@settings(max_examples=60)
@given(expressions(), marks(max_size=3))
@example(r"\d\d[.,]\d", ([digit(_1=1)] * 3, [False] * 3))
@example(r"\d(\.\d)?\d*", ([digit(_1=1)] * 3, [False] * 3))
@example(r"\d-\d", ([digit(_1=1)] * 2, [False] * 2))
@example(r"[^5]|\.", ([], []))
def test_punctuation_is_inserted_if_the_pattern_determines_it(expression, drawn):
    rows, doubtful = drawn
    try:
        fit = compile_pattern(expression).best_fit(rows, doubtful)
    except ValueError:  # an ambiguous pattern; the message is tested below
        return
    if fit is None:
        return
    # A negated class matches digits only.
    expression = expression.replace("[^5]", "[0-46-9]").replace("[^0-7]", "[89]")
    assert re.fullmatch(expression, fit.text)
    digits = re.sub("[.,-]", "", fit.text)
    assert digits == "".join(str(label) for label in fit.labels if label is not None)
    assert {text for text in with_punctuation(digits) if re.fullmatch(expression, text)} <= {
        fit.text
    }


def test_punctuation_of_a_date():
    digits = [digit(**{f"_{label}": 0.99}) for label in "17062024"]
    fit = compile_pattern(r"[0-3]\d\.[01]\d\.\d{4}").best_fit(digits, [False] * 8)
    assert fit.text == "17.06.2024"
    assert fit.labels == (1, 7, 0, 6, 2, 0, 2, 4)


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        (r"\d+[.,]\d\d", "after '1', both '.' and ',' fit"),
        (r"-?\d+", "after '', both '-' and '1' fit"),
        (r"\d+(\.\d\d)?", "after '1', both '.' and '2' fit"),
        (r"\d+-*", "after '123', both '-' and 'the end' fit"),
    ],
)  # fmt: skip
def test_punctuation_that_the_pattern_leaves_open_is_an_error(pattern, reason):
    message = f"pattern must determine the punctuation, because only digits are read; {reason}"
    digits = [digit(_1=1), digit(_2=1), digit(_3=1)]
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        compile_pattern(pattern).best_fit(digits, [False] * 3)


def test_only_doubtful_digits_are_omitted():
    digits = [digit(_4=0.9), digit(_1=0.3), digit(_2=0.95)]
    two = compile_pattern(2)
    assert two.best_fit(digits, [False, True, False]).labels == (4, None, 2)
    assert two.best_fit(digits, [False, False, False]) is None
    # However improbable it is that there is no digit.
    certain = [digit(_4=0.5, _9=0.5)] * 3
    assert two.best_fit(certain, [True] * 3).text == "44"


def test_no_digit_becomes_a_label_that_is_all_but_impossible():
    digits = [digit(_4=0.9985, _9=0.0009), digit(_1=0.9, _7=0.05)]
    assert compile_pattern("[49][17]").best_fit(digits, [False] * 2).text == "41"
    assert compile_pattern("47").best_fit(digits, [False] * 2).text == "47"
    assert compile_pattern("9[17]").best_fit(digits, [False] * 2) is None
    assert compile_pattern("97".__eq__).best_fit(digits, [False] * 2) is None


def test_a_function_sees_the_most_probable_texts_first():
    digits = [digit(_1=0.6, _7=0.3), digit(_4=0.5, _9=0.4)]
    seen = []
    assert compile_pattern(seen.append).best_fit(digits, [False, False]) is None
    assert seen == ["14", "19", "74", "79"]
    seen.clear()
    compile_pattern(seen.append).best_fit(digits, [False, True])
    assert seen == ["14", "19", "74", "79", "1", "7"]


def test_a_function_is_called_a_limited_number_of_times():
    calls = 0

    def refuse(text):
        nonlocal calls
        calls += 1
        return False

    row = np.full(10, 0.1)
    started = time.process_time()
    assert compile_pattern(refuse).best_fit([row] * 600, [True] * 600) is None
    assert calls == MAX_CANDIDATES
    assert time.process_time() - started < 20


def test_errors_of_a_function_are_passed_on():
    def fail(text):
        raise ZeroDivisionError(text)

    with pytest.raises(ZeroDivisionError, match="^4$"):
        compile_pattern(fail).best_fit([digit(_4=1)], [False])


LISTS = st.lists(
    st.lists(st.floats(0, 5), max_size=3).map(lambda row: [0.0, *sorted(row)]), max_size=4
)


@given(LISTS)
def test_combinations_are_complete_and_in_order(losses):
    found = list(itertools.islice(_combinations(losses), 1000))
    assert len(found) == math.prod(map(len, losses))
    assert len({tuple(sorted(ranks.items())) for ranks in found}) == len(found)
    sums = [sum(losses[i][rank] for i, rank in ranks.items()) for ranks in found]
    np.testing.assert_allclose(sums, sorted(sums), atol=1e-9)


@pytest.mark.parametrize(
    "pattern", [r"\d*", r"(\d|\d|\d|\d)*", "(" + r"\d|" * 255 + r"\d)*", r"(-\d)*"]
)
def test_a_page_of_digits_takes_bounded_time(pattern):
    rows = np.random.default_rng(0).dirichlet(np.ones(10), 2500)
    started = time.process_time()
    fit = compile_pattern(pattern).best_fit(list(rows), [True] * 2500)
    assert len(re.sub("-", "", fit.text)) > 2400
    assert time.process_time() - started < 10


@pytest.mark.parametrize("pattern", ["", r"\d*"])
def test_no_digits_fit_an_optional_number(pattern):
    assert compile_pattern(pattern).best_fit([], []).text == ""
    assert compile_pattern(1).best_fit([], []) is None


def luhn(text):
    return text


@pytest.mark.parametrize(
    ("pattern", "description"),
    [
        (1, "a number of 1 digit"),
        (np.int64(5), "a number of 5 digits"),
        (r"\d{5}", r"a number that fits the pattern '\\d{5}'"),
        (luhn, "a number that luhn accepts"),
        (re.compile(r"\d").fullmatch, "a number that fullmatch accepts"),
    ],
)
def test_description(pattern, description):
    assert compile_pattern(pattern).description == description


@pytest.mark.parametrize(
    ("pattern", "error", "message"),
    [
        (0, ValueError, "pattern must be at least 1; received 0"),
        (257, ValueError, "pattern must be at most 256; received 257"),
        (True, TypeError, "pattern must be a length, a regular expression or a function; received True"),
        (5.0, TypeError, "pattern must be a length, a regular expression or a function; received 5.0"),
        (None, TypeError, "pattern must be a length, a regular expression or a function; received None"),
        (re.compile("1"), TypeError, "pattern must be a length, a regular expression or a function; received re.compile('1')"),
        ("x", ValueError, r"pattern must consist of digits, \d, '\.', ',', '-', [...], (...), |, ?, *, + and {m,n}; received 'x' in 'x'"),
    ],
)  # fmt: skip
def test_other_patterns_are_rejected(pattern, error, message):
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        compile_pattern(pattern)


@given(st.data())
def test_a_reading_that_fits_is_kept(data):
    """If the most probable label of each digit makes a number that fits, that is the reading."""
    expression = data.draw(expressions(punctuation=False))
    digits = data.draw(st.from_regex(expression, fullmatch=True, alphabet="0123456789"))
    rows = [data.draw(st.floats(0.01, 0.09)) * np.ones(10) for _ in digits]
    for row, label in zip(rows, digits, strict=True):
        row[int(label)] = 1 - 9 * row[0]
    fit = compile_pattern(expression).best_fit(rows, [False] * len(rows))
    assert fit.text == digits
