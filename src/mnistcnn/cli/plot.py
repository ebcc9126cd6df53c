"""What ``mnistcnn plot`` does: one picture in one file."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import mnistcnn
from mnistcnn.cli import common, loading, stored_evaluation
from mnistcnn.utils.validation import check_path

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SUFFIXES = (".png", ".svg", ".pdf")


def plot(options: argparse.Namespace) -> dict[str, Any]:
    """Draw the picture of that kind and write it."""
    pass

    path = options.output or Path(f"{options.kind}.png")
    check_path("--output", path, suffixes=SUFFIXES)
    report: dict[str, Any] = {"versions": common.versions(), "kind": options.kind}
    figure = _KINDS[options.kind](options, report)
    common.save_figure(path, figure)
    common.new_console().print(f"{path}: {options.kind}")
    return report | {"path": str(path), "bytes": path.stat().st_size}


def history_of(document: Mapping[str, Any], path: Path) -> Figure:
    """Draw the history that a result.json holds."""
    try:
        return mnistcnn.plot_history(document.get("history", {}))
    except (TypeError, ValueError) as error:
        raise mnistcnn.CorruptFileError(f"{path}: {error}") from None


def _history(options: argparse.Namespace, report: dict[str, Any]) -> Figure:
    path = Path(options.run)
    path = path / "result.json" if path.is_dir() else path
    report["run"] = options.run
    return history_of(stored_evaluation.read_document(path), path)


def _confusion_matrix(options: argparse.Namespace, report: dict[str, Any]) -> Figure:
    result, _ = _evaluation(options, report)
    return mnistcnn.plot_confusion_matrix(result)


def _reliability(options: argparse.Namespace, report: dict[str, Any]) -> Figure:
    result, _ = _evaluation(options, report)
    return mnistcnn.plot_calibration(result)


def _mistakes(options: argparse.Namespace, report: dict[str, Any]) -> Figure:
    from mnistcnn.evaluation.accumulator import labels_digest

    result, test = _evaluation(options, report, with_images=True)
    if labels_digest(test.labels) != result.labels_sha256:
        raise ValueError(
            f"--data must be the images of the evaluation in {options.model}; received others"
        )
    return mnistcnn.plot_misclassified(result, test.images, max_images=options.max_images)


def _filters(options: argparse.Namespace, report: dict[str, Any]) -> Figure:
    report["model"] = options.model
    loading.check_model(options.model)
    loading.import_tensorflow()
    return mnistcnn.plot_filters(loading.resolve_model(options.model))


def _activations(options: argparse.Namespace, report: dict[str, Any]) -> Figure:
    report |= {"model": options.model, "image": options.image}
    loading.check_model(options.model)
    _, test, report["data"] = loading.load(options.data, common.new_console())
    if options.image >= len(test.images):
        raise ValueError(
            f"--image must be below {len(test.images):,}, the number of test images; "
            f"received {options.image}"
        )
    return mnistcnn.plot_activations(
        loading.resolve_model(options.model), test.images[options.image]
    )


def _digits(options: argparse.Namespace, report: dict[str, Any]) -> Figure:
    train, test, report["data"] = loading.load(options.data, common.new_console(), tensorflow=False)
    report["part"] = options.part
    part = train if options.part == "train" else test
    return mnistcnn.plot_digits(part.images, part.labels, max_images=options.max_images)


def _evaluation(
    options: argparse.Namespace,
    report: dict[str, Any],
    *,
    with_images: bool = False,
) -> tuple[Any, Any]:
    """Return the evaluation, and the test images where they were needed."""
    report["model"] = options.model
    stored_evaluation.check_source(options.model)
    test = None
    kept = stored_evaluation.stored_file(options.model) is not None
    if with_images or not kept:
        _, test, report["data"] = loading.load(
            options.data, common.new_console(), tensorflow=not kept
        )
    return stored_evaluation.load_evaluation(options.model, test), test


_Draw = Callable[[argparse.Namespace, dict[str, Any]], "Figure"]
_KINDS: Mapping[str, _Draw] = MappingProxyType(
    {
        "history": _history,
        "confusion-matrix": _confusion_matrix,
        "mistakes": _mistakes,
        "reliability": _reliability,
        "filters": _filters,
        "activations": _activations,
        "digits": _digits,
    }
)
