"""The command ``mnistcnn export``: write a model for another runtime."""

from __future__ import annotations

import argparse
from typing import Any

import mnistcnn
from mnistcnn.cli import arguments, common, loading
from mnistcnn.utils.requirements import require
from mnistcnn.utils.text import escape

FORMATS = ("onnx", "safetensors", "litert", "litert-int8", "openvino", "saved_model")


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "export",
        parents=[arguments.json_arguments()],
        help="export a model for another runtime and verify its outputs",
        description="Export a .keras, .h5, .weights.h5, .safetensors or .onnx file, or pretrained "
        "weights by name, for another runtime. PATH is written only after that runtime "
        "has reproduced the outputs of Keras.",
    )
    parser.add_argument("model", metavar="MODEL", help=arguments.MODEL_HELP)
    parser.add_argument(
        "path", metavar="PATH", help="a .onnx, .safetensors, .tflite or .xml file, or a folder"
    )
    parser.add_argument(
        "--format",
        choices=FORMATS,
        help="by default inferred from the suffix of PATH; litert-int8 must be named explicitly",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Export a model and report the size of the files."""
    console = common.new_console()
    from mnistcnn.export.names import resolve_format
    from mnistcnn.utils.validation import check_path

    require(options.command_name, "keras")
    loading.check_model(options.model)
    resolve_format(check_path("path", options.path), options.format)
    loading.import_tensorflow()
    from mnistcnn.export.formats import format_for

    try:
        path = mnistcnn.export_model(options.model, options.path, format=options.format)
    except (ModuleNotFoundError, RuntimeError) as error:  # documented by export_model
        raise common.CommandError(escape(error, limit=1000)) from error
    name, target = format_for(path, options.format)
    files = [path, *(path.with_suffix(suffix) for suffix in target.companions)]
    if path.is_dir():
        files = [file for file in sorted(path.rglob("*")) if file.is_file()]
    report = {
        "versions": common.versions(),
        "model": options.model,
        "path": str(path),
        "format": name,
        "bytes": sum(file.stat().st_size for file in files),
    }
    console.print(f"{escape(path)}: {name}, {report['bytes']:,} bytes; verified against Keras.")
    return report
