"""Networks for ONNX Runtime, read from any file that `Recognizer` accepts."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from mnistcnn.errors import CorruptFileError
from mnistcnn.types import PathLike
from mnistcnn.utils.safe_read import read_limited
from mnistcnn.weights.arrays import MAX_BYTES
from mnistcnn.weights.onnx_file import (
    class_names_of_onnx,
    cnn_weights_of,
    has_cnn_arrays,
    parse_onnx,
    to_onnx,
)
from mnistcnn.weights.onnx_network import MAX_NETWORK_BYTES, check_network, num_outputs
from mnistcnn.weights.weights_file import check_num_names, read_cnn_file


class OnnxNetwork(NamedTuple):
    """A network as an ONNX file.

    Parameters
    ----------
    content : bytes
        The file.
    class_names : tuple of str
        Name of each class; the numbers of the classes if the file holds none.
    """

    content: bytes
    class_names: tuple[str, ...]


def read_network_file(path: PathLike, *, name: str = "path") -> OnnxNetwork:
    """Return the network in a file.

    The CNN is built from the arrays of the file, in all formats. An ``.onnx`` file of another
    network is returned as it is, after `check_network`.

    Raises
    ------
    TypeError, FileNotFoundError, ValueError, CorruptFileError
        As `read_cnn_file`; ``ValueError`` also if the network in an ``.onnx`` file can't classify
        images of 28 × 28 pixels, or has other operators than such networks have.
    """
    if not str(path).endswith(".onnx"):
        stored = read_cnn_file(path, name=name)
        return OnnxNetwork(to_onnx(stored.weights), stored.class_names)
    file = Path(path)
    content = read_limited(file, limit=MAX_NETWORK_BYTES)
    try:
        model = parse_onnx(content, limit=MAX_NETWORK_BYTES)
        names = class_names_of_onnx(model)
    except ValueError as error:
        raise CorruptFileError(f"{file}: {error}") from None
    if has_cnn_arrays(model) and len(content) <= MAX_BYTES:
        try:
            weights = cnn_weights_of(model)
        except ValueError as error:
            raise CorruptFileError(f"{file}: {error}") from None
        content, count = to_onnx(weights), len(weights[-1])
    else:
        try:
            check_network(model)
        except ValueError as error:
            raise ValueError(f"{file}: {error}") from None
        count = num_outputs(model)
    return OnnxNetwork(content, check_num_names(file, names, count))
