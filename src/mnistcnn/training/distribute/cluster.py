"""The machines that the environment names, for a command that is started on each of them."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

from mnistcnn.cli.common import CommandError

_TF_CONFIG = "TF_CONFIG"
# A job system starts machines within minutes; who still misses one then wants to be told.
_CONNECT_TIMEOUT = 600.0
_POLL_SECONDS = 0.2


class ClusterSpec(NamedTuple):
    """The machines by their addresses, the chief's first, and which of them this is."""

    addresses: tuple[str, ...] = ("",)
    number: int = 0

    @property
    def several(self) -> bool:
        """Tell whether there are others."""
        return len(self.addresses) > 1

    @property
    def chief(self) -> bool:
        """Tell whether this one writes."""
        return self.number == 0


def cluster_from_env() -> ClusterSpec:
    """Return the machines that ``TF_CONFIG`` names; where it names none, this one.

    Raises
    ------
    ValueError
        If it is not what TensorFlow reads there, or makes this process no worker.
    """
    text = os.environ.get(_TF_CONFIG, "").strip()
    if not text:
        return ClusterSpec()
    try:
        config = json.loads(text)
        cluster = config.get("cluster", {})
        tasks = {
            (job, number): str(address)
            for job in ("chief", "worker")
            for number, address in enumerate(cluster.get(job, []))
        }
        if len(tasks) <= 1:
            return ClusterSpec()
        number = list(tasks).index((config["task"]["type"], int(config["task"]["index"])))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{_TF_CONFIG} must be JSON with a cluster and one of its workers as the task; "
            f"received {text}"
        ) from error
    return ClusterSpec(tuple(tasks.values()), number)


def connect(machines: ClusterSpec, *, patience: float | None = None) -> Any:
    """Return a strategy over the machines, once all of them are there.

    Has to come before anything else that TensorFlow does. While TensorFlow waits, Python hears
    no signal. So the chief sees that the others are there before it lets TensorFlow wait for them,
    and for the others Ctrl-C does at once what it does where nobody listens.

    Raises
    ------
    Failure
        If they are not there in time.
    """
    from mnistcnn.backend import tf

    seconds = _CONNECT_TIMEOUT if patience is None else patience
    if machines.chief:
        _wait_for(machines.addresses, seconds)
    with _immediate_signals(), _time_limit(seconds):
        try:
            return tf.distribute.MultiWorkerMirroredStrategy()
        except (tf.errors.OpError, RuntimeError) as error:
            raise CommandError(
                f"worker 0, the chief, at {machines.addresses[0]} must be there within "
                f"{seconds:g} s; received {str(error).splitlines()[0]}"
            ) from error


def _wait_for(addresses: Sequence[str], seconds: float) -> None:
    """Wait until each worker has opened its port."""
    end = time.monotonic() + seconds
    for number, address in enumerate(addresses[1:], start=1):
        host, _, port = address.rpartition(":")
        while True:
            try:
                socket.create_connection((host.strip("[]"), int(port)), timeout=5).close()
                break
            except OSError as error:
                if time.monotonic() > end:
                    raise CommandError(
                        f"worker {number} at {address} must be there within {seconds:g} s; "
                        f"received {error}"
                    ) from error
            time.sleep(_POLL_SECONDS)


@contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    """Bound how long TensorFlow waits for the chief; by itself it is an hour."""
    try:
        from tensorflow.python.eager import context  # no public name reaches it

        own = context.context()
        configure = own.configure_coordination_service
    except (AttributeError, ImportError):  # it then waits as long as it does
        yield
        return
    limit = {"cluster_register_timeout_in_ms": int(1000 * seconds)}
    own.configure_coordination_service = partial(configure, **limit)
    try:
        yield
    finally:
        del own.configure_coordination_service


@contextmanager
def _immediate_signals() -> Iterator[None]:
    """Let signals end the process while TensorFlow waits, and mean afterwards what they meant.

    TensorFlow takes SIGTERM for itself, as a notice that nobody reads here.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    if callable(handlers[signal.SIGINT]):  # else it is the background, which ignores it
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        for number, handler in handlers.items():
            if handler is not None:
                signal.signal(number, handler)
