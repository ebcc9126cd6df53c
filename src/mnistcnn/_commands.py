"""What the command ``mnistcnn`` does. Nothing heavy is imported before it is needed."""

from __future__ import annotations

import argparse
import dataclasses
import os
from typing import Any

import mnistcnn
from mnistcnn import _command_tools as tools


def export(options: argparse.Namespace) -> dict[str, Any]:
    """Write a network for another runtime."""
    console = tools.new_console()
    tools.check_network(options.model)
    tools.import_tensorflow()
    from mnistcnn._targets import target_of

    try:
        path = mnistcnn.export_model(
            tools.network(options.model), options.path, format=options.format
        )
    except (ModuleNotFoundError, RuntimeError) as error:  # as export_model documents them
        raise tools.Failure(str(error)) from error
    name, target = target_of(path, options.format)
    files = [path, *(path.with_suffix(suffix) for suffix in target.companions)]
    if path.is_dir():
        files = [one for one in sorted(path.rglob("*")) if one.is_file()]
    report = {
        "versions": tools.versions(),
        "model": options.model,
        "path": str(path),
        "format": name,
        "bytes": sum(one.stat().st_size for one in files),
    }
    console.print(f"{path}: {name}, {report['bytes']:,} bytes; checked against Keras.")
    return report


def info(options: argparse.Namespace) -> dict[str, Any]:
    """Show versions, places and recipes."""
    from mnistcnn import _settings
    from mnistcnn._data import DATA_VARIABLE, default_cache_dir

    console = tools.new_console()
    report: dict[str, Any] = {
        "versions": tools.versions(),
        "cache": str(default_cache_dir() or "none, for there is no home folder"),
        DATA_VARIABLE: os.environ.get(DATA_VARIABLE),
        "settings": _settings.current(),
        "recipes": [recipe.to_dict() for recipe in mnistcnn.recipes.NAMED.values()],
    }
    if options.json:
        return report
    for name, version in report["versions"].items():
        console.print(f"{name:14} {version}")
    console.print(f"{'cache':14} {report['cache']}")
    console.print(f"{DATA_VARIABLE:14} {report[DATA_VARIABLE] or 'not set'}")
    for name, value in report["settings"].items():
        console.print(f"{'TensorFlow':14} {name}={value}")
    for recipe in mnistcnn.recipes.NAMED.values():
        given = [
            f"{field.name} {getattr(recipe, field.name)}"
            for field in dataclasses.fields(recipe)
            if field.name != "name" and getattr(recipe, field.name) != field.default
        ]
        console.print(f"{'recipe':14} {recipe.name}: {', '.join(given)}")
    return report
