"""The limit of the machine: float32 matrix products in NumPy on all cores of the process."""

import time

from benchmarks.baselines import protocol

options = protocol.parse_args()

import numpy as np  # after parse_args has set the cores  # noqa: E402

SIZE, PRODUCTS = (256, 2) if options.smoke else (2048, 8)
a = np.random.default_rng(0).random((SIZE, SIZE), dtype=np.float32)
a @ a

while True:
    protocol.wait_for_turn()
    started = time.perf_counter()
    for _ in range(PRODUCTS):
        a @ a
    protocol.report(gflops=2 * SIZE**3 * PRODUCTS / (time.perf_counter() - started) / 1e9)
