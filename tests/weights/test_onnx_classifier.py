"""Running ONNX models."""

import pickle

import numpy as np
import pytest

from mnistcnn.weights.onnx_classifier import OnnxClassifier
from mnistcnn.weights.onnx_file import to_onnx
from tests.helpers.models import numpy_forward, random_weights


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (300, 28, 28)).astype(np.uint8)


def test_probabilities_are_those_of_the_layers(images):
    weights = random_weights(0)
    probabilities = OnnxClassifier(to_onnx(weights)).predict_proba(images[:7])
    assert probabilities.dtype == np.float32
    expected = numpy_forward(weights, images[:7, ..., np.newaxis] / 255)
    np.testing.assert_allclose(probabilities, expected, atol=1e-4)


def test_integers_and_floats_give_the_same(images):
    classifier = OnnxClassifier(to_onnx(random_weights(0)))
    expected = classifier.predict_proba(images)
    for same in (images.astype(np.int64), images / 255, images / np.float32(255), images[:, ::1]):
        np.testing.assert_allclose(classifier.predict_proba(same), expected, atol=1e-6)


def test_any_number_of_images(images):
    classifier = OnnxClassifier(to_onnx(random_weights(0)), 1)
    expected = classifier.predict_proba(images)
    assert classifier.predict_proba(images[:0]).shape == (0, 10)
    for n in (1, 256, 257):
        np.testing.assert_allclose(classifier.predict_proba(images[:n]), expected[:n], atol=1e-6)


def test_unpickling_opens_an_equal_session(images):
    classifier = OnnxClassifier(to_onnx(random_weights(0)), 2)
    copy = pickle.loads(pickle.dumps(classifier))
    assert copy.num_threads == 2
    np.testing.assert_array_equal(copy.predict_proba(images), classifier.predict_proba(images))
