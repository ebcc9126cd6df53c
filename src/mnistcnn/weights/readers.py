"""Files of the network that are read without Keras: numbers alone, nothing that runs."""

from __future__ import annotations

import warnings
from pathlib import Path

from mnistcnn.errors import CorruptFileError
from mnistcnn.types import Float32Array, PathLike
from mnistcnn.utils import environment
from mnistcnn.utils.safe_read import read_limited
from mnistcnn.utils.validation import check_path
from mnistcnn.weights.arrays import MAX_BYTES, from_safetensors

EXPORTED_SUFFIXES = (".onnx", ".safetensors", ".tflite", ".xml")


def is_exported(path: Path) -> bool:
    """Tell whether `read_portable` is for it: a file by its suffix, or a SavedModel's folder."""
    return path.suffix in EXPORTED_SUFFIXES or _is_saved_model(path)


def read_exported(path: PathLike) -> list[Float32Array]:
    """Return the six arrays of what `export_model` wrote, in Keras' order.

    Whoever has a SavedModel read is warned that TensorFlow is imported for it.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ModuleNotFoundError
        If the format needs an extra that is not installed.
    ValueError
        If the name ends otherwise.
    CorruptFileError
        If the file is damaged, too large, or does not hold the network's arrays.
    """
    file = check_path("path", path)
    if not _is_saved_model(file):
        check_path("path", path, suffixes=EXPORTED_SUFFIXES)
    try:
        return _read(file)
    except CorruptFileError:
        raise
    except ValueError as error:
        raise CorruptFileError(f"{file}: {error}") from None


def _read(file: Path) -> list[Float32Array]:
    # Each format's module is imported for its files alone: ONNX takes a tenth of a second.
    if _is_saved_model(file):
        warnings.warn(
            f"{file} is a SavedModel, so TensorFlow is imported to read it, which takes seconds; "
            f"export_model({str(file)!r}, 'digits.onnx') writes a file that needs none",
            stacklevel=5,
        )
        from mnistcnn.export import saved_model

        return saved_model.read(file)
    if file.suffix == ".xml":
        from mnistcnn.export import openvino

        return openvino.read(file)
    content = read_limited(file, limit=MAX_BYTES)
    if file.suffix == ".safetensors":
        return list(from_safetensors(content).values())
    if file.suffix == ".tflite":
        environment.require_extra(str(file), "ai_edge_litert", "litert")
        from mnistcnn.weights.tflite_file import read_litert

        return read_litert(content)
    from mnistcnn.weights.onnx_file import from_onnx

    return from_onnx(content)


def _is_saved_model(path: Path) -> bool:
    return (path / "saved_model.pb").is_file()
