"""The names of the export formats and their suffixes, without the libraries that write them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from mnistcnn.utils.validation import check_in

# The first format with a suffix is its default. A SavedModel is a folder.
SUFFIXES: Mapping[str, str] = MappingProxyType(
    {
        "onnx": ".onnx",
        "safetensors": ".safetensors",
        "litert": ".tflite",
        "litert-int8": ".tflite",
        "openvino": ".xml",
        "saved_model": "",
    }
)
_FILE_SUFFIXES = tuple(dict.fromkeys(filter(None, SUFFIXES.values())))


def resolve_format(path: Path, name: str | None) -> str:
    """Return `name`, or by default the format of the suffix of `path`.

    Raises
    ------
    ValueError
        If the format is unknown, or the suffix of `path` does not match it.
    """
    if not path.name:
        raise ValueError(f"path must name a file or folder; received {str(path)!r}")
    if name is None:
        name = next((key for key, suffix in SUFFIXES.items() if suffix == path.suffix), None)
        if name is None:
            raise ValueError(
                f"path must end in {' or '.join(_FILE_SUFFIXES)}, or have no suffix for a "
                f"SavedModel folder; received {str(path)!r}"
            )
    suffix = SUFFIXES[check_in("format", name, tuple(SUFFIXES))]
    if suffix and path.suffix != suffix:
        raise ValueError(f"path must end in {suffix} for the format {name}; received {str(path)!r}")
    if not suffix and path.suffix in _FILE_SUFFIXES:  # a folder may be called v1.2
        raise ValueError(
            f"path must not end in {path.suffix} for the format {name}; received {str(path)!r}"
        )
    return name
