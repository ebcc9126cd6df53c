"""Reading the CNN's weights from a file, without Keras and without running anything in it."""

from __future__ import annotations

from mnistcnn.errors import CorruptFileError
from mnistcnn.types import Float32Array, PathLike
from mnistcnn.utils.safe_read import read_limited
from mnistcnn.utils.validation import check_path
from mnistcnn.weights.arrays import KERAS_SUFFIXES, MAX_BYTES, from_safetensors
from mnistcnn.weights.keras_file import read_keras_file

WEIGHTS_SUFFIXES = (*KERAS_SUFFIXES, ".onnx", ".safetensors")


def read_weights_file(path: PathLike, *, name: str = "path") -> list[Float32Array]:
    """Return the six arrays in the order of ``model.get_weights()``.

    Parameters
    ----------
    path : str or path-like
        A file written by Keras or, as ``.onnx`` or ``.safetensors``, by `export_model`.
    name : str, default "path"
        How error messages name the argument.

    Raises
    ------
    TypeError
        If `path` is not a path.
    FileNotFoundError
        If the file is missing.
    ValueError
        If the suffix is not in `WEIGHTS_SUFFIXES`, or a Keras file is of another architecture.
    CorruptFileError
        If the file is damaged, too large, or does not contain the CNN's arrays.
    """
    file = check_path(name, path, suffixes=WEIGHTS_SUFFIXES)
    if file.name.endswith(KERAS_SUFFIXES):
        return read_keras_file(file)
    content = read_limited(file, limit=MAX_BYTES)
    try:
        if file.name.endswith(".safetensors"):
            return list(from_safetensors(content).values())
        from mnistcnn.weights.onnx_file import from_onnx  # onnx takes 0.1 s to import

        return from_onnx(content)
    except ValueError as error:
        raise CorruptFileError(f"{file}: {error}") from None
