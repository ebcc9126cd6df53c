"""The cache of teachers: equal teachers are trained once, and others are never loaded."""

import dataclasses

import numpy as np
import pytest

from mnistcnn.models.cnn import build_teacher
from mnistcnn.recipes import FAST
from mnistcnn.training import distillation
from mnistcnn.training.distillation import TeacherStep
from tools.pretrained import teacher_cache

RECIPE = dataclasses.replace(
    FAST, label_smoothing=0.0, teacher=dataclasses.replace(FAST, name="teacher"), num_teachers=2
)


@pytest.fixture
def trained(monkeypatch, tmp_path):
    """The teachers that would have been trained, as (number, seed)."""
    calls = []

    def train(plan, number, training, *, seed, **options):
        calls.append((number, seed))
        return TeacherStep(build_teacher(seed=10 * seed + number))

    monkeypatch.setattr(distillation, "train_teacher", train)
    monkeypatch.setattr(teacher_cache, "FOLDER", tmp_path)
    return calls


def train_teacher(recipe, number, training, seed):
    """Return the weights, and the seconds saved by the cache."""
    with teacher_cache.enabled() as statistics:
        step = distillation.train_teacher(recipe, number, training, seed=seed)
    return step.model.get_weights(), statistics.seconds_saved


def test_equal_teacher_is_trained_once(trained, xy):
    original = distillation.train_teacher
    first, seconds = train_teacher(RECIPE, 1, xy, 3)
    assert seconds == 0
    same_teacher = dataclasses.replace(RECIPE, epochs=7, distillation_temperature=4)
    again, seconds = train_teacher(same_teacher, 1, xy, 3)
    assert all(map(np.array_equal, first, again))
    assert seconds > 0
    assert trained == [(1, 3)]
    assert distillation.train_teacher is original


@pytest.mark.parametrize("what", ["seed", "number", "recipe", "images"])
def test_different_teacher_is_trained(trained, xy, what):
    train_teacher(RECIPE, 0, xy, 0)
    recipe, training = RECIPE, xy
    if what == "recipe":
        recipe = dataclasses.replace(RECIPE, teacher=dataclasses.replace(RECIPE.teacher, epochs=2))
    if what == "images":
        training = xy[0][1:], xy[1][1:]
    train_teacher(recipe, int(what == "number"), training, int(what == "seed"))
    assert len(trained) == 2
