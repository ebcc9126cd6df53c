"""Knowledge distillation: teachers, soft targets, and recipes with a teacher."""

import dataclasses

import numpy as np
import pytest

from mnistcnn import build_model, evaluate, train
from mnistcnn.backend import keras, tf
from mnistcnn.models.cnn import build_teacher
from mnistcnn.recipes import Augmentation, Recipe
from mnistcnn.training.distillation import TeacherStep, soft_targets

pytestmark = pytest.mark.usefixtures("small_banks")

TEACHER = Recipe(name="teacher", epochs=1, batch_size=50, learning_rate=0.003, dropout=0.3)
STUDENT = Recipe(
    name="student",
    epochs=1,
    batch_size=40,
    learning_rate=0.005,
    augmentation=Augmentation(translation=1.0),
    teacher=TEACHER,
)


@pytest.fixture(scope="module")
def teacher():
    return build_teacher(seed=0)


def trained(xy, recipe, count=100):
    """Return the weights after training the baseline network."""
    model = build_model(seed=0)
    train(model, xy[0][:count], xy[1][:count], recipe=recipe, seed=1, verbose=0)
    return np.concatenate([weight.ravel() for weight in model.get_weights()])


def test_the_teacher_is_larger_and_seeded(teacher):
    assert teacher.count_params() == 143_978
    for one, other in zip(build_teacher(seed=0).get_weights(), teacher.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    other = build_teacher(seed=1).get_weights()[0]
    assert np.abs(other - teacher.get_weights()[0]).max() > 0.01


@pytest.mark.parametrize("count", [1, 2, 7])
def test_the_step_of_the_teacher_equals_that_of_keras(teacher, xy, count):
    x = tf.constant(xy[0][:count])
    targets = soft_targets(x, teachers=[TeacherStep(teacher)], temperature=1.0).numpy()
    np.testing.assert_allclose(targets, teacher(xy[0][:count]).numpy(), atol=1e-5)


def test_a_higher_temperature_gives_softer_targets(teacher, xy):
    step, x = TeacherStep(teacher), tf.constant(xy[0][:20])
    plain, soft = (
        soft_targets(x, teachers=[step], temperature=temperature).numpy()
        for temperature in (1.0, 4.0)
    )
    np.testing.assert_array_equal(plain.argsort(1), soft.argsort(1))
    np.testing.assert_allclose(soft.sum(1), 1, atol=1e-5)
    expected = plain**0.25 / (plain**0.25).sum(1, keepdims=True)
    np.testing.assert_allclose(soft, expected, atol=1e-4)


def test_the_logits_of_several_teachers_are_averaged(teacher, xy):
    other = build_teacher(seed=1)
    x = tf.constant(xy[0][:20])
    steps = [TeacherStep(teacher), TeacherStep(other)]
    targets = soft_targets(x, teachers=steps, temperature=2.0).numpy()
    product = np.sqrt(teacher(x).numpy() * other(x).numpy())  # the mean of the logarithms
    expected = np.sqrt(product) / np.sqrt(product).sum(1, keepdims=True)
    np.testing.assert_allclose(targets, expected, atol=1e-5)


def test_distillation_is_reproducible(xy):
    np.testing.assert_array_equal(trained(xy, STUDENT), trained(xy, STUDENT))


@pytest.mark.slow
def test_distillation_depends_on_temperature_and_teachers(xy):
    first = trained(xy, STUDENT)
    softer = dataclasses.replace(STUDENT, distillation_temperature=5.0)
    assert np.abs(first - trained(xy, softer)).max() > 1e-3
    # Two identical teachers would give the targets of one.
    two_teachers = dataclasses.replace(STUDENT, num_teachers=2)
    assert np.abs(first - trained(xy, two_teachers)).max() > 1e-3


@pytest.mark.slow
def test_a_teacher_changes_the_student(xy):
    without_teacher = dataclasses.replace(STUDENT, teacher=None)
    assert np.abs(trained(xy, STUDENT) - trained(xy, without_teacher)).max() > 1e-3


@pytest.mark.slow
def test_several_teachers_are_reproducible(xy):
    recipe = dataclasses.replace(STUDENT, num_teachers=2)
    np.testing.assert_array_equal(trained(xy, recipe), trained(xy, recipe))


@pytest.mark.slow
def test_students_learn_the_labels(xy):
    teacher = dataclasses.replace(TEACHER, epochs=12)
    recipe = dataclasses.replace(STUDENT, epochs=12, teacher=teacher)
    model = build_model(seed=0)
    history = train(model, *xy, recipe=recipe, seed=1, verbose=0).history
    assert evaluate(model, *xy).accuracy > 0.95
    # The accuracy refers to the labels, the loss to the soft targets, whose entropy is not 0.
    assert 0.9 < history["accuracy"][-1] <= 1
    assert history["loss"][-1] > 0.05


def test_other_models_are_distilled_by_fit(xy):
    model = keras.Sequential(
        [keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(10, "softmax")]
    )
    model.compile(loss="categorical_crossentropy", metrics=["accuracy"])
    recipe = dataclasses.replace(STUDENT, epochs=2)
    history = train(model, xy[0][:80], xy[1][:80], recipe=recipe, seed=0, verbose=0).history
    assert len(history["loss"]) == 2


@pytest.mark.parametrize("num_teachers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_teachers_and_student_display_their_progress(xy, capsys, num_teachers):
    recipe = dataclasses.replace(
        STUDENT,
        epochs=11,
        teacher=dataclasses.replace(TEACHER, epochs=11),
        num_teachers=num_teachers,
    )
    train(build_model(seed=0), xy[0][:20], xy[1][:20], recipe=recipe)
    lines = capsys.readouterr().out.splitlines()
    titles = ["Teacher"] if num_teachers == 1 else ["Teacher 1 of 2", "Teacher 2 of 2"]
    assert len(lines) == 11 * (num_teachers + 1)
    for index, title in enumerate(titles):
        assert lines[11 * index].startswith(f"{title}, epoch 1/11: accuracy")
        assert lines[11 * index + 10].endswith(", 0 s left")
    assert lines[-11].startswith("Epoch 1/11: accuracy")


@pytest.mark.parametrize(
    ("setting", "error", "message"),
    [
        (dict(teacher="wise"), TypeError, "teacher must be a recipes.Recipe; received 'wise'"),
        (dict(teacher=dataclasses.replace(TEACHER, learning_rate=None)), ValueError, "teacher must have a learning_rate; received None"),
        (dict(teacher=STUDENT), ValueError, "teacher must not have a teacher itself; received one that has"),
        (dict(teacher=dataclasses.replace(TEACHER, monitor="loss")), ValueError, "teacher must have neither monitor nor validation_split, since it is trained to its last step; received 'loss' and 0.0"),
        (dict(teacher=dataclasses.replace(TEACHER, validation_split=0.1)), ValueError, "since it is trained to its last step; received None and 0.1"),
        (dict(label_smoothing=0.1), ValueError, "label_smoothing must be 0 with a teacher, whose outputs replace the labels; received 0.1"),
        (dict(distillation_temperature=0), ValueError, "distillation_temperature must be greater than 0; received 0"),
        (dict(num_teachers=0), ValueError, "num_teachers must be at least 1; received 0"),
        (dict(num_teachers=1.5), TypeError, "num_teachers must be an integer; received 1.5"),
    ],
)  # fmt: skip
def test_recipes_with_a_teacher_are_checked(setting, error, message):
    with pytest.raises(error, match=message):
        dataclasses.replace(STUDENT, **setting)


def test_recipes_with_teachers_round_trip_through_dicts():
    for recipe in (STUDENT, dataclasses.replace(STUDENT, num_teachers=2)):
        assert Recipe.from_dict(recipe.to_dict()) == recipe
    assert Recipe.from_dict(dict(name="x", epochs=1, batch_size=2)).teacher is None
