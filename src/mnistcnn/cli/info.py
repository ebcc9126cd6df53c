"""The command ``mnistcnn info``: show versions, folders, settings and recipes."""

from __future__ import annotations

import argparse
import dataclasses
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import mnistcnn
from mnistcnn.cli import arguments, common
from mnistcnn.utils.text import escape

_GAP = "  "


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "info",
        parents=[arguments.json_arguments()],
        help="show versions, folders, settings and recipes",
    )
    parser.set_defaults(run=run, output_is_result=True)


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Show versions, folders, settings and recipes."""
    from mnistcnn.data.named import DATA_VARIABLE, default_cache_dir
    from mnistcnn.utils import environment
    from mnistcnn.utils.requirements import installed_distributions

    report: dict[str, Any] = {
        "versions": common.versions(),
        "distributions": installed_distributions(),
        "cache": str(default_cache_dir() or "none (no home folder)"),
        DATA_VARIABLE: os.environ.get(DATA_VARIABLE),
        "settings": environment.tf_settings(),
        "recipes": [recipe.to_dict() for recipe in mnistcnn.recipes.RECIPES.values()],
    }
    if not options.json:
        _print(report)
    return report


def _print(report: Mapping[str, Any]) -> None:
    from mnistcnn.data.named import DATA_VARIABLE

    versions = {**report["versions"], "installed by": ", ".join(report["distributions"]) or "none"}
    folders = {name: report[name] or "not set" for name in ("cache", DATA_VARIABLE)}
    for title, rows in (
        ("Versions", versions),
        ("Data", folders),
        ("TensorFlow, as the command sets it", report["settings"]),
    ):
        _print_table(title, [(name, escape(value)) for name, value in rows.items()])
        print()
    _print_table("Recipes", _recipe_rows(report["recipes"]))


def _recipe_rows(recipes: Sequence[dict[str, Any]]) -> list[tuple[str, ...]]:
    """Return a table of the settings, a column for each recipe; defaults are left blank."""
    columns = [dict(_flatten(recipe)) for recipe in recipes]
    header = ("setting", *(column.pop("name") for column in columns))
    fields = [field.name for field in dataclasses.fields(mnistcnn.recipes.Recipe)]
    names = dict.fromkeys(name for column in columns for name in column)
    ordered = sorted(names, key=lambda name: fields.index(name.partition(".")[0]))
    return [header, *((name, *(column.get(name, "") for column in columns)) for name in ordered)]


def _print_table(title: str, rows: Sequence[Sequence[str]]) -> None:
    """Print rows in aligned columns, without rich, which need not be installed for this."""
    *widths, _ = (max(map(len, column)) for column in zip(*rows, strict=True))
    print(title)
    for *cells, last in rows:
        aligned = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        print(_GAP.join((*aligned, last)).rstrip())


def _flatten(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield the settings that are not defaults, those of a table as ``augmentation.rotation``."""
    from mnistcnn.recipes import Augmentation, Recipe

    kind = Augmentation if prefix.endswith("augmentation.") else Recipe
    for field in dataclasses.fields(kind):
        value = settings[field.name]
        if isinstance(value, dict):
            yield from _flatten(value, f"{prefix}{field.name}.")
        elif value != field.default:
            yield f"{prefix}{field.name}", str(value)
