"""Files of the network that are read without Keras: numbers alone, nothing that runs."""

from __future__ import annotations

import warnings
from pathlib import Path

from mnistcnn import _checks, _runtimes
from mnistcnn._arrays import MOST_BYTES, read_safetensors
from mnistcnn._errors import CorruptFileError
from mnistcnn._files import read_limited
from mnistcnn._types import Float32Array, PathLike

PORTABLE_SUFFIXES = (".onnx", ".safetensors", ".tflite", ".xml")


def is_portable(path: Path) -> bool:
    """Tell whether `read_portable` is for it: a file by its suffix, or a SavedModel's folder."""
    return path.suffix in PORTABLE_SUFFIXES or _is_saved_model(path)


def read_portable(path: PathLike) -> list[Float32Array]:
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
    file = _checks.path("path", path)
    if not _is_saved_model(file):
        _checks.path("path", path, suffixes=PORTABLE_SUFFIXES)
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
        from mnistcnn import _saved_model

        return _saved_model.read(file)
    if file.suffix == ".xml":
        from mnistcnn import _openvino

        return _openvino.read(file)
    content = read_limited(file, limit=MOST_BYTES)
    if file.suffix == ".safetensors":
        return read_safetensors(content)
    if file.suffix == ".tflite":
        _runtimes.check_installed(str(file), "ai_edge_litert", "litert")
        from mnistcnn._flatbuffer import read_litert

        return read_litert(content)
    from mnistcnn._onnx import read_onnx

    return read_onnx(content)


def _is_saved_model(path: Path) -> bool:
    return (path / "saved_model.pb").is_file()
