"""Teachers that are trained once, for all recipes that name the same.

A training repeats to the bit for the same seed, so a teacher that another recipe had trained on
the same images is the one that this one would train. `kept` has them in benchmarks/out/teachers;
remove that folder when the training itself was changed.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from mnistcnn.models.cnn import build_teacher
from mnistcnn.recipes import Recipe
from mnistcnn.training import distillation
from mnistcnn.training.checkpoint.fingerprint import data_fingerprint
from mnistcnn.training.distillation import TeacherStep
from mnistcnn.utils.atomic_write import atomic_write
from mnistcnn.utils.environment import library_versions

OUT = Path(__file__).parents[2] / "benchmarks" / "out" / "teachers"


class Saved:
    """The seconds that teachers took when they were trained, beyond those of this run."""

    def __init__(self) -> None:
        self.seconds = 0.0


@contextmanager
def kept() -> Iterator[Saved]:
    """Let `mnistcnn.train` take teachers that are kept, and keep the others."""
    train, saved = distillation.train_teacher, Saved()

    def taught(plan: Recipe, number: int, training: Any, **options: Any) -> TeacherStep:
        path = OUT / f"{_name(plan, number, training, options['seed'])}.npz"
        if path.exists():
            teacher = build_teacher()
            with np.load(path) as arrays:
                teacher.set_weights([arrays[str(place)] for place in range(len(arrays) - 1)])
                saved.seconds += float(arrays["seconds"])
            return TeacherStep(teacher)
        started = time.perf_counter()
        step = train(plan, number, training, **options)
        seconds = time.perf_counter() - started
        weights = {str(place): one for place, one in enumerate(step.model.get_weights())}
        OUT.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as temporary, temporary.open("wb") as file:
            np.savez(file, allow_pickle=False, seconds=np.float64(seconds), **weights)
        return step

    distillation.train_teacher = taught
    try:
        yield saved
    finally:
        distillation.train_teacher = train


def _name(plan: Recipe, number: int, training: Any, seed: int | None) -> str:
    """Return what is the same for the same teacher, and differs for any other."""
    assert plan.teacher is not None
    # A name is no setting.
    settings = {**plan.teacher.to_dict(), "name": ""}
    what = [settings, number, seed, data_fingerprint(*training), library_versions()]
    return hashlib.sha256(json.dumps(what).encode()).hexdigest()[:16]
