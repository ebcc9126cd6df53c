"""The benchmark of lines counts right, wrong, shorter and missing lines as it says."""

import pytest

import mnistcnn
from benchmarks.ocr import line_accuracy
from benchmarks.ocr.line_accuracy import align_lines, count_lines
from tests.helpers.readings import make_digit


def reading_of(*lines, confidence=0.9, omitted=0):
    """Return a reading; a blank is a wide gap."""
    rows = [
        tuple(
            make_digit(int(character), confidence, box=(left, top, left + 14, top + 20))
            for left, character in zip(range(0, 400, 20), line, strict=False)
            if character != " "
        )
        for top, line in zip(range(0, 400, 60), lines, strict=False)
    ]
    doubtful = tuple(make_digit(7, 0.2) for _ in range(omitted))
    return mnistcnn.Reading(lines=tuple(rows), width=400, height=400, omitted=doubtful)


def counts_of(reading, truth):
    return {name: count for name, count in count_lines(reading, truth).items() if count}


@pytest.mark.parametrize(
    ("read", "true", "pairs"),
    [
        ([], ["12"], [(None, 0)]),
        (["12"], ["12"], [(0, 0)]),
        (["12", "9"], ["12"], [(0, 0), (1, None)]),
        (["123", "78"], ["123", "456", "789"], [(0, 0), (None, 1), (1, 2)]),
        (["1", "123", "45?"], ["123", "456"], [(0, None), (1, 0), (2, 1)]),
    ],
)
def test_lines_are_aligned_with_the_fewest_edits(read, true, pairs):
    assert align_lines(read, true) == pairs


def test_right_lines():
    assert counts_of(reading_of("123", "45"), "123\n45") == {
        "pictures": 1,
        "exact": 1,
        "lines": 2,
        "right": 2,
        "words": 2,
        "right_words": 2,
    }


def test_wrong_shorter_and_missing_lines_add_up():
    counts = counts_of(reading_of("123", "47", "6", confidence=0.99), "123\n45\n678\n4321")
    assert counts["lines"] == 4
    assert [counts[name] for name in ("right", "wrong", "shorter", "missing")] == [1, 1, 1, 1]
    assert (counts["words"], counts["right_words"]) == (3, 2)
    assert counts["unnoticed"] == 2


@pytest.mark.parametrize("options", [{"confidence": 0.6}, {"omitted": 1}])
def test_omitted_digits_and_a_low_probability_are_noticed(options):
    counts = counts_of(reading_of("67", **options), "678")
    assert counts["shorter"] == 1
    assert "unnoticed" not in counts


def test_nothing_read_and_lines_where_there_are_none():
    assert counts_of(reading_of(), "12\n3") == {
        "pictures": 1,
        "lines": 2,
        "missing": 2,
        "unnoticed": 2,
    }
    extra = count_lines(reading_of("12", "99"), "12")
    assert (extra["exact"], extra["right"], extra["extra"]) == (0, 1, 1)


def test_words_are_separated_by_blanks():
    reading = reading_of("12    34    56")
    assert reading.text == "12 34 56"
    assert counts_of(reading, "123356") == {
        "pictures": 1,
        "lines": 1,
        "wrong": 1,
        "words": 3,
        "right_words": 2,
    }


def test_without_the_variable_nothing_is_measured(monkeypatch, capsys):
    monkeypatch.delenv("MNISTCNN_PICTURES", raising=False)
    line_accuracy.main([])
    assert capsys.readouterr().out == (
        "Nothing is measured: MNISTCNN_PICTURES, the folder with the pictures, is not set.\n"
    )
