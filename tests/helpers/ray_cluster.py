"""A Ray cluster on this machine."""

import logging
from contextlib import contextmanager

import pytest

from mnistcnn.utils import environment


@contextmanager
def ray_cluster():
    """Start a cluster and yield the module ``ray``; skip the test if Ray is not installed."""
    module = pytest.importorskip("ray", reason="Ray is not installed")
    import ray.data

    assert environment.import_ray() is module
    module.init("local", num_cpus=2, log_to_driver=False, logging_level="ERROR")
    logging.getLogger("ray.data").setLevel("ERROR")
    ray.data.DataContext.get_current().enable_progress_bars = False
    yield module
    module.shutdown()
