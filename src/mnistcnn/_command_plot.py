"""What ``mnistcnn plot`` does: one picture in one file."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import mnistcnn
from mnistcnn import _command_evaluate as evaluations
from mnistcnn import _command_tools as tools

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SUFFIXES = (".png", ".svg", ".pdf")


def plot(options: argparse.Namespace) -> dict[str, Any]:
    """Draw the picture of that kind and write it."""
    from mnistcnn import _checks

    path = options.output or Path(f"{options.kind}.png")
    _checks.path("--output", path, suffixes=SUFFIXES)
    report: dict[str, Any] = {"versions": tools.versions(), "kind": options.kind}
    figure = _KINDS[options.kind](options, report)
    tools.save_figure(path, figure)
    tools.new_console().print(f"{path}: {options.kind}")
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
    return history_of(evaluations.document(path), path)


def _confusion_matrix(options: argparse.Namespace, report: dict[str, Any]) -> Figure:
    result, _ = _evaluation(options, report)
    return mnistcnn.plot_confusion_matrix(result)


def _reliability(options: argparse.Namespace, report: dict[str, Any]) -> Figure:
    result, _ = _evaluation(options, report)
    return mnistcnn.plot_reliability(result)


def _mistakes(options: argparse.Namespace, report: dict[str, Any]) -> Figure:
    from mnistcnn._tally import labels_digest

    result, test = _evaluation(options, report, with_images=True)
    if labels_digest(test.labels) != result.labels_sha256:
        raise ValueError(
            f"--data must be the images of the evaluation in {options.model}; received others"
        )
    return mnistcnn.plot_mistakes(result, test.images, max_images=options.max_images)


def _filters(options: argparse.Namespace, report: dict[str, Any]) -> Figure:
    report["model"] = options.model
    tools.check_network(options.model)
    tools.import_tensorflow()
    return mnistcnn.plot_filters(tools.network(options.model))


def _activations(options: argparse.Namespace, report: dict[str, Any]) -> Figure:
    report |= {"model": options.model, "image": options.image}
    tools.check_network(options.model)
    _, test, report["data"] = tools.load(options.data, tools.new_console())
    if options.image >= len(test.images):
        raise ValueError(
            f"--image must be below {len(test.images):,}, the number of test images; "
            f"received {options.image}"
        )
    return mnistcnn.plot_activations(tools.network(options.model), test.images[options.image])


def _digits(options: argparse.Namespace, report: dict[str, Any]) -> Figure:
    train, test, report["data"] = tools.load(options.data, tools.new_console(), tensorflow=False)
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
    evaluations.check_source(options.model)
    test = None
    kept = evaluations.stored_file(options.model) is not None
    if with_images or not kept:
        _, test, report["data"] = tools.load(options.data, tools.new_console(), tensorflow=not kept)
    return evaluations.evaluation_of(options.model, test), test


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
