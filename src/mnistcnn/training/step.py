"""The interface of a training step that runs inside a compiled graph."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from mnistcnn.backend import keras, tf


class Step(ABC):
    """A training and a test step of a model, with running metrics.

    Parameters
    ----------
    model : keras.Model
        The compiled model. Its optimizer and trainable variables are read when the graph is
        traced, at the first batch, so that changes made by callbacks before it take effect, as
        in Keras.
    """

    def __init__(self, model: keras.Model) -> None:
        self.model = model

    @abstractmethod
    def reset(self) -> None:
        """Reset the metrics."""

    @abstractmethod
    def metrics(self) -> dict[str, float]:
        """Return the metrics since `reset`."""

    @abstractmethod
    def metric_state(self) -> dict[str, NDArray[Any]]:
        """Return the state of the metrics by name, for a checkpoint."""

    @abstractmethod
    def set_metric_state(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Restore the state of the metrics; further arrays are ignored."""

    @abstractmethod
    def train(
        self,
        x: tf.Tensor,
        y: tf.Tensor,
        targets: tf.Tensor | None = None,
        sample_weight: tf.Tensor | None = None,
    ) -> None:
        """Train on a batch and add it to the metrics, inside a graph.

        `y` are one-hot labels. The loss is computed against `targets`, by default the labels,
        the accuracy against `y`. The loss of each image is multiplied by its weight.
        """

    @abstractmethod
    def test(self, x: tf.Tensor, y: tf.Tensor, sample_weight: tf.Tensor | None = None) -> None:
        """Add a batch to the metrics, inside a graph."""
