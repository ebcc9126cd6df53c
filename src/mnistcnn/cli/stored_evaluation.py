"""Evaluations as arguments: computed from a model, or read from a result file."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mnistcnn
from mnistcnn.cli import common, loading
from mnistcnn.utils.text import quote_names

if TYPE_CHECKING:
    from mnistcnn import Dataset, Evaluation

_MAX_BYTES = 16 << 20  # all 70,000 images of MNIST, misclassified, take 11 MB
_MAX_DEPTH = 16  # deeper values would exceed the recursion limit when an error quotes them
_FILE_NAMES = ("result.json", "evaluation.json")


def evaluate_model(model: Any, dataset: Dataset) -> Evaluation:
    """Evaluate a model or model file on the test images; show progress if it takes long."""
    from mnistcnn.evaluation.evaluate import BATCH_SIZE, evaluate_batches, split_batches

    network = _load_classifier(model)
    names = common_class_names(network, dataset.class_names)
    x, y = mnistcnn.preprocess(*dataset.test, num_classes=len(names))
    num_batches = math.ceil(len(x) / BATCH_SIZE)
    batches = common.track(split_batches(x, y), num_batches, "Evaluating")
    return evaluate_batches(network, batches, class_names=names)


def _load_classifier(model: Any) -> Any:
    """Return a Keras model; if Keras is not installed, a `Recognizer` of the same weights."""
    if not loading.has_keras():
        return mnistcnn.Recognizer(model)
    from mnistcnn.models.loading import as_model

    return as_model(model)


def common_class_names(
    network: Any, of_data: tuple[str, ...], *, argument: str = "MODEL"
) -> tuple[str, ...]:
    """Return the names of the classes of a model and a dataset, of which one may only number them.

    A model with other classes than the dataset would be evaluated without an error if their
    number is the same.
    """
    from mnistcnn.evaluation.evaluate import classes_of
    from mnistcnn.utils.validation import default_class_names

    of_model = classes_of(network)
    num_classes = len(of_model)
    numbers = default_class_names(num_classes)
    if len(of_data) == num_classes and (of_model == of_data or numbers in (of_model, of_data)):
        return of_data if of_model == numbers else of_model
    raise ValueError(
        f"{argument} must have the {len(of_data)} classes of the dataset, {quote_names(of_data)}; "
        f"received a model of the {num_classes} classes {quote_names(of_model)}"
    )


def evaluation_file(source: str) -> Path | None:
    """Return the result file that `source` names, itself or as its folder; None for a model."""
    path = Path(source)
    if path.suffix == ".json":
        return path
    if path.is_dir():
        existing = [path / name for name in _FILE_NAMES if (path / name).is_file()]
        return existing[0] if existing else path / _FILE_NAMES[0]
    return None


def check_source(source: str) -> None:
    """Check that `source` is a model or a saved evaluation, before anything is loaded."""
    from mnistcnn.utils.safe_read import check_regular

    path = evaluation_file(source)
    if path is None:
        loading.check_model(source)
    elif not path.exists():
        raise FileNotFoundError(f"{path} must be an existing file; it is absent")
    else:
        check_regular(path)


def load_evaluation(source: str, dataset: Dataset | None) -> Evaluation:
    """Return a saved evaluation, or evaluate the model on the test images of `dataset`."""
    path = evaluation_file(source)
    if path is None:
        assert dataset is not None  # callers load the data for a model
        return evaluate_model(source, dataset)
    values = read_json(path).get("test")
    try:
        return mnistcnn.Evaluation.from_dict(values)  # type: ignore[arg-type]  # it checks
    except (TypeError, ValueError) as error:
        raise mnistcnn.CorruptFileError(f"{path}: test: {error}") from None


def read_json(path: Path) -> dict[str, Any]:
    """Return the JSON object in a result file, with limits on its size and depth."""
    from mnistcnn.utils.safe_read import loads_json, read_limited

    content = read_limited(path, limit=_MAX_BYTES)
    try:
        result = loads_json(str(path), content, max_depth=_MAX_DEPTH)
    except ValueError as error:
        raise mnistcnn.CorruptFileError(str(error)) from None
    if not isinstance(result, dict):
        raise mnistcnn.CorruptFileError(f"{path} must hold a JSON object; received another value")
    return result
