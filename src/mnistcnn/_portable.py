"""Files of the network that are read without Keras: numbers alone, nothing that runs."""

from __future__ import annotations

from mnistcnn import _checks
from mnistcnn._arrays import MOST_BYTES, read_safetensors
from mnistcnn._errors import CorruptFileError
from mnistcnn._files import read_limited
from mnistcnn._types import Float32Array, PathLike

PORTABLE_SUFFIXES = (".onnx", ".safetensors")


def read_portable(path: PathLike) -> list[Float32Array]:
    """Return the six arrays of a file that `export_model` wrote, in Keras' order.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the name ends otherwise.
    CorruptFileError
        If the file is damaged, too large, or does not hold the network's arrays.
    """
    file = _checks.path("path", path, suffixes=PORTABLE_SUFFIXES)
    content = read_limited(file, limit=MOST_BYTES)
    try:
        if file.suffix == ".safetensors":
            return read_safetensors(content)
        from mnistcnn._onnx import read_onnx  # a tenth of a second that safetensors is spared

        return read_onnx(content)
    except ValueError as error:
        raise CorruptFileError(f"{file}: {error}") from None
