"""Run a network, given as the bytes of an ONNX file, with ONNX Runtime."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistcnn.types import Float32Array
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
        The ONNX file, as `to_onnx` returns it, or of another network that `check_network`
        accepts.
    num_threads : int, default 0
        How many threads one call may use; 0 means one per core.
    """

    def __init__(self, model: bytes, num_threads: int = 0) -> None:
        self._model = model
        self.num_threads = num_threads
        self._session = open_session(model, num_threads)
        (inputs,), (outputs,) = self._session.get_inputs(), self._session.get_outputs()
        self._names = inputs.name, outputs.name
        # The number of images is fixed in some networks.
        count, *self._image_shape = inputs.shape
        self._fixed_size: int | None = count if isinstance(count, int) else None
        self._num_outputs: int = outputs.shape[-1]

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
        size = _CHUNK_SIZE if self._fixed_size is None else self._fixed_size
        for start in range(0, len(images), size):
            chunk = images[start : start + size]
            x = np.divide(chunk, max_value, dtype=np.float32, order="C")
            probabilities[start : start + size] = self._run(x)
        return probabilities

    def _run(self, x: Float32Array) -> Float32Array:
        """Return the probabilities of at most as many images as the network takes at once."""
        count = len(x)
        if self._fixed_size is not None and count < self._fixed_size:
            x = np.concatenate([x, np.zeros((self._fixed_size - count, *x.shape[1:]), np.float32)])
        input_name, output_name = self._names
        (outputs,) = self._session.run(
            [output_name], {input_name: x.reshape(-1, *self._image_shape)}
        )
        rows: Float32Array = outputs[:count]
        return rows

    def __reduce__(self) -> tuple[type[OnnxClassifier], tuple[bytes, int]]:
        """Pickle the constructor's arguments, since a session can't be pickled."""
        return OnnxClassifier, (self._model, self.num_threads)
