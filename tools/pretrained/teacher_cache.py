"""A cache of trained teachers, shared by all recipes with the same teacher.

A training gives the same weights for the same seed, so a teacher that another recipe trained on
the same images can be reused. The files are in benchmarks/out/teachers; remove that folder when
the training code has changed.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from benchmarks.harness import OUT
from mnistcnn.models.cnn import build_teacher
from mnistcnn.recipes import Recipe
from mnistcnn.training import distillation
from mnistcnn.training.checkpoint.fingerprint import data_fingerprint
from mnistcnn.training.distillation import TeacherStep
from mnistcnn.utils.atomic_write import atomic_write
from mnistcnn.utils.environment import library_versions

FOLDER = OUT / "teachers"


class CacheStatistics:
    """How long the training of the cached teachers took: seconds saved in this run."""

    def __init__(self) -> None:
        self.seconds_saved = 0.0


@contextmanager
def enabled() -> Iterator[CacheStatistics]:
    """Let `mnistcnn.train` load cached teachers, and cache those that it trains."""
    train = distillation.train_teacher
    statistics = CacheStatistics()

    def load_or_train(plan: Recipe, number: int, training: Any, **options: Any) -> TeacherStep:
        path = FOLDER / f"{_cache_key(plan, number, training, options['seed'])}.npz"
        if path.exists():
            teacher = build_teacher()
            with np.load(path) as arrays:
                teacher.set_weights([arrays[str(index)] for index in range(len(arrays) - 1)])
                statistics.seconds_saved += float(arrays["seconds"])
            return TeacherStep(teacher)
        started = time.perf_counter()
        step = train(plan, number, training, **options)
        seconds = time.perf_counter() - started
        weights = {str(index): array for index, array in enumerate(step.model.get_weights())}
        FOLDER.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as temporary, temporary.open("wb") as file:
            np.savez(file, allow_pickle=False, seconds=np.float64(seconds), **weights)
        return step

    distillation.train_teacher = load_or_train
    try:
        yield statistics
    finally:
        distillation.train_teacher = train


def _cache_key(plan: Recipe, number: int, training: Any, seed: int | None) -> str:
    """Return a digest of everything that the weights of a teacher depend on."""
    assert plan.teacher is not None
    # The name of a recipe has no effect.
    settings = {**plan.teacher.to_dict(), "name": ""}
    content = [settings, number, seed, data_fingerprint(*training), library_versions()]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]
