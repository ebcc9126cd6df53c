"""The manifest of pretrained weights: provenance, calibration and measured metrics, as JSON.

The manifest contains a checksum of its own content, and every field is validated on reading.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection
from dataclasses import dataclass, fields
from typing import Any

from mnistcnn.utils.safe_read import loads_json
from mnistcnn.utils.text import escape, quote
from mnistcnn.utils.validation import check_float, check_int, check_keys

FORMAT = 2
CHECKSUM_KEY = "manifest_sha256"
# Calibration changes a temperature by a factor of two at most; a value far outside is damage.
TEMPERATURE_RANGE = (0.01, 100.0)
VERSION_KEYS = ("python", "mnistcnn", "keras", "tensorflow", "numpy")
_DATA_KEYS = ("name", "images", "sha256")
_MAX_DEPTH = 8
_SHA256_PATTERN = re.compile(r"[0-9a-f]{64}")
_NAME_PATTERN = re.compile(r"[a-z][a-z0-9_-]*")


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """Provenance and metrics of one set of weights.

    Parameters
    ----------
    format : int
        Version of the manifest format, 2.
    name : str
        Name of the weights; lower-case letters, digits, - and _, starting with a letter.
    file, sha256 : str
        Name of the weights file, in the same directory as the manifest, and its SHA-256.
    temperature : float
        Calibration temperature, in [0.01, 100]; the last layer is divided by it.
    recipe : dict
        ``Recipe.to_dict()`` of the training.
    seed : int
        Seed of the training, at least 0.
    command, commit : str
        Command that made the weights, and the Git commit of the sources.
    versions : dict
        Versions of python, mnistcnn, keras, tensorflow and numpy.
    data : dict
        ``name``, number of ``images`` and ``sha256`` of the training set: of the bytes of the
        raw images followed by those of the labels.
    metrics : dict
        Measured metrics, such as ``test_accuracy``.

    Raises
    ------
    TypeError, ValueError
        If a field has the wrong type or is outside its range.
    """

    format: int
    name: str
    file: str
    sha256: str
    temperature: float
    recipe: dict[str, Any]
    seed: int
    command: str
    commit: str
    versions: dict[str, str]
    data: dict[str, Any]
    metrics: dict[str, Any]

    def __post_init__(self) -> None:
        """Validate every field."""
        if check_int("format", self.format, minimum=1) != FORMAT:
            raise ValueError(f"format must be {FORMAT}; received {escape(self.format)}")
        if not _NAME_PATTERN.fullmatch(_check_text("name", self.name)):
            raise ValueError(
                "name must be lower-case letters, digits, - and _, starting with a letter; "
                f"received {quote(self.name)}"
            )
        # A fixed file name can't lead out of the directory.
        if self.file != f"{self.name}.safetensors":
            expected = quote(f"{self.name}.safetensors")
            raise ValueError(f"file must be {expected}; received {quote(self.file)}")
        _check_sha256("sha256", self.sha256)
        temperature = check_float("temperature", self.temperature)
        low, high = TEMPERATURE_RANGE
        if not low <= temperature <= high:
            raise ValueError(f"temperature must lie in [{low:g}, {high:g}]; received {temperature}")
        object.__setattr__(self, "temperature", temperature)
        object.__setattr__(self, "seed", check_int("seed", self.seed, minimum=0))
        _check_text("command", self.command)
        _check_text("commit", self.commit)
        for name, version in _check_dict("versions", self.versions, VERSION_KEYS).items():
            _check_text(f"versions: {name}", version)
        data = _check_dict("data", self.data, _DATA_KEYS)
        _check_text("data: name", data["name"])
        check_int("data: images", data["images"], minimum=1)
        _check_sha256("data: sha256", data["sha256"])
        _check_dict("recipe", self.recipe)
        _check_dict("metrics", self.metrics)

    @classmethod
    def from_dict(cls, values: Any) -> Manifest:
        """Return the manifest whose `to_dict` is `values`."""
        return cls(**_check_dict("the manifest", values, [field.name for field in fields(cls)]))

    def to_dict(self) -> dict[str, Any]:
        """Return the fields by name, ready for JSON."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_json(cls, content: bytes) -> Manifest:
        """Return the manifest that `to_json` wrote, after verifying its checksum."""
        document = loads_json("the manifest", content, max_depth=_MAX_DEPTH)
        stored = document.pop(CHECKSUM_KEY, None) if isinstance(document, dict) else None
        if stored is None:
            raise ValueError(f"the manifest must be an object with the key {CHECKSUM_KEY}")
        computed = checksum(document)
        if stored != computed:
            raise ValueError(
                f"{CHECKSUM_KEY} must be the SHA-256 of the other fields, {computed}; "
                f"received {quote(stored)}"
            )
        return cls.from_dict(document)

    def to_json(self) -> str:
        """Return the manifest with its checksum as JSON text."""
        document = self.to_dict()
        return json.dumps({**document, CHECKSUM_KEY: checksum(document)}, indent=2) + "\n"


def checksum(document: dict[str, Any]) -> str:
    """Return the SHA-256 of a manifest's fields, independent of key order and white space."""
    try:
        text = json.dumps(document, sort_keys=True, allow_nan=False)
    except ValueError:
        raise ValueError(
            "the manifest must contain only finite numbers; received NaN or infinity"
        ) from None
    return hashlib.sha256(text.encode()).hexdigest()


def _check_dict(name: str, value: Any, keys: Collection[str] | None = None) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"{name} must be an object; received {quote(value)}")
    if keys is not None:
        check_keys(name, value, keys, "keys")
    return value


def _check_text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a string; received {quote(value)}")
    if not value:
        raise ValueError(f"{name} must not be empty; received ''")
    return value


def _check_sha256(name: str, value: Any) -> None:
    if not _SHA256_PATTERN.fullmatch(_check_text(name, value)):
        raise ValueError(f"{name} must be 64 hexadecimal digits; received {quote(value)}")
