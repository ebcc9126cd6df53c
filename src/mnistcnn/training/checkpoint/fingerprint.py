"""training.checkpoint.fingerprint"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mnistcnn.backend import keras
from mnistcnn.types import Float32Array

# Of what a file says of its run, in a message.
MAX_SETTING_CHARS = 1000


@dataclass(frozen=True, kw_only=True)
class RunFingerprint:
    """What makes two runs the same run, each as text or settings; `None`: not to be known."""

    versions: Mapping[str, str]
    recipe: Mapping[str, Any]
    data: str
    validation_data: str
    network: str
    learning_rate: float | None
    callbacks: str

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON gives it back."""
        return dict(json.loads(json.dumps(vars(self))))


def data_fingerprint(x: Float32Array, y: Float32Array) -> str:
    """Return how many images and labels these are, and a digest of them."""
    digest = hashlib.sha256()
    for array in (x, y):
        digest.update(np.ascontiguousarray(array).data)
    return f"{len(x):,} images (sha256 {digest.hexdigest()[:16]})"


def model_fingerprint(model: keras.Model, *, with_optimizer: bool) -> str:
    """Return what a network is and how it is compiled, and a digest of both.

    Where it begins is not part of it, since a run that goes on has weights of its own.
    """
    plain = (bool, int, float, str, type(None))
    parts: list[Any] = [getattr(model.loss, "__name__", None) or str(type(model.loss))]
    if isinstance(model.loss, str):
        parts = [model.loss]
    layers = model._flatten_layers(include_self=False)  # noqa: SLF001  # those within others, too
    for layer in layers:
        settings = _config(layer)
        own = {k: v for k, v in settings.items() if isinstance(v, plain)}
        parts.append([type(layer).__name__, sorted((own | {"name": "", "seed": None}).items())])
    parts.append([[list(one.shape), str(one.dtype)] for one in model.variables])
    text = f"a {type(model).__name__} of {model.count_params():,} parameters"
    if with_optimizer:
        optimizer = model.optimizer
        settings = {k: v for k, v in _config(optimizer).items() if isinstance(v, plain)}
        for name in ("name", "learning_rate"):
            settings.pop(name, None)
        parts.append(sorted(settings.items()))
        text += f" with {type(optimizer).__name__}"
    digest = hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()
    return f"{text} (sha256 {digest[:16]})"


def initial_learning_rate(model: keras.Model) -> float | None:
    """Return at which rate a run begins, where it is one number that nothing has changed yet."""
    rate = _config(model.optimizer).get("learning_rate")
    # Else callbacks may have been at work.
    fresh = not keras.ops.convert_to_numpy(model.optimizer.iterations)
    return float(rate) if fresh and isinstance(rate, int | float) else None


def _config(thing: Any) -> dict[str, Any]:
    try:
        return dict(thing.get_config())
    except Exception:  # noqa: BLE001  # a layer of one's own may have none
        return {}


def differing_settings(settings: dict[str, Any], keys: list[str]) -> str:
    """Return the name, if there is one, and those settings."""
    text = ", ".join(f"{key} {settings.get(key)}" for key in keys)
    named = repr(settings["name"]) if "name" in settings else ""
    return " with ".join(part for part in (named, text) if part)
