"""Train with many seeds and recipes in parallel."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from mnistcnn import recipes
from mnistcnn.errors import CorruptFileError
from mnistcnn.evaluation.results import Evaluation
from mnistcnn.public import public
from mnistcnn.sweeps.process_pool import Event, run_in_processes
from mnistcnn.sweeps.progress import sweep_progress
from mnistcnn.sweeps.ray_backend import run_on_ray
from mnistcnn.sweeps.results import Sweep, SweepRun
from mnistcnn.sweeps.worker import RunSpec
from mnistcnn.types import DIGIT_NAMES, Dataset, PathLike, Split
from mnistcnn.utils import environment
from mnistcnn.utils.atomic_write import write_text
from mnistcnn.utils.requirements import require
from mnistcnn.utils.safe_read import loads_json, read_limited
from mnistcnn.utils.text import escape, quote
from mnistcnn.utils.validation import (
    check_array,
    check_images,
    check_in,
    check_int,
    check_labels,
    check_path,
    check_same_length,
)

_MAX_BYTES = 24 << 20  # all 70,000 images of MNIST, misclassified, take 15 MB
_MAX_DEPTH = 100
_FILE_NAME = re.compile(r"[\w-][\w.-]*", re.ASCII)


@public
def sweep(
    dataset: Dataset,
    *,
    seeds: Iterable[int],
    recipe: recipes.RecipeName
    | recipes.Recipe
    | Sequence[recipes.RecipeName | recipes.Recipe] = "baseline",
    epochs: int | None = None,
    batch_size: int | None = None,
    processes: int | None = None,
    ray: str | None = None,
    output: PathLike | None = None,
    verbose: Literal["auto", 0, 1, 2] = "auto",
) -> Sweep:
    """Train each recipe with each seed in parallel processes, and evaluate each model.

    Each run produces the model that `build_model` and `train` produce with the same seed.

    Parameters
    ----------
    dataset : Dataset
        Training and test split, as returned by `load_data`, of any classes.
    seeds : iterable of int
        Distinct integers of at least 0; at least one.
    recipe : str, recipes.Recipe or a sequence of them, default "baseline"
        The recipes, as in `train`; their names must be distinct.
    epochs, batch_size : int, optional
        Override the values of each recipe; at least 1.
    processes : int, optional
        Number of parallel processes, at least 1 and at most 64 or the number of cores,
        whichever is larger; each uses about a gigabyte of memory and an equal share of the
        cores. Default: one per core, at most one per run.
    ray : str, optional
        Address of a Ray cluster to train on instead: ``"host:port"``, ``"auto"`` for the cluster
        that this machine belongs to, or ``"local"`` for a temporary cluster on this machine. Each
        run uses one core of it; a run whose machine is lost is restarted. Requires the extra
        ``ray``, and this package on each machine.
    output : str or path-like, optional
        A folder that receives a file for each finished run. Runs that it already holds are
        loaded instead of trained, so that repeating the call resumes an interrupted sweep.
    verbose : {"auto", 0, 1, 2}, default "auto"
        0: silent; 1: a live table, in a notebook a progress bar; 2: one line per run. ``"auto"``
        is 1 in a terminal or notebook and 2 elsewhere.

    Returns
    -------
    Sweep
        The runs, and a summary of the accuracies of each recipe.

    Raises
    ------
    TypeError, ValueError
        If an argument is invalid, or the folder holds a run with the same name but another recipe
        or dataset.
    CorruptFileError
        If a file of a run in the folder is damaged.
    ModuleNotFoundError
        If `ray` is given and the extra ``ray`` is not installed.
    ConnectionError
        If no cluster is reachable at the address.
    RuntimeError
        If a run fails. Finished runs are in `output`.

    Examples
    --------
    >>> from mnistcnn import load_data, sweep
    >>> result = sweep(load_data("digits"), seeds=range(2), epochs=1, verbose=0)
    >>> [run.seed for run in result.runs], result.summaries[0].recipe
    ([0, 1], 'baseline')
    """
    require("sweep", "keras")
    data = _check_dataset(dataset)
    plans = _recipes(recipe, epochs, batch_size)
    specs = [RunSpec(plan, seed) for plan in plans for seed in _check_seeds(seeds)]
    if ray is not None and processes is not None:
        raise ValueError(f"processes must be None if ray is given; received {processes}")
    num_processes = environment.cpu_count()
    if processes is not None:
        num_processes = check_int(
            "processes",
            processes,
            minimum=1,
            maximum=environment.max_parallel(),
            reason="since each takes a gigabyte of memory",
        )
    check_in("verbose", verbose, ("auto", 0, 1, 2))
    folder = None if output is None else _check_output(output)
    fingerprint = _fingerprint(data)
    runs = {} if folder is None else _open_output(folder, specs, fingerprint)
    missing = [spec for spec in specs if spec not in runs]
    events: Iterator[Event] = iter(())
    if missing and ray is not None:
        events = run_on_ray(missing, data, address=ray)
    elif missing:
        events = run_in_processes(missing, data, processes=num_processes)
    with sweep_progress(verbose, specs, runs) as display:
        for spec, record in events:
            if record is not None:
                runs[spec] = run_from_record(spec, record)
                if folder is not None:
                    _save_run(_run_path(folder, spec), spec, fingerprint, record)
            display(spec, runs.get(spec))
    return Sweep(runs=tuple(runs[spec] for spec in specs))


def _check_dataset(value: Any) -> Dataset:
    try:
        (x_train, y_train), (x_test, y_test) = value
    except (TypeError, ValueError):
        raise TypeError(
            "dataset must be (x_train, y_train), (x_test, y_test); "
            f"received {quote(value, limit=60)}"
        ) from None
    class_names = getattr(value, "class_names", DIGIT_NAMES)
    splits = []
    for name, x, y in (("train", x_train, y_train), ("test", x_test, y_test)):
        images = check_images(x)
        labels = check_labels(y, len(class_names), name=f"y_{name}")
        check_same_length(f"x_{name}", len(images), f"y_{name}", len(labels))
        if not len(images):
            raise ValueError(f"x_{name} must hold at least one image; received none")
        splits.append(Split(images, y))
    train, test = splits
    return Dataset(train, test, class_names)


def _check_seeds(value: Iterable[int]) -> list[int]:
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        raise TypeError(f"seeds must be an iterable of integers; received {quote(value)}")
    seeds = [check_int("each seed", seed, minimum=0) for seed in value]
    if not seeds or len(set(seeds)) < len(seeds):
        raise ValueError(f"seeds must be distinct integers, at least one; received {seeds}")
    return seeds


def _recipes(
    value: recipes.RecipeName | recipes.Recipe | Sequence[recipes.RecipeName | recipes.Recipe],
    epochs: int | None,
    batch_size: int | None,
) -> list[recipes.Recipe]:
    values: list[Any] = [value] if isinstance(value, str | recipes.Recipe) else list(value)
    overrides: dict[str, Any] = {
        name: check_int(name, override, minimum=1)
        for name, override in (("epochs", epochs), ("batch_size", batch_size))
        if override is not None
    }
    plans = [dataclasses.replace(recipes.get(item), **overrides) for item in values]
    names = [plan.name for plan in plans]
    if not names or len(set(names)) < len(names):
        raise ValueError(
            f"recipe must hold recipes with distinct names, at least one; received {names}"
        )
    for plan in plans:
        if plan.freeze_convolutions:
            raise ValueError(
                "recipe must train all layers, since a sweep starts from random weights; "
                f"received {quote(plan.name)}, which freezes the convolutions"
            )
    for name in names:
        if not _FILE_NAME.fullmatch(name):
            raise ValueError(
                "recipe names must consist of letters, digits, '.', '_' and '-'; "
                f"received {quote(name)}"
            )
    return plans


def _check_output(value: PathLike) -> Path:
    folder = check_path("output", value)
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"output must be a folder; received the file {quote(str(value))}")
    return folder


def _open_output(
    folder: Path, specs: Sequence[RunSpec], fingerprint: str
) -> dict[RunSpec, SweepRun]:
    """Return the runs that the folder holds; create it if all of them belong to this sweep."""
    paths = {spec: _run_path(folder, spec) for spec in specs}
    runs = {
        spec: load_run(path, spec, fingerprint) for spec, path in paths.items() if path.exists()
    }
    folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK):
        raise PermissionError(f"output must be a writable folder; received {quote(str(folder))}")
    return runs


def _fingerprint(dataset: Dataset) -> str:
    digest = hashlib.sha256()
    for split in dataset:
        for array in split:
            digest.update(f"{array.dtype.str} {array.shape}\n".encode())
            digest.update(array.tobytes())
    if dataset.class_names != DIGIT_NAMES:
        digest.update(json.dumps(dataset.class_names).encode())
    return digest.hexdigest()


def _run_path(folder: Path, spec: RunSpec) -> Path:
    return folder / f"{spec.recipe.name}-seed-{spec.seed}.json"


def load_run(path: Path, spec: RunSpec, fingerprint: str) -> SweepRun:
    """Return the run in a file, after checking that it belongs to this sweep."""
    try:
        content = read_limited(path, limit=_MAX_BYTES)
        record = loads_json("its content", content, max_depth=_MAX_DEPTH)
        settings = {name: record[name] for name in ("recipe", "seed")}
        data_sha256 = record["data_sha256"]
        run = run_from_record(spec, record)
    except (ValueError, TypeError, KeyError) as error:
        raise CorruptFileError(
            f"{path} must hold a run of a sweep; received {escape(error)}"
        ) from None
    if settings != spec.to_dict():
        raise ValueError(
            f"{path} must hold a run of {spec} with the same settings; "
            "received other settings: choose another output folder"
        )
    if data_sha256 != fingerprint:
        raise ValueError(
            f"{path} must hold a run on the same dataset; "
            "received another dataset: choose another output folder"
        )
    return run


def _save_run(path: Path, spec: RunSpec, fingerprint: str, record: dict[str, Any]) -> None:
    if path.exists():  # it appeared during the run, perhaps by another process of this sweep
        load_run(path, spec, fingerprint)
        return
    write_text(path, json.dumps({"data_sha256": fingerprint, **record}, indent=1) + "\n")


def run_from_record(spec: RunSpec, record: dict[str, Any]) -> SweepRun:
    """Return the run with the record that its process or file holds."""
    history = dict(record["history"])
    for name, values in history.items():
        if check_array(f"history: {quote(name)}", values).ndim != 1:
            raise ValueError(f"history: {quote(name)} must be a list of numbers")
    return SweepRun(
        recipe=spec.recipe,
        seed=spec.seed,
        training_seconds=record["training_seconds"],
        history=history,
        test=Evaluation.from_dict(record["test"]),
    )
