"""The pretrained weights in `assets`: a safetensors file and a JSON manifest for each set."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistcnn.errors import CorruptFileError
from mnistcnn.types import Float32Array
from mnistcnn.utils.atomic_write import atomic_write, write_text
from mnistcnn.utils.safe_read import read_limited
from mnistcnn.utils.text import did_you_mean, quote
from mnistcnn.utils.validation import check_bool, check_in
from mnistcnn.weights.arrays import (
    CNN_WEIGHT_SHAPES,
    MAX_PAGE_NETWORK_BYTES,
    MAX_PRETRAINED_BYTES,
    PAGE_NETWORK_WEIGHT_SHAPES,
    REJECTOR_WEIGHT_SHAPES,
    Shapes,
    from_safetensors,
    to_safetensors,
)
from mnistcnn.weights.manifest import FORMAT, Manifest

# The names that `load_pretrained` accepts.
PRETRAINED = ("best", "robust")
# The network that separates digits from non-digits.
REJECTOR = "rejector"
# The network that finds the digits on a page.
PAGE_NETWORK = "page_network"
# The confidence of a digit that was read: logistic regressions.
CONFIDENCE = "confidence"
FOLDER = Path(__file__).parents[1] / "assets"

# A manifest takes about 20 KB.
_MAX_MANIFEST_BYTES = 64 << 10
_LAST_LAYER = ("dense.kernel", "dense.bias")


@dataclass(frozen=True, eq=False)
class PretrainedWeights:
    """Weights that match their manifest.

    Parameters
    ----------
    manifest : Manifest
        Provenance, calibration temperature and metrics.
    arrays : dict
        The ``float32`` arrays by name, uncalibrated, read-only, in the order of
        ``model.get_weights()``.
    """

    manifest: Manifest
    arrays: Mapping[str, Float32Array]

    def weights(self, *, calibrated: bool) -> list[Float32Array]:
        """Return the arrays in the order of ``model.get_weights()``.

        If `calibrated`, the last layer is divided by the temperature, and thereby the logits:
        the softmax gives the probabilities of temperature scaling (Guo et al., 2017).

        Raises
        ------
        CorruptFileError
            If a weight of the last layer is so large that the division overflows.
        """
        if not check_bool("calibrated", calibrated):
            return list(self.arrays.values())
        temperature = np.float32(self.manifest.temperature)
        with np.errstate(over="ignore"):
            scaled = {
                name: self.arrays[name] / temperature for name in _LAST_LAYER if name in self.arrays
            }
        for name, array in scaled.items():
            if not np.isfinite(array).all():
                raise CorruptFileError(
                    f"{self.manifest.file}: {name} must be finite after it is divided by the "
                    f"temperature, {self.manifest.temperature:g}; received a larger number"
                )
        return list({**self.arrays, **scaled}.values())


def is_pretrained(source: Any) -> bool:
    """Return whether `source` names pretrained weights; a file of that name needs a path."""
    return isinstance(source, str) and source in PRETRAINED


def check_name(name: str, value: Any) -> None:
    """Raise ``ValueError`` if `value`, the path of a model, is a misspelled name of weights."""
    hint = did_you_mean(value, PRETRAINED)
    if hint and Path(value).stem == value:  # neither a suffix nor a folder
        names = ", ".join(map(repr, PRETRAINED))
        raise ValueError(f"{name} must be a file or one of {names}; received {quote(value)}{hint}")


def load_pretrained_weights(name: str) -> PretrainedWeights:
    """Load the pretrained weights of that name.

    Raises
    ------
    ValueError
        If the name is unknown.
    FileNotFoundError, CorruptFileError
        If a file is missing or damaged.
    """
    return read_pretrained(FOLDER, check_in("name", name, PRETRAINED))


def load_rejector_weights() -> PretrainedWeights:
    """Load the weights of the network that separates digits from non-digits.

    Raises
    ------
    FileNotFoundError, CorruptFileError
        If a file is missing or damaged.
    """
    return read_pretrained(FOLDER, REJECTOR, REJECTOR_WEIGHT_SHAPES)


def load_page_network_weights() -> PretrainedWeights:
    """Load the weights of the network that finds the digits on a page.

    Raises
    ------
    FileNotFoundError, CorruptFileError
        If a file is missing or damaged.
    """
    return read_pretrained(FOLDER, PAGE_NETWORK, PAGE_NETWORK_WEIGHT_SHAPES)


@functools.cache
def load_confidence_weights() -> Mapping[str, Mapping[str, float]]:
    """Load the weights of the confidence of a digit that was read.

    Returns
    -------
    mapping
        For each kind of digit, the intercept and the weight of each feature.

    Raises
    ------
    FileNotFoundError, CorruptFileError
        If the file is missing or damaged.
    """
    path = FOLDER / f"{CONFIDENCE}.json"
    content = read_limited(path, limit=_MAX_MANIFEST_BYTES)
    try:
        weights = json.loads(content)["weights"]
        return {
            str(kind): {str(name): float(weight) for name, weight in of_kind.items()}
            for kind, of_kind in weights.items()
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CorruptFileError(f"{path}: not the weights of the confidence") from error


def read_pretrained(
    folder: Path, name: str, shapes: Shapes = CNN_WEIGHT_SHAPES
) -> PretrainedWeights:
    """Read ``name.json`` and ``name.safetensors`` and verify them.

    Raises
    ------
    FileNotFoundError
        If one of the two files is missing.
    CorruptFileError
        If a file is too large or damaged, or the weights differ from the manifest or `shapes`.
    """
    manifest_path, weights_path = _paths(folder, name)
    manifest_content = read_limited(manifest_path, limit=_MAX_MANIFEST_BYTES)
    try:
        manifest = Manifest.from_json(manifest_content)
        if manifest.name != name:
            raise ValueError(f"name must be {name!r}; received {quote(manifest.name)}")
    except (TypeError, ValueError) as error:
        raise CorruptFileError(f"{manifest_path}: {error}") from None
    limit = MAX_PAGE_NETWORK_BYTES if shapes is PAGE_NETWORK_WEIGHT_SHAPES else MAX_PRETRAINED_BYTES
    content = read_limited(weights_path, limit=limit)
    try:
        return PretrainedWeights(manifest, _verified_arrays(content, manifest, shapes))
    except ValueError as error:
        raise CorruptFileError(f"{weights_path}: {error}") from None


def write_pretrained(
    folder: Path,
    weights: Sequence[NDArray[Any]],
    *,
    name: str,
    temperature: float,
    recipe: dict[str, Any],
    seed: int,
    command: str,
    commit: str,
    versions: dict[str, str],
    data: dict[str, Any],
    metrics: dict[str, Any],
    shapes: Shapes = CNN_WEIGHT_SHAPES,
) -> PretrainedWeights:
    """Write the two files, read them back and return what they contain.

    Both files are written atomically, the manifest last: after a crash between the two they
    differ, and reading them raises `CorruptFileError`. All arguments are validated before
    anything is written. Equal arrays give equal bytes.

    Parameters
    ----------
    folder : pathlib.Path
        Directory of the two files; created if missing.
    weights : sequence of numpy.ndarray
        The ``float32`` arrays in the order of `shapes`.
    name, temperature, recipe, seed, command, commit, versions, data, metrics
        Fields of `Manifest`.
    shapes : mapping
        `CNN_WEIGHT_SHAPES`, `REJECTOR_WEIGHT_SHAPES` or `PAGE_NETWORK_WEIGHT_SHAPES`.

    Raises
    ------
    TypeError, ValueError
        If an array does not match `shapes`, or a field of the manifest is invalid.
    """
    content = to_safetensors(weights, shapes)
    manifest = Manifest(
        format=FORMAT,
        name=name,
        file=f"{name}.safetensors",
        sha256=hashlib.sha256(content).hexdigest(),
        temperature=temperature,
        recipe=recipe,
        seed=seed,
        command=command,
        commit=commit,
        versions=versions,
        data=data,
        metrics=metrics,
    )
    text = manifest.to_json()
    if len(text) > _MAX_MANIFEST_BYTES:
        raise ValueError(
            f"the manifest must be at most {_MAX_MANIFEST_BYTES:,} bytes; received {len(text):,}"
        )
    Manifest.from_json(text.encode())
    manifest_path, weights_path = _paths(folder, name)
    with atomic_write(weights_path) as temporary:
        temporary.write_bytes(content)
    write_text(manifest_path, text)
    return read_pretrained(folder, name, shapes)


def _paths(folder: Path, name: str) -> tuple[Path, Path]:
    return folder / f"{name}.json", folder / f"{name}.safetensors"


def _verified_arrays(content: bytes, manifest: Manifest, shapes: Shapes) -> dict[str, Float32Array]:
    digest = hashlib.sha256(content).hexdigest()
    if digest != manifest.sha256:
        raise ValueError(f"the file must have SHA-256 {manifest.sha256}; received {digest}")
    arrays = from_safetensors(content, shapes)
    for array in arrays.values():
        array.setflags(write=False)
    return arrays
