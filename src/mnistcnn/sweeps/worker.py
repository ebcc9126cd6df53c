"""One run of a sweep, and the process that does one run after another."""

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
    """What a run does."""

    recipe: recipes.Recipe
    seed: int

    def __str__(self) -> str:
        return f"{self.recipe.name}, seed {self.seed}"

    def to_dict(self) -> dict[str, Any]:
        """Return what tells this run from others, as JSON gives it back."""
        settings: dict[str, Any] = json.loads(json.dumps(self.recipe.to_dict()))
        return {"recipe": settings, "seed": self.seed}


def train_one(dataset: Dataset, job: RunSpec) -> dict[str, Any]:
    """Build, train and evaluate a network, and return what to keep of it."""
    from mnistcnn import build_model, default_callbacks, evaluate, preprocess, train

    recipe, seed = job
    x, y = preprocess(*dataset.train)
    model = build_model(seed=seed)
    with tempfile.TemporaryDirectory() as folder:
        saved = Path(folder, "bestmodel.keras")
        callbacks = []
        if recipe.monitor:
            callbacks = default_callbacks(
                saved, monitor=recipe.monitor, min_delta=recipe.min_delta, patience=recipe.patience
            )
        started = time.perf_counter()
        history = train(model, x, y, recipe=recipe, callbacks=callbacks, seed=seed, verbose=0)
        seconds = time.perf_counter() - started
        result = evaluate(saved if recipe.monitor else model, *preprocess(*dataset.test))
    return {
        **job.to_dict(),
        "training_seconds": round(seconds, 2),
        "history": history.history,
        "test": result.to_dict(),
    }


def main() -> None:
    """Do the runs that standard input names, a line each, on the data of the first argument.

    The answers go to standard output, where nothing else may. When standard input ends, so
    does the process, in whatever it is doing: whoever asked is gone.
    """
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    jobs: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_serve, args=(sys.stdin, jobs), daemon=True).start()
    dataset = load_data(sys.argv[1])
    while True:
        asked = json.loads(jobs.get())
        try:
            job = RunSpec(recipes.Recipe.from_dict(asked["recipe"]), asked["seed"])
            answer = train_one(dataset, job)
        except Exception as error:  # noqa: BLE001  # the other process raises it
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


def _serve(asking: TextIO, jobs: queue.SimpleQueue[str]) -> None:
    for line in asking:
        jobs.put(line)
    os._exit(0)


if __name__ == "__main__":
    main()
