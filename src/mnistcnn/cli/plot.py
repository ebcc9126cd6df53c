"""The command ``mnistcnn plot``: write one figure."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import mnistcnn
from mnistcnn.cli import arguments, common, loading, stored_evaluation
from mnistcnn.utils.text import escape

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SUFFIXES = (".png", ".svg", ".pdf")


def add_parser(commands: Any) -> None:
    """Add the command and its kinds to the parser."""
    parser = commands.add_parser(
        "plot",
        help="plot a training history, an evaluation or a model",
        description="Write one figure as PNG, SVG or PDF. "
        "'mnistcnn plot KIND --help' lists its arguments.",
    )
    kinds = parser.add_subparsers(title="kinds", required=True, metavar="KIND", dest="kind")
    for name, kind in KINDS.items():
        _add_kind(kinds, name, kind)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Draw the figure and write it."""
    from mnistcnn.utils.environment import import_matplotlib
    from mnistcnn.utils.validation import check_path

    path = options.output or Path(f"{options.kind}.png")
    check_path("--output", path, suffixes=SUFFIXES)
    import_matplotlib()
    check_output = partial(
        common.check_outputs, [path], _inputs(options), named=options.output is not None
    )
    check_output()
    report: dict[str, Any] = {"versions": common.versions(), "kind": options.kind}
    figure = KINDS[options.kind].draw(options, report)
    check_output()
    common.save_figure(path, figure)
    common.new_console().print(f"{escape(path)}: {options.kind}")
    return report | {"path": str(path), "bytes": path.stat().st_size}


def plot_saved_history(result: Mapping[str, Any], path: Path) -> Figure:
    """Plot the history in the content of the result file `path`."""
    try:
        return mnistcnn.plot_history(result.get("history", {}))
    except (TypeError, ValueError) as error:
        raise mnistcnn.CorruptFileError(f"{path}: {error}") from None


def _add_kind(kinds: Any, name: str, kind: _Kind) -> None:
    parents = [arguments.json_arguments()]
    if "data" in kind.options:
        parents.insert(0, arguments.data_arguments())
    parser = kinds.add_parser(
        name, parents=parents, help=kind.help, description=f"Plot {kind.help}."
    )
    if kind.source == "run":
        parser.add_argument(
            "run_path", metavar="RUN", help="the result.json of a training run, or its folder"
        )
    elif kind.source is not None:
        source_help = arguments.MODEL_HELP if kind.source == "model" else arguments.SOURCE_HELP
        parser.add_argument("model", metavar="MODEL", help=source_help)
    if "image" in kind.options:
        parser.add_argument(
            "--image",
            type=arguments.min_int(0),
            default=0,
            metavar="N",
            help=f"index of the {kind.image_help} (default: %(default)s)",
        )
    if "split" in kind.options:
        parser.add_argument(
            "--split", choices=("train", "test"), default="test", help="default: %(default)s"
        )
    if "max_images" in kind.options:
        parser.add_argument(
            "--max-images",
            type=arguments.min_int(1),
            default=kind.max_images,
            metavar="N",
            help="maximum number of images (default: %(default)s)",
        )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILE",
        help=f"a .png, .svg or .pdf file (default: {name}.png)",
    )


def _inputs(options: argparse.Namespace) -> list[Path]:
    """Return the paths of the files that the command reads."""
    inputs = loading.data_files(options.data, options.test_data) if "data" in options else []
    if "run_path" in options:
        inputs.append(_result_file(options.run_path))
    if "model" in options:
        inputs.append(stored_evaluation.evaluation_file(options.model) or Path(options.model))
    return inputs


def _result_file(source: str) -> Path:
    path = Path(source)
    return path / "result.json" if path.is_dir() else path


def _history(options: argparse.Namespace, report: dict[str, Any]) -> Figure:
    path = _result_file(options.run_path)
    report["run"] = options.run_path
    return plot_saved_history(stored_evaluation.read_json(path), path)


def _confusion_matrix(options: argparse.Namespace, report: dict[str, Any]) -> Figure:
    result, _ = _evaluation(options, report)
    return mnistcnn.plot_confusion_matrix(result)


