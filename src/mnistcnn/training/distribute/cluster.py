"""The cluster that ``TF_CONFIG`` describes, and the connection to its workers."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

from mnistcnn.utils.safe_read import loads_json
from mnistcnn.utils.text import escape, quote

_TF_CONFIG = "TF_CONFIG"
_MAX_DEPTH = 20
# Job systems start all machines within minutes.
_CONNECT_TIMEOUT = 600.0
_POLL_SECONDS = 0.2


class ClusterSpec(NamedTuple):
    """The addresses of the workers, the chief's first, and the rank of this process."""

    addresses: tuple[str, ...] = ("",)
    rank: int = 0

    @property
    def world_size(self) -> int:
        """Number of workers."""
        return len(self.addresses)

    @property
    def is_chief(self) -> bool:
        """Whether this process writes the results."""
        return self.rank == 0


def cluster_from_env() -> ClusterSpec:
    """Return the cluster that ``TF_CONFIG`` describes, or this process alone if it is unset.

    Raises
    ------
    ValueError
        If ``TF_CONFIG`` is not in TensorFlow's format, or this process is not a worker in it.
    """
    text = os.environ.get(_TF_CONFIG, "").strip()
    if not text:
        return ClusterSpec()
    try:
        config = loads_json(_TF_CONFIG, text, max_depth=_MAX_DEPTH)
        jobs = config.get("cluster", {})
        addresses = {
            (job, index): str(address)
            for job in ("chief", "worker")
            for index, address in enumerate(jobs.get(job, []))
        }
        if len(addresses) <= 1:
            return ClusterSpec()
        task = (config["task"]["type"], int(config["task"]["index"]))
        rank = list(addresses).index(task)
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
        raise ValueError(
            f"{_TF_CONFIG} must be JSON with a cluster and one of its workers as the task; "
            f"received {quote(text)}"
        ) from error
    return ClusterSpec(tuple(addresses.values()), rank)


def connect(cluster: ClusterSpec, *, timeout: float | None = None) -> Any:
    """Return a strategy over the cluster once all workers are connected.

    Must run before any other TensorFlow operation. While TensorFlow waits for the other
    workers, Python handles no signals. Therefore the chief waits in Python until all ports are
    open, and the other workers reset SIGINT and SIGTERM so that they end the process at once.

    Raises
    ------
    ConnectionError
        If a worker does not connect within `timeout` seconds.
    """
    from mnistcnn.backend import tf

    seconds = _CONNECT_TIMEOUT if timeout is None else timeout
    if cluster.is_chief:
        _wait_for_workers(cluster.addresses, seconds)
    with _default_signal_handlers(), _cluster_register_timeout(seconds):
        try:
            return tf.distribute.MultiWorkerMirroredStrategy()
        except (tf.errors.OpError, RuntimeError) as error:
            raise ConnectionError(
                f"worker 0, the chief, at {escape(cluster.addresses[0])} must connect within "
                f"{seconds:g} s; received {str(error).splitlines()[0]}"
            ) from error


def _wait_for_workers(addresses: Sequence[str], seconds: float) -> None:
    """Wait until each worker has opened its port."""
    deadline = time.monotonic() + seconds
    for rank, address in enumerate(addresses[1:], start=1):
        host, _, port = address.rpartition(":")
        while True:
            try:
                socket.create_connection((host.strip("[]"), int(port)), timeout=5).close()
                break
            except OSError as error:
                if time.monotonic() > deadline:
                    raise ConnectionError(
                        f"worker {rank} at {escape(address)} must connect within {seconds:g} s; "
                        f"received {escape(error)}"
                    ) from error
            time.sleep(_POLL_SECONDS)


@contextmanager
def _cluster_register_timeout(seconds: float) -> Iterator[None]:
    """Limit how long TensorFlow waits for the chief; its default is an hour."""
    try:
        from tensorflow.python.eager import context  # has no public name

        tf_context = context.context()
        configure = tf_context.configure_coordination_service
    except (AttributeError, ImportError):  # keep TensorFlow's default
        yield
        return
    limit = {"cluster_register_timeout_in_ms": int(1000 * seconds)}
    tf_context.configure_coordination_service = partial(configure, **limit)
    try:
        yield
    finally:
        del tf_context.configure_coordination_service


@contextmanager
def _default_signal_handlers() -> Iterator[None]:
    """Let SIGINT end the process while TensorFlow waits; restore the handlers afterwards.

    TensorFlow installs its own SIGTERM handler, a preemption notice that nothing reads here.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    if callable(handlers[signal.SIGINT]):  # otherwise a background job, which ignores SIGINT
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        for number, handler in handlers.items():
            if handler is not None:
                signal.signal(number, handler)
