"""How like digits what was found is: letters, signs and blots lose their confidence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from mnistcnn._candidates import Candidate
from mnistcnn._types import Float32Array, UInt8Array

# Gives for ``uint8 (n, 28, 28)`` how probable it is that each is a digit and, if it was cut, that
# it is one or two that touch: ``float32 (n, 2)``.
IsDigit = Callable[[UInt8Array], Float32Array]

# In heights: a wider part is more than two digits, of which `IsDigit` says nothing.
_PAIR = 2.2


def weighed(candidates: Sequence[Candidate], is_digit: IsDigit) -> list[Candidate]:
    """Return candidates whose answers are only as probable as it is that they are digits.

    By Bayes' rule: to be a 3 it must be a digit first. A letter's strokes may each be a good
    digit, so what was cut out of a part counts only as far as that part looks like digits.
    """
    if not candidates:
        return []
    wholes = {
        id(one.whole): one.whole
        for one in candidates
        if one.whole and one.whole.part.width < _PAIR * one.whole.part.height
    }
    glyphs = [one.glyph for one in [*candidates, *wholes.values()]]
    found = is_digit(np.stack(glyphs))
    of_digits = dict(zip(wholes, found[len(candidates) :, 1], strict=True))
    return [
        replace(one, answer=one.answer * single * of_digits.get(id(one.whole), np.float32(1)))
        for one, single in zip(candidates, found[: len(candidates), 0], strict=True)
    ]
