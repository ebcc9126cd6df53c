"""Loading the CNN: from a file of weights, or with pretrained weights."""

from __future__ import annotations

import os
from typing import Any

from mnistcnn.backend import keras
from mnistcnn.models.cnn import build_model
from mnistcnn.public import public
from mnistcnn.types import PathLike
from mnistcnn.utils.text import quote
from mnistcnn.weights.pretrained import is_pretrained, load_pretrained_weights
from mnistcnn.weights.weights_file import read_weights_file


@public
def load_model(path: PathLike) -> keras.Sequential:
    """Load the baseline network from a file of its weights.

    The model is built by `build_model`, and only the weights come from the file, so nothing
    in a file can run. The optimizer state is not restored.

    Parameters
    ----------
    path : str or path-like
        A ``.keras``, ``.h5`` or ``.weights.h5`` file, written by this package or by any
        script that builds the same layers with Keras, or a ``.onnx`` or ``.safetensors``
        file that `export_model` wrote.

    Returns
    -------
    keras.Sequential
        Compiled as in `build_model`.

    Raises
    ------
    TypeError
        If `path` is not a path.
    FileNotFoundError
        If the file does not exist.
    ValueError
        If the suffix is another one, or the file contains another architecture.
    CorruptFileError
        If the file is damaged.

    Examples
    --------
    >>> from mnistcnn import build_model, load_model
    >>> build_model(seed=0).save("network.keras")
    >>> load_model("network.keras").count_params()
    34826
    """
    return _with_weights(read_weights_file(path))


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
    return _with_weights(read_weights_file(model, name="model"))


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
    return _with_weights(load_pretrained_weights(name).weights(calibrated=calibrated))


def _with_weights(weights: list[Any]) -> keras.Sequential:
    model = build_model()
    model.set_weights(weights)
    return model
