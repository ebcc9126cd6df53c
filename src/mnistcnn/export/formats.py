"""The formats that the network is exported to: how each is written, and run again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistcnn.export import litert, openvino, parity, saved_model
from mnistcnn.models.cnn import build_model
from mnistcnn.types import Float32Array
from mnistcnn.utils import environment
from mnistcnn.utils.validation import check_in
from mnistcnn.weights.arrays import to_safetensors
from mnistcnn.weights.onnx_classifier import OnnxClassifier
from mnistcnn.weights.onnx_file import to_onnx
from mnistcnn.weights.readers import read_exported

DIRECTORY = "saved_model"


@dataclass(frozen=True)
class ExportFormat:
    """One format.

    Parameters
    ----------
    suffix : str
        How the names of its files end; empty for a folder.
    write, run : callable
        Writes the six arrays to a path; gives the probabilities of images by the runtime
        that the format is for.
    images, rule : callable
        On which images the two sides must agree, and how well.
    companions : tuple of str
        Suffixes of the files that come with the one at the path.
    needs : str, optional
        The module of an extra, which `extra` names.
    """

    suffix: str
    write: Callable[[Sequence[NDArray[Any]], Path], None]
    run: Callable[[Path, Float32Array], Float32Array]
    images: Callable[[], Float32Array] = parity.random_images
    rule: parity.ParityCheck = parity.check_float32
    companions: tuple[str, ...] = ()
    needs: str | None = None
    extra: str = ""


def format_for(path: Path, name: str | None) -> tuple[str, ExportFormat]:
    """Return the format of that name, or the one that the suffix of `path` stands for."""
    if not path.name:
        raise ValueError(f"path must name a file or folder; received {str(path)!r}")
    if name is None:
        name = next((key for key, one in FORMATS.items() if one.suffix == path.suffix), None)
        if name is None:
            raise ValueError(
                f"path must end in {' or '.join(_SUFFIXES)}, or have no suffix for the folder of "
                f"a SavedModel; received {str(path)!r}"
            )
    target = FORMATS[check_in("format", name, FORMATS)]
    if target.suffix and path.suffix != target.suffix:
        raise ValueError(
            f"path must end in {target.suffix} for the format {name}; received {str(path)!r}"
        )
    if not target.suffix and path.suffix in _SUFFIXES:  # a folder may be called v1.2
        raise ValueError(
            f"path must not end in {path.suffix} for the format {name}; received {str(path)!r}"
        )
    return name, target


def require_runtime(name: str, target: ExportFormat) -> None:
    """Refuse a format whose extra is absent, and say what to install."""
    if target.needs:
        environment.require_extra(f"the format {name}", target.needs, target.extra)


def _write_onnx(weights: Sequence[NDArray[Any]], path: Path) -> None:
    path.write_bytes(to_onnx(weights))


def _run_onnx(path: Path, images: Float32Array) -> Float32Array:
    return OnnxClassifier(path.read_bytes()).predict_proba(images[..., 0])


def _write_safetensors(weights: Sequence[NDArray[Any]], path: Path) -> None:
    path.write_bytes(to_safetensors(weights))


def _run_safetensors(path: Path, images: Float32Array) -> Float32Array:
    network = build_model()
    network.set_weights(read_exported(path))
    return np.asarray(network(images, training=False))


_LITERT: dict[str, Any] = dict(
    suffix=".tflite", run=litert.run, needs="ai_edge_litert", extra="litert"
)
# A suffix stands for the first that has it.
FORMATS: Mapping[str, ExportFormat] = MappingProxyType(
    {
        "onnx": ExportFormat(".onnx", _write_onnx, _run_onnx),
        "safetensors": ExportFormat(".safetensors", _write_safetensors, _run_safetensors),
        "litert": ExportFormat(write=litert.write_float, **_LITERT),
        "litert-int8": ExportFormat(
            write=litert.write_int8,
            images=parity.sample_digits,
            rule=parity.check_int8,
            **_LITERT,
        ),
        "openvino": ExportFormat(
            ".xml",
            openvino.write,
            openvino.run,
            companions=(".bin",),
            needs="openvino",
            extra="openvino",
        ),
        DIRECTORY: ExportFormat("", saved_model.write, saved_model.run),
    }
)
_SUFFIXES = tuple(dict.fromkeys(one.suffix for one in FORMATS.values() if one.suffix))
