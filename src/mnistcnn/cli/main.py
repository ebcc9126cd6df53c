"""The command ``mnistcnn``: its arguments, its errors and its exit codes."""

from __future__ import annotations

import argparse
import contextlib
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import mnistcnn
from mnistcnn.cli import results_parsers, sweep
from mnistcnn.cli.common import CommandError, min_int, print_json
from mnistcnn.cli.evaluate import evaluate
from mnistcnn.cli.export import export
from mnistcnn.cli.info import info
from mnistcnn.cli.read import read
from mnistcnn.cli.train import train

# By name, since the recipes themselves import NumPy, and the formats Keras.
RECIPES = ("baseline", "fast", "best", "robust")
FORMATS = ("onnx", "safetensors", "litert", "litert-int8", "openvino", "saved_model")
_FAILURE, _INTERRUPTED = 1, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code.

    0, 1 for a failure, 130 for Ctrl-C, 143 where a training was told to end.
    """
    words = sys.argv[1:] if arguments is None else arguments
    options = _parser().parse_args(words)
    options.words = words
    options.command = shlex.join(["mnistcnn", *words])
    action: Callable[[argparse.Namespace], dict[str, Any]] = options.action
    try:
        # Keras writes its progress to standard output, which with --json is for JSON alone.
        with contextlib.redirect_stdout(sys.stderr) if options.json else contextlib.nullcontext():
            result = action(options)
    except (OSError, ValueError, CommandError) as error:
        print(f"mnistcnn: {error}", file=sys.stderr)
        return _FAILURE
    except KeyboardInterrupt as interrupt:
        print(f"\nmnistcnn: {str(interrupt) or 'interrupted'}", file=sys.stderr)
        return int(getattr(interrupt, "code", _INTERRUPTED))
    if options.json:
        print(print_json(result))
    return _FAILURE if result.get("failed") else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mnistcnn",
        description="Train, evaluate, look into and export the documented network, and read digits "
        "with it.",
    )
    parser.add_argument("--version", action="version", version=mnistcnn.__version__)
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--json", action="store_true", help="print the result as JSON")
    data = argparse.ArgumentParser(add_help=False)
    data.add_argument(
        "--data",
        default="auto",
        metavar="auto|mnist|digits|PATH",
        help="an .npz file, a folder of IDX files, or a named data set; "
        "auto takes mnist where it can be had, else digits (default: %(default)s)",
    )
    train_parser = commands.add_parser(
        "train",
        parents=[data, shared],
        help="train, keep the network, and evaluate it on the test images",
        description="Train by a recipe, keep the network, load it again and evaluate it on the "
        "test images. FOLDER gets bestmodel.keras (the best epoch of the recipe baseline) or "
        "model.keras (the last step of the others), result.json, history.png and "
        "confusion_matrix.png, and from the first epoch on the folder checkpoint, from which a "
        "training that was stopped goes on.",
    )
    train_parser.add_argument(
        "--recipe", choices=RECIPES, default="baseline", help="default: %(default)s"
    )
    train_parser.add_argument("--epochs", type=min_int(1), help="in place of the recipe's")
    train_parser.add_argument("--batch-size", type=min_int(1), help="in place of the recipe's")
    train_parser.add_argument(
        "--seed",
        type=min_int(0),
        help="fixes the initial weights, dropout and the order of the images",
    )
    train_parser.add_argument(
        "--output",
        type=Path,
        metavar="FOLDER",
        default=Path("mnistcnn-run"),
        help="where the files go (default: %(default)s)",
    )
    begin = train_parser.add_mutually_exclusive_group()
    begin.add_argument(
        "--resume",
        action="store_true",
        help="go on with the training that FOLDER holds; begin one if it holds none",
    )
    begin.add_argument(
        "--restart",
        action="store_true",
        help="begin anew, though FOLDER holds a training that has not ended",
    )
    train_parser.set_defaults(action=train)

    sweep.add(commands, data, shared, RECIPES)

    evaluate_parser = commands.add_parser(
        "evaluate",
        parents=[data, shared],
        help="evaluate the file of a network, or shipped weights, on the test images",
        description="Load a .keras, .h5 or .weights.h5 file, or by their name weights that came "
        "with the package, and evaluate the network on the test images. FOLDER, if given, gets "
        "evaluation.json and confusion_matrix.png.",
    )
    evaluate_parser.add_argument(
        "model", metavar="MODEL", help="the file, or the word best or robust"
    )
    evaluate_parser.add_argument(
        "--output", type=Path, metavar="FOLDER", help="where the files go (default: none)"
    )
    evaluate_parser.set_defaults(action=evaluate)

    results_parsers.add(commands, data, shared)

    read_parser = commands.add_parser(
        "read",
        parents=[shared],
        help="read the digits of pictures",
        description="Read the handwritten digits of pictures: scans, photos, drawings, with one "
        "digit or many. Prints their text; in a terminal a table with the least confident digit of "
        "each line. Exit code 1 if a picture could not be read; the others are read all the same.",
    )
    read_parser.add_argument(
        "pictures",
        nargs="+",
        metavar="PICTURE",
        help="a file, a folder of pictures, or a pattern such as 'scans/*.png'",
    )
    read_parser.add_argument(
        "--weights",
        metavar="best|robust|FILE",
        help="shipped weights, or the .onnx, .safetensors, .keras or .h5 file of a network "
        "(default: best)",
    )
    read_parser.add_argument(
        "--min-confidence",
        type=float,
        default=0.0,
        metavar="P",
        help="leave out digits of less probability (default: %(default)s)",
    )
    read_parser.add_argument(
        "--boxes",
        type=Path,
        metavar="OUT.png",
        help="write the picture with a box around each digit; a folder for several pictures",
    )
    read_parser.set_defaults(action=read)

    export_parser = commands.add_parser(
        "export",
        parents=[shared],
        help="write a network for another runtime, and see that it gives the same there",
        description="Write the network of a .keras, .h5, .safetensors or .onnx file, or "
        "weights that came with the package, for another runtime. PATH appears only when that "
        "runtime has given what Keras gives.",
    )
    export_parser.add_argument(
        "model", metavar="MODEL", help="the file, or the word best or robust"
    )
    export_parser.add_argument(
        "path", metavar="PATH", help="ends in .onnx, .safetensors, .tflite, .xml, or is a folder"
    )
    export_parser.add_argument(
        "--format",
        choices=FORMATS,
        help="by default the suffix of PATH tells; litert-int8 has to be asked for",
    )
    export_parser.set_defaults(action=export)

    info_parser = commands.add_parser(
        "info", parents=[shared], help="show versions, places and recipes"
    )
    info_parser.set_defaults(action=info)
    return parser
