"""How like digits what was found is: letters, signs and blots lose their confidence.

Telling digits from what is none: letters, signs, blots, pieces of digits.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from mnistcnn.ocr.classification import Candidate
from mnistcnn.types import NUM_CLASSES, Float32Array, UInt8Array
from mnistcnn.weights.arrays import REJECTOR_WEIGHT_SHAPES
from mnistcnn.weights.onnx_classifier import OnnxClassifier
from mnistcnn.weights.onnx_file import to_onnx
from mnistcnn.weights.pretrained import load_rejector_weights

# Gives for ``uint8 (n, 28, 28)`` how probable it is that each is a digit and, if it was cut, that
# it is one or two that touch: ``float32 (n, 2)``.
DigitScorer = Callable[[UInt8Array], Float32Array]

# In heights: a wider part is more than two digits, of which `IsDigit` says nothing.
_LOG_ODDS_PAIR = 2.2


def apply_rejection(candidates: Sequence[Candidate], is_digit: DigitScorer) -> list[Candidate]:
    """Return candidates whose answers are only as probable as it is that they are digits.

    By Bayes' rule: to be a 3 it must be a digit first. A letter's strokes may each be a good
    digit, so what was cut out of a part counts only as far as that part looks like digits.
    """
    if not candidates:
        return []
    wholes = {
        id(one.whole): one.whole
        for one in candidates
        if one.whole and one.whole.part.width < _LOG_ODDS_PAIR * one.whole.part.height
    }
    glyphs = [one.glyph for one in [*candidates, *wholes.values()]]
    found = is_digit(np.stack(glyphs))
    of_digits = dict(zip(wholes, found[len(candidates) :, 1], strict=True))
    return [
        replace(one, answer=one.answer * single * of_digits.get(id(one.whole), np.float32(1)))
        for one, single in zip(candidates, found[: len(candidates), 0], strict=True)
    ]


# On a page nearly all is digits, in the drawings that the network was trained on two thirds. The
# logarithm of how much the odds of a digit change, which its weights have in them; chosen on what
# was held out, so that 97 % of its digits keep a confidence of 0.9. Where a part was cut, two that
# touch are expected as much as one is.
LOG_PRIOR_ODDS = 3.0
_EXPECTED_ARRAYS = np.float32(math.exp(LOG_PRIOR_ODDS))


class NonDigitRejector:
    """The network that came with the package for this, on ONNX Runtime.

    Parameters
    ----------
    threads : int
        How many threads a call may use; 0: one for each core.

    Raises
    ------
    FileNotFoundError, CorruptFileError
        If a file of its weights is absent, or not what was shipped.
    """

    def __init__(self, threads: int) -> None:
        weights = load_rejector_weights().weights(calibrated=True)
        self._classifier = OnnxClassifier(to_onnx(weights, REJECTOR_WEIGHT_SHAPES), threads)

    def __call__(self, glyphs: UInt8Array) -> Float32Array:
        """Return how probable it is that each glyph is a digit.

        Parameters
        ----------
        glyphs : UInt8Array
            ``(n, 28, 28)``, as MNIST has digits.

        Returns
        -------
        Float32Array
            ``(n, 2)`` in [0, 1]: that it is a digit; and, of a part that was cut into digits,
            that it is one or two that touch.
        """
        probabilities = self._classifier.predict_proba(glyphs)
        # The outputs between the ten digits and the last one are kinds of non-digits.
        one = probabilities[:, :NUM_CLASSES].sum(axis=1)
        two = probabilities[:, -1] * _EXPECTED_ARRAYS
        digits = (one + two) / (1 - probabilities[:, -1] + two)
        shares: Float32Array = np.stack([one, digits], axis=1)
        # Rounding could take the sum of a softmax beyond 1.
        return np.minimum(shares, np.float32(1))
