import numpy as np
import pytest

import mnistcnn
from mnistcnn.backend import tf
from mnistcnn.training.distribute.train_step import DistributedTrainStep
from mnistcnn.training.train_step import TrainStep


class SequentialReplicas:
    """A strategy whose replicas run one after another on one device."""

    def __init__(self, count):
        self.num_replicas_in_sync = count

    def run(self, function):
        results = []
        for replica in range(self.num_replicas_in_sync):
            with pytest.MonkeyPatch.context() as patch:
                context = type("Context", (), {"replica_id_in_sync_group": replica})
                patch.setattr(tf.distribute, "get_replica_context", context)
                results.append(function())
        return results

    def reduce(self, operation, values, axis):
        assert (operation, axis) == (tf.distribute.ReduceOp.SUM, None)
        return tf.add_n(values)


def two_steps(x, y, replicas=None):
    model = mnistcnn.build_model(seed=2, dropout=0.5)
    model.compile("sgd", "categorical_crossentropy", metrics=["accuracy"])
    model.optimizer.build(model.trainable_variables)
    step = TrainStep(model)
    if replicas is not None:
        step = DistributedTrainStep(step, SequentialReplicas(replicas), None)
    step.reset()
    for _ in range(2):
        step.train(x, y)
    step.test(x, y)
    return model.get_weights(), step.metric_state()["metric_totals"]


@pytest.mark.parametrize("size", [1, 2, 7])
def test_distributed_step_matches_the_step(xy, size):
    """Covers replicas without any image and the dropout mask."""
    x, y = (tf.constant(array[:size]) for array in xy)
    weights, totals = two_steps(x, y)
    for replicas in (1, 3):
        distributed_weights, distributed_totals = two_steps(x, y, replicas)
        for expected, actual in zip(weights, distributed_weights, strict=True):
            np.testing.assert_allclose(actual, expected, atol=1e-6)
        np.testing.assert_allclose(distributed_totals, totals, rtol=1e-5)
