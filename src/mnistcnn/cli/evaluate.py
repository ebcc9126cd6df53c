"""The command ``mnistcnn evaluate``: evaluate a model on the test images."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mnistcnn
from mnistcnn.cli import arguments, common, loading
from mnistcnn.cli.stored_evaluation import evaluate_model
from mnistcnn.utils.requirements import require

if TYPE_CHECKING:
    from rich.console import Console

    from mnistcnn import Evaluation

_FILE_NAMES = ("evaluation.json", "confusion_matrix.png")


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "evaluate",
        parents=[arguments.data_arguments(), arguments.json_arguments()],
        help="evaluate a model file or pretrained weights on the test images",
        description="Load a .keras, .h5, .weights.h5, .safetensors or .onnx file, or pretrained "
        "weights by name, and evaluate the model on the test images. With --output, FOLDER "
        "receives evaluation.json and confusion_matrix.png.",
    )
    parser.add_argument("model", metavar="MODEL", help=arguments.MODEL_HELP)
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FOLDER",
        help="write the result files here (default: none)",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Evaluate a model file or pretrained weights."""
    console = common.new_console()
    loading.check_model(options.model)
    if options.output:
        require("--output", "matplotlib")
    paths = [options.output / name for name in _FILE_NAMES] if options.output else []
    inputs = [Path(options.model), *loading.data_files(options.data, options.test_data)]
    common.check_outputs(paths, inputs, named=False)
    dataset, data = loading.load_dataset(options, console, tensorflow=loading.has_keras())
    result = evaluate_model(options.model, dataset)
    print_evaluation(result, console)
    report = {
        "versions": common.versions(),
        "data": data,
        "model": options.model,
        "test": result.to_dict(),
    }
    if paths:
        from mnistcnn.utils.environment import import_matplotlib

        import_matplotlib()
        figure = mnistcnn.plot_confusion_matrix(result)
        common.check_outputs(paths, inputs, named=False)
        json_path, figure_path = paths
        common.save_json(json_path, report)
        common.save_figure(figure_path, figure)
    return report


def print_evaluation(result: Evaluation, console: Console) -> None:
    """Print an evaluation: as a table on a terminal, otherwise as plain text."""
    console.print(result if console.is_terminal else str(result))
