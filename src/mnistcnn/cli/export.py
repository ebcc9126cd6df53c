"""What the command ``mnistcnn`` does. Nothing heavy is imported before it is needed."""

from __future__ import annotations

import argparse
from typing import Any

import mnistcnn
from mnistcnn.cli import common, loading


def export(options: argparse.Namespace) -> dict[str, Any]:
    """Write a network for another runtime."""
    console = common.new_console()
    loading.check_model(options.model)
    loading.import_tensorflow()
    from mnistcnn.export.formats import format_for

    try:
        path = mnistcnn.export_model(
            loading.resolve_model(options.model), options.path, format=options.format
        )
    except (ModuleNotFoundError, RuntimeError) as error:  # as export_model documents them
        raise common.CommandError(str(error)) from error
    name, target = format_for(path, options.format)
    files = [path, *(path.with_suffix(suffix) for suffix in target.companions)]
    if path.is_dir():
        files = [one for one in sorted(path.rglob("*")) if one.is_file()]
    report = {
        "versions": common.versions(),
        "model": options.model,
        "path": str(path),
        "format": name,
        "bytes": sum(one.stat().st_size for one in files),
    }
    console.print(f"{path}: {name}, {report['bytes']:,} bytes; checked against Keras.")
    return report
