"""scikit-learn's own checks of `DigitClassifier`.

Their data are tables of a few numbers of any size, not images of 784 pixels in [0, 1]. So all checks
run on `TableClassifier`, which draws such a table as images, and those that need no valid table
also on `DigitClassifier` itself. The checks are about the interface, so a closed form takes
the place of the training and each takes milliseconds.
"""

from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from mnistcnn import DigitClassifier
from mnistcnn.backend import keras
from mnistcnn.estimators import digit_classifier
from mnistcnn.utils.validation import check_sample_weight

NOT_IMAGES = "its tables have few columns; an image has 784 pixels in [0, 1]"


class TableClassifier(DigitClassifier):
    """A classifier of tables of any size: each number is the brightness of a stripe."""

    def _to_images(self, rows):
        brightness = 1 / (1 + np.exp(-np.clip(rows.astype(np.float64), -50, 50)))
        columns = np.arange(784) * rows.shape[1] // 784
        return brightness[:, columns].reshape(-1, 28, 28, 1).astype(np.float32)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = False
        return tags


def linear_network(num_classes):
    layers = keras.layers
    dense = layers.Dense(num_classes, activation="softmax", kernel_initializer="zeros")
    model = keras.Sequential([keras.Input((28, 28, 1)), layers.Flatten(), dense])
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return model


def fit_ridge(model, x, y, *, sample_weight, class_weight, **options):
    """Train the linear network in closed form."""
    weights = np.ones(len(x)) if sample_weight is None else sample_weight
    weights = check_sample_weight("sample_weight", weights, len(x)).astype(np.float64)
    if isinstance(class_weight, dict):
        weights = weights * np.vectorize(class_weight.get)(y.argmax(axis=1))
    features = np.column_stack([x.reshape(len(x), -1), np.ones(len(x))]).astype(np.float64)
    weighted = features * weights[:, np.newaxis]
    gram = weighted.T @ features + np.eye(features.shape[1])
    kernel = 2 * np.linalg.solve(gram, weighted.T @ y)
    model.set_weights([kernel[:-1].astype(np.float32), kernel[-1].astype(np.float32)])
    return SimpleNamespace(history={"loss": [0.0], "accuracy": [1.0]})


@pytest.fixture(autouse=True)
def _closed_form(monkeypatch):
    monkeypatch.setattr(digit_classifier, "train", fit_ridge)


# Checks of `DigitClassifier` that need a table of few columns to be valid, or the message about it
# to be scikit-learn's. All pass on `TableClassifier`.
NEEDS_TABLES = [
    "check_fit_score_takes_y",
    "check_estimators_overwrite_params",
    "check_dont_overwrite_parameters",
    "check_estimators_fit_returns_self",
    "check_readonly_memmap_input",
    "check_n_features_in_after_fitting",
    "check_positive_only_tag_during_fit",
    "check_estimators_dtypes",
    "check_sample_weights_pandas_series",
    "check_sample_weights_not_an_array",
    "check_sample_weights_list",
    "check_all_zero_sample_weights_error",
    "check_sample_weights_shape",
    "check_sample_weights_not_overwritten",
    "check_sample_weight_equivalence_on_dense_data",
    "check_dtype_object",
    "check_pipeline_consistency",
    "check_estimators_nan_inf",
    "check_estimators_pickle",
    "check_f_contiguous_array_estimator",
    "check_classifier_data_not_an_array",
    "check_classifiers_one_label",
    "check_classifiers_one_label_sample_weights",
    "check_classifiers_classes",
    "check_classifiers_train",
    "check_supervised_y_2d",
    "check_class_weight_classifiers",
    "check_methods_sample_order_invariance",
    "check_methods_subset_invariance",
    "check_fit2d_1sample",
    "check_fit2d_1feature",
    "check_dict_unchanged",
    "check_fit_idempotent",
    "check_fit_check_is_fitted",
    "check_n_features_in",
    "check_fit2d_predict1d",
]


@pytest.mark.slow
@parametrize_with_checks([TableClassifier(seed=0, model=linear_network)])
def test_table_classifier(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks(
    [DigitClassifier(seed=0, model=linear_network)],
    expected_failed_checks=lambda _: dict.fromkeys(NEEDS_TABLES, NOT_IMAGES),
)
def test_digit_classifier(estimator, check):
    check(estimator)
