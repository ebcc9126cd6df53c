"""The public function `calibrate` and its result."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mnistcnn.evaluation.evaluate import BATCH_SIZE, predict_batch, validated_batches
from mnistcnn.evaluation.results import Evaluation, check_evaluation
from mnistcnn.evaluation.temperature_scaling import fit_temperature, scale
from mnistcnn.public import public
from mnistcnn.types import Float32Array
from mnistcnn.utils.requirements import require
from mnistcnn.utils.validation import check_int, check_positive

if TYPE_CHECKING:
    import keras

# Of the probabilities of the scaled network, which are computed in float32.
_TOLERANCE = 1e-3


@public
@dataclass(frozen=True, kw_only=True)
class Calibration:
    """The result of `calibrate`. Immutable; prints as one line.

    Attributes
    ----------
    temperature : float
        The number by which the logits were divided: above 1, the network was overconfident,
        below 1 underconfident.
    before, after : Evaluation
        The network on the images of the calibration, before and after. Evaluate it on other
        images for an unbiased estimate.

    Examples
    --------
    >>> from mnistcnn import Calibration, Evaluation
    >>> before = Evaluation.from_probabilities([[0.9, 0.1]] * 2, [0, 1])
    >>> after = Evaluation.from_probabilities([[0.5, 0.5]] * 2, [0, 1])
    >>> print(Calibration(temperature=3.0, before=before, after=after))
    temperature 3.000, calibration error 40.00% → 0.00%, loss 1.2040 → 0.6931, 2 images
    """

    temperature: float
    before: Evaluation
    after: Evaluation

    def __post_init__(self) -> None:
        object.__setattr__(self, "temperature", check_positive("temperature", self.temperature))
        check_evaluation("before", self.before)
        check_evaluation("after", self.after)

    def __str__(self) -> str:
        before, after = self.before, self.after
        return (
            f"temperature {self.temperature:.3f}, calibration error "
            f"{before.expected_calibration_error:.2%} → {after.expected_calibration_error:.2%}, "
            f"loss {before.loss:.4f} → {after.loss:.4f}, {before.num_images:,} images"
        )


@public
def calibrate(
    model: keras.Model,
    x: ArrayLike | Iterable[tuple[ArrayLike, ArrayLike]],
    y: ArrayLike | None = None,
    *,
    batch_size: int = BATCH_SIZE,
) -> Calibration:
    """Calibrate the confidences of a network by temperature scaling, in place.

    The logits are divided by one number, the temperature, which minimizes the cross-entropy on
    images that the network was not trained on. Afterwards a confidence estimates how often such
    a prediction is correct; the predicted classes stay the same. The number is built into the
    weights of the last layer, so every file of the network, in any format, holds it, and
    `evaluate`, `Recognizer` and `export_model` use it.

    Parameters
    ----------
    model : keras.Model
        A network that ends in a ``Dense`` or ``Conv2D`` layer and a softmax, as that of
        `build_model`. Its last layer is changed in place; the state of its optimizer is not.
    x : array_like or iterable
        ``float32 (n, 28, 28, 1)`` in [0, 1], as returned by `preprocess`, or batches, as
        `evaluate` takes them. Use images held out from training, and not the test set; 1,000
        or more.
    y : array_like, optional
        One-hot ``float32 (n, k)``, as returned by `preprocess`. ``None`` if `x` is an iterable
        of batches.
    batch_size : int, default 256
        Number of images per batch, at least 1. It changes speed and memory, not the result.

    Returns
    -------
    Calibration
        The temperature, and the evaluations before and after.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type, the images are not preprocessed, no temperature in
        [0.01, 100] is the best, as for images that are all classified correctly, or the last
        layers are others. The model is unchanged then.

    Notes
    -----
    C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger, "On calibration of modern neural networks",
    International Conference on Machine Learning, 2017. Calibrating again changes nothing: the
    temperature is then 1. Further training starts from the calibrated weights; calibrate again
    afterwards.

    Examples
    --------
    >>> from mnistcnn import build_model, calibrate, load_data, preprocess, train
    >>> (images, labels), _ = load_data("digits")
    >>> x, y = preprocess(images, labels)
    >>> model = build_model(seed=0)
    >>> _ = train(model, x[:1000], y[:1000], recipe="fast", epochs=3, seed=0, verbose=0)
    >>> result = calibrate(model, x[1000:], y[1000:])
    >>> result.after.accuracy == result.before.accuracy
    True
    >>> result.after.loss < result.before.loss
    True
    """
    require("calibrate", "keras")
    from mnistcnn.backend import keras
    from mnistcnn.models.classes import count_classes, get_class_names

    if not isinstance(model, keras.Model):
        raise TypeError(
            f"model must be a Keras model, such as load_model returns; received {model!r}"
        )
    size = check_int("batch_size", batch_size, minimum=1)
    k = count_classes(model)
    predictions, first = [], None
    for images, one_hot in validated_batches(x, y, size, num_classes=k):
        probabilities = predict_batch(model, images, num_classes=k)
        predictions.append((probabilities, one_hot.argmax(axis=1)))
        first = images if first is None else first
    assert first is not None  # no batches raise an error
    probabilities, labels = map(np.concatenate, zip(*predictions, strict=True))
    log_probabilities = np.log(np.maximum(probabilities, np.finfo(np.float32).smallest_normal))
    temperature = fit_temperature(log_probabilities, labels)
    calibrated = scale(log_probabilities, temperature)
    _divide_logits(model, temperature, first, calibrated[: len(first)])
    before, after = (
        Evaluation.from_probabilities(each, labels, class_names=get_class_names(model, k))
        for each in (probabilities, calibrated)
    )
    return Calibration(temperature=temperature, before=before, after=after)


def _divide_logits(
    model: Any, temperature: float, images: Float32Array, expected: NDArray[Any]
) -> None:
    """Divide the logits of a model, and verify its probabilities."""
    from mnistcnn.models.logits import divide_logits

    weights = model.get_weights()
    divide_logits(model, temperature)
    difference = float(np.abs(np.asarray(model(images, training=False)) - expected).max())
    if not difference <= _TOLERANCE:
        model.set_weights(weights)
        raise ValueError(
            "model must compute its probabilities from its last layer with weights alone, so that "
            "its logits can be divided; received one whose probabilities then differ from the "
            f"expected ones by {difference:.2g}"
        )
