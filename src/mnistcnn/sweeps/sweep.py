"""Training the same network many times, by several seeds and recipes side by side."""

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
from mnistcnn.sweeps.process_pool import Event, run_in_processes
from mnistcnn.sweeps.progress import sweep_progress
from mnistcnn.sweeps.ray_backend import run_on_ray
from mnistcnn.sweeps.results import Sweep, SweepRun
from mnistcnn.sweeps.worker import RunSpec
from mnistcnn.types import NUM_CLASSES, Dataset, PathLike, Split
from mnistcnn.utils import environment
from mnistcnn.utils.atomic_write import write_text
from mnistcnn.utils.public import public
from mnistcnn.utils.safe_read import loads_json, read_limited
from mnistcnn.utils.validation import (
    check_images,
    check_in,
    check_int,
    check_labels,
    check_path,
    check_same_length,
)

# Of a million images that were all read wrong, and more than any sane run holds.
_MAX_BYTES = 1 << 28
_MAX_DEPTH = 100
_FILE_NAME = re.compile(r"[\w-][\w.-]*", re.ASCII)


@public
def sweep(
    dataset: Dataset,
    *,
    seeds: Iterable[int],
    recipe: str | recipes.Recipe | Sequence[str | recipes.Recipe] = "documented",
    epochs: int | None = None,
    batch_size: int | None = None,
    processes: int | None = None,
    ray: str | None = None,
    output: PathLike | None = None,
    verbose: Literal["auto", 0, 1, 2] = "auto",
) -> Sweep:
    """Train by each recipe with each seed, in processes side by side, and evaluate each.

    A run gives the network that `build_model` and `train` give with the same seed.

    Parameters
    ----------
    dataset : Dataset
        As `load_data` gives it. Each network is trained on its first part and evaluated on
        its second.
    seeds : iterable of int
        Different integers, at least one.
    recipe : str, recipes.Recipe or a sequence of them, default "documented"
        What to train by, as `train` takes it; several must differ in their names.
    epochs, batch_size : int, optional
        In place of each recipe's, at least 1.
    processes : int, optional
        How many train at a time, at least 1; each takes about a gigabyte of memory and an
        equal part of the cores. Default: one for each core, at most one for each run.
    ray : str, optional
        The address of a Ray cluster on which to train instead: ``"host:port"``, ``"auto"``
        for the one that this machine belongs to, or ``"local"`` for one that begins and
        ends here. Each run takes one core of it; a run whose machine is lost begins again.
        It needs the extra ``ray``, and this package on each machine.
    output : str or path-like, optional
        A folder that gets a file for each run as it ends. Runs that are there already are
        taken from it, so that a sweep that was killed goes on where it was.
    verbose : {"auto", 0, 1, 2}, default "auto"
        0: silent; 1: a table that moves; 2: one line a run. ``"auto"`` is 1 in a terminal
        or notebook and 2 elsewhere.

    Returns
    -------
    Sweep
        The runs, and for each recipe mean, deviation and interval of the accuracy.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another kind, or the folder holds a run of another recipe or
        data set under a name of this sweep.
    CorruptFileError
        If a run's file in the folder is damaged.
    ModuleNotFoundError
        If a cluster is named and the extra ``ray`` is not installed.
    ConnectionError
        If there is no such cluster.
    RuntimeError
        If a run fails. What ended before is in `output`.

    Examples
    --------
    >>> from mnistcnn import load_data, sweep
    >>> found = sweep(load_data("digits"), seeds=range(2), epochs=1, verbose=0)
    >>> [run.seed for run in found.runs], found.figures[0].recipe
    ([0, 1], 'documented')
    """
    data = _check_dataset(dataset)
    plans = _recipes(recipe, epochs, batch_size)
    jobs = [RunSpec(plan, seed) for plan in plans for seed in _check_seeds(seeds)]
    if ray is not None and processes is not None:
        raise ValueError(f"processes must be None on a cluster; received {processes}")
    count = environment.cpu_count()
    if processes is not None:
        count = check_int("processes", processes, minimum=1)
    folder = None if output is None else _check_output(output)
    check_in("verbose", verbose, ("auto", 0, 1, 2))
    fingerprint = _fingerprint(data)
    runs: dict[RunSpec, SweepRun] = {}
    for job in jobs:
        if folder is not None and _run_path(folder, job).exists():
            runs[job] = _load_run(_run_path(folder, job), job, fingerprint)
    rest = [job for job in jobs if job not in runs]
    events: Iterator[Event] = iter(())
    if rest and ray is not None:
        events = run_on_ray(rest, data, address=ray)
    elif rest:
        events = run_in_processes(rest, data, processes=count)
    with sweep_progress(verbose, jobs, runs) as display:
        for job, record in events:
            if record is not None:
                runs[job] = _sweep_run(job, record)
                if folder is not None:
                    described = {"data_sha256": fingerprint, **record}
                    write_text(_run_path(folder, job), json.dumps(described, indent=1) + "\n")
            display(job, runs.get(job))
    return Sweep(runs=tuple(runs[job] for job in jobs))


