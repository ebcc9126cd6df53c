"""Identification of a run, to resume a checkpoint only in the run that wrote it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mnistcnn.backend import keras
from mnistcnn.recipes import Recipe
from mnistcnn.training.checkpoint.callback_state import describe_callback
from mnistcnn.training.data_adapters import Data, DataAdapter
from mnistcnn.types import Float32Array
from mnistcnn.utils.compat import flatten_layers
from mnistcnn.utils.environment import library_versions
from mnistcnn.utils.text import escape, quote

_DIGEST_CHARS = 16
_PLAIN_TYPES = (bool, int, float, str, type(None))


@dataclass(frozen=True, kw_only=True)
class RunFingerprint:
    """What two runs must have in common to be the same run; `None` means unknown."""

    versions: Mapping[str, str]
    recipe: Mapping[str, Any]
    data: str
    validation_data: str
    model: str
    learning_rate: float | None
    callbacks: str

    def to_dict(self) -> dict[str, Any]:
        """Return the fields with the types that JSON restores."""
        return dict(json.loads(json.dumps(vars(self))))


def run_fingerprint(
    model: keras.Model,
    recipe: Recipe,
    training: Data,
    validation: Data | None,
    callbacks: Sequence[keras.callbacks.Callback],
) -> RunFingerprint:
    """Return the fingerprint of a run."""
    uses_model_optimizer = recipe.learning_rate is None
    return RunFingerprint(
        versions=library_versions(),
        recipe=recipe.to_dict(),
        data=_describe_data(training),
        validation_data="none" if validation is None else _describe_data(validation),
        model=model_fingerprint(model, with_optimizer=uses_model_optimizer),
        learning_rate=initial_learning_rate(model) if uses_model_optimizer else None,
        callbacks=", ".join(map(describe_callback, callbacks)) or "none",
    )


def data_fingerprint(
    x: Float32Array, y: Float32Array, sample_weight: Float32Array | None = None
) -> str:
    """Return the number of images and a digest of images, labels and weights."""
    digest = hashlib.sha256()
    for array in (x, y) if sample_weight is None else (x, y, sample_weight):
        digest.update(np.ascontiguousarray(array).data)
    return f"{len(x):,} images (sha256 {digest.hexdigest()[:_DIGEST_CHARS]})"


def model_fingerprint(model: keras.Model, *, with_optimizer: bool) -> str:
    """Return a summary of the model, and a digest of its layers and compilation.

    Initial weights and seeds are left out, since a resumed run restores both.
    """
    loss = model.loss
    loss_name = loss if isinstance(loss, str) else getattr(loss, "__name__", None)
    parts: list[Any] = [loss_name or str(type(loss))]
    for layer in flatten_layers(model):
        settings = _plain_config(layer) | {"name": "", "seed": None}
        parts.append([type(layer).__name__, sorted(settings.items())])
    parts.append([[list(variable.shape), str(variable.dtype)] for variable in model.variables])
    text = f"a {type(model).__name__} of {model.count_params():,} parameters"
    if with_optimizer:
        settings = _plain_config(model.optimizer)
        for name in ("name", "learning_rate"):
            settings.pop(name, None)
        parts.append(sorted(settings.items()))
        text += f" with {type(model.optimizer).__name__}"
    digest = hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()
    return f"{text} (sha256 {digest[:_DIGEST_CHARS]})"


def initial_learning_rate(model: keras.Model) -> float | None:
    """Return the learning rate of an optimizer that took no step yet, if it is one number.

    Later, callbacks may have changed it.
    """
    rate = _config(model.optimizer).get("learning_rate")
    is_unused = not keras.ops.convert_to_numpy(model.optimizer.iterations)
    return float(rate) if is_unused and isinstance(rate, int | float) else None


def check_same_run(folder: str, saved: dict[str, Any], received: dict[str, Any]) -> None:
    """Raise ``ValueError`` if a known field of two fingerprints differs, and name both values."""
    for name, value in received.items():
        saved_value = saved[name]
        if saved_value == value or saved_value is None or value is None:
            continue
        saved_text, text = escape(saved_value), escape(value)
        if isinstance(value, dict) and isinstance(saved_value, dict):
            keys = [key for key in value if key != "name" and saved_value.get(key) != value[key]]
            saved_text, text = (_format_settings(each, keys) for each in (saved_value, value))
        raise ValueError(
            f"checkpoint_dir must hold a run with the same {name.replace('_', ' ')}; "
            f"{quote(folder)} has {saved_text}, received {text}"
        )


def _format_settings(settings: dict[str, Any], keys: list[str]) -> str:
    """Return the name, if any, and the settings of the keys."""
    text = ", ".join(f"{key} {escape(settings.get(key))}" for key in keys)
    name = quote(settings["name"]) if "name" in settings else ""
    return " with ".join(part for part in (name, text) if part)


def _describe_data(data: Data) -> str:
    return data.description if isinstance(data, DataAdapter) else data_fingerprint(*data)


def _plain_config(component: Any) -> dict[str, Any]:
    return {key: item for key, item in _config(component).items() if isinstance(item, _PLAIN_TYPES)}


def _config(component: Any) -> dict[str, Any]:
    try:
        return dict(component.get_config())
    except Exception:  # noqa: BLE001  # custom layers may not implement it
        return {}
