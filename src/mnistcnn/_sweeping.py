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

from mnistcnn import _checks, _settings, recipes
from mnistcnn._errors import CorruptFileError
from mnistcnn._evaluation import Evaluation
from mnistcnn._files import read_limited, write_text
from mnistcnn._sweep import Sweep, SweepRun
from mnistcnn._sweep_pool import Event, side_by_side
from mnistcnn._sweep_progress import shown
from mnistcnn._sweep_ray import on_ray
from mnistcnn._sweep_run import Job
from mnistcnn._types import NUM_CLASSES, Dataset, PathLike, Split

# Of a million images that were all read wrong, and more than any sane run holds.
_MOST_BYTES = 1 << 28
_FILE_NAME = re.compile(r"[\w-][\w.-]*", re.ASCII)


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
        Different whole numbers, at least one.
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
    data = _dataset(dataset)
    plans = _plans(recipe, epochs, batch_size)
    jobs = [Job(plan, seed) for plan in plans for seed in _seeds(seeds)]
    if ray is not None and processes is not None:
        raise ValueError(f"processes must be None on a cluster; received {processes}")
    count = _settings.cores()
    if processes is not None:
        count = _checks.whole_number("processes", processes, at_least=1)
    folder = None if output is None else _folder(output)
    _checks.one_of("verbose", verbose, ("auto", 0, 1, 2))
    fingerprint = _fingerprint(data)
    runs: dict[Job, SweepRun] = {}
    for job in jobs:
        if folder is not None and _file(folder, job).exists():
            runs[job] = _kept(_file(folder, job), job, fingerprint)
    rest = [job for job in jobs if job not in runs]
    events: Iterator[Event] = iter(())
    if rest and ray is not None:
        events = on_ray(rest, data, address=ray)
    elif rest:
        events = side_by_side(rest, data, processes=count)
    with shown(verbose, jobs, runs) as display:
        for job, record in events:
            if record is not None:
                runs[job] = _run(job, record)
                if folder is not None:
                    described = {"data_sha256": fingerprint, **record}
                    write_text(_file(folder, job), json.dumps(described, indent=1) + "\n")
            display(job, runs.get(job))
    return Sweep(runs=tuple(runs[job] for job in jobs))


def _dataset(value: Any) -> Dataset:
    try:
        (x_train, y_train), (x_test, y_test) = value
    except (TypeError, ValueError):
        raise TypeError(
            f"dataset must be (x_train, y_train), (x_test, y_test); received {value!r:.60}"
        ) from None
    parts = []
    for name, images, labels in (("train", x_train, y_train), ("test", x_test, y_test)):
        stack = _checks.image_stack(images)
        classes = _checks.class_labels(labels, NUM_CLASSES)
        _checks.same_length(f"x_{name}", len(stack), f"y_{name}", len(classes))
        if not len(stack):
            raise ValueError(f"x_{name} must hold at least one image; received none")
        parts.append(Split(stack, labels))
    return Dataset(*parts)


def _seeds(value: Iterable[int]) -> list[int]:
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        raise TypeError(f"seeds must be an iterable of whole numbers; received {value!r}")
    seeds = [_checks.whole_number("each seed", seed, at_least=0) for seed in value]
    if not seeds or len(set(seeds)) < len(seeds):
        raise ValueError(f"seeds must be different numbers, at least one; received {seeds}")
    return seeds


def _plans(
    given: str | recipes.Recipe | Sequence[str | recipes.Recipe],
    epochs: int | None,
    batch_size: int | None,
) -> list[recipes.Recipe]:
    each = [given] if isinstance(given, str | recipes.Recipe) else list(given)
    changes: dict[str, Any] = {
        name: _checks.whole_number(name, value, at_least=1)
        for name, value in (("epochs", epochs), ("batch_size", batch_size))
        if value is not None
    }
    plans = [dataclasses.replace(recipes.find(one), **changes) for one in each]
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


def _folder(value: PathLike) -> Path:
    folder = _checks.path("output", value)
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


def _file(folder: Path, job: Job) -> Path:
    return folder / f"{job.recipe.name}-seed-{job.seed}.json"


def _kept(path: Path, job: Job, fingerprint: str) -> SweepRun:
    """Return the run that a file holds, if it is of this sweep."""
    try:
        record = json.loads(read_limited(path, limit=_MOST_BYTES))
        found = {name: record[name] for name in ("recipe", "seed")}
        data = record["data_sha256"]
        run = _run(job, record)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
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


def _run(job: Job, record: dict[str, Any]) -> SweepRun:
    return SweepRun(
        recipe=job.recipe,
        seed=job.seed,
        training_seconds=record["training_seconds"],
        history=dict(record["history"]),
        test=Evaluation.from_dict(record["test"]),
    )
