"""Evaluations as plain text, as a table for the terminal, and as HTML for notebooks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mnistcnn.notebook import html
from mnistcnn.types import DIGIT_NAMES

if TYPE_CHECKING:
    from rich.console import Group

    from mnistcnn.evaluation.results import Evaluation

_MAX_CONFUSIONS = 3
_MAX_OPEN_CLASSES = 12
_COLUMNS = ("images", "precision", "recall", "F1", "most confused with")


def class_noun(result: Evaluation) -> str:
    """Return what to call a class of the evaluation: a digit if the classes are the ten digits."""
    return "digit" if result.class_names == DIGIT_NAMES else "class"


def plain_text(result: Evaluation) -> str:
    """Return a short report: two lines of metrics and one line per class."""
    noun = class_noun(result)
    width = max(len(noun), *map(len, result.class_names))
    lines = [*_metric_lines(result), f"{noun:>{width}}  precision   recall       F1   images"]
    counts = result.confusion_matrix.sum(axis=1)
    for index, (name, count) in enumerate(zip(result.class_names, counts, strict=True)):
        precision, recall, f1 = result.precision[index], result.recall[index], result.f1[index]
        lines.append(f"{name:>{width}}  {precision:9.2%}  {recall:7.2%}  {f1:7.2%}  {count:7,}")
    return "\n".join(lines)


def rich_text(result: Evaluation) -> Group:
    """Return the report as a table, with the most frequent confusion of each class."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = Table(pad_edge=False)
    for title in (class_noun(result), *_COLUMNS):
        table.add_column(title, justify="left" if title == _COLUMNS[-1] else "right")
    for row in _class_rows(result):
        table.add_row(*map(Text, row))  # as `Text`, since a name may look like markup
    return Group(*map(Text, _metric_lines(result)), table)


def html_text(result: Evaluation) -> str:
    """Return the report as HTML; the table of many classes is closed."""
    noun, count = class_noun(result), len(result.class_names)
    table = html.table(_class_rows(result), header=(noun, *_COLUMNS))
    return html.block(
        html.heading("Evaluation"),
        *map(html.line, _metric_lines(result)),
        html.details(f"by {noun}", table, is_open=count <= _MAX_OPEN_CLASSES),
    )


def _class_rows(result: Evaluation) -> list[tuple[str, ...]]:
    """Return the cells of each class: its name and `_COLUMNS`."""
    names = result.class_names
    # Reversed: the most frequent confusion of each class is assigned last and stays.
    confusions = reversed(result.top_confusions(len(names) ** 2))
    confused_with = {label: f"{names[predicted]} ({n:,})" for label, predicted, n in confusions}
    rows = []
    for index, count in enumerate(result.confusion_matrix.sum(axis=1)):
        ratios = (result.precision[index], result.recall[index], result.f1[index])
        cells = ["" if math.isnan(ratio) else f"{ratio:.2%}" for ratio in ratios]
        rows.append((names[index], f"{count:,}", *cells, confused_with.get(index, "")))
    return rows


def _metric_lines(result: Evaluation) -> tuple[str, str]:
    low, high = result.accuracy_ci
    names = result.class_names
    confusions = ", ".join(
        f"{names[label]} as {names[predicted]} ({n:,})"
        for label, predicted, n in result.top_confusions(_MAX_CONFUSIONS)
    )
    accuracy = (
        f"accuracy {result.accuracy:.2%} (95 % CI {low:.2%} to {high:.2%}), "
        f"loss {result.loss:.4f}, {result.num_images:,} images"
    )
    errors = f"most frequent confusions: {confusions}" if confusions else "no errors"
    return accuracy, f"calibration error {result.expected_calibration_error:.2%}, {errors}"


def top_classes(
    probabilities: NDArray[Any], class_names: Sequence[str], count: int = 3
) -> list[str]:
    """Return the most probable classes with their probabilities, such as ``"7 (93 %)"``."""
    order = np.argsort(-probabilities, kind="stable")[:count]
    return [f"{class_names[i]} ({100 * probabilities[i]:.0f} %)" for i in order]
