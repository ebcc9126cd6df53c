"""From a person's picture to a reading: find ink, find parts, ask the network, put in order."""

from __future__ import annotations

from mnistcnn._candidates import Candidate, Recognise, answered
from mnistcnn._cutting import in_pieces
from mnistcnn._ink import Ink, find_ink, without_nests
from mnistcnn._layout import in_lines
from mnistcnn._likeness import IsDigit, weighed
from mnistcnn._parts import joined, neighbours, parts_of, share_beside, without_streaks
from mnistcnn._pictures import PictureLike, open_picture
from mnistcnn._reading import ReadDigit, Reading
from mnistcnn._ruling import typical_height, without_ruling

# In typical heights: lower than these is a stroke of a digit, and no digit at all.
_STROKE, _LOWEST = 0.6, 0.3
# Two tall parts are strokes of one digit only if this share of one is over the other, or if
# both together are surer than either alone.
_OVER = 0.3
# How much of its sureness a digit may lose by a stroke that joins it.
_STILL = 0.8
_MOST_STROKES = 3
# Pairs that are tried on a page, the nearest first: more than digits that fill one have.
_MOST_PAIRS = 2000


def read_picture(
    picture: PictureLike,
    recognise: Recognise,
    *,
    min_confidence: float,
    is_digit: IsDigit | None = None,
) -> Reading:
    """Read the digits of a picture.

    Parameters
    ----------
    picture
        What `open_picture` takes.
    recognise : callable
        Gives ``float32 (n, 10)`` for ``uint8 (n, 28, 28)``.
    min_confidence : float
        Digits of less probability are left out.
    is_digit : callable, optional
        Gives for ``uint8 (n, 28, 28)`` how probable it is that each is a digit at all and, if
        it was cut, that it is one or two that touch, ``float32 (n, 2)``. ``None``: all are.
    """
    opened = open_picture(picture)
    ink = without_ruling(without_nests(find_ink(opened.brightness)))
    typical = typical_height(ink.stats)
    candidates = answered(without_streaks(parts_of(ink, typical), typical), recognise)
    candidates = _with_strokes_joined(candidates, ink, typical, recognise)
    whole = [one for one in candidates if one.part.height >= _LOWEST * typical]
    digits = in_pieces(whole, typical, recognise)
    if is_digit is not None:
        digits = weighed(digits, is_digit)
    digits = [digit for digit in digits if digit.sure >= min_confidence]
    # A picture of very many pixels was made smaller to work on.
    scale = opened.height / len(opened.brightness)
    lines = in_lines([digit.part.box for digit in digits])
    return Reading(
        lines=tuple(tuple(_read(digits[i], scale) for i in line) for line in lines),
        width=opened.width,
        height=opened.height,
    )


def _with_strokes_joined(
    candidates: list[Candidate], ink: Ink, typical: float, recognise: Recognise
) -> list[Candidate]:
    """Join strokes of one digit that don't touch, where the network agrees."""
    left = _MOST_PAIRS
    for _ in range(_MOST_STROKES):
        pairs = neighbours([one.part for one in candidates], typical)[:left]
        left -= len(pairs)
        both = [joined(ink, candidates[i].part, candidates[j].part) for i, j in pairs]
        taken: set[int] = set()
        for (i, j), together in zip(pairs, answered(both, recognise), strict=True):
            if not taken & {i, j} and _belong(candidates[i], candidates[j], together, typical):
                taken |= {i, j}
                candidates = [*candidates, together]
        if not taken:
            break
        candidates = [one for i, one in enumerate(candidates) if i not in taken]
    return candidates


def _belong(one: Candidate, other: Candidate, together: Candidate, typical: float) -> bool:
    """Tell whether two parts are strokes of one digit."""
    lower, taller = sorted((one, other), key=lambda each: each.part.height)
    if lower.part.height < _STROKE * typical:
        # A stroke alone may look like a digit; it is enough that the whole still does.
        return together.sure > _STILL * taller.sure
    if share_beside(one.part, other.part) > _OVER:
        return together.sure > _STILL * min(one.sure, other.sure)
    return together.sure > max(one.sure, other.sure)


def _read(candidate: Candidate, scale: float) -> ReadDigit:
    label = int(candidate.answer.argmax())
    left, top, right, bottom = (round(scale * edge) for edge in candidate.part.box)
    return ReadDigit(
        label=label,
        probability=candidate.sure,
        box=(left, top, right, bottom),
        glyph=candidate.glyph,
        probabilities=candidate.answer,
    )
