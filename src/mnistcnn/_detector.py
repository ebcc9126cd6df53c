"""Telling digits from what is none: letters, signs, blots, pieces of digits."""

from __future__ import annotations

import numpy as np

from mnistcnn import _runtimes
from mnistcnn._about import INPUT, OUTPUT
from mnistcnn._assets import read_detector
from mnistcnn._onnx import onnx_bytes
from mnistcnn._types import DETECTOR_WEIGHTS, NUM_CLASSES, Float32Array, UInt8Array

# Few enough that memory stays small on a picture of very many parts.
_CHUNK = 256


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
        """Return how probable it is that each glyph is a digit, and that it is two.

        Parameters
        ----------
        glyphs : UInt8Array
            ``(n, 28, 28)``, as MNIST has digits.

        Returns
        -------
        Float32Array
            ``(n, 2)``: one digit, and two that touch; in [0, 1], both together too.
        """
        shares = np.empty((len(glyphs), 2), np.float32)
        for first in range(0, len(glyphs), _CHUNK):
            part = glyphs[first : first + _CHUNK, ..., np.newaxis]
            x = np.divide(part, np.float32(255), dtype=np.float32)
            (answers,) = self._session.run([OUTPUT], {INPUT: x})
            # Between the digits and the last output are kinds of what is none.
            one, two = answers[:, :NUM_CLASSES].sum(axis=1), answers[:, -1]
            # Rounding could take the sum of a softmax beyond 1.
            one = np.minimum(one, 1)
            shares[first : first + _CHUNK] = np.stack([one, np.minimum(two, 1 - one)], axis=1)
        return shares
