"""Evaluating a network, a batch of images at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mnistcnn.data.batches import iter_batches
from mnistcnn.evaluation.accumulator import MetricAccumulator
from mnistcnn.evaluation.results import Evaluation
from mnistcnn.types import NUM_CLASSES, PathLike
from mnistcnn.utils.public import public
from mnistcnn.utils.validation import check_batch, check_int, check_preprocessed

if TYPE_CHECKING:
    import keras

BATCH_SIZE = 256

Batches = Iterable[tuple[NDArray[np.float32], NDArray[np.float32]]]


@public
def evaluate(
    model: keras.Model | PathLike,
    x: ArrayLike | Iterable[tuple[ArrayLike, ArrayLike]],
    y: ArrayLike | None = None,
    *,
    batch_size: int = BATCH_SIZE,
) -> Evaluation:
    """Evaluate a network, or the file of one, on preprocessed images.

    The network's weights stay as they are.

    Parameters
    ----------
    model : keras.Model, str or path-like
        A Keras model that gives ``(n, 10)`` probabilities, or a file that `load_model`
        takes.
    x : array_like or iterable
        ``float32 (n, 28, 28, 1)`` in [0, 1], as `preprocess` gives it. Without `y`:
        batches, each a pair ``(x, y)`` as `preprocess` gives it, from a generator, a
        ``tf.data.Dataset``, a ``keras.utils.PyDataset`` or any other iterable that comes to
        an end. One batch at a time is held, however many there are.
    y : array_like, optional
        One-hot ``float32 (n, 10)``, as `preprocess` gives it.
    batch_size : int, default 256
        Images at a time, at least 1; larger batches are cut to it. It changes speed and
        memory, not the result.

    Returns
    -------
    Evaluation

    Raises
    ------
    TypeError, ValueError
        If an argument is of another kind, or was not preprocessed.
    FileNotFoundError, CorruptFileError
        If the file is absent, damaged or of another network.

    Examples
    --------
    >>> from mnistcnn import build_model, evaluate, load_data, preprocess
    >>> _, (x_test, y_test) = load_data("digits")
    >>> result = evaluate(build_model(seed=0), *preprocess(x_test, y_test))
    >>> result.num_images, result.confusion_matrix.shape
    (355, (10, 10))

    From a generator, however many there are:

    >>> batches = (preprocess(x_test[i : i + 50], y_test[i : i + 50]) for i in range(0, 355, 50))
    >>> evaluate(build_model(seed=0), batches).accuracy == result.accuracy
    True
    """
    from mnistcnn.models.loading import as_model

    size = check_int("batch_size", batch_size, minimum=1)
    if y is None:
        if isinstance(x, np.ndarray):
            raise ValueError("y must be given where x is an array; received None")
        return evaluate_batches(as_model(model), _validated(iter_batches("x", x), size))
    images, labels = check_preprocessed(x, y)  # type: ignore[arg-type]  # it checks
    return evaluate_batches(as_model(model), split_batches(images, labels, size))


def split_batches(
    images: NDArray[np.float32], labels: NDArray[np.float32], size: int = BATCH_SIZE
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Give preprocessed arrays a batch at a time."""
    for first in range(0, len(images), size):
        yield images[first : first + size], labels[first : first + size]


def _validated(
    source: Iterator[Any], size: int
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Give batches that were seen to be preprocessed, in parts of at most `size`."""
    number = -1
    for number, batch in enumerate(source):
        yield from split_batches(*check_batch(f"batch {number}", batch), size)
    if number < 0:
        raise ValueError("x must hold at least one batch; received none")


def evaluate_batches(network: keras.Model, batches: Batches) -> Evaluation:
    """Evaluate a network on batches of preprocessed images, from wherever they come."""
    from mnistcnn.backend import keras

    tally = MetricAccumulator()
    for images, labels in batches:
        # Called directly: predict would compile a graph for each network, and TensorFlow
        # would remark on it from the fifth on.
        answers = np.asarray(keras.ops.cast(network(images, training=False), "float32"))
        if answers.shape != (len(images), NUM_CLASSES):
            raise ValueError(
                f"model must give {NUM_CLASSES} probabilities for each image; "
                f"received one that gives {answers.shape[1:]}"
            )
        tally.add(answers, labels)
    return Evaluation(**tally.figures())
