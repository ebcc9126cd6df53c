"""`mnistcnn.train` with techniques of its training step switched off: one epoch per turn.

``--variant`` is a comma-separated list of the techniques to use:

- ``fused-step``: the step written for the baseline network; without it, Keras' own step runs in
  the same loop, so that only many steps per execution are left;
- ``pool-first``: max pooling before bias and ReLU;
- ``crop``: convolve only the pixels that the second pooling does not drop;
- ``halves``: compute the two halves of a batch in parallel.
"""

from benchmarks.baselines import protocol

if __name__ == "__main__":
    options = protocol.parse_args()

from typing import Any  # after parse_args has set the cores

import numpy as np
import tensorflow as tf

import mnistcnn
from mnistcnn.training.train_step import TrainStep, pooled_relu

TECHNIQUES = frozenset({"fused-step", "pool-first", "crop", "halves"})


def methods_for(techniques: frozenset[str]) -> dict[str, Any]:
    """Return the methods of `TrainStep` to replace, so that it has these techniques alone."""
    if not techniques <= TECHNIQUES:
        raise ValueError(f"techniques must be among {set(TECHNIQUES)}; received {set(techniques)}")
    if "fused-step" not in techniques:
        return {"reset": _keras_reset, "train": _keras_train, "metrics": _keras_metrics}

    def logits(
        self: TrainStep, weights: list[tf.Tensor], x: tf.Tensor, *, training: bool, mask: Any = None
    ) -> tf.Tensor:
        assert mask is None
        kernel1, bias1, kernel2, bias2, kernel3, bias3 = weights
        if "crop" in techniques:
            x = x[:, :26, :26]
        for kernel, bias in ((kernel1, bias1), (kernel2, bias2)):
            x = tf.nn.conv2d(x, kernel, 1, "VALID")
            if "pool-first" in techniques:
                x = pooled_relu(x, bias)
            else:
                x = tf.nn.max_pool2d(tf.nn.relu(tf.nn.bias_add(x, bias)), 2, 2, "VALID")
        x = tf.reshape(x, (-1, kernel3.shape[0]))
        return tf.matmul(self.dropout(x, training=training), kernel3) + bias3

    methods: dict[str, Any] = {"logits": logits}
    if "halves" not in techniques:
        methods["train"] = _train_on_whole_batch
    return methods


def _train_on_whole_batch(
    self: TrainStep, x: tf.Tensor, y: tf.Tensor, targets: tf.Tensor | None = None
) -> None:
    assert targets is None
    gradients, counts = self.gradients(self.weights(), x, y, y)
    scale = 1 / tf.cast(tf.shape(x)[0], tf.float32)
    self.model.optimizer.apply(
        [gradient * scale for gradient in gradients], self.model.trainable_variables
    )
    self._totals.assign_add(counts)  # a method of that class


def _keras_reset(self: TrainStep) -> None:
    self.model.reset_metrics()


def _keras_train(
    self: TrainStep, x: tf.Tensor, y: tf.Tensor, targets: tf.Tensor | None = None
) -> None:
    assert targets is None
    self.model.train_step((x, y))


def _keras_metrics(self: TrainStep) -> dict[str, float]:
    return {name: float(value) for name, value in self.model.get_metrics_result().items()}


def replace_methods(methods: dict[str, Any]) -> None:
    """Replace methods of `TrainStep` in this process."""
    for name, method in methods.items():
        if name not in vars(TrainStep):
            raise AttributeError(f"TrainStep must have the method {name!r} to replace it")
        setattr(TrainStep, name, method)


def main() -> None:
    """Train, one epoch per turn."""
    techniques = frozenset(filter(None, options.variant.split(",")))
    replace_methods(methods_for(techniques))
    x, labels = protocol.load_images(options.data, options.images)
    y = np.eye(10, dtype=np.float32)[labels]
    model = mnistcnn.build_model()
    model.compute_metrics(x[:1], y[:1], model(x[:1]))  # creates the metrics outside the graph
    mnistcnn.train(
        model,
        x,
        y,
        epochs=10**9,
        batch_size=options.batch_size,
        validation_split=0.0,
        callbacks=[protocol.turn_per_epoch()],
        verbose=0,
    )


if __name__ == "__main__":
    main()
