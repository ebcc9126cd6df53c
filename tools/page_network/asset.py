"""The page network as an asset of the package: its weights, and a manifest with their origin."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistcnn.utils.environment import software_versions
from mnistcnn.weights.arrays import PAGE_NETWORK_WEIGHT_SHAPES
from mnistcnn.weights.pretrained import PAGE_NETWORK, write_pretrained
from tools.pretrained.provenance import source_revision

COMMAND = "make page-network"
# What the pages depend on, besides the sources.
_DRAWING_LIBRARIES = (
    "matplotlib", "opencv-python-headless", "pillow", "scikit-image", "scikit-learn", "scipy",
)  # fmt: skip


def write_asset(
    folder: Path,
    arrays: Mapping[str, NDArray[np.float32]],
    *,
    images: NDArray[np.uint8],
    labels: NDArray[np.uint8],
    fonts: Path,
    hyperparameters: Mapping[str, Any],
    seed: int,
    metrics: Mapping[str, float],
) -> None:
    """Write ``page_network.safetensors`` and its manifest.

    Parameters
    ----------
    folder : pathlib.Path
        Folder of the two files.
    arrays : mapping
        Kernels and biases by name, as `fold_batch_norm` returns them.
    images, labels : numpy.ndarray
        The images that the pages were drawn from.
    fonts : pathlib.Path
        The ``node_modules`` with the typefaces of the pages.
    hyperparameters, seed, metrics
        Of the training, and measured on the validation pages.
    """
    write_pretrained(
        folder,
        [arrays[name] for name in PAGE_NETWORK_WEIGHT_SHAPES],
        name=PAGE_NETWORK,
        temperature=1.0,
        recipe={
            "name": PAGE_NETWORK,
            **hyperparameters,
            "drawing_libraries": _library_versions(),
            "typefaces": _typeface_versions(fonts),
        },
        seed=seed,
        command=COMMAND,
        commit=source_revision(),
        versions=software_versions(),
        data={
            "name": "synthetic pages of mnist",
            "images": len(images),
            "sha256": hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest(),
        },
        metrics={"validation": dict(metrics)},
        shapes=PAGE_NETWORK_WEIGHT_SHAPES,
    )


def _library_versions() -> dict[str, str]:
    versions = {}
    for name in _DRAWING_LIBRARIES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "not installed"
    return versions


def _typeface_versions(fonts: Path) -> dict[str, str]:
    """Return the versions of the packages of typefaces."""
    packages = sorted(fonts.glob("@fontsource/*/package.json"))
    return {path.parent.name: json.loads(path.read_bytes())["version"] for path in packages}
