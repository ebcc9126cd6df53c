"""What the writers of all formats receive: a model, its weights and its classes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mnistcnn.backend import keras
from mnistcnn.models.classes import count_classes, get_class_names
from mnistcnn.models.cnn import architecture_mismatch
from mnistcnn.types import IMAGE_SIZE
from mnistcnn.utils.validation import check_class_names
from mnistcnn.weights.metadata import model_metadata


class ExportSource:
    """A model to export.

    Parameters
    ----------
    model : keras.Model
        Returns the probabilities of k classes for images of 28 × 28 pixels.
    class_names : sequence of str, optional
        Name of each class. Default: the attribute `class_names` of the model, or the numbers.

    Attributes
    ----------
    mismatch : str or None
        How the architecture differs from that of `build_model`. If it does not, the package's
        own writers build the graph from the weights; otherwise Keras' exporters trace the model.
    """

    def __init__(self, model: keras.Model, class_names: Sequence[str] | None = None) -> None:
        self.model = model
        self.num_classes = count_classes(model)
        self.class_names = get_class_names(model, self.num_classes)
        if class_names is not None:
            self.class_names = check_class_names(class_names, num_classes=self.num_classes)
        self.mismatch = architecture_mismatch(model, in_training=False)
        if self.mismatch is not None:
            self._check_finite()

    @property
    def is_cnn(self) -> bool:
        """Whether the model has the architecture of `build_model`."""
        return self.mismatch is None

    @cached_property
    def weights(self) -> list[NDArray[np.float32]]:
        """The arrays of ``model.get_weights()``."""
        return list(self.model.get_weights())

    @property
    def metadata(self) -> dict[str, str]:
        """The metadata entries of the exported file."""
        return model_metadata(self.num_classes, self.class_names)

    def _check_finite(self) -> None:
        for weight in self.model.weights:
            if not np.isfinite(np.asarray(keras.ops.cast(weight, "float32"))).all():
                raise ValueError(f"{weight.path} must be finite; received NaN or infinity")


def input_spec() -> keras.InputSpec:
    """Return the input of an exported model: any number of images."""
    return keras.InputSpec(shape=(None, IMAGE_SIZE, IMAGE_SIZE, 1), dtype="float32", name="images")
