"""The command ``mnistcnn info``: show versions, folders, settings and recipes."""

from __future__ import annotations

import argparse
import dataclasses
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import mnistcnn
from mnistcnn.cli import arguments, common
from mnistcnn.utils.text import escape

if TYPE_CHECKING:
    from rich.table import Table


_RECIPES_WIDTH = 90


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

    report: dict[str, Any] = {
        "versions": common.versions(),
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

    folders = {name: report[name] or "not set" for name in ("cache", DATA_VARIABLE)}
    console = common.new_console()
    for table in (
        _table("Versions", report["versions"]),
        _table("Data", folders),
        _table("TensorFlow, as the command sets it", report["settings"]),
    ):
        console.print(table)
        console.print()
    # It is a few characters too wide for 80, and a terminal wraps less than a table would.
    console.print(_recipe_table(report["recipes"]), width=max(console.width, _RECIPES_WIDTH))


def _table(title: str, rows: Mapping[str, Any]) -> Table:
    table = _new_table(title, "", "", show_header=False)
    for name, value in rows.items():
        table.add_row(name, escape(value))
    return table


def _recipe_table(recipes: Sequence[dict[str, Any]]) -> Table:
    """Return a table of the settings, a column for each recipe; defaults are left blank."""
    columns = [dict(_flatten(recipe)) for recipe in recipes]
    table = _new_table("Recipes", "setting", *(column.pop("name") for column in columns))
    fields = [field.name for field in dataclasses.fields(mnistcnn.recipes.Recipe)]
    names = dict.fromkeys(name for column in columns for name in column)
    for name in sorted(names, key=lambda name: fields.index(name.partition(".")[0])):
        table.add_row(name, *(column.get(name, "") for column in columns))
    return table


def _new_table(title: str, *columns: str, show_header: bool = True) -> Table:
    from rich.table import Table

    table = Table(
        title=title, title_justify="left", title_style="bold", box=None, pad_edge=False,
        show_header=show_header,
    )  # fmt: skip
    for column in columns:
        table.add_column(column, overflow="fold")
    table.columns[0].no_wrap = True
    return table


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
