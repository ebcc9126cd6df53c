"""The teacher: its network, its lessons, and a recipe that has one."""

import dataclasses

import numpy as np
import pytest

from mnistcnn import build_model, evaluate, train
from mnistcnn.backend import tf
from mnistcnn.models.cnn import build_teacher
from mnistcnn.recipes import Augmentation, Recipe
from mnistcnn.training.distillation import TeacherStep, soft_targets

TEACHER = Recipe(
    name="teacher", epochs=2, batch_size=50, learning_rate=0.003, optimizer="muon", dropout=0.3
)
TAUGHT = Recipe(
    name="taught",
    epochs=2,
    batch_size=40,
    learning_rate=0.005,
    augmentation=Augmentation(translation=1.0),
    teacher=TEACHER,
)


@pytest.fixture(scope="module")
def teacher():
    return build_teacher(seed=0)


def trained(xy, recipe, seed=1, count=200):
    model = build_model(seed=0)
    train(model, xy[0][:count], xy[1][:count], recipe=recipe, seed=seed, verbose=0)
    return np.concatenate([weight.ravel() for weight in model.get_weights()])


def test_it_is_larger_and_begins_by_its_seed(teacher):
    assert teacher.count_params() == 143_978
    for one, other in zip(build_teacher(seed=0).get_weights(), teacher.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    other = build_teacher(seed=1).get_weights()[0]
    assert np.abs(other - teacher.get_weights()[0]).max() > 0.01


@pytest.mark.parametrize("count", [1, 2, 7])
def test_its_step_computes_what_keras_computes(teacher, xy, count):
    x = tf.constant(xy[0][:count])
    given = soft_targets(x, teachers=[TeacherStep(teacher)], temperature=1.0).numpy()
    np.testing.assert_allclose(given, teacher(xy[0][:count]).numpy(), atol=1e-5)


def test_softer_lessons_have_the_same_order_and_less_certainty(teacher, xy):
    step, x = TeacherStep(teacher), tf.constant(xy[0][:20])
    plain, soft = (soft_targets(x, teachers=[step], temperature=one).numpy() for one in (1.0, 4.0))
    np.testing.assert_array_equal(plain.argsort(1), soft.argsort(1))
    np.testing.assert_allclose(soft.sum(1), 1, atol=1e-5)
    expected = plain**0.25 / (plain**0.25).sum(1, keepdims=True)
    np.testing.assert_allclose(soft, expected, atol=1e-4)


def test_several_teach_the_mean_of_their_logits(teacher, xy):
    other = build_teacher(seed=1)
    x = tf.constant(xy[0][:20])
    found = soft_targets(
        x, teachers=[TeacherStep(teacher), TeacherStep(other)], temperature=2.0
    ).numpy()
    product = np.sqrt(teacher(x).numpy() * other(x).numpy())  # the mean of the logarithms
    expected = np.sqrt(product) / np.sqrt(product).sum(1, keepdims=True)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_recipe_with_several_teachers_repeats_and_differs_from_one(xy, capsys):
    several = dataclasses.replace(TAUGHT, num_teachers=2)
    first = trained(xy, several)
    np.testing.assert_array_equal(first, trained(xy, several))
    assert np.abs(first - trained(xy, TAUGHT)).max() > 1e-3
    assert Recipe.from_dict(several.to_dict()) == several
    # Two that were alike would teach what one teaches.
    longer = dataclasses.replace(several, teacher=dataclasses.replace(TEACHER, epochs=11))
    train(build_model(seed=0), xy[0][:50], xy[1][:50], recipe=longer, seed=1, verbose="auto")
    said = capsys.readouterr().out
    assert "Teacher 1 of 2, epoch" in said
    assert "Teacher 2 of 2, epoch" in said


def test_a_recipe_with_a_teacher_learns_from_it_and_repeats(xy):
    first = trained(xy, TAUGHT)
    np.testing.assert_array_equal(first, trained(xy, TAUGHT))
    alone = dataclasses.replace(TAUGHT, teacher=None)
    assert np.abs(first - trained(xy, alone)).max() > 1e-3
    softer = dataclasses.replace(TAUGHT, distillation_temperature=5.0)
    assert np.abs(first - trained(xy, softer)).max() > 1e-3


def test_labels_are_learned_by_way_of_the_teacher(xy):
    longer = dataclasses.replace(TEACHER, epochs=20)
    recipe = dataclasses.replace(TAUGHT, epochs=20, teacher=longer)
    model = build_model(seed=0)
    history = train(model, *xy, recipe=recipe, seed=1, verbose=0).history
    assert evaluate(model, *xy).accuracy > 0.95
    # The accuracy is that against the labels, not against what the teacher said.
    assert 0.9 < history["accuracy"][-1] <= 1
    assert history["loss"][-1] > 0.05  # soft answers leave some


def test_other_networks_learn_from_it_too(xy):
    import keras

    model = keras.Sequential(
        [keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(10, "softmax")]
    )
    model.compile(loss="categorical_crossentropy", metrics=["accuracy"])
    history = train(model, xy[0][:80], xy[1][:80], recipe=TAUGHT, seed=0, verbose=0).history
    assert len(history["loss"]) == 2


def test_both_show_their_progress(xy, capsys):
    recipe = dataclasses.replace(TAUGHT, epochs=11, teacher=dataclasses.replace(TEACHER, epochs=11))
    train(build_model(seed=0), xy[0][:20], xy[1][:20], recipe=recipe)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Teacher, epoch 1/11: accuracy")
    assert lines[10].endswith(", 0 s left")
    assert lines[11].startswith("Epoch 1/11: accuracy")
    assert len(lines) == 22


@pytest.mark.parametrize(
    ("setting", "error", "message"),
    [
        (dict(teacher="wise"), TypeError, "teacher must be a recipes.Recipe; received 'wise'"),
        (dict(teacher=dataclasses.replace(TEACHER, learning_rate=None)), ValueError, "teacher must have a learning_rate; received None"),
        (dict(teacher=TAUGHT), ValueError, "teacher must not have a teacher itself; received one that has"),
        (dict(teacher=dataclasses.replace(TEACHER, monitor="loss")), ValueError, "teacher must have neither monitor nor validation_split, since it is trained to its last step; received 'loss' and 0.0"),
        (dict(teacher=dataclasses.replace(TEACHER, validation_split=0.1)), ValueError, "since it is trained to its last step; received None and 0.1"),
        (dict(label_smoothing=0.1), ValueError, "label_smoothing must be 0 with a teacher, whose outputs replace the labels; received 0.1"),
        (dict(distillation_temperature=0), ValueError, "distillation_temperature must be greater than 0; received 0"),
        (dict(num_teachers=0), ValueError, "num_teachers must be at least 1; received 0"),
        (dict(num_teachers=1.5), TypeError, "num_teachers must be an integer; received 1.5"),
    ],
)  # fmt: skip
def test_what_is_no_teacher_is_refused(setting, error, message):
    with pytest.raises(error, match=message):
        dataclasses.replace(TAUGHT, **setting)


def test_recipes_come_back_from_their_settings():
    assert Recipe.from_dict(TAUGHT.to_dict()) == TAUGHT
    assert Recipe.from_dict(dict(name="x", epochs=1, batch_size=2)).teacher is None
