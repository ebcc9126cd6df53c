"""Evaluation of a model on batches of images."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mnistcnn.data.batches import iter_batches
from mnistcnn.evaluation.accumulator import MetricAccumulator
from mnistcnn.evaluation.results import Evaluation
from mnistcnn.public import public
from mnistcnn.types import NUM_CLASSES, Float32Array, PathLike
from mnistcnn.utils.requirements import require
from mnistcnn.utils.validation import (
    check_batch,
    check_class_names,
    check_int,
    check_preprocessed,
)

if TYPE_CHECKING:
    import keras

    import mnistcnn

BATCH_SIZE = 256
_ROUNDING = 1e-6  # of a softmax


@public
def evaluate(
    model: keras.Model | mnistcnn.Recognizer | PathLike,
    x: ArrayLike | Iterable[tuple[ArrayLike, ArrayLike]],
    y: ArrayLike | None = None,
    *,
    batch_size: int = BATCH_SIZE,
    class_names: Sequence[str] | None = None,
) -> Evaluation:
    """Evaluate a model, a model file or pretrained weights on preprocessed images.

    The weights of the model do not change.

    Parameters
    ----------
    model : keras.Model, Recognizer, str or path-like
        Any Keras model that returns the probabilities of k classes, ``(n, k)``, or a
        `Recognizer`, which needs no Keras, or a file of the baseline network that `load_model`
        accepts, or the name of pretrained weights: ``"best"`` or ``"robust"``. Load a file of
        another network with ``load_model(path, model=network)``.
    x : array_like or iterable
        ``float32 (n, 28, 28, 1)`` in [0, 1], as returned by `preprocess`. Without `y`: batches,
        each a pair ``(x, y)`` as returned by `preprocess`, from a generator, a
        ``tf.data.Dataset``, a ``keras.utils.PyDataset`` or any other finite iterable. Only one
        batch is in memory at a time.
    y : array_like, optional
        One-hot ``float32 (n, k)``, as returned by `preprocess`, or integers ``(n,)`` in
        ``0...k - 1``.
    batch_size : int, default 256
        Number of images per batch, at least 1; larger batches are split. It changes speed and
        memory, not the result.
    class_names : sequence of str, optional
        Name of each class, for the result. Default: the attribute `class_names` of the model,
        or the numbers.

    Returns
    -------
    Evaluation

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type, the images are not preprocessed, the labels do not
        fit the model, its outputs are not probabilities, or the file is of another network.
    FileNotFoundError, CorruptFileError
        If the file does not exist or is damaged.
    ModuleNotFoundError
        If Keras is not installed and `model` is not a `Recognizer`.

    Examples
    --------
    >>> from mnistcnn import build_model, evaluate, load_data, preprocess
    >>> _, (x_test, y_test) = load_data("digits")
    >>> result = evaluate(build_model(seed=0), *preprocess(x_test, y_test))
    >>> result.num_images, result.confusion_matrix.shape
    (355, (10, 10))

    Batches from a generator:

    >>> batches = (preprocess(x_test[i : i + 50], y_test[i : i + 50]) for i in range(0, 355, 50))
    >>> evaluate(build_model(seed=0), batches).accuracy == result.accuracy
    True
    """
    size = check_int("batch_size", batch_size, minimum=1)
    network = _as_classifier(model)
    names = classes_of(network)
    k = len(names)
    if class_names is not None:
        names = check_class_names(class_names, num_classes=k)
    batches = validated_batches(x, y, size, num_classes=k)
    return evaluate_batches(network, batches, class_names=names)


def _as_classifier(model: Any) -> Any:
    """Return a recognizer unchanged, and everything else as a Keras model."""
    if _is_recognizer(model):
        return model
    require("evaluate of anything but a Recognizer", "keras")
    from mnistcnn.models.loading import as_model

    return as_model(model)


def _is_recognizer(model: Any) -> bool:
    from mnistcnn.ocr.recognizer import Recognizer

    return isinstance(model, Recognizer)


def classes_of(model: Any) -> tuple[str, ...]:
    """Return the names of the classes of a Keras model or a recognizer."""
    if _is_recognizer(model):
        names: tuple[str, ...] = model.class_names
        return names
    from mnistcnn.models.classes import count_classes, get_class_names

    return get_class_names(model, count_classes(model))


def validated_batches(
    x: Any, y: Any, size: int, *, num_classes: int = NUM_CLASSES
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Return an iterator over checked images and labels, from arrays or from batches."""
    if y is None:
        if isinstance(x, np.ndarray):
            raise ValueError("y is required where x is an array; received None")
        return _validated_batches(iter_batches("x", x), size, num_classes=num_classes)
    return split_batches(*check_preprocessed(x, y, num_classes=num_classes), size)


def split_batches(
    images: NDArray[np.float32], labels: NDArray[np.float32], size: int = BATCH_SIZE
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Yield preprocessed images and labels in batches of at most `size`."""
    for start in range(0, len(images), size):
        yield images[start : start + size], labels[start : start + size]


def _validated_batches(
    source: Iterator[Any], size: int, *, num_classes: int = NUM_CLASSES
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Yield the batches of `source`, each checked and split into at most `size` images."""
    number = -1
    for number, batch in enumerate(source):
        arrays = check_batch(f"batch {number}", batch, num_classes=num_classes)
        yield from split_batches(*arrays, size)
    if number < 0:
        raise ValueError("x must hold at least one batch; received none")


def evaluate_batches(
    model: keras.Model | mnistcnn.Recognizer,
    batches: Iterable[tuple[NDArray[np.float32], NDArray[np.float32]]],
    *,
    class_names: Sequence[str] | None = None,
) -> Evaluation:
    """Evaluate a model or a recognizer on batches of preprocessed images and one-hot labels."""
    predict = _predict_proba if _is_recognizer(model) else predict_batch
    accumulator = MetricAccumulator(class_names)
    for images, labels in batches:
        probabilities = predict(model, images, num_classes=labels.shape[1])
        accumulator.update(probabilities, labels)
    return Evaluation(**accumulator.result())


def _predict_proba(
    recognizer: mnistcnn.Recognizer,
    images: NDArray[np.float32],
    *,
    num_classes: int,  # noqa: ARG001  # as in predict_batch; the labels were checked against it
) -> Float32Array:
    return recognizer.predict_proba(images)


def predict_batch(
    model: keras.Model, images: NDArray[np.float32], *, num_classes: int = NUM_CLASSES
) -> Float32Array:
    """Return the probabilities that a model computes for preprocessed images."""
    from mnistcnn.backend import keras

    # A direct call: `predict` compiles a graph for each model, and TensorFlow warns from the
    # fifth graph on.
    probabilities = np.asarray(keras.ops.cast(model(images, training=False), "float32"))
    if probabilities.shape != (len(images), num_classes):
        raise ValueError(
            f"model must return {num_classes} probabilities per image; "
            f"received one with an output shape of {probabilities.shape[1:]}"
        )
    low, high = float(probabilities.min()), float(probabilities.max())
    if low < -_ROUNDING or high > 1 + _ROUNDING:
        raise ValueError(
            f"model must return probabilities in [0, 1]; received {low:.3g}...{high:.3g}: if these "
            "are logits, evaluate keras.Sequential([model, keras.layers.Softmax()])"
        )
    return probabilities
