"""The number and names of a model's classes."""

import pytest

from mnistcnn import build_model
from mnistcnn.backend import keras
from mnistcnn.models.classes import count_classes, get_class_names, set_class_names
from tests.training.model_variants import Subclassed, functional


def with_output(*shape):
    size = 1
    for side in shape:
        size *= side
    layers = [keras.layers.Flatten(), keras.layers.Dense(size), keras.layers.Reshape(shape)]
    return keras.Sequential([keras.Input((28, 28, 1)), *layers])


def with_two_outputs():
    images = keras.Input((28, 28, 1))
    features = keras.layers.Flatten()(images)
    return keras.Model(images, [keras.layers.Dense(3)(features), keras.layers.Dense(2)(features)])


def test_the_number_of_classes_is_the_size_of_the_output():
    assert count_classes(build_model()) == 10
    assert count_classes(with_output(26)) == 26
    assert count_classes(functional()) == 10


def test_a_model_is_built_to_count_its_classes():
    model = Subclassed()
    assert count_classes(model) == 10
    assert model.built
    assert count_classes(keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(4)])) == 4


@pytest.mark.parametrize(
    ("make", "received"),
    [
        (lambda: with_output(1), r"shape \(1,\)"),
        (lambda: with_output(3, 2), r"shape \(3, 2\)"),
        (with_two_outputs, "several outputs"),
    ],
)
def test_other_outputs_are_rejected(make, received):
    message = (
        "^model must return the probabilities of at least 2 classes for each image, "
        rf"shape \(n, k\); received one that returns {received}$"
    )
    with pytest.raises(ValueError, match=message):
        count_classes(make())


def test_names_of_a_model():
    model = with_output(2)
    assert get_class_names(model, 2) == ("0", "1")
    set_class_names(model, ["0", "1"])
    assert not hasattr(model, "class_names")
    set_class_names(model, ["cat", "dog"])
    assert get_class_names(model, 2) == ("cat", "dog")
    set_class_names(model, ["0", "1"])
    assert get_class_names(model, 2) == ("0", "1")


@pytest.mark.parametrize("value", [3, "ab", ["a"], ["a", 3], ["a", "a"]])
def test_another_attribute_of_that_name_is_ignored(value):
    model = with_output(2)
    model.class_names = value
    assert get_class_names(model, 2) == ("0", "1")
