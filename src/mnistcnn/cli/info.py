"""The command ``mnistcnn info``: show versions, folders, settings and recipes."""

from __future__ import annotations

import argparse
import dataclasses
import os
from typing import Any

import mnistcnn
from mnistcnn.cli import arguments, common
from mnistcnn.utils.text import escape


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
    if options.json:
        return report
    console = common.new_console()
    for name, version in report["versions"].items():
        console.print(f"{name:14} {version}")
    console.print(f"{'cache':14} {escape(report['cache'])}")
    console.print(f"{DATA_VARIABLE:14} {escape(report[DATA_VARIABLE] or 'not set')}")
    for name, value in report["settings"].items():
        console.print(f"{'TensorFlow':14} {name}={value}")
    for recipe in mnistcnn.recipes.RECIPES.values():
        settings = [
            f"{field.name} {getattr(recipe, field.name)}"
            for field in dataclasses.fields(recipe)
            if field.name != "name" and getattr(recipe, field.name) != field.default
        ]
        console.print(f"{'recipe':14} {recipe.name}: {', '.join(settings)}")
    return report