def _calibration(options: argparse.Namespace, report: dict[str, Any]) -> Figure:
    result, _ = _evaluation(options, report)
    return mnistcnn.plot_calibration(result)


def _misclassified(options: argparse.Namespace, report: dict[str, Any]) -> Figure:
    from mnistcnn.evaluation.accumulator import labels_digest

    result, test = _evaluation(options, report, with_images=True)
    if labels_digest(test.labels) != result.labels_sha256:
        raise ValueError(
            f"--data must be the test images of the evaluation in {options.model}; "
            "received other images"
        )
    return mnistcnn.plot_misclassified(result, test.images, max_images=options.max_images)


def _filters(options: argparse.Namespace, report: dict[str, Any]) -> Figure:
    report["model"] = options.model
    loading.check_model(options.model)
    loading.import_tensorflow()
    return mnistcnn.plot_filters(options.model)


def _activations(options: argparse.Namespace, report: dict[str, Any]) -> Figure:
    images = _test_images(options, report)
    return mnistcnn.plot_activations(options.model, images[0])


def _saliency(options: argparse.Namespace, report: dict[str, Any]) -> Figure:
    images = _test_images(options, report)
    return mnistcnn.plot_saliency(options.model, images, max_images=options.max_images)


def _test_images(options: argparse.Namespace, report: dict[str, Any]) -> Any:
    """Return the test images from the one with the given index on."""
    report |= {"model": options.model, "image": options.image}
    loading.check_model(options.model)
    (_, test), report["data"] = loading.load_dataset(options, common.new_console())
    if options.image >= len(test.images):
        raise ValueError(
            f"--image must be less than {len(test.images):,}, the number of test images; "
            f"received {options.image}"
        )
    return test.images[options.image :]


def _digits(options: argparse.Namespace, report: dict[str, Any]) -> Figure:
    dataset, report["data"] = loading.load_dataset(options, common.new_console(), tensorflow=False)
    report["split"] = options.split
    images, labels = dataset.train if options.split == "train" else dataset.test
    return mnistcnn.plot_digits(
        images, labels, max_images=options.max_images, class_names=dataset.class_names
    )


def _evaluation(
    options: argparse.Namespace, report: dict[str, Any], *, with_images: bool = False
) -> tuple[Any, Any]:
    """Return the evaluation, and the test images if they were loaded."""
    report["model"] = options.model
    stored_evaluation.check_source(options.model)
    dataset = None
    saved = stored_evaluation.evaluation_file(options.model) is not None
    if with_images or not saved:
        dataset, report["data"] = loading.load_dataset(
            options, common.new_console(), tensorflow=not saved
        )
    evaluation = stored_evaluation.load_evaluation(options.model, dataset)
    return evaluation, None if dataset is None else dataset.test


class _Kind(NamedTuple):
    """A kind of figure: its function, help text, source and options."""

    draw: Callable[[argparse.Namespace, dict[str, Any]], Figure]
    help: str
    source: Literal["run", "evaluation", "model"] | None = None
    options: tuple[str, ...] = ()
    image_help: str = "test image"
    max_images: int = 40


KINDS = {
    "history": _Kind(_history, "loss and accuracy by epoch", "run"),
    "confusion-matrix": _Kind(_confusion_matrix, "the confusion matrix", "evaluation", ("data",)),
    "misclassified": _Kind(
        _misclassified, "the misclassified images", "evaluation", ("data", "max_images")
    ),
    "calibration": _Kind(
        _calibration, "accuracy by confidence (reliability diagram)", "evaluation", ("data",)
    ),
    "filters": _Kind(_filters, "the weights of both convolutions", "model"),
    "activations": _Kind(
        _activations,
        "the activations of both convolutions for an image",
        "model",
        ("data", "image"),
    ),
    "saliency": _Kind(
        _saliency,
        "the parts of images that speak for a class (Grad-CAM, input gradients)",
        "model",
        ("data", "image", "max_images"),
        image_help="first test image",
        max_images=6,
    ),
    "digits": _Kind(
        _digits,
        "images of a dataset with their labels",
        options=("data", "split", "max_images"),
    ),
}
