"""`DigitClassifier`: training, labels, images, pickling, and scikit-learn's tools."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from mnistcnn import DigitClassifier, Recognizer, build_model, export_model, preprocess, train
from mnistcnn.backend import keras

OPTIONS = dict(epochs=4, seed=0)


@pytest.fixture(scope="module")
def data(digits):
    images, labels = digits.train
    return images[:300], labels[:300]


@pytest.fixture(scope="module")
def fitted(data):
    return DigitClassifier(**OPTIONS).fit(*data)


def small_network(num_classes):
    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.MaxPooling2D(4),
            layers.Flatten(),
            layers.Dense(num_classes, activation="softmax"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.01), "categorical_crossentropy", metrics=["accuracy"])
    return model


def fast_classifier(**options):
    """A classifier that trains in a fraction of a second."""
    return DigitClassifier(model=small_network, recipe="baseline", **{**OPTIONS, **options})


def test_it_equals_train(fitted, data):
    x, y = preprocess(*data)
    model = build_model(seed=0)
    history = train(
        model, x, y, recipe="fast", epochs=4, validation_split=0, callbacks=[], seed=0, verbose=0
    )
    assert all(map(np.array_equal, fitted.model_.get_weights(), model.get_weights()))
    assert fitted.history_ == history.history


def test_it_classifies_digits(fitted, digits):
    images, labels = digits.test
    assert fitted.classes_.tolist() == list(range(10))
    assert fitted.n_features_in_ == 784
    assert fitted.score(images, labels) > 0.8
    probabilities = fitted.predict_proba(images)
    assert probabilities.shape == (355, 10)
    assert probabilities.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert np.array_equal(fitted.predict(images), probabilities.argmax(axis=1))


def test_every_form_of_images_is_the_same(fitted, digits):
    images = digits.test.images[:20]
    expected = fitted.predict_proba(images)
    rows = images.reshape(20, 784)
    names = [f"pixel{i}" for i in range(784)]
    forms = {
        "channel": images[..., np.newaxis],
        "rows": rows,
        "list": rows.tolist(),
        "nested list": images.tolist(),
        "int64": rows.astype(np.int64),
        "gray levels as floats": rows.astype(float),
        "preprocessed": preprocess(images),
        "floats": rows / np.float32(255),
    }
    for name, form in forms.items():
        assert fitted.predict_proba(form) == pytest.approx(expected, abs=1e-6), name
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # fitted without names
        frame = pd.DataFrame(rows, columns=names)
        assert fitted.predict_proba(frame) == pytest.approx(expected, abs=1e-6)


def test_names_of_columns_are_compared(data):
    frame = pd.DataFrame(data[0].reshape(-1, 784)).rename(columns="pixel{}".format)
    classifier = fast_classifier().fit(frame, data[1])
    assert classifier.feature_names_in_[:2].tolist() == ["pixel0", "pixel1"]
    with pytest.raises(ValueError, match="The feature names should match"):
        classifier.predict(frame.rename(columns={"pixel0": "other"}))


@pytest.mark.parametrize(
    "labels",
    [
        np.array(["zero", "one", "two"]),
        pytest.param(np.array([-7, 1000, 3]), marks=pytest.mark.slow),
        pytest.param(np.array([2.0, 0.0, 1.0]), marks=pytest.mark.slow),
    ],
)
def test_labels_of_any_type(labels, data):
    images, digits = (array[data[1] < 3] for array in data)
    y = labels[digits]
    classifier = fast_classifier(epochs=20).fit(images, y)
    assert classifier.classes_.tolist() == sorted(labels.tolist())
    assert classifier.classes_.dtype == y.dtype
    assert classifier.model_.output_shape == (None, 3)
    assert classifier.score(images, y) > 0.9


def test_pickle_and_clone(fitted, data):
    copy = pickle.loads(pickle.dumps(fitted))
    assert np.array_equal(copy.predict_proba(data[0]), fitted.predict_proba(data[0]))
    unfitted = clone(fitted)
    assert unfitted.get_params() == fitted.get_params()
    with pytest.raises(NotFittedError):
        unfitted.predict(data[0])


def test_weights_of_images_and_classes(data):
    images, labels = data
    chosen = labels < 2
    images, labels = images[chosen], labels[chosen]
    only_ones = fast_classifier().fit(images, labels, sample_weight=labels.astype(float))
    assert set(only_ones.predict(images)) == {1}
    names = np.array(["no", "yes"])[labels]
    only_no = fast_classifier(class_weight={"no": 1, "yes": 0}).fit(images, names)
    assert set(only_no.predict(images)) == {"no"}
    balanced = fast_classifier(class_weight="balanced", epochs=30).fit(images, names)
    assert balanced.score(images, names) > 0.9
    with pytest.raises(
        ValueError, match="class_weight must be a dictionary of labels in y; received 'maybe'"
    ):
        fast_classifier(class_weight={"maybe": 2}).fit(images, names)


@pytest.mark.slow
def test_tools_of_scikit_learn(data):
    images, labels = data
    assert (cross_val_score(fast_classifier(epochs=8), images, labels, cv=2) > 0.5).all()
    search = GridSearchCV(fast_classifier(), {"epochs": [1, 8]}, cv=2).fit(images, labels)
    assert search.best_params_ == {"epochs": 8}
    inverted = make_pipeline(FunctionTransformer(lambda x: 255 - x), fast_classifier(epochs=8))
    expected = fast_classifier(epochs=8).fit(images, labels)
    assert np.array_equal(
        inverted.fit(255 - images, labels).predict(255 - images), expected.predict(images)
    )


def test_the_network_can_be_exported(fitted, digits):
    export_model(fitted.model_, "digits.onnx")
    images = digits.test.images
    probabilities = Recognizer("digits.onnx", num_threads=1).predict_proba(images)
    assert probabilities == pytest.approx(fitted.predict_proba(images), abs=1e-5)


RULE = r"X must be images of 28 × 28 pixels, of shape \(n, 784\), \(n, 28, 28\) or \(n, 28, 28, 1\); received "


@pytest.mark.parametrize(
    ("images", "error", "message"),
    [
        (np.zeros((2, 64)), ValueError, f"{RULE}64 features in each row"),
        (np.zeros((2, 8, 8)), ValueError, RULE + r"\(2, 8, 8\)"),
        (np.zeros((2, 28, 28, 3)), ValueError, RULE + r"\(2, 28, 28, 3\)"),
        (np.full((2, 784), 256), ValueError, r"must lie in 0\.\.\.255; received"),
        (np.full((2, 784), -0.5), ValueError, r"must lie in \[0, 1\]; received"),
        (np.full((2, 784), 1.5), ValueError, r"must lie in \[0, 1\]; received"),
        (np.full((2, 784), np.nan), ValueError, "contains NaN"),
        (
            np.full((2, 784), "a"),
            ValueError,
            "dtype='numeric' is not compatible with arrays of bytes/strings",
        ),
    ],
)
def test_images_are_checked(images, error, message):
    with pytest.raises(error, match=message):
        DigitClassifier().fit(images, [0, 1])


def test_parameters_and_labels_are_checked(data):
    images, labels = data
    with pytest.raises(ValueError, match="y must hold at least 2 classes; received one class, 0"):
        DigitClassifier().fit(images[:2], labels[:1].repeat(2))
    with pytest.raises(
        TypeError, match="model must be a function that returns a compiled Keras model; received 3"
    ):
        DigitClassifier(model=3).fit(images, labels)
    with pytest.raises(ValueError, match="epochs must be at least 1; received 0"):
        DigitClassifier(epochs=0).fit(images, labels)
    with pytest.raises(ValueError, match="recipe must be"):
        DigitClassifier(recipe="slow").fit(images, labels)
    with pytest.raises(ValueError, match="seed must be at least 0; received -1"):
        DigitClassifier(seed=-1).fit(images, labels)
    with pytest.raises(ValueError, match="Unknown label type: continuous"):
        DigitClassifier().fit(images, np.linspace(0, 1, len(images)))
    with pytest.raises(
        ValueError, match="sample_weight must be finite and at least 0; received -1"
    ):
        DigitClassifier().fit(images, labels, sample_weight=-np.ones(len(images)))
    with pytest.raises(
        ValueError, match="sample_weight must not be zero for all images; received only zeros"
    ):
        DigitClassifier().fit(images, labels, sample_weight=np.zeros(len(images)))
