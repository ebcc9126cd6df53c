"""A training step whose batch is shared out over the devices, or machines, of a strategy.

The network's variables stay plain ones, one copy in each process. A batch is put together,
distorted and given its dropout as on one device; then each replica computes the gradients of
its share, and their sum over all replicas goes to the optimizer, once in each process. So the
batch is what it is on one device, and its result the same up to rounding, however many
replicas there are and whether or not they divide it evenly.
"""

from __future__ import annotations

import math
from typing import Any

from mnistcnn.backend import tf
from mnistcnn.training.epoch_iterator import TargetFn
from mnistcnn.training.train_step import TrainStep

_METRICS = 3


class DistributedTrainStep(TrainStep):
    """The step of another, shared out.

    Parameters
    ----------
    step : Step
        What is done to a share.
    strategy : tf.distribute.Strategy
        Whose replicas take part.
    teach : callable, optional
        Gives the targets of a share in place of its labels.
    """

    def __init__(
        self, step: TrainStep, strategy: tf.distribute.Strategy, teach: TargetFn | None
    ) -> None:
        super().__init__(step.model)
        self._step, self._strategy, self._teach = step, strategy, teach

    def train(self, x: tf.Tensor, y: tf.Tensor, targets: tf.Tensor | None = None) -> None:
        size = tf.shape(x)[0]
        weights, mask = self._step.weights(), self._mask(size)

        def flat(part: slice) -> tf.Tensor:
            images, labels = x[part], y[part]
            goal = labels if targets is None else targets[part]
            if self._teach is not None:
                goal = self._teach(images)
            gradients, counts = self._step.gradients(
                weights, images, labels, goal, mask=mask if mask.shape.rank == 0 else mask[part]
            )
            return tf.concat([tf.reshape(one, [-1]) for one in (*gradients, counts)], axis=0)

        summed = self._summed(flat, size)
        trained = self.model.trainable_variables
        lengths = [math.prod(variable.shape) for variable in trained]
        *gradients, counts = tf.split(summed, [*lengths, _METRICS])
        share = 1 / tf.cast(size, tf.float32)
        self.model.optimizer.apply(
            [
                tf.reshape(one * share, variable.shape)
                for one, variable in zip(gradients, trained, strict=True)
            ],
            trained,
        )
        self._totals.assign_add(counts)

    def test(self, x: tf.Tensor, y: tf.Tensor) -> None:
        weights = self._step.weights()

        def flat(part: slice) -> tf.Tensor:
            return self._step.counts(weights, x[part], y[part])

        self._totals.assign_add(self._summed(flat, tf.shape(x)[0]))

    def _summed(self, flat: Any, size: tf.Tensor) -> tf.Tensor:
        """Return the sum over all shares, each computed by its replica in two halves."""
        replicas = self._strategy.num_replicas_in_sync

        def share() -> tf.Tensor:
            number = tf.distribute.get_replica_context().replica_id_in_sync_group
            first, last = size * number // replicas, size * (number + 1) // replicas
            middle = (first + last) // 2
            return _sample_mask(flat, first, middle, size) + _sample_mask(flat, middle, last, size)

        return self._strategy.reduce(
            tf.distribute.ReduceOp.SUM, self._strategy.run(share), axis=None
        )

    def _mask(self, size: tf.Tensor) -> tf.Tensor:
        """Return what dropout leaves of the batch's features, drawn as on one device."""
        if not self.dropout.rate:
            return tf.constant(1.0)
        half = tf.maximum(size // 2, 1)
        width = int(self.model.layers[-1].kernel.shape[0])
        halves = [
            self.dropout(tf.ones((count, width)), training=True)
            for count in (half, size - tf.minimum(half, size - 1))
        ]
        return tf.concat(halves, axis=0)[:size]


def _sample_mask(flat: Any, first: tf.Tensor, last: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """Return what a part gives. An empty one is computed with an image, and left out."""
    begin = tf.minimum(first, size - 1)
    given = flat(slice(begin, tf.maximum(last, begin + 1)))
    return given * tf.cast(last > first, tf.float32)
