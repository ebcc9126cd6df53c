"""Run a network, given as the bytes of an ONNX file, with ONNX Runtime."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistcnn.types import Float32Array
from mnistcnn.weights.metadata import INPUT_NAME, OUTPUT_NAME
from mnistcnn.weights.onnx_session import open_session

# Full speed, while memory does not grow with the number of images.
_CHUNK_SIZE = 256


class OnnxClassifier:
    """A classifier of 28 × 28 images that runs on ONNX Runtime.

    Several threads may call it at once. A pickle holds the ONNX file, and unpickling opens a
    new session.

    Parameters
    ----------
    model : bytes
        The ONNX file, as `to_onnx` returns it.
    num_threads : int, default 0
        How many threads one call may use; 0 means one per core.
    """

    def __init__(self, model: bytes, num_threads: int = 0) -> None:
        self._model = model
        self.num_threads = num_threads
        self._session = open_session(model, num_threads)
        self._num_outputs: int = self._session.get_outputs()[0].shape[-1]

    def predict_proba(self, images: NDArray[Any]) -> Float32Array:
        """Return the class probabilities of each image.

        Parameters
        ----------
        images : numpy.ndarray
            Shape ``(n, 28, 28)``; integers in 0...255 or floats in [0, 1].

        Returns
        -------
        numpy.ndarray
            ``float32 (n, num_outputs)``.
        """
        max_value = np.float32(1 if images.dtype.kind == "f" else 255)
        probabilities = np.empty((len(images), self._num_outputs), np.float32)
        for start in range(0, len(images), _CHUNK_SIZE):
            chunk = images[start : start + _CHUNK_SIZE, ..., np.newaxis]
            x = np.divide(chunk, max_value, dtype=np.float32, order="C")
            (probabilities[start : start + _CHUNK_SIZE],) = self._session.run(
                [OUTPUT_NAME], {INPUT_NAME: x}
            )
        return probabilities

    def __reduce__(self) -> tuple[type[OnnxClassifier], tuple[bytes, int]]:
        """Pickle the constructor's arguments, since a session can't be pickled."""
        return OnnxClassifier, (self._model, self.num_threads)
