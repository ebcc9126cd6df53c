"""What ``mnistcnn evaluate`` and ``mnistcnn compare`` do, and evaluations for other commands."""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mnistcnn
from mnistcnn import _command_tools as tools

if TYPE_CHECKING:
    from rich.console import Console

    from mnistcnn import Evaluation, Split

# Of ten million images that are all read wrong, and more than any sane one holds.
_MOST_BYTES = 1 << 30
_MOST_LEVELS = 16  # what is shown of a value must not end in a RecursionError
_STORED = ("result.json", "evaluation.json")


def evaluate(options: argparse.Namespace) -> dict[str, Any]:
    """Evaluate the file of a network, or shipped weights."""
    console = tools.new_console()
    tools.check_network(options.model)
    _, test, data = tools.load(options.data, console)
    result = evaluated(tools.network(options.model), test)
    show(result, console)
    report = {
        "versions": tools.versions(),
        "data": data,
        "model": options.model,
        "test": result.to_dict(),
    }
    if options.output:
        tools.save_json(options.output / "evaluation.json", report)
        tools.save_figure(
            options.output / "confusion_matrix.png", mnistcnn.plot_confusion_matrix(result)
        )
    return report


def compare(options: argparse.Namespace) -> dict[str, Any]:
    """Compare two networks on the same images, or what was kept of their evaluations."""
    console = tools.new_console()
    sources = [options.a, options.b]
    for source in sources:
        check_source(source)
    report: dict[str, Any] = {"versions": tools.versions(), "a": options.a, "b": options.b}
    test = None
    if any(stored_file(source) is None for source in sources):
        _, test, report["data"] = tools.load(options.data, console)
    a, b = (evaluation_of(source, test) for source in sources)
    result = mnistcnn.compare(a, b)
    for name, source, one in (("a", options.a, a), ("b", options.b, b)):
        low, high = one.accuracy_interval
        console.print(
            f"{name}: {source}, accuracy {one.accuracy:.2%} (95 % interval {low:.2%} to {high:.2%})"
        )
    console.print(str(result))
    return report | {"accuracy": {"a": a.accuracy, "b": b.accuracy}, **result.to_dict()}


def show(result: Evaluation, console: Console) -> None:
    """Print an evaluation: in a terminal as a table, elsewhere as plain text."""
    console.print(result if console.is_terminal else str(result))


def evaluated(model: Any, test: Split) -> Evaluation:
    """Evaluate a network, or its file, on raw images; show progress where it takes long."""
    from mnistcnn._evaluating import BATCH_SIZE, batches, evaluate_batches
    from mnistcnn._model import as_network

    network = as_network(model)
    x, y = mnistcnn.preprocess(test.images, test.labels)
    count = math.ceil(len(x) / BATCH_SIZE)
    return evaluate_batches(network, tools.with_bar(batches(x, y), count, "Evaluating"))


def stored_file(source: str) -> Path | None:
    """Return the file that an evaluation was kept in, if `source` is one or its folder."""
    path = Path(source)
    if path.suffix == ".json":
        return path
    if path.is_dir():
        kept = [path / name for name in _STORED if (path / name).is_file()]
        return kept[0] if kept else path / _STORED[0]
    return None


def check_source(source: str) -> None:
    """Refuse what is neither a network nor a kept evaluation, before anything is loaded."""
    kept = stored_file(source)
    if kept is None:
        tools.check_network(source)
    elif not kept.is_file():
        raise FileNotFoundError(f"{kept} must be an existing file; it is absent")


def evaluation_of(source: str, test: Split | None) -> Evaluation:
    """Return a kept evaluation, or evaluate the network on `test`."""
    kept = stored_file(source)
    if kept is None:
        assert test is not None  # whoever calls has loaded it for a network
        return evaluated(tools.network(source), test)
    found = document(kept).get("test")
    try:
        return mnistcnn.Evaluation.from_dict(found)  # type: ignore[arg-type]  # it checks
    except (TypeError, ValueError) as error:
        raise mnistcnn.CorruptFileError(f"{kept}: test: {error}") from None


def document(path: Path) -> dict[str, Any]:
    """Return what a JSON file of this command holds."""
    from mnistcnn._files import read_limited

    content = read_limited(path, limit=_MOST_BYTES)
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise mnistcnn.CorruptFileError(f"{path} must be JSON; received {error}") from None
    if not isinstance(found, dict):
        raise mnistcnn.CorruptFileError(f"{path} must hold a JSON object; received another value")
    level: list[Any] = [found]
    for _ in range(_MOST_LEVELS):
        inner = (one.values() if isinstance(one, dict) else one for one in level)
        level = [one for values in inner for one in values if isinstance(one, dict | list)]
    if level:
        raise mnistcnn.CorruptFileError(
            f"{path} must nest at most {_MOST_LEVELS} levels; it nests more"
        )
    return found
