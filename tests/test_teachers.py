"""Teachers that a benchmark trains once: the same again, and never another's."""

import dataclasses

import numpy as np
import pytest

import teachers
from mnistcnn import _lessons
from mnistcnn._backend import tf
from mnistcnn._teacher import TeacherStep, build_teacher
from mnistcnn.recipes import FAST

PLAN = dataclasses.replace(
    FAST, label_smoothing=0.0, teacher=dataclasses.replace(FAST, name="teacher"), teachers=2
)


@pytest.fixture
def trained(monkeypatch, tmp_path):
    """Teachers that need no training; the list tells which would have been trained."""
    seen = []

    def train(plan, number, training, *, seed, verbose, keeper, team):
        del plan, training, verbose, keeper, team
        seen.append((number, seed))
        return TeacherStep(build_teacher(seed=10 * seed + number))

    monkeypatch.setattr(_lessons, "_taught", train)
    monkeypatch.setattr(teachers, "OUT", tmp_path)
    return seen


def ask(plan, number, training, seed):
    with teachers.kept() as saved:
        step = _lessons._taught(
            plan, number, training, seed=seed, verbose=0, keeper=None, team=None
        )
    return step.answers(tf.constant(training[0][:5])).numpy(), saved.seconds


def test_the_same_teacher_is_trained_once(trained, xy):
    original = _lessons._taught
    first, seconds = ask(PLAN, 1, xy, 3)
    assert seconds == 0
    again, seconds = ask(dataclasses.replace(PLAN, epochs=7, softness=4), 1, xy, 3)
    assert np.array_equal(first, again)
    assert seconds > 0
    assert trained == [(1, 3)]
    assert _lessons._taught is original


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
