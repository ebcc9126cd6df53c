"""What a notebook and the prompt show of each object."""

from dataclasses import replace

import numpy as np
import pytest

from mnistcnn import Comparison, Dataset, Reading, Recognizer, Split, Sweep, SweepRun, recipes
from tests.helpers.evaluations import make_evaluation
from tests.helpers.readings import make_digit

EVALUATION = make_evaluation([[8, 2], [0, 10]], loss=0.25)
NAMES = ("<b>cat</b>", "dog")
NAMED = replace(EVALUATION, class_names=NAMES)
RUNS = tuple(
    SweepRun(recipe=recipes.FAST, seed=seed, training_seconds=1.5, history={}, test=EVALUATION)
    for seed in (0, 1)
)
READING = Reading(
    lines=((make_digit(8, 0.97), make_digit(7, 0.5)),), width=99, height=9, omitted=(make_digit(1),)
)


def dataset(class_names=NAMES):
    images, labels = np.full((3, 28, 28), 9, np.uint8), np.array([0, 1, 1], np.uint8)
    return Dataset(Split(images, labels), Split(images[:1], labels[:1]), class_names)


CASES = [
    (EVALUATION, "Evaluation(accuracy=0.9000, loss=0.2500, num_images=20)"),
    (EVALUATION.misclassified, "MisclassifiedImages(2 images)"),
    (EVALUATION.calibration_curve, "CalibrationCurve(15 bins, expected_calibration_error=0.1500)"),
    (
        Comparison(both_correct=9, only_a_correct=1, only_b_correct=0, both_incorrect=3),
        "Comparison(both_correct=9, only_a_correct=1, only_b_correct=0, both_incorrect=3)",
    ),
    (RUNS[0], "SweepRun(recipe='fast', seed=0, accuracy=0.9000)"),
    (Sweep(runs=RUNS), "Sweep(2 runs, mean_accuracy={'fast': 0.9})"),
    (
        READING,
        "Reading(text='87', digits=2, probability=0.05)",
    ),
    (
        recipes.BASELINE,
        (
            "Recipe(name='baseline', epochs=5, batch_size=32, validation_split=0.3, "
            "monitor='val_accuracy', min_delta=0.01, patience=4)"
        ),
    ),
    (recipes.Augmentation(rotation=10), "Augmentation(rotation=10.0)"),
    (dataset(), "Dataset(3 training images, 1 test images, 2 classes)"),
    (dataset().test, "Split(images=uint8 (1, 28, 28), labels=uint8 (1,))"),
]


@pytest.mark.parametrize(("value", "text"), CASES, ids=lambda value: type(value).__name__)
def test_repr_is_short(value, text):
    assert repr(value) == text


def test_the_repr_of_a_recognizer_names_its_weights(recognizer):
    assert repr(recognizer) == "Recognizer('best')"
    assert "<b>Recognizer</b> with the weights &#x27;best&#x27;" in recognizer._repr_html_()
    assert repr(Recognizer("robust", num_threads=1)) == "Recognizer('robust')"


@pytest.mark.parametrize("recipe", [recipes.BASELINE, recipes.FAST, recipes.ROBUST])
def test_the_repr_of_a_recipe_creates_an_equal_one(recipe):
    assert eval(repr(recipe), vars(recipes)) == recipe


def test_the_repr_of_a_recipe_leaves_out_the_settings_of_its_teacher():
    assert "teacher=<teacher>, num_teachers=2" in repr(recipes.BEST)


@pytest.mark.parametrize("name", list(recipes.RECIPES))
def test_the_html_of_a_recipe_lists_what_is_not_the_default(name):
    text = recipes.RECIPES[name]._repr_html_()
    assert text.startswith('<div><div style="padding: 0.15em 0"><b>Recipe</b> ' + name)
    assert ">batch_size</td>" in text
    assert ">distillation_temperature</td>" not in text


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (EVALUATION, ["accuracy 90.00%", ">digit<".replace("digit", "class"), ">80.00%<", "1 (2)"]),
        (Sweep(runs=RUNS), [">fast<", ">90.000 %<", ">2<"]),
        (CASES[3][0], ["McNemar&#x27;s exact test", ">a correct<", ">9<"]),
        (READING, ["2 digits, probability 4.9%", "<pre>87</pre>", "8: 97%", "1 omitted"]),
        (dataset(), ["3 training images", ">training<", ">2<", "<img "]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_html_shows_the_result(value, expected):
    text = value._repr_html_()
    missing = [part for part in expected if part not in text]
    assert not missing
    assert text.startswith("<div>")
    assert "color" not in text  # set by the theme of the notebook


def test_names_of_classes_are_escaped():
    for value in (NAMED, dataset()):
        text = value._repr_html_()
        assert "<b>cat" not in text
        assert "&lt;b&gt;cat&lt;/b&gt;" in text


def test_html_is_small_also_for_many_digits_and_classes():
    many = Reading(lines=((make_digit(1),) * 5000,), width=99, height=9)
    assert "and 4,970 more" in many._repr_html_()
    assert len(many._repr_html_()) < 20_000
    assert "no digits" in Reading(lines=(), width=9, height=9)._repr_html_()
    names = tuple(f"class {number}" for number in range(47))
    assert "<table" not in dataset(names)._repr_html_()
    assert "<details><summary>by class" in make_evaluation(np.eye(47, dtype=int))._repr_html_()
    assert "<details open><summary>by digit" in make_evaluation(np.eye(10, dtype=int))._repr_html_()


def test_html_of_real_data(digits):
    text = digits._repr_html_()
    assert len(text) < 8_000
    assert ">training<" in text
    assert ">0</th>" in text
    assert ">9</th>" in text
