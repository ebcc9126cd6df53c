"""cli.stored_evaluation"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mnistcnn
from mnistcnn.cli import common, loading

if TYPE_CHECKING:
    from mnistcnn import Evaluation, Split

# Of ten million images that are all read wrong, and more than any sane one holds.
_MAX_BYTES = 1 << 30
_MAX_DEPTH = 16  # what is shown of a value must not end in a RecursionError
_SUFFIX = ("result.json", "evaluation.json")


def evaluate_source(model: Any, test: Split) -> Evaluation:
    """Evaluate a network, or its file, on raw images; show progress where it takes long."""
    from mnistcnn.evaluation.evaluate import BATCH_SIZE, evaluate_batches, split_batches
    from mnistcnn.models.loading import as_model

    network = as_model(model)
    x, y = mnistcnn.preprocess(test.images, test.labels)
    count = math.ceil(len(x) / BATCH_SIZE)
    return evaluate_batches(network, common.track(split_batches(x, y), count, "Evaluating"))


def stored_file(source: str) -> Path | None:
    """Return the file that an evaluation was kept in, if `source` is one or its folder."""
    path = Path(source)
    if path.suffix == ".json":
        return path
    if path.is_dir():
        kept = [path / name for name in _SUFFIX if (path / name).is_file()]
        return kept[0] if kept else path / _SUFFIX[0]
    return None


def check_source(source: str) -> None:
    """Refuse what is neither a network nor a kept evaluation, before anything is loaded."""
    kept = stored_file(source)
    if kept is None:
        loading.check_model(source)
    elif not kept.is_file():
        raise FileNotFoundError(f"{kept} must be an existing file; it is absent")


def load_evaluation(source: str, test: Split | None) -> Evaluation:
    """Return a kept evaluation, or evaluate the network on `test`."""
    kept = stored_file(source)
    if kept is None:
        assert test is not None  # whoever calls has loaded it for a network
        return evaluate_source(loading.resolve_model(source), test)
    found = read_document(kept).get("test")
    try:
        return mnistcnn.Evaluation.from_dict(found)  # type: ignore[arg-type]  # it checks
    except (TypeError, ValueError) as error:
        raise mnistcnn.CorruptFileError(f"{kept}: test: {error}") from None


def read_document(path: Path) -> dict[str, Any]:
    """Return what a JSON file of this command holds."""
    from mnistcnn.utils.safe_read import loads_json, read_limited

    content = read_limited(path, limit=_MAX_BYTES)
    try:
        found = loads_json(str(path), content, max_depth=_MAX_DEPTH)
    except ValueError as error:
        raise mnistcnn.CorruptFileError(str(error)) from None
    if not isinstance(found, dict):
        raise mnistcnn.CorruptFileError(f"{path} must hold a JSON object; received another value")
    return found
