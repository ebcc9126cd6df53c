"""Telling digits from what is none: letters, signs, blots, pieces of digits."""

from __future__ import annotations

import math

import numpy as np

from mnistcnn import _runtimes
from mnistcnn._about import INPUT, OUTPUT
from mnistcnn._assets import read_detector
from mnistcnn._onnx import onnx_bytes
from mnistcnn._types import DETECTOR_WEIGHTS, NUM_CLASSES, Float32Array, UInt8Array

# On a page nearly all is digits, in the drawings that the network was trained on two thirds. The
# logarithm of how much the odds of a digit change, which its weights have in them; chosen on what
# was held out, so that 97 % of its digits keep a confidence of 0.9. Where a part was cut, two that
# touch are expected as much as one is.
PRIOR = 3.0
# Few enough that memory stays small on a picture of very many parts.
_CHUNK = 256
_EXPECTED = np.float32(math.exp(PRIOR))


class Detector:
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
        weights = read_detector().weights(calibrated=True)
        self._session = _runtimes.session(onnx_bytes(weights, DETECTOR_WEIGHTS), threads)

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
        shares = np.empty((len(glyphs), 2), np.float32)
        for first in range(0, len(glyphs), _CHUNK):
            part = glyphs[first : first + _CHUNK, ..., np.newaxis]
            x = np.divide(part, np.float32(255), dtype=np.float32)
            (answers,) = self._session.run([OUTPUT], {INPUT: x})
            # Between the digits and the last output are kinds of what is none.
            one, two = answers[:, :NUM_CLASSES].sum(axis=1), answers[:, -1] * _EXPECTED
            digits = (one + two) / (1 - answers[:, -1] + two)
            shares[first : first + _CHUNK] = np.stack([one, digits], axis=1)
        # Rounding could take the sum of a softmax beyond 1.
        return np.minimum(shares, np.float32(1))
