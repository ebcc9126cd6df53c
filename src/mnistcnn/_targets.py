"""The formats that the network is exported to: how each is written, and run again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistcnn import _agreement, _checks, _litert, _openvino, _runtimes, _saved_model
from mnistcnn._about import INPUT, OUTPUT
from mnistcnn._arrays import safetensors_bytes
from mnistcnn._model import build_model
from mnistcnn._onnx import onnx_bytes
from mnistcnn._portable import read_portable
from mnistcnn._types import Float32Array

FOLDER = "saved_model"


@dataclass(frozen=True)
class Target:
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
    images: Callable[[], Float32Array] = _agreement.noise
    rule: _agreement.Rule = _agreement.float_rule
    companions: tuple[str, ...] = ()
    needs: str | None = None
    extra: str = ""


def target_of(path: Path, name: str | None) -> tuple[str, Target]:
    """Return the format of that name, or the one that the suffix of `path` stands for."""
    if not path.name:
        raise ValueError(f"path must name a file or folder; received {str(path)!r}")
    if name is None:
        name = next((key for key, one in TARGETS.items() if one.suffix == path.suffix), None)
        if name is None:
            raise ValueError(
                f"path must end in {' or '.join(_SUFFIXES)}, or have no suffix for the folder of "
                f"a SavedModel; received {str(path)!r}"
            )
    target = TARGETS[_checks.one_of("format", name, TARGETS)]
    if target.suffix and path.suffix != target.suffix:
        raise ValueError(
            f"path must end in {target.suffix} for the format {name}; received {str(path)!r}"
        )
    if not target.suffix and path.suffix in _SUFFIXES:  # a folder may be called v1.2
        raise ValueError(
            f"path must not end in {path.suffix} for the format {name}; received {str(path)!r}"
        )
    return name, target


def check_installed(name: str, target: Target) -> None:
    """Refuse a format whose extra is absent, and say what to install."""
    if target.needs:
        _runtimes.check_installed(f"the format {name}", target.needs, target.extra)


def _write_onnx(weights: Sequence[NDArray[Any]], path: Path) -> None:
    path.write_bytes(onnx_bytes(weights))


def _run_onnx(path: Path, images: Float32Array) -> Float32Array:
    runtime = _runtimes.onnxruntime()
    session = runtime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    (probabilities,) = session.run([OUTPUT], {INPUT: images})
    return np.asarray(probabilities)


def _write_safetensors(weights: Sequence[NDArray[Any]], path: Path) -> None:
    path.write_bytes(safetensors_bytes(weights))


def _run_safetensors(path: Path, images: Float32Array) -> Float32Array:
    network = build_model()
    network.set_weights(read_portable(path))
    return np.asarray(network(images, training=False))


_LITERT: dict[str, Any] = dict(
    suffix=".tflite", run=_litert.run, needs="ai_edge_litert", extra="litert"
)
# A suffix stands for the first that has it.
TARGETS: Mapping[str, Target] = MappingProxyType(
    {
        "onnx": Target(".onnx", _write_onnx, _run_onnx),
        "safetensors": Target(".safetensors", _write_safetensors, _run_safetensors),
        "litert": Target(write=_litert.write_float, **_LITERT),
        "litert-int8": Target(
            write=_litert.write_int8,
            images=_agreement.digits,
            rule=_agreement.int8_rule,
            **_LITERT,
        ),
        "openvino": Target(
            ".xml",
            _openvino.write,
            _openvino.run,
            companions=(".bin",),
            needs="openvino",
            extra="openvino",
        ),
        FOLDER: Target("", _saved_model.write, _saved_model.run),
    }
)
_SUFFIXES = tuple(dict.fromkeys(one.suffix for one in TARGETS.values() if one.suffix))
