"""Runs of a sweep on a Ray cluster."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from typing import Any

from mnistcnn.sweeps.process_pool import Event, threads_per_process
from mnistcnn.sweeps.worker import RunSpec, train_one
from mnistcnn.types import Dataset
from mnistcnn.utils import environment
from mnistcnn.utils.text import escape

_CORES_PER_RUN = 1
_MAX_RETRIES = 3  # of a run whose machine is lost
_CONNECT_TIMEOUT = 10  # seconds


def run_on_ray(specs: Sequence[RunSpec], dataset: Dataset, *, address: str) -> Iterator[Event]:
    """Execute the runs on the cluster, one per core at a time, and yield the end of each."""
    environment.require_extra("a sweep on a cluster", "ray", "ray")
    if not isinstance(address, str):
        raise TypeError(f"ray must be the address of a cluster; received {address!r}")
    if address not in ("auto", "local"):
        _check_reachable(address)
    return _events(specs, dataset, address)


def _check_reachable(address: str) -> None:
    """Check that a process listens at the address; Ray itself would retry for 15 minutes."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise ValueError(f"ray must be 'auto', 'local' or 'host:port'; received {address!r}")
    try:
        socket.create_connection((host, int(port)), timeout=_CONNECT_TIMEOUT).close()
    except (OSError, OverflowError) as error:
        raise ConnectionError(
            f"no Ray cluster is reachable at {address}: {escape(error)}"
        ) from None


def _events(specs: Sequence[RunSpec], dataset: Dataset, address: str) -> Iterator[Event]:
    ray = environment.import_ray()
    # If the caller has already connected to a cluster, use it and leave it connected.
    connect = not ray.is_initialized()
    if connect:
        ray.init(
            address=address,
            include_dashboard=False if address == "local" else None,
            log_to_driver=False,
            logging_level="ERROR",
        )
    try:
        env_vars = {**threads_per_process(_CORES_PER_RUN), "KERAS_BACKEND": "tensorflow"}
        task = ray.remote(train_one).options(
            num_cpus=_CORES_PER_RUN,
            max_retries=_MAX_RETRIES,
            runtime_env={"env_vars": env_vars},
        )
        dataset_ref = ray.put(dataset)
        running: dict[Any, RunSpec] = {task.remote(dataset_ref, spec): spec for spec in specs}
        while running:
            (finished, *_), _ = ray.wait(list(running), num_returns=1)
            spec = running.pop(finished)
            try:
                yield Event(spec, ray.get(finished))
            except ray.exceptions.RayError as error:
                reason = escape(str(error).strip().splitlines()[-1])
                raise RuntimeError(f"{spec}: {reason}") from None
    finally:
        if connect:
            ray.shutdown()
