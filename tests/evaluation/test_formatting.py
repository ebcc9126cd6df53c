"""Evaluations as text and as a table."""

import io
import re

import numpy as np
from rich.console import Console

from mnistcnn import Evaluation
from tests.helpers.evaluations import make_evaluation


def evaluation():
    matrix = np.diag([1000] * 10)
    matrix[3, 5] = 100
    matrix[1, 7] = 3
    matrix[9, 9] = 0
    return make_evaluation(matrix, loss=0.0312)


def test_str_is_a_short_report():
    lines = str(evaluation()).splitlines()
    assert lines[0] == "accuracy 98.87% (95 % CI 98.63% to 99.07%), loss 0.0312, 9,103 images"
    error = evaluation().expected_calibration_error
    assert lines[1] == (
        f"calibration error {error:.2%}, most frequent confusions: 3 as 5 (100), 1 as 7 (3)"
    )
    assert lines[2].split() == ["digit", "precision", "recall", "F1", "images"]
    assert lines[3 + 3].split() == ["3", "100.00%", "90.91%", "95.24%", "1,100"]
    assert lines[3 + 5].split() == ["5", "90.91%", "100.00%", "95.24%", "1,000"]
    assert lines[3 + 9].split() == ["9", "nan%", "nan%", "nan%", "0"]
    assert len(lines) == 13
    assert len({len(line) for line in lines[2:]}) == 1


def test_str_without_errors():
    result = make_evaluation(np.eye(2, dtype=int))
    assert str(result).splitlines()[1].endswith(", no errors")


def test_rich_prints_a_table():
    console = Console(file=io.StringIO(), width=100, force_terminal=True, color_system=None)
    console.print(evaluation())
    lines = console.file.getvalue().splitlines()
    assert lines[:2] == str(evaluation()).splitlines()[:2]
    rows = [re.split(r"\s*│\s*", line.strip("│ ")) for line in lines if "│" in line]
    assert ["3", "1,100", "100.00%", "90.91%", "95.24%", "5 (100)"] in rows
    assert ["1", "1,003", "100.00%", "99.70%", "99.85%", "7 (3)"] in rows
    assert ["0", "1,000", "100.00%", "100.00%", "100.00%"] in rows
    assert rows[-1][:2] == ["9", "0"]
    assert "nan" not in console.file.getvalue()


LETTERS = [f"[{letter}]" for letter in "abcdefg"]  # names may look like markup


def letters():
    probabilities = np.full((8, 7), 0.1)
    probabilities[np.arange(8), [0, 1, 2, 3, 4, 5, 6, 1]] = 0.4
    labels = [0, 1, 2, 3, 4, 5, 6, 3]
    return Evaluation.from_probabilities(probabilities, labels, class_names=LETTERS)


def test_str_names_the_classes():
    lines = str(letters()).splitlines()
    assert lines[1].endswith("most frequent confusions: [d] as [b] (1)")
    assert lines[2].split()[0] == "class"
    assert [line.split()[0] for line in lines[3:]] == LETTERS
    assert len({len(line) for line in lines[2:]}) == 1


def test_rich_names_the_classes():
    console = Console(file=io.StringIO(), width=100, force_terminal=True, color_system=None)
    console.print(letters())
    text = console.file.getvalue()
    assert "[d] as [b] (1)" in text
    rows = [re.split(r"\s*│\s*", line.strip("│ ")) for line in text.splitlines() if "│" in line]
    assert ["[d]", "2", "100.00%", "50.00%", "66.67%", "[b] (1)"] in rows
