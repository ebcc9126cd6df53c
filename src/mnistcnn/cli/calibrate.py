"""The command ``mnistcnn calibrate``: temperature scaling of a model on held-out images."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mnistcnn
from mnistcnn.cli import arguments, common, loading
from mnistcnn.cli.stored_evaluation import evaluate_model
from mnistcnn.utils.text import escape

if TYPE_CHECKING:
    from mnistcnn import Dataset, Evaluation

_DEFAULT_SPLIT = 0.3  # of the recipe baseline


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "calibrate",
        parents=[arguments.data_arguments(), arguments.json_arguments()],
        help="calibrate the confidences of a model on held-out images",
        description="Divide the logits of a model by the temperature that minimizes its loss on "
        "held-out images, the last ones of the training set, and save it as PATH. The predicted "
        "classes stay the same. The test images are used only to report the calibration error "
        "before and after.",
    )
    parser.add_argument("model", metavar="MODEL", help=arguments.MODEL_HELP)
    parser.add_argument("path", metavar="PATH", help="a .keras or .h5 file")
    parser.add_argument(
        "--validation-split",
        type=float,
        default=_DEFAULT_SPLIT,
        metavar="FRACTION",
        help="fraction of the training images to calibrate on, taken from the end; the model "
        "must not have been trained on them (default: %(default)s, as the recipe baseline holds "
        "out)",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Calibrate a model, save it, and evaluate it before and after."""
    from mnistcnn.utils.validation import check_fraction, check_path
    from mnistcnn.weights.arrays import KERAS_SUFFIXES
    from mnistcnn.weights.keras_file import save_model

    console = common.new_console()
    loading.check_model(options.model)
    path = check_path("PATH", options.path, suffixes=KERAS_SUFFIXES)
    fraction = check_fraction("--validation-split", options.validation_split)
    inputs = [Path(options.model), *loading.data_files(options.data, options.test_data)]
    common.check_outputs([path], inputs, named=True)
    dataset, data = loading.load_dataset(options, console)
    from mnistcnn.models.loading import as_model

    model = as_model(options.model)
    before = evaluate_model(model, dataset)
    result = mnistcnn.calibrate(model, *_held_out(dataset, fraction))
    after = evaluate_model(model, dataset)
    common.check_outputs([path], inputs, named=True)
    save_model(model, path)
    console.print(f"Held-out images: {result}")
    console.print(f"Test images: {_comparison(before, after)}")
    console.print(f"The calibrated model is in {escape(path)}.")
    return {
        "versions": common.versions(),
        "data": data,
        "model": options.model,
        "path": str(path),
        "temperature": result.temperature,
        "held_out": {"before": result.before.to_dict(), "after": result.after.to_dict()},
        "test": {"before": before.to_dict(), "after": after.to_dict()},
    }


def _held_out(dataset: Dataset, fraction: float) -> tuple[Any, Any]:
    """Return the last training images, as `train` holds them out, preprocessed."""
    images, labels = dataset.train
    first = int(len(images) * (1 - fraction))
    if first == len(images):
        raise ValueError(
            "--validation-split must leave at least one image to calibrate on; "
            f"received {fraction} of {len(images):,}"
        )
    return mnistcnn.preprocess(images[first:], labels[first:], num_classes=len(dataset.class_names))


def _comparison(before: Evaluation, after: Evaluation) -> str:
    return (
        f"calibration error {before.expected_calibration_error:.2%} → "
        f"{after.expected_calibration_error:.2%}, loss {before.loss:.4f} → {after.loss:.4f}, "
        f"accuracy {after.accuracy:.2%}, {after.num_images:,} images"
    )
