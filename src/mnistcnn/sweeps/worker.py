"""A single run of a sweep, and the worker process that executes runs."""

from __future__ import annotations

import json
import os
import queue
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from mnistcnn import recipes
from mnistcnn.data.load import load_data
from mnistcnn.types import Dataset


class RunSpec(NamedTuple):
    """Recipe and seed of a run."""

    recipe: recipes.Recipe
    seed: int

    def __str__(self) -> str:
        return f"{self.recipe.name}, seed {self.seed}"

    def to_dict(self) -> dict[str, Any]:
        """Return all settings as JSON restores them, so that they compare equal to a file."""
        settings: dict[str, Any] = json.loads(json.dumps(self.recipe.to_dict()))
        return {"recipe": settings, "seed": self.seed}


def train_one(dataset: Dataset, spec: RunSpec) -> dict[str, Any]:
    """Build, train and evaluate a model; return the record of the run."""
    from mnistcnn import build_model, default_callbacks, evaluate, preprocess, train

    recipe, seed = spec
    names = dataset.class_names
    x, y = preprocess(*dataset.train, num_classes=len(names))
    model = build_model(class_names=names, seed=seed)
    with tempfile.TemporaryDirectory() as folder:
        best_path = Path(folder, "bestmodel.keras")
        callbacks = []
        if recipe.monitor:
            callbacks = default_callbacks(
                best_path,
                monitor=recipe.monitor,
                min_delta=recipe.min_delta,
                patience=recipe.patience,
            )
        started = time.perf_counter()
        history = train(model, x, y, recipe=recipe, callbacks=callbacks, seed=seed, verbose=0)
        seconds = time.perf_counter() - started
        x, y = preprocess(*dataset.test, num_classes=len(names))
        result = evaluate(best_path if recipe.monitor else model, x, y)
    return {
        **spec.to_dict(),
        "training_seconds": round(seconds, 2),
        "history": history.history,
        "test": result.to_dict(),
    }


def main() -> None:
    """Execute the runs that arrive on standard input, one JSON object per line.

    The dataset is the file in the first argument, the names of its classes are JSON in the
    second. One line of JSON per run, its record or its
    error, goes to standard output; other output is redirected to standard error. When standard
    input closes, because the parent process has ended, the worker exits immediately.
    """
    output = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    # Keras would import both, although no run needs them, and Matplotlib would read a matplotlibrc
    # in the current folder.
    sys.modules.update(dict.fromkeys(("matplotlib", "sklearn")))  # type: ignore[arg-type]  # None is allowed
    requests: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_read_requests, args=(sys.stdin, requests), daemon=True).start()
    dataset = Dataset(*load_data(sys.argv[1]), tuple(json.loads(sys.argv[2])))
    while True:
        request = json.loads(requests.get())
        try:
            spec = RunSpec(recipes.Recipe.from_dict(request["recipe"]), request["seed"])
            response = train_one(dataset, spec)
        except Exception as error:  # noqa: BLE001  # the parent process raises it
            response = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(response), file=output, flush=True)


def _read_requests(stream: TextIO, requests: queue.SimpleQueue[str]) -> None:
    for line in stream:
        requests.put(line)
    os._exit(0)


if __name__ == "__main__":
    main()
