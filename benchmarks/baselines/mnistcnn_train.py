"""`mnistcnn.train` with the baseline settings: one epoch per turn."""

from benchmarks.baselines import protocol

options = protocol.parse_args()

import numpy as np  # after parse_args has set the cores  # noqa: E402

import mnistcnn  # noqa: E402
from mnistcnn.utils.environment import set_tf_defaults  # noqa: E402

set_tf_defaults(command=True)

x, labels = protocol.load_images(options.data, options.images)
mnistcnn.train(
    mnistcnn.build_model(),
    x,
    np.eye(10, dtype=np.float32)[labels],
    epochs=10**9,
    batch_size=options.batch_size,
    validation_split=0.0,
    callbacks=[protocol.turn_per_epoch()],
    verbose=0,
)
