"""A training step whose batch is split over the replicas of a strategy.

The model's variables stay unmirrored, one copy in each process. Each batch is assembled,
augmented and given its dropout mask as on one device. Each replica then computes the gradients
of its share, and their sum over all replicas goes to the optimizer of each process. The result
therefore equals that of one device up to rounding, whatever the number of replicas, even if
they do not divide the batch evenly.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from mnistcnn.backend import tf
from mnistcnn.training.epoch_iterator import TargetFn
from mnistcnn.training.train_step import TrainStep

_NUM_METRICS = 3
_SliceFn = Callable[[slice], tf.Tensor]


class DistributedTrainStep(TrainStep):
    """A training step that runs another step on each replica's share of the batch.

    Parameters
    ----------
    step : TrainStep
        Step to run on a share.
    strategy : tf.distribute.Strategy
        Strategy whose replicas share the batch.
    target_fn : callable, optional
        Computes the targets of a share in place of its labels.
    """

    def __init__(
        self, step: TrainStep, strategy: tf.distribute.Strategy, target_fn: TargetFn | None
    ) -> None:
        super().__init__(step.model)
        self._step, self._strategy, self._target_fn = step, strategy, target_fn

    def train(
        self,
        x: tf.Tensor,
        y: tf.Tensor,
        targets: tf.Tensor | None = None,
        sample_weight: tf.Tensor | None = None,
    ) -> None:
        """Train on a global batch and add it to the metrics, inside a graph."""
        size = tf.shape(x)[0]
        weights, mask = self._step.weights(), self._dropout_mask(size)

        def gradients_and_counts(part: slice) -> tf.Tensor:
            images, labels = x[part], y[part]
            part_targets = labels if targets is None else targets[part]
            if self._target_fn is not None:
                part_targets = self._target_fn(images)
            part_mask = mask if mask.shape.rank == 0 else mask[part]
            gradients, counts = self._step.gradients(
                weights,
                images,
                labels,
                part_targets,
                mask=part_mask,
                sample_weight=None if sample_weight is None else sample_weight[part],
            )
            return tf.concat([tf.reshape(tensor, [-1]) for tensor in (*gradients, counts)], axis=0)

        total = self._reduce_sum(gradients_and_counts, size)
        variables = self.model.trainable_variables
        lengths = [math.prod(variable.shape) for variable in variables]
        *gradients, counts = tf.split(total, [*lengths, _NUM_METRICS])
        scale = 1 / tf.cast(size, tf.float32)
        self.model.optimizer.apply(
            [
                tf.reshape(gradient * scale, variable.shape)
                for gradient, variable in zip(gradients, variables, strict=True)
            ],
            variables,
        )
        self._totals.assign_add(counts)

    def test(self, x: tf.Tensor, y: tf.Tensor, sample_weight: tf.Tensor | None = None) -> None:
        """Add a global batch to the metrics, inside a graph."""
        weights = self._step.weights()

        def counts(part: slice) -> tf.Tensor:
            part_weight = None if sample_weight is None else sample_weight[part]
            return self._step.test_totals(weights, x[part], y[part], part_weight)

        self._totals.assign_add(self._reduce_sum(counts, tf.shape(x)[0]))

    def _reduce_sum(self, slice_fn: _SliceFn, size: tf.Tensor) -> tf.Tensor:
        """Return the sum of `slice_fn` over all shares, each computed in two halves."""
        replicas = self._strategy.num_replicas_in_sync

        def replica_sum() -> tf.Tensor:
            replica = tf.distribute.get_replica_context().replica_id_in_sync_group
            start, stop = size * replica // replicas, size * (replica + 1) // replicas
            middle = (start + stop) // 2
            first_half = _sum_slice(slice_fn, start, middle, size)
            return first_half + _sum_slice(slice_fn, middle, stop, size)

        return self._strategy.reduce(
            tf.distribute.ReduceOp.SUM, self._strategy.run(replica_sum), axis=None
        )

    def _dropout_mask(self, size: tf.Tensor) -> tf.Tensor:
        """Return the batch's dropout mask, drawn as on one device."""
        if not self.dropout.rate:
            return tf.constant(1.0)
        half = tf.maximum(size // 2, 1)
        width = int(self.model.layers[-1].kernel.shape[0])
        halves = [
            self.dropout(tf.ones((count, width)), training=True)
            for count in (half, size - tf.minimum(half, size - 1))
        ]
        return tf.concat(halves, axis=0)[:size]


def _sum_slice(slice_fn: _SliceFn, start: tf.Tensor, stop: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """Return `slice_fn` of a slice; an empty slice is computed on one image and zeroed."""
    begin = tf.minimum(start, size - 1)
    result = slice_fn(slice(begin, tf.maximum(stop, begin + 1)))
    return result * tf.cast(stop > start, tf.float32)
