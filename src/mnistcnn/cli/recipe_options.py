"""The recipe of ``train`` and ``sweep``: a name, a file of settings, and single settings."""

from __future__ import annotations

import argparse
import dataclasses
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mnistcnn
from mnistcnn.utils.text import did_you_mean, escape, quote

if TYPE_CHECKING:
    from mnistcnn.recipes import Recipe

# A recipe takes 1 KB. The parser takes time that grows with the square of the length of a key.
_MAX_BYTES = 16 << 10
_MAX_DEPTH = 3  # teacher.augmentation.rotation
# The tables in a recipe, by their place.
_TABLES = {"": ("augmentation", "teacher"), "teacher.": ("augmentation",)}


def add_recipe_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--config`` and ``--set``."""
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE.toml",
        help="override settings of the recipe by those in a TOML file, such as epochs = 3",
    )
    parser.add_argument(
        "--set",
        dest="settings",
        type=_parse_setting,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="override one setting, such as learning_rate=0.003 or augmentation.rotation=8; "
        "may be repeated",
    )


def _parse_setting(text: str) -> dict[str, Any]:
    """Return the setting as a dictionary, nested as in a TOML file."""
    name, equals, value = text.partition("=")
    keys = name.strip().split(".")
    if not equals or not all(keys) or len(keys) > _MAX_DEPTH:
        raise argparse.ArgumentTypeError(
            f"must be NAME=VALUE, such as learning_rate=0.003; received {quote(text)}"
        )
    try:
        setting: Any = tomllib.loads(f"value = {value}")["value"]
    except (ValueError, RecursionError):
        setting = value.strip()  # optimizer=muon, without quotes
    for key in reversed(keys[1:]):
        setting = {key: setting}
    return {keys[0]: setting}


def overrides(options: argparse.Namespace) -> dict[str, Any]:
    """Return the given settings by name; later ones win: file, ``--set``, ``--epochs``."""
    settings = {} if options.config is None else _read_config(options.config)
    for setting in options.settings:
        settings = _merge(settings, setting)
    for name in ("epochs", "batch_size"):
        if getattr(options, name) is not None:
            settings[name] = getattr(options, name)
    return settings


def resolve_recipe(name: str, settings: Mapping[str, Any]) -> Recipe:
    """Return the recipe `name` with other settings.

    Raises
    ------
    ValueError
        If a setting does not exist, or has an invalid value.
    """
    from mnistcnn.recipes import Recipe

    base = mnistcnn.recipes.get(name)  # type: ignore[arg-type]  # argparse checked the name
    if not settings:
        return base
    _check_names(settings)
    try:
        return Recipe.from_dict(_merge(base.to_dict(), settings))
    except TypeError as error:
        raise ValueError(f"a setting has the wrong type: {escape(error)}") from None


def _read_config(path: Path) -> dict[str, Any]:
    """Return the content of a TOML file, and its name as that of the recipe."""
    from mnistcnn.utils.safe_read import read_limited
    from mnistcnn.utils.validation import check_path

    check_path("--config", path, suffixes=(".toml",))
    content = read_limited(path, limit=_MAX_BYTES)
    try:
        settings = tomllib.loads(content.decode())
    except (ValueError, RecursionError) as error:
        raise mnistcnn.CorruptFileError(f"{path} must be TOML; received {escape(error)}") from None
    return {"name": path.stem, **settings}


def _merge(settings: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings with others in their place; tables are merged, ``"none"`` becomes None."""
    merged = dict(settings)
    for name, value in changes.items():
        if isinstance(value, Mapping):
            table = merged.get(name)
            merged[name] = _merge(table if isinstance(table, Mapping) else {}, value)
        else:
            merged[name] = None if value == "none" else value
    return merged


def _check_names(settings: Mapping[str, Any], prefix: str = "") -> None:
    """Check that a recipe, or a table in it, has the settings."""
    from mnistcnn.recipes import Augmentation, Recipe

    kind = Augmentation if prefix.endswith("augmentation.") else Recipe
    names = [field.name for field in dataclasses.fields(kind)]
    for name, value in settings.items():
        if name not in names:
            hint = did_you_mean(name, names) or f"; it has {', '.join(names)}"
            raise ValueError(f"a recipe has no setting {quote(prefix + name)}{hint}")
        if isinstance(value, Mapping):
            if name not in _TABLES.get(prefix, ()):
                raise ValueError(f"{prefix}{name} must be one value; received a table")
            _check_names(value, f"{prefix}{name}.")
        elif name in _TABLES.get(prefix, ()) and value not in (None, "none"):
            raise ValueError(f"{prefix}{name} must be a table; received {quote(value)}")
