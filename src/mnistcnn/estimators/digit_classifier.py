"""`DigitClassifier`: training and inference behind scikit-learn's interface."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from mnistcnn import recipes
from mnistcnn.backend import keras
from mnistcnn.data.preprocessing import preprocess
from mnistcnn.evaluation.evaluate import BATCH_SIZE, predict_batch
from mnistcnn.models.cnn import build_model
from mnistcnn.public import public
from mnistcnn.training.train import train
from mnistcnn.types import IMAGE_SIZE, Float32Array
from mnistcnn.utils.text import quote
from mnistcnn.utils.validation import check_seed, one_hot

_NUM_PIXELS = IMAGE_SIZE**2
_IMAGE_SHAPES = ((IMAGE_SIZE, IMAGE_SIZE), (IMAGE_SIZE, IMAGE_SIZE, 1))
_MAX_LEVEL = 255
_RULE = "X must be images of 28 × 28 pixels, of shape (n, 784), (n, 28, 28) or (n, 28, 28, 1)"


@public
class DigitClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # untyped
    """The network as a scikit-learn classifier of 28 × 28 images, for any classes.

    It works wherever scikit-learn takes a classifier: ``cross_val_score``, ``GridSearchCV``,
    ``learning_curve``, ``CalibratedClassifierCV``, pipelines. `fit` builds a new network with
    `build_model` and trains it with `train` on all images; nothing is written to files.

    Parameters
    ----------
    recipe : str or recipes.Recipe, default "fast"
        Recipe of the training, as in `train`, without its callbacks and validation.
        ``"finetune"`` needs a `model` that returns a trained network, such as
        ``lambda k: load_pretrained()``.
    epochs, batch_size : int, optional
        Override the recipe's values. With a few hundred images, 10 epochs take seconds.
    seed : int, optional
        Determines the initial weights, the order of the images and their augmentation: equal
        seeds give equal networks. By default they are drawn afresh.
    class_weight : dict or "balanced", optional
        Weight of each class in the loss, by its label; ``"balanced"`` gives each class the same
        total weight.
    model : callable, optional
        Function that takes the number of classes and returns a compiled Keras model of your
        own, from ``(n, 28, 28, 1)`` to the probabilities ``(n, k)``. Default: `build_model`.
    verbose : {0, 1, 2, "auto"}, default 0
        As in `train`; 0 prints nothing.

    Attributes
    ----------
    classes_ : numpy.ndarray
        The labels, sorted: ``(k,)``, of the dtype of `y`.
    model_ : keras.Model
        The trained network, for `export_model`, `calibrate` and the plots. Its outputs are in
        the order of `classes_`.
    history_ : dict of str to list of float
        ``loss`` and ``accuracy`` of each epoch.
    n_features_in_ : int
        784, the number of pixels.
    feature_names_in_ : numpy.ndarray
        Names of the columns; only if `fit` was given a DataFrame whose names are strings.

    Examples
    --------
    >>> from mnistcnn import DigitClassifier, load_data
    >>> from sklearn.model_selection import cross_val_score
    >>> (images, labels), _ = load_data("digits")
    >>> classifier = DigitClassifier(epochs=5, seed=0)
    >>> scores = cross_val_score(classifier, images[:300], labels[:300], cv=2)
    >>> scores.shape
    (2,)
    """

    def __init__(
        self,
        *,
        recipe: recipes.RecipeName | recipes.Recipe = "fast",
        epochs: int | None = None,
        batch_size: int | None = None,
        seed: int | None = None,
        class_weight: Mapping[Any, float] | Literal["balanced"] | None = None,
        model: Callable[[int], keras.Model] | None = None,
        verbose: Literal["auto", 0, 1, 2] = 0,
    ) -> None:
        self.recipe = recipe
        self.epochs = epochs
        self.batch_size = batch_size
        self.seed = seed
        self.class_weight = class_weight
        self.model = model
        self.verbose = verbose

    def fit(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> DigitClassifier:
        """Build a network and train it.

        Parameters
        ----------
        X : array_like
            Images of 28 × 28 pixels, light on dark: ``(n, 784)``, such as a DataFrame,
            ``(n, 28, 28)`` or ``(n, 28, 28, 1)``. Floats in [0, 1], or whole numbers in
            0...255 of any dtype.
        y : array_like
            Labels ``(n,)`` of at least 2 classes: integers, strings or any other sortable type.
        sample_weight : array_like, optional
            Weight of each image in the loss, ``(n,)``, at least 0.

        Returns
        -------
        DigitClassifier
            The estimator itself.

        Raises
        ------
        TypeError, ValueError
            If a parameter of the estimator has the wrong type or value, the images are not 28 ×
            28 pixels or out of range, or there is only one class.
        """
        rows, targets = validate_data(self, self._as_rows(X), y)
        check_classification_targets(targets)
        images = self._to_images(rows)
        self.classes_, indices = np.unique(targets, return_inverse=True)
        num_classes = len(self.classes_)
        if num_classes < 2:
            label = quote(self.classes_.tolist()[0])
            raise ValueError(f"y must hold at least 2 classes; received one class, {label}")
        if sample_weight is not None:
            sample_weight = np.asarray(sample_weight)
            if not sample_weight.any():
                raise ValueError(
                    "sample_weight must not be zero for all images; received only zeros"
                )
        self.model_ = self._new_model(num_classes)
        history = train(
            self.model_,
            images,
            one_hot(indices.astype(np.intp), num_classes),
            recipe=self.recipe,
            epochs=self.epochs,
            batch_size=self.batch_size,
            validation_split=0,
            sample_weight=sample_weight,
            class_weight=self._class_weight(),
            callbacks=[],
            seed=self.seed,
            verbose=self.verbose,
        )
        self.history_ = history.history
        return self

    def predict_proba(self, X: ArrayLike) -> Float32Array:
        """Return the probability of each class.

        Parameters
        ----------
        X : array_like
            Images, as in `fit`.

        Returns
        -------
        numpy.ndarray
            ``float32 (n, k)``, in the order of `classes_`.

        Raises
        ------
        TypeError, ValueError
            If the images are not as in `fit`, or before `fit` (``NotFittedError``).
        """
        check_is_fitted(self)
        images = self._to_images(validate_data(self, self._as_rows(X), reset=False))
        k, starts = len(self.classes_), range(0, len(images), BATCH_SIZE)
        return np.concatenate(
            [predict_batch(self.model_, images[i : i + BATCH_SIZE], num_classes=k) for i in starts]
        )

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the most probable class.

        Parameters
        ----------
        X : array_like
            Images, as in `fit`.

        Returns
        -------
        numpy.ndarray
            ``(n,)``, of the dtype of `classes_`.

        Raises
        ------
        TypeError, ValueError
            If the images are not as in `fit`, or before `fit` (``NotFittedError``).
        """
        indices = self.predict_proba(X).argmax(axis=1)
        labels: NDArray[Any] = self.classes_[indices]
        return labels

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = True
        tags.input_tags.three_d_array = True
        tags.non_deterministic = self.seed is None
        return tags

    def __getstate__(self) -> dict[str, Any]:
        """Return the state for a pickle: the weights of the network instead of its Keras object."""
        state: dict[str, Any] = super().__getstate__()
        if "model_" in state:
            state = {**state, "model_": state["model_"].get_weights()}
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "model_" in state:
            self.model_ = self._new_model(len(self.classes_))
            self.model_.set_weights(state["model_"])

    def _new_model(self, num_classes: int) -> keras.Model:
        if self.model is None:
            return build_model(num_classes=num_classes, seed=check_seed(self.seed))
        if not callable(self.model):
            raise TypeError(
                "model must be a function that returns a compiled Keras model; "
                f"received {quote(self.model)}"
            )
        return self.model(num_classes)

    def _class_weight(self) -> Mapping[int, float] | Literal["balanced"] | None:
        """Return `class_weight` by the index of each class."""
        if not isinstance(self.class_weight, Mapping):
            return self.class_weight
        labels = self.classes_.tolist()
        unknown = [label for label in self.class_weight if label not in labels]
        if unknown:
            raise ValueError(
                f"class_weight must be a dictionary of labels in y; received {quote(unknown[0])}"
            )
        return {labels.index(label): weight for label, weight in self.class_weight.items()}

    def _as_rows(self, X: Any) -> Any:
        """Return images as rows of pixels; anything else unchanged, for scikit-learn to check."""
        array = X if hasattr(X, "shape") else np.asarray(X)
        if len(array.shape) <= 2:
            return array
        if array.shape[1:] not in _IMAGE_SHAPES:
            raise ValueError(f"{_RULE}; received {array.shape}")
        return np.asarray(array).reshape(len(array), _NUM_PIXELS)

    def _to_images(self, rows: NDArray[Any]) -> Float32Array:
        """Return validated rows of pixels as preprocessed images."""
        if rows.shape[1] != _NUM_PIXELS:
            raise ValueError(f"{_RULE}; received {rows.shape[1]} features in each row")
        pixels = rows.reshape(-1, IMAGE_SIZE, IMAGE_SIZE)
        is_level = pixels.dtype.kind == "f" and 1 < pixels.max() <= _MAX_LEVEL and pixels.min() >= 0
        if is_level and not (pixels % 1).any():
            pixels = pixels.astype(np.uint8)  # a table of MNIST may hold its gray levels as floats
        return preprocess(pixels)
