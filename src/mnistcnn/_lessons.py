"""Training the teachers that a recipe names, before the network that learns from them."""

from __future__ import annotations

from functools import partial
from typing import Literal

import numpy as np

from mnistcnn import recipes
from mnistcnn._following import following, with_smoothed_labels
from mnistcnn._keeping import Keeper
from mnistcnn._loop import run
from mnistcnn._passes import Teach
from mnistcnn._progress import shown
from mnistcnn._run_file import TEACHER
from mnistcnn._sources import Data, skip, steps_of
from mnistcnn._teacher import TeacherStep, build_teacher, teach
from mnistcnn._team import Alone


def lessons_of(
    plan: recipes.Recipe,
    training: Data,
    *,
    seed: int | None,
    verbose: Literal["auto", 0, 1, 2],
    keeper: Keeper | None,
    team: Alone,
) -> Teach:
    """Train the teachers on the same images, and return what gives their answers."""
    teachers = [
        _taught(plan, number, training, seed=seed, verbose=verbose, keeper=keeper, team=team)
        for number in range(plan.teachers)
    ]
    return partial(teach, teachers=teachers, softness=plan.softness)


def _taught(
    plan: recipes.Recipe,
    number: int,
    training: Data,
    *,
    seed: int | None,
    verbose: Literal["auto", 0, 1, 2],
    keeper: Keeper | None,
    team: Alone,
) -> TeacherStep:
    """Train one of the teachers; each has weights, order and distortions of its own."""
    own = plan.teacher
    assert own is not None
    drawn, title = seed, "Teacher, epoch"
    if seed is not None and number:
        drawn = int(np.random.SeedSequence([seed, number]).generate_state(1)[0])
    if plan.teachers > 1:
        title = f"Teacher {number + 1} of {plan.teachers}, epoch"
    teacher = build_teacher(seed=drawn)
    step = TeacherStep(teacher)
    stage = None if keeper is None else keeper.stage(f"{TEACHER}{number}", forgets=True)
    if stage is not None and stage.finished:
        skip(training, own.epochs)
    steps = steps_of(training, own.batch_size)
    with (
        following(teacher, own, steps=None if steps is None else own.epochs * steps),
        shown(verbose, epochs=own.epochs, title=title) as (of_keras, display),
    ):
        run(
            teacher,
            with_smoothed_labels(training, own.label_smoothing),
            None,
            epochs=own.epochs,
            batch_size=own.batch_size,
            seed=drawn,
            callbacks=[],
            verbose=of_keras,
            augmentation=own.augmentation,
            step=step,
            shows=display,
            keep=stage,
            team=team,
        )
    return step
