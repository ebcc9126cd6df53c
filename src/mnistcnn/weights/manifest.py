"""The manifest of shipped weights: what they are, how they were made, what they reach.

It is JSON, sealed by a digest of its own content: a changed figure or temperature would
otherwise go unseen. Whatever reads it checks every field.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Collection
from dataclasses import dataclass, fields
from typing import Any

from mnistcnn.utils.safe_read import loads_json
from mnistcnn.utils.validation import check_float, check_int, check_keys
from mnistcnn.weights.arrays import ARCHITECTURES, CNN_WEIGHT_SHAPES, DTYPE

FORMAT = 2
# Calibration moves a temperature by a factor of two at most; far outside it is damage.
TEMPERATURES = (0.01, 100.0)
VERSIONS = ("python", "mnistcnn", "keras", "tensorflow", "numpy")
_DATA = ("name", "images", "sha256")
_CHECKSUM_KEY = "manifest_sha256"
_MAX_DEPTH = 8
_HEXADECIMAL = re.compile(r"[0-9a-f]{64}")
_PLAIN_NAME = re.compile(r"[a-z][a-z0-9_-]*")


@dataclass(frozen=True, kw_only=True)
class ArrayRecord:
    """One array of the weights file, with the SHA-256 of its little-endian bytes."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    sha256: str

    def __post_init__(self) -> None:
        name = _text("arrays: name", self.name)
        if not isinstance(self.shape, list | tuple):
            raise TypeError(f"arrays: shape must be a list; received {self.shape!r}")
        sides = (check_int("arrays: shape", side, minimum=0) for side in self.shape)
        object.__setattr__(self, "shape", tuple(sides))
        known = any((name, self.shape) in network.items() for network in ARCHITECTURES)
        if not known or self.dtype != DTYPE:
            raise ValueError(
                f"arrays must list {DTYPE} arrays of the network, {_listed_arrays()}; "
                f"received {name} {self.dtype} {self.shape}"
            )
        _sha256("arrays: sha256", self.sha256)

    @classmethod
    def from_dict(cls, values: Any) -> ArrayRecord:
        """Return the record that `to_dict` described."""
        return cls(**_with_keys("arrays: each", values, [field.name for field in fields(cls)]))

    def to_dict(self) -> dict[str, Any]:
        """Return the record ready for JSON."""
        return {
            "name": self.name,
            "shape": list(self.shape),
            "dtype": self.dtype,
            "sha256": self.sha256,
        }


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What is known of one set of weights.

    Parameters
    ----------
    format : int
        The version of this layout, 1.
    name : str
        The name that ``load_pretrained`` takes.
    file, sha256 : str
        The weights file, beside the manifest, and its digest.
    arrays : tuple of ArrayRecord
        The six arrays in the network's order.
    temperature : float
        By which the last layer is divided to calibrate it, in 0.01...100.
    recipe : dict
        ``Recipe.to_dict()`` of the training.
    seed : int
        Its seed, at least 0.
    command, commit : str
        What made the weights, and from which state of the sources.
    versions : dict
        Those of python, mnistcnn, keras, tensorflow and numpy.
    data : dict
        ``name``, number of ``images`` and ``sha256`` of what it was trained on: the bytes of
        the raw images, then those of their labels.
    figures : dict
        What was measured, such as ``test_accuracy``.

    Raises
    ------
    TypeError, ValueError
        If a field is of another kind or outside its range.
    """

    format: int
    name: str
    file: str
    sha256: str
    arrays: tuple[ArrayRecord, ...]
    temperature: float
    recipe: dict[str, Any]
    seed: int
    command: str
    commit: str
    versions: dict[str, str]
    data: dict[str, Any]
    figures: dict[str, Any]

    def __post_init__(self) -> None:
        if check_int("format", self.format, minimum=1) != FORMAT:
            raise ValueError(f"format must be {FORMAT}; received {self.format}")
        if not _PLAIN_NAME.fullmatch(_text("name", self.name)):
            raise ValueError(
                "name must be lower-case letters, digits, - and _, a letter first; "
                f"received {self.name!r}"
            )
        # The name of the file is never followed: it can't lead out of the folder.
        if self.file != f"{self.name}.safetensors":
            raise ValueError(f"file must be '{self.name}.safetensors'; received {self.file!r}")
        _sha256("sha256", self.sha256)
        names = [record.name for record in self.arrays]
        shapes = [(record.name, record.shape) for record in self.arrays]
        if all(shapes != list(network.items()) for network in ARCHITECTURES):
            raise ValueError(
                f"arrays must list {_listed_arrays()}, in this order; "
                f"received {', '.join(names) or 'none'}"
            )
        temperature = check_float("temperature", self.temperature)
        low, high = TEMPERATURES
        if not low <= temperature <= high:
            raise ValueError(f"temperature must lie in {low:g}...{high:g}; received {temperature}")
        object.__setattr__(self, "temperature", temperature)
        object.__setattr__(self, "seed", check_int("seed", self.seed, minimum=0))
        _text("command", self.command)
        _text("commit", self.commit)
        for name, version in _with_keys("versions", self.versions, VERSIONS).items():
            _text(f"versions: {name}", version)
        data = _with_keys("data", self.data, _DATA)
        _text("data: name", data["name"])
        check_int("data: images", data["images"], minimum=1)
        _sha256("data: sha256", data["sha256"])
        _mapping("recipe", self.recipe)
        _mapping("figures", self.figures)

    @classmethod
    def from_dict(cls, values: Any) -> Manifest:
        """Return the manifest that `to_dict` described."""
        given = _with_keys("the manifest", values, [field.name for field in fields(cls)])
        if not isinstance(given["arrays"], list):
            raise TypeError(f"arrays must be a list; received {given['arrays']!r}")
        records = tuple(ArrayRecord.from_dict(one) for one in given["arrays"])
        return cls(**{**given, "arrays": records})

    def to_dict(self) -> dict[str, Any]:
        """Return the fields by name, ready for JSON."""
        plain = {field.name: getattr(self, field.name) for field in fields(self)}
        return {**plain, "arrays": [record.to_dict() for record in self.arrays]}

    @classmethod
    def from_json(cls, content: bytes) -> Manifest:
        """Return the manifest that `to_json` wrote; the seal is checked first."""
        document = _parse(content)
        seal = document.pop(_CHECKSUM_KEY, None) if isinstance(document, dict) else None
        if seal is None:
            raise ValueError(f"the manifest must be an object with the key {_CHECKSUM_KEY}")
        found = _checksum(document)
        if seal != found:
            raise ValueError(
                f"{_CHECKSUM_KEY} must be the digest of the rest, {found}; received {seal!r}: "
                "the manifest was changed"
            )
        return cls.from_dict(document)

    def to_json(self) -> str:
        """Return the sealed manifest as text."""
        document = self.to_dict()
        return json.dumps({**document, _CHECKSUM_KEY: _checksum(document)}, indent=2) + "\n"


def _parse(content: bytes) -> Any:
    document = loads_json("the manifest", content, max_depth=_MAX_DEPTH)
    remaining = [document]
    while remaining:
        value = remaining.pop()
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"the manifest must hold finite numbers; received {value}")
        if isinstance(value, dict | list):
            remaining += value.values() if isinstance(value, dict) else value
    return document


def _checksum(document: dict[str, Any]) -> str:
    """Return the digest of the content, whatever its order and spaces."""
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def _mapping(name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"{name} must be an object; received {value!r}")
    return value


def _with_keys(name: str, value: Any, keys: Collection[str]) -> dict[str, Any]:
    given = _mapping(name, value)
    check_keys(name, given, keys, "keys")
    return given


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{name} must be text; received {value!r}")
    if not value:
        raise ValueError(f"{name} must be text; received an empty one")
    return value


def _sha256(name: str, value: Any) -> None:
    if not _HEXADECIMAL.fullmatch(_text(name, value)):
        raise ValueError(f"{name} must be 64 hexadecimal digits; received {value!r}")


def _listed_arrays() -> str:
    return ", ".join(f"{name} {shape}" for name, shape in CNN_WEIGHT_SHAPES.items())
