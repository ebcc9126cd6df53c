"""Evaluations as plain text and as a table for the terminal."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Group

    from mnistcnn.evaluation.results import Evaluation

_MAX_CONFUSIONS = 3


def plain_text(result: Evaluation) -> str:
    """Return a short report: two lines of metrics and one line per digit."""
    lines = [*_metric_lines(result), "digit  precision   recall       F1   images"]
    counts = result.confusion_matrix.sum(axis=1)
    for digit, count in enumerate(counts):
        precision, recall, f1 = result.precision[digit], result.recall[digit], result.f1[digit]
        lines.append(f"{digit:5}  {precision:9.2%}  {recall:7.2%}  {f1:7.2%}  {count:7,}")
    return "\n".join(lines)


def rich_text(result: Evaluation) -> Group:
    """Return the report as a table, with the most frequent confusion of each digit."""
    from rich.console import Group
    from rich.table import Table

    table = Table(pad_edge=False)
    for title in ("digit", "images", "precision", "recall", "F1"):
        table.add_column(title, justify="right")
    table.add_column("most confused with")
    num_classes = len(result.confusion_matrix)
    # Reversed: the most frequent confusion of each digit is assigned last and stays.
    confusions = reversed(result.top_confusions(num_classes**2))
    confused_with = {label: f"{predicted} ({n:,})" for label, predicted, n in confusions}
    for digit, count in enumerate(result.confusion_matrix.sum(axis=1)):
        ratios = (result.precision[digit], result.recall[digit], result.f1[digit])
        cells = ["" if math.isnan(ratio) else f"{ratio:.2%}" for ratio in ratios]
        table.add_row(str(digit), f"{count:,}", *cells, confused_with.get(digit, ""))
    return Group(*_metric_lines(result), table)


def _metric_lines(result: Evaluation) -> tuple[str, str]:
    low, high = result.accuracy_ci
    confusions = ", ".join(
        f"{label} as {predicted} ({n:,})"
        for label, predicted, n in result.top_confusions(_MAX_CONFUSIONS)
    )
    accuracy = (
        f"accuracy {result.accuracy:.2%} (95 % CI {low:.2%} to {high:.2%}), "
        f"loss {result.loss:.4f}, {result.num_images:,} images"
    )
    errors = f"most frequent confusions: {confusions}" if confusions else "no errors"
    return accuracy, f"calibration error {result.expected_calibration_error:.2%}, {errors}"
