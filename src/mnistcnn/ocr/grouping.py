"""ocr.grouping"""

from __future__ import annotations

from mnistcnn.ocr.binarization import InkMap
from mnistcnn.ocr.classification import Candidate, PredictProba, classify
from mnistcnn.ocr.components import horizontal_gap, merge, merge_candidates

# Two tall parts are strokes of one digit only if this share of one is over the other, or if
# both together are surer than either alone.
_MIN_OVERLAP = 0.3
# How much of its sureness a digit may lose by a stroke that joins it.
_MIN_MERGED_CONFIDENCE = 0.8
_MAX_STROKES = 3
# Pairs that are tried on a page, the nearest first: more than digits that fill one have.
_MAX_PAIRS = 2000

_STROKE = 0.6


def merge_strokes(
    candidates: list[Candidate], ink: InkMap, typical: float, recognise: PredictProba
) -> list[Candidate]:
    """Join strokes of one digit that don't touch, where the network agrees."""
    left = _MAX_PAIRS
    for _ in range(_MAX_STROKES):
        pairs = merge_candidates([one.part for one in candidates], typical)[:left]
        left -= len(pairs)
        both = [merge(ink, candidates[i].part, candidates[j].part) for i, j in pairs]
        taken: set[int] = set()
        for (i, j), together in zip(pairs, classify(both, recognise), strict=True):
            if not taken & {i, j} and _is_one_digit(
                candidates[i], candidates[j], together, typical
            ):
                taken |= {i, j}
                candidates = [*candidates, together]
        if not taken:
            break
        candidates = [one for i, one in enumerate(candidates) if i not in taken]
    return candidates


def _is_one_digit(one: Candidate, other: Candidate, together: Candidate, typical: float) -> bool:
    """Tell whether two parts are strokes of one digit."""
    lower, taller = sorted((one, other), key=lambda each: each.part.height)
    if lower.part.height < _STROKE * typical:
        # A stroke alone may look like a digit; it is enough that the whole still does.
        return together.sure > _MIN_MERGED_CONFIDENCE * taller.sure
    if horizontal_gap(one.part, other.part) > _MIN_OVERLAP:
        return together.sure > _MIN_MERGED_CONFIDENCE * min(one.sure, other.sure)
    return together.sure > max(one.sure, other.sure)
