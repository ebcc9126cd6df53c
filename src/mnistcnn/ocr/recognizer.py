"""Reading digits without Keras or TensorFlow: the network on ONNX Runtime."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from mnistcnn.data.batches import iter_batches
from mnistcnn.ocr.image_io import ImageLike
from mnistcnn.ocr.results import Reading
from mnistcnn.public import public
from mnistcnn.types import Float32Array, Int64Array, PathLike
from mnistcnn.utils.validation import check_fraction, check_images, check_int
from mnistcnn.weights.arrays import KERAS_SUFFIXES
from mnistcnn.weights.onnx_classifier import OnnxClassifier
from mnistcnn.weights.onnx_file import to_onnx
from mnistcnn.weights.pretrained import PRETRAINED, load_pretrained_weights
from mnistcnn.weights.readers import EXPORTED_SUFFIXES, is_exported, read_exported

if TYPE_CHECKING:
    from mnistcnn.ocr.classification import NonDigitRejector

_DEFAULT_WEIGHTS = "best"


@public
class Recognizer:
    """The documented network, ready to read digits at once, without Keras or TensorFlow.

    It runs on ONNX Runtime. It can be pickled, used by several threads at once, and made
    in a fraction of a second.

    Parameters
    ----------
    weights : str or path-like, optional
        ``"best"`` or ``"robust"``: weights that come with the package, calibrated. Or what
        `export_model` or `train` wrote: a file that ends in ``.onnx``, ``.safetensors``,
        ``.tflite``, ``.xml``, ``.keras`` or ``.h5``, or the folder of a SavedModel. Numbers
        alone are taken from it; nothing in a file can run. Those of 8 bits become the
        ``float32`` that they stand for. Default: ``"best"``.
    num_threads : int, optional
        How many threads one call may use, at least 1. Default: one for each core.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another kind, or `weights` neither a known name nor such a
        file's.
    FileNotFoundError, CorruptFileError
        If the file is absent, damaged or of another network.
    ModuleNotFoundError
        If a ``.tflite`` file is to be read and the extra ``litert`` is not installed.

    Warns
    -----
    UserWarning
        If the folder of a SavedModel is to be read: TensorFlow is imported for it, as for
        no other format.

    Examples
    --------
    >>> from mnistcnn import Recognizer, load_data
    >>> _, (images, labels) = load_data("digits")
    >>> recognizer = Recognizer()
    >>> recognizer.predict(images[:5])
    array([5, 0, 9, 8, 7])
    """

    # Created when the first picture is read.
    _rejector: NonDigitRejector | None = None

    def __init__(self, weights: PathLike | None = None, *, num_threads: int | None = None) -> None:
        threads = 0
        if num_threads is not None:
            threads = check_int("num_threads", num_threads, minimum=1)
        arrays = _resolve_weights(_DEFAULT_WEIGHTS if weights is None else weights)
        self._classifier = OnnxClassifier(to_onnx(arrays), threads)

    def predict_proba(self, images: ArrayLike) -> Float32Array:
        """Return how probable each digit is for each image.

        Parameters
        ----------
        images : array_like
            What `preprocess` takes: shape ``(28, 28)``, ``(n, 28, 28)`` or either with a
            channel axis; integers in 0...255 or floats in [0, 1], light ink on
            dark paper.

        Returns
        -------
        numpy.ndarray
            ``float32 (n, 10)``: the probabilities of the digits 0 to 9.

        Raises
        ------
        TypeError, ValueError
            As `preprocess` raises them.
        """
        return self._classifier.predict_proba(check_images(images))

    def predict(self, images: ArrayLike) -> Int64Array:
        """Return the most probable digit of each image, ``int64 (n,)``.

        Parameters
        ----------
        images : array_like
            As for `predict_proba`.

        Raises
        ------
        TypeError, ValueError
            As `preprocess` raises them.
        """
        return np.asarray(self.predict_proba(images).argmax(axis=1), np.int64)

    def predict_proba_batches(self, batches: Iterable[ArrayLike]) -> Iterator[Float32Array]:
        """Return how probable each digit is, batch after batch, for any number of images.

        A batch is taken when its result is asked for, so that memory holds one batch and its
        result, whether ten images come or ten billion.

        Parameters
        ----------
        batches : iterable
            Batches as `predict_proba` takes them: a generator, a ``tf.data.Dataset``, a
            ``keras.utils.PyDataset`` or any other iterable that comes to an end. Images
            alone: of pairs with labels, give the first part.

        Returns
        -------
        iterator
            For each batch of n images ``float32 (n, 10)``, in the order of the batches.

        Raises
        ------
        TypeError, ValueError
            If `batches` is no such iterable or never ends; and, when its result is asked
            for, if a batch is one that `preprocess` refuses.

        Examples
        --------
        >>> from mnistcnn import Recognizer, load_data
        >>> _, (images, labels) = load_data("digits")
        >>> parts = (images[i : i + 100] for i in range(0, 355, 100))
        >>> [len(part) for part in Recognizer().predict_proba_batches(parts)]
        [100, 100, 100, 55]
        """
        return self._each(iter_batches("batches", batches))

    def predict_batches(self, batches: Iterable[ArrayLike]) -> Iterator[Int64Array]:
        """Return the most probable digits, batch after batch, for any number of images.

        Parameters
        ----------
        batches : iterable
            As for `predict_proba_batches`.

        Returns
        -------
        iterator
            For each batch of n images ``int64 (n,)``, in the order of the batches.

        Raises
        ------
        TypeError, ValueError
            As `predict_proba_batches` raises them.
        """
        return (np.asarray(p.argmax(axis=1), np.int64) for p in self.predict_proba_batches(batches))

    def read(self, picture: ImageLike, *, min_confidence: float = 0.0) -> Reading:
        """Read the digits of a person's picture: one or many, in lines.

        Ink and paper may be light or dark, grey or in colour, the light uneven. Ruled
        lines and boxes are left out. Each digit is brought to 28 × 28 the way MNIST was
        made.

        Parameters
        ----------
        picture : str, path-like, bytes, PIL.Image.Image or numpy.ndarray
            A file, its content, an open image or pixels: shape ``(h, w)``, ``(h, w, 1)``,
            ``(h, w, 3)`` or ``(h, w, 4)``; booleans, integers in 0...255, ``uint16`` or
            floats in [0, 1]. At most 50 megapixels.
        min_confidence : float, default 0.0
            Digits of less probability are left out; in [0, 1). It is lower the less a
            digit looks like one, so that letters and blots are left out first.

        Returns
        -------
        Reading
            Text, digits and boxes. Without a digit its text is empty.

        Raises
        ------
        TypeError, ValueError
            If the picture is of another kind, holds no pixel or too many.
        FileNotFoundError
            If there is no such file.
        CorruptFileError
            If the file is no picture, or a damaged one; or if what came with the package
            to tell digits from what is none is damaged.

        Notes
        -----
        Ink is found by its difference from the paper around it, digits as its connected
        parts. Strokes of a digit that don't touch are joined, and touching digits cut
        along the path that crosses least ink, where the network is surer of the result.
        Of very many parts the largest are read and the least sure tried to be cut, so that
        the time is bounded whatever is on a page.
        """
        # Imported here, since they import OpenCV, which prediction does not need.
        from mnistcnn.ocr.classification import NonDigitRejector
        from mnistcnn.ocr.pipeline import read_page

        min_confidence = check_fraction("min_confidence", min_confidence)
        if self._rejector is None:
            self._rejector = NonDigitRejector(self._classifier.num_threads)
        return read_page(
            picture,
            self._classifier.predict_proba,
            min_confidence=min_confidence,
            digit_scorer=self._rejector,
        )

    def _each(self, batches: Iterator[ArrayLike]) -> Iterator[Float32Array]:
        for number, batch in enumerate(batches):
            try:
                result = self.predict_proba(batch)
            except (TypeError, ValueError) as error:
                raise type(error)(f"batch {number}: {error}") from None
            yield result


def _resolve_weights(weights: PathLike) -> list[Float32Array]:
    if isinstance(weights, str) and weights in PRETRAINED:
        return load_pretrained_weights(weights).weights(calibrated=True)
    if not isinstance(weights, str | os.PathLike):
        raise TypeError(f"weights must be a name or a path; received {weights!r}")
    path = Path(weights)
    if is_exported(path):
        return read_exported(path)
    if path.name.endswith(KERAS_SUFFIXES):
        from mnistcnn.weights.keras_file import (
            read_weights,
        )  # HDF5, which the other formats don't need

        return read_weights(path)
    names = ", ".join(map(repr, PRETRAINED))
    endings = ", ".join((*EXPORTED_SUFFIXES, *KERAS_SUFFIXES))
    raise ValueError(
        f"weights must be {names}, the folder of a SavedModel or the path of a file that ends in "
        f"{endings}; received {str(weights)!r}"
    )
