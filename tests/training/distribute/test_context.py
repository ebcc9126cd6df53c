import pytest

import mnistcnn
from mnistcnn.backend import tf
from mnistcnn.training.distribute.context import MultiDevice, SingleProcess, context_for


def test_no_strategy_gives_a_single_process():
    context = context_for(None)
    assert type(context) is SingleProcess
    assert (context.is_chief, context.rank, context.world_size) == (True, 0, 1)
    assert context.broadcast(b"x") == b"x"
    assert context.broadcast_seed(None) is None
    assert context.all_reduce_min(4) == 4
    assert [context.all_reduce_any(flag) for flag in (False, True)] == [False, True]


def test_one_device_strategy_gives_a_single_process_with_devices():
    assert type(context_for(tf.distribute.OneDeviceStrategy("CPU:0"))) is MultiDevice


def test_unsupported_strategy_is_rejected(xy):
    with pytest.raises(
        TypeError,
        match="strategy must be a tf.distribute.MirroredStrategy, MultiWorkerMirroredStrategy or OneDeviceStrategy; received 'mirrored'",
    ):
        mnistcnn.train(mnistcnn.build_model(), *xy, strategy="mirrored")
