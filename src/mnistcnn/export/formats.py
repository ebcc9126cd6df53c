"""The export formats: how each is written, and how it is run for verification."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from mnistcnn.export import litert, onnx, openvino, parity, saved_model
from mnistcnn.export.names import SUFFIXES, resolve_format
from mnistcnn.export.source import ExportSource
from mnistcnn.models.loading import load_model
from mnistcnn.types import Float32Array
from mnistcnn.utils import environment
from mnistcnn.weights.arrays import to_safetensors


@dataclass(frozen=True)
class ExportFormat:
    """An export format.

    Parameters
    ----------
    suffix : str
        Suffix of its file names; empty if the format is a folder.
    write : callable
        Writes a model to a path.
    predict : callable
        Returns the probabilities of images, computed by the format's own runtime.
    images, check : callable
        The images on which the format is compared with Keras, and the comparison.
    companions : tuple of str
        Suffixes of further files beside the one at the path.
    requires : str, optional
        Module of an optional dependency, which the extra `extra` installs.
    any_architecture : bool, default True
        Whether it can hold another network than that of `build_model`.
    """

    suffix: str
    write: Callable[[ExportSource, Path], None]
    predict: Callable[[Path, Float32Array], Float32Array]
    images: Callable[[], Float32Array] = parity.random_images
    check: parity.ParityCheck = parity.check_float32
    companions: tuple[str, ...] = ()
    requires: str | None = None
    extra: str = ""
    any_architecture: bool = True


def format_for(path: Path, name: str | None) -> tuple[str, ExportFormat]:
    """Return the format called `name`, or by default that of the suffix of `path`."""
    resolved = resolve_format(path, name)
    return resolved, FORMATS[resolved]


def require_runtime(name: str, export_format: ExportFormat) -> None:
    """Raise ``ModuleNotFoundError`` if the optional dependency of a format is not installed."""
    if export_format.requires:
        environment.require_extra(f"the format {name}", export_format.requires, export_format.extra)


def _write_safetensors(source: ExportSource, path: Path) -> None:
    path.write_bytes(to_safetensors(source.weights, class_names=source.class_names))


def _predict_safetensors(path: Path, images: Float32Array) -> Float32Array:
    return np.asarray(load_model(path)(images, training=False))


_LITERT: dict[str, Any] = dict(predict=litert.predict, requires="ai_edge_litert", extra="litert")
FORMATS: Mapping[str, ExportFormat] = MappingProxyType(
    {
        "onnx": ExportFormat(SUFFIXES["onnx"], onnx.write, onnx.predict),
        "safetensors": ExportFormat(
            SUFFIXES["safetensors"],
            _write_safetensors,
            _predict_safetensors,
            any_architecture=False,
        ),
        "litert": ExportFormat(SUFFIXES["litert"], litert.write_float32, **_LITERT),
        "litert-int8": ExportFormat(
            SUFFIXES["litert-int8"],
            litert.write_int8,
            images=parity.sample_digits,
            check=parity.check_int8,
            **_LITERT,
        ),
        "openvino": ExportFormat(
            SUFFIXES["openvino"],
            openvino.write,
            openvino.predict,
            companions=(".bin",),
            requires="openvino",
            extra="openvino",
        ),
        "saved_model": ExportFormat(
            SUFFIXES["saved_model"], saved_model.write, saved_model.predict
        ),
    }
)
