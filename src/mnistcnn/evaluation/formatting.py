"""An evaluation as people read it, plain or as a terminal's table."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Group

    from mnistcnn.evaluation.results import Evaluation

_MAX_SHOWN = 3


def plain_text(result: Evaluation) -> str:
    """Return a short report: two lines, and one for each digit."""
    lines = [*_metric_rows(result), "digit  precision   recall       F1   images"]
    images = result.confusion_matrix.sum(axis=1)
    for digit, count in enumerate(images):
        precision, recall, f1 = result.precision[digit], result.recall[digit], result.f1[digit]
        lines.append(f"{digit:5}  {precision:9.2%}  {recall:7.2%}  {f1:7.2%}  {count:7,}")
    return "\n".join(lines)


def rich_text(result: Evaluation) -> Group:
    """Return the same for a terminal, with what each digit is most often taken for."""
    from rich.console import Group
    from rich.table import Table

    table = Table(pad_edge=False)
    for title in ("digit", "images", "precision", "recall", "F1"):
        table.add_column(title, justify="right")
    table.add_column("most often taken for")
    classes = len(result.confusion_matrix)
    # Reversed, so that the most frequent answer of a digit is the one that stays.
    pairs = reversed(result.top_confusions(classes**2))
    taken_for = {label: f"{said} ({count:,})" for label, said, count in pairs}
    for digit, count in enumerate(result.confusion_matrix.sum(axis=1)):
        shares = (result.precision[digit], result.recall[digit], result.f1[digit])
        cells = ["" if math.isnan(share) else f"{share:.2%}" for share in shares]
        table.add_row(str(digit), f"{count:,}", *cells, taken_for.get(digit, ""))
    return Group(*_metric_rows(result), table)


def _metric_rows(result: Evaluation) -> tuple[str, str]:
    low, high = result.accuracy_ci
    pairs = [f"{label} for {said} ({n:,})" for label, said, n in result.top_confusions(_MAX_SHOWN)]
    wrong = f"most often taken: {', '.join(pairs)}" if pairs else "no mistakes"
    first = (
        f"accuracy {result.accuracy:.2%} (95 % interval {low:.2%} to {high:.2%}), "
        f"loss {result.loss:.4f}, {result.num_images:,} images"
    )
    return first, f"calibration error {result.expected_calibration_error:.2%}, {wrong}"
