"""`mnistcnn.train`, an epoch a turn."""

import protocol

options = protocol.options()

import numpy as np  # noqa: E402  # after the process has its cores

import mnistcnn  # noqa: E402

x, labels = protocol.images(options.data, options.images)
mnistcnn.train(
    mnistcnn.build_model(),
    x,
    np.eye(10, dtype=np.float32)[labels],
    epochs=10**9,
    batch_size=options.batch_size,
    validation_split=0.0,
    callbacks=[protocol.turns_by_epoch()],
    verbose=0,
)
