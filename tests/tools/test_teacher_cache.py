"""Teachers that a benchmark trains once: the same again, and never another's."""

import dataclasses

import numpy as np
import pytest

from mnistcnn.backend import tf
from mnistcnn.models.cnn import build_teacher
from mnistcnn.recipes import FAST
from mnistcnn.training import distillation
from mnistcnn.training.distillation import TeacherStep
from tools.pretrained import teacher_cache

PLAN = dataclasses.replace(
    FAST, label_smoothing=0.0, teacher=dataclasses.replace(FAST, name="teacher"), num_teachers=2
)


@pytest.fixture
def trained(monkeypatch, tmp_path):
    """Teachers that need no training; the list tells which would have been trained."""
    seen = []

    def train(plan, number, training, *, seed, verbose, checkpoint, context):
        del plan, training, verbose, checkpoint, context
        seen.append((number, seed))
        return TeacherStep(build_teacher(seed=10 * seed + number))

    monkeypatch.setattr(distillation, "train_teacher", train)
    monkeypatch.setattr(teacher_cache, "OUT", tmp_path)
    return seen


def ask(plan, number, training, seed):
    with teacher_cache.kept() as saved:
        step = distillation.train_teacher(
            plan, number, training, seed=seed, verbose=0, checkpoint=None, context=None
        )
    return step.predict_logits(tf.constant(training[0][:5])).numpy(), saved.seconds


def test_the_same_teacher_is_trained_once(trained, xy):
    original = distillation.train_teacher
    first, seconds = ask(PLAN, 1, xy, 3)
    assert seconds == 0
    again, seconds = ask(dataclasses.replace(PLAN, epochs=7, distillation_temperature=4), 1, xy, 3)
    assert np.array_equal(first, again)
    assert seconds > 0
    assert trained == [(1, 3)]
    assert distillation.train_teacher is original


@pytest.mark.parametrize("what", ["seed", "number", "recipe", "images"])
def test_another_teacher_is_trained(trained, xy, what):
    ask(PLAN, 0, xy, 0)
    plan, training = PLAN, xy
    if what == "recipe":
        plan = dataclasses.replace(PLAN, teacher=dataclasses.replace(PLAN.teacher, epochs=2))
    if what == "images":
        training = xy[0][1:], xy[1][1:]
    ask(plan, int(what == "number"), training, int(what == "seed"))
    assert len(trained) == 2
