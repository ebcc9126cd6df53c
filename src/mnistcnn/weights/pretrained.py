"""The shipped weights as files: six arrays in safetensors, a manifest in JSON.

NumPy and safetensors are all it takes, so weights can be read without Keras. safetensors
files hold numbers alone; nothing in one can run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

import mnistcnn
from mnistcnn.errors import CorruptFileError
from mnistcnn.types import Float32Array
from mnistcnn.utils.atomic_write import atomic_write, write_text
from mnistcnn.utils.safe_read import read_limited
from mnistcnn.utils.validation import check_bool, check_in
from mnistcnn.weights.arrays import (
    CNN_WEIGHT_SHAPES,
    DTYPE,
    MAX_BYTES,
    REJECTOR_WEIGHT_SHAPES,
    Shapes,
    check_array,
    named_weights,
    read_arrays,
)
from mnistcnn.weights.manifest import FORMAT, ArrayRecord, Manifest

# The names that `load_pretrained` knows: each has its two files in the folder.
PRETRAINED = ("best", "robust")
# The name of the network that tells digits from what is none.
REJECTOR = "rejector"
FOLDER = Path(__file__).parents[1] / "assets"

# A manifest takes some 20 KB.
_MAX_MANIFEST_BYTES = 64 << 10
_CALIBRATED = ("dense.kernel", "dense.bias")


@dataclass(frozen=True, eq=False)
class PretrainedWeights:
    """Weights that were verified against their manifest.

    Parameters
    ----------
    manifest : Manifest
        What is known of them.
    arrays : dict
        The six ``float32`` arrays by name, as trained, read-only, in the network's order.
    """

    manifest: Manifest
    arrays: Mapping[str, Float32Array]

    def weights(self, *, calibrated: bool) -> list[Float32Array]:
        """Return the arrays in the order in which Keras takes them.

        Calibrated, the last layer is divided by the temperature, and so are the logits:
        the softmax gives the probabilities of temperature scaling (Guo et al., 2017).
        """
        if not check_bool("calibrated", calibrated):
            return list(self.arrays.values())
        temperature = np.float32(self.manifest.temperature)
        return [
            array / temperature if name in _CALIBRATED else array
            for name, array in self.arrays.items()
        ]


def load_pretrained_weights(name: str) -> PretrainedWeights:
    """Read the weights of that name that came with the package.

    Raises
    ------
    ValueError
        If there are none of that name.
    CorruptFileError
        If a file is not what was shipped.
    """
    return read_pretrained(FOLDER, check_in("name", name, PRETRAINED))


def load_rejector_weights() -> PretrainedWeights:
    """Read the weights of the network that tells digits from what is none.

    Raises
    ------
    FileNotFoundError, CorruptFileError
        If a file is absent, or not what was shipped.
    """
    return read_pretrained(FOLDER, REJECTOR, REJECTOR_WEIGHT_SHAPES)


def read_pretrained(
    folder: Path, name: str, shapes: Shapes = CNN_WEIGHT_SHAPES
) -> PretrainedWeights:
    """Read ``name.json`` and ``name.safetensors``; give them only if all is as it says.

    Raises
    ------
    FileNotFoundError
        If one of the two files is absent.
    CorruptFileError
        If a file is too large, damaged, or not what the manifest says.
    """
    card, file = _paths(folder, name)
    described = read_limited(card, limit=_MAX_MANIFEST_BYTES)
    try:
        manifest = Manifest.from_json(described)
        if manifest.name != name:
            raise ValueError(f"name must be {name!r}; received {manifest.name!r}")
    except (TypeError, ValueError) as error:
        raise CorruptFileError(f"{card}: {error}") from None
    content = read_limited(file, limit=MAX_BYTES)
    try:
        return PretrainedWeights(manifest, _verify_arrays(content, manifest, shapes))
    except ValueError as error:
        raise CorruptFileError(f"{file}: {error}") from None


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
    figures: dict[str, Any],
    shapes: Shapes = CNN_WEIGHT_SHAPES,
) -> PretrainedWeights:
    """Write the two files, read them back and return what they hold.

    The weights go first and the manifest last, each whole or not at all: a crash between
    them leaves a pair that does not agree and is refused. What could not be read again
    is refused before anything is written. The same arrays give the same weights file to
    the byte.

    Parameters
    ----------
    folder : pathlib.Path
        Where to; made if it is missing.
    weights : sequence of numpy.ndarray
        The six ``float32`` arrays as ``model.get_weights()`` gives them.
    name, temperature, recipe, seed, command, commit, versions, data, figures
        Fields of `Manifest`.
    shapes : mapping
        The arrays of the network: `WEIGHTS` or `DETECTOR_WEIGHTS`.

    Raises
    ------
    TypeError, ValueError
        If an array is not the network's, or a field is not what a manifest holds.
    """
    arrays = named_weights(weights, shapes)
    content = save(arrays, metadata=_metadata())
    manifest = Manifest(
        format=FORMAT,
        name=name,
        file=f"{name}.safetensors",
        sha256=hashlib.sha256(content).hexdigest(),
        arrays=tuple(
            ArrayRecord(name=key, shape=array.shape, dtype=DTYPE, sha256=_digest(array))
            for key, array in arrays.items()
        ),
        temperature=temperature,
        recipe=recipe,
        seed=seed,
        command=command,
        commit=commit,
        versions=versions,
        data=data,
        figures=figures,
    )
    text = manifest.to_json()
    if len(text) > _MAX_MANIFEST_BYTES:
        raise ValueError(
            f"the manifest must take at most {_MAX_MANIFEST_BYTES:,} bytes; received {len(text):,}"
        )
    _verify_arrays(content, Manifest.from_json(text.encode()), shapes)
    card, file = _paths(folder, name)
    with atomic_write(file) as temporary:
        temporary.write_bytes(content)
    write_text(card, text)
    return read_pretrained(folder, name, shapes)


def _paths(folder: Path, name: str) -> tuple[Path, Path]:
    return folder / f"{name}.json", folder / f"{name}.safetensors"


def _metadata() -> dict[str, str]:
    # One entry, since safetensors writes several in an order that differs each time.
    return {
        "mnistcnn": f"weights format {FORMAT}, mnistcnn {mnistcnn.__version__}; input: float32 "
        "(n, 28, 28, 1), grey values 0...255 divided by 255, light ink on dark paper"
    }


def _verify_arrays(content: bytes, manifest: Manifest, shapes: Shapes) -> dict[str, Float32Array]:
    """Return the arrays of a weights file that is just what the manifest says."""
    digest = hashlib.sha256(content).hexdigest()
    if digest != manifest.sha256:
        raise ValueError(f"the file must have sha256 {manifest.sha256}; it has {digest}")
    found = read_arrays(content)
    for record in manifest.arrays:
        array = found[record.name]
        check_array(record.name, array, shapes)
        if _digest(array) != record.sha256:
            raise ValueError(
                f"{record.name} must have sha256 {record.sha256}; it has {_digest(array)}"
            )
        array.setflags(write=False)
    return {name: found[name] for name in shapes}


def _digest(array: NDArray[Any]) -> str:
    return hashlib.sha256(array.astype("<f4").tobytes()).hexdigest()
