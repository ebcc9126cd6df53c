"""Loading the CNN: from a file of weights, or with pretrained weights."""

from __future__ import annotations

import os
from typing import Any

from mnistcnn.backend import keras
from mnistcnn.models.classes import set_class_names
from mnistcnn.models.cnn import build_model
from mnistcnn.models.stored_weights import load_weights_into
from mnistcnn.public import public
from mnistcnn.types import PathLike
from mnistcnn.utils.text import quote
from mnistcnn.weights.pretrained import check_name, is_pretrained, load_pretrained_weights
from mnistcnn.weights.weights_file import StoredCnn, read_cnn_file


@public
def load_model(path: PathLike, *, model: keras.Model | None = None) -> keras.Model:
    """Load the baseline network, or one of your own, from a file of its weights.

    The model is built by `build_model`, for as many classes as the file has, or by you, and
    only numbers and the names of the classes come from the file, so nothing in a file can run.
    The optimizer state is not restored.

    Parameters
    ----------
    path : str or path-like
        A ``.keras``, ``.h5`` or ``.weights.h5`` file, written by this package or by any
        script that builds the same layers with Keras, or a ``.onnx`` or ``.safetensors``
        file that `export_model` wrote.
    model : keras.Model, optional
        A model of your own, with the architecture of the one that was saved as ``.keras``,
        ``.h5`` or ``.weights.h5``. Its weights are replaced. Default: the baseline network.

    Returns
    -------
    keras.Model
        `model`, or the baseline network, compiled as in `build_model`. Its attribute
        `class_names` is set if the file names the classes.

    Raises
    ------
    TypeError
        If `path` is not a path, or `model` not a Keras model.
    FileNotFoundError
        If the file does not exist.
    ValueError
        If the suffix is another one, or the file contains another architecture than `model` or
        the baseline network; the message names both.
    CorruptFileError
        If the file is damaged. `model` is unchanged then.

    Examples
    --------
    >>> from mnistcnn import build_model, load_model
    >>> build_model(seed=0).save("network.keras")
    >>> load_model("network.keras").count_params()
    34826

    A network of your own:

    >>> import keras
    >>> def build():
    ...     layers = [keras.layers.Flatten(), keras.layers.Dense(26, activation="softmax")]
    ...     return keras.Sequential([keras.Input((28, 28, 1)), *layers])
    >>> build().save("mine.keras")
    >>> load_model("mine.keras", model=build()).count_params()
    20410
    """
    if model is None:
        return _build(read_cnn_file(path))
    if not isinstance(model, keras.Model):
        raise TypeError(f"model must be a Keras model; received {model!r}")
    class_names = load_weights_into(model, path)
    if class_names is not None:
        set_class_names(model, class_names)
    return model


def as_model(model: Any) -> keras.Model:
    """Return a Keras model unchanged; load pretrained weights by name, or the model of a path."""
    if isinstance(model, keras.Model):
        return model
    if is_pretrained(model):
        return load_pretrained(model)
    if not isinstance(model, str | os.PathLike):
        raise TypeError(
            "model must be a Keras model, a path or the name of pretrained weights; "
            f"received {quote(model)}"
        )
    check_name("model", model)
    return _build(read_cnn_file(model, name="model"))


@public
def load_pretrained(name: str = "best", *, calibrated: bool = True) -> keras.Sequential:
    """Load the baseline network with weights that were trained on MNIST.

    The weights are part of the package; nothing is downloaded. The files are verified by
    their SHA-256.

    Parameters
    ----------
    name : {"best", "robust"}, default "best"
        Which weights. ``"best"`` is for digits in MNIST's format (size-normalized to 28 × 28
        and centered), in any handwriting. ``"robust"`` is for images without that
        preprocessing: pale, dirty, noisy, slanted or off center; its accuracy on unfamiliar
        handwriting is lower.
    calibrated : bool, default True
        Divide the last layer by the calibration temperature of the weights, so that a
        probability estimates how often such a prediction is correct. The predicted digits
        are the same. ``False`` gives the weights as trained.

    Returns
    -------
    keras.Sequential
        A new model on each call, compiled as in `build_model`. Its input is
        ``float32 (n, 28, 28, 1)`` in [0, 1], as from `preprocess`, its output
        ``float32 (n, 10)``: the probabilities of the digits 0 to 9.

    Raises
    ------
    TypeError
        If `calibrated` is not a bool.
    ValueError
        If `name` is unknown.
    FileNotFoundError, CorruptFileError
        If a file of the weights is missing or damaged.

    Notes
    -----
    The temperature is a single number, fitted on images held out from training (Guo et al.,
    *On Calibration of Modern Neural Networks*, 2017).

    Examples
    --------
    >>> from mnistcnn import load_data, load_pretrained, preprocess
    >>> _, (images, labels) = load_data("digits")
    >>> model = load_pretrained()
    >>> model(preprocess(images[:5])).shape
    TensorShape([5, 10])
    """
    model = build_model()
    model.set_weights(load_pretrained_weights(name).weights(calibrated=calibrated))
    return model


def _build(stored: StoredCnn) -> keras.Sequential:
    model = build_model(class_names=stored.class_names)
    model.set_weights(stored.weights)
    return model