def _check_dataset(value: Any) -> Dataset:
    try:
        (x_train, y_train), (x_test, y_test) = value
    except (TypeError, ValueError):
        raise TypeError(
            f"dataset must be (x_train, y_train), (x_test, y_test); received {value!r:.60}"
        ) from None
    parts = []
    for name, images, labels in (("train", x_train, y_train), ("test", x_test, y_test)):
        stack = check_images(images)
        classes = check_labels(labels, NUM_CLASSES)
        check_same_length(f"x_{name}", len(stack), f"y_{name}", len(classes))
        if not len(stack):
            raise ValueError(f"x_{name} must hold at least one image; received none")
        parts.append(Split(stack, labels))
    return Dataset(*parts)


def _check_seeds(value: Iterable[int]) -> list[int]:
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        raise TypeError(f"seeds must be an iterable of integers; received {value!r}")
    seeds = [check_int("each seed", seed, minimum=0) for seed in value]
    if not seeds or len(set(seeds)) < len(seeds):
        raise ValueError(f"seeds must be different numbers, at least one; received {seeds}")
    return seeds


def _recipes(
    given: str | recipes.Recipe | Sequence[str | recipes.Recipe],
    epochs: int | None,
    batch_size: int | None,
) -> list[recipes.Recipe]:
    each = [given] if isinstance(given, str | recipes.Recipe) else list(given)
    changes: dict[str, Any] = {
        name: check_int(name, value, minimum=1)
        for name, value in (("epochs", epochs), ("batch_size", batch_size))
        if value is not None
    }
    plans = [dataclasses.replace(recipes.get(one), **changes) for one in each]
    names = [plan.name for plan in plans]
    if not names or len(set(names)) < len(names):
        raise ValueError(
            f"recipe must be recipes of different names, at least one; received {names}"
        )
    for name in names:
        if not _FILE_NAME.fullmatch(name):
            raise ValueError(
                "the name of each recipe must be letters, digits, '.', '_' and '-'; "
                f"received {name!r}"
            )
    return plans


def _check_output(value: PathLike) -> Path:
    folder = check_path("output", value)
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"output must be a folder; {str(value)!r} is a file")
    folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK):
        raise PermissionError(f"output must be a folder to write to; {str(value)!r} is not")
    return folder


def _fingerprint(dataset: Dataset) -> str:
    digest = hashlib.sha256()
    for split in dataset:
        for array in split:
            digest.update(f"{array.dtype.str} {array.shape}\n".encode())
            digest.update(array.tobytes())
    return digest.hexdigest()


def _run_path(folder: Path, job: RunSpec) -> Path:
    return folder / f"{job.recipe.name}-seed-{job.seed}.json"


def _load_run(path: Path, job: RunSpec, fingerprint: str) -> SweepRun:
    """Return the run that a file holds, if it is of this sweep."""
    try:
        content = read_limited(path, limit=_MAX_BYTES)
        record = loads_json("its content", content, max_depth=_MAX_DEPTH)
        found = {name: record[name] for name in ("recipe", "seed")}
        data = record["data_sha256"]
        run = _sweep_run(job, record)
    except (ValueError, TypeError, KeyError) as error:
        raise CorruptFileError(f"{path} must hold a run of a sweep; received {error}") from None
    if found != job.to_dict():
        raise ValueError(
            f"{path} must be of {job} with the same settings; received other settings: "
            "choose another output"
        )
    if data != fingerprint:
        raise ValueError(
            f"{path} must be of the same data; received other data: choose another output"
        )
    return run


def _sweep_run(job: RunSpec, record: dict[str, Any]) -> SweepRun:
    return SweepRun(
        recipe=job.recipe,
        seed=job.seed,
        training_seconds=record["training_seconds"],
        history=dict(record["history"]),
        test=Evaluation.from_dict(record["test"]),
    )
