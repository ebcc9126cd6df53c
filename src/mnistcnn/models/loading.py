"""The network with the weights that came with the package."""

from __future__ import annotations

from typing import Any

from mnistcnn.backend import keras
from mnistcnn.models.cnn import build_model
from mnistcnn.public import public
from mnistcnn.types import PathLike
from mnistcnn.utils.validation import check_path
from mnistcnn.weights.keras_file import read_weights
from mnistcnn.weights.pretrained import load_pretrained_weights


@public
def load_model(path: PathLike) -> keras.Sequential:
    """Load the documented network from a file that Keras wrote.

    The network is built anew and takes only the numbers from the file, so nothing in a
    file can run. The optimizer starts fresh.

    Parameters
    ----------
    path : str or path-like
        A ``.keras``, ``.h5`` or ``.weights.h5`` file of this network, written by this
        package or by any script that builds the same layers.

    Returns
    -------
    keras.Sequential
        Compiled as `build_model` compiles it.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the name ends otherwise.
    CorruptFileError
        If the file is damaged, or holds a network of another architecture.

    Examples
    --------
    >>> from mnistcnn import build_model, load_model
    >>> build_model(seed=0).save("network.keras")
    >>> load_model("network.keras").count_params()
    34826
    """
    weights = read_weights(path)
    model = build_model()
    model.set_weights(weights)
    return model


def as_model(model: Any) -> keras.Model:
    """Return a Keras model as it is, and the network of a file."""
    if isinstance(model, keras.Model):
        return model
    try:
        check_path("model", model)
    except TypeError:
        raise TypeError(f"model must be a Keras model or a path; received {model!r}") from None
    return load_model(model)


@public
def load_pretrained(name: str = "best", *, calibrated: bool = True) -> keras.Sequential:
    """Load the documented network with weights that were trained on MNIST.

    They come with the package: no training, no download. Both files are verified first against
    their SHA-256.

    Parameters
    ----------
    name : str, default "best"
        Which weights. ``"best"`` is for digits that were brought to 28 x 28 as MNIST's were,
        in whatever hand. ``"robust"`` is for images that nothing was done to: pale, dirty,
        noisy, slanted or off centre; it reads the hands of other people less well.
    calibrated : bool, default True
        Divide the last layer by the temperature that the weights' manifest names, so that
        a probability says how often such an answer is right. The answers, the most
        probable digits, stay the same. ``False`` gives the weights as trained.

    Returns
    -------
    keras.Sequential
        A new network each time, compiled as `build_model` compiles it. It takes
        ``float32 (n, 28, 28, 1)`` in [0, 1], as `preprocess` gives it, and gives
        ``float32 (n, 10)``: the probabilities of the digits 0 to 9.

    Raises
    ------
    TypeError
        If `calibrated` is not a bool.
    ValueError
        If there are no weights of that name.
    FileNotFoundError, CorruptFileError
        If a file of the weights is absent, damaged or not the one that was shipped.

    Notes
    -----
    The temperature is one number, fitted on images that the training did not see (Guo et
    al., *On Calibration of Modern Neural Networks*, 2017).

    Examples
    --------
    >>> from mnistcnn import load_data, load_pretrained, preprocess
    >>> _, (images, labels) = load_data("digits")
    >>> model = load_pretrained()
    >>> model(preprocess(images[:5])).shape
    TensorShape([5, 10])
    """
    weights = load_pretrained_weights(name).weights(calibrated=calibrated)
    model = build_model()
    model.set_weights(weights)
    return model
