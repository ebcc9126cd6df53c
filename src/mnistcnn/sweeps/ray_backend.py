"""The runs of a sweep on a Ray cluster."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from typing import Any

from mnistcnn.sweeps.process_pool import Event, threads_per_process
from mnistcnn.sweeps.worker import RunSpec, train_one
from mnistcnn.types import Dataset
from mnistcnn.utils import environment

_CORES = 1
# A machine that is lost takes its runs with it; each may begin again so often.
_RETRIES = 3
_SECONDS = 10  # that a cluster has to answer


def run_on_ray(jobs: Sequence[RunSpec], dataset: Dataset, *, address: str) -> Iterator[Event]:
    """Do the runs on the cluster, as many at a time as it has cores, and tell of each end."""
    environment.require_extra("a sweep on a cluster", "ray", "ray")
    if not isinstance(address, str):
        raise TypeError(f"ray must be the address of a cluster; received {address!r}")
    if address not in ("auto", "local"):
        _check_reachable(address)
    return _events(jobs, dataset, address)


def _check_reachable(address: str) -> None:
    """Refuse an address where nobody answers; Ray itself tries for a quarter of an hour."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise ValueError(f"ray must be 'auto', 'local' or 'host:port'; received {address!r}")
    try:
        socket.create_connection((host, int(port)), timeout=_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise ConnectionError(f"no Ray cluster answers at {address}: {error}") from None


def _events(jobs: Sequence[RunSpec], dataset: Dataset, address: str) -> Iterator[Event]:
    ray = environment.import_ray()
    # Whoever has begun Ray in this process has chosen the cluster, and ends it.
    ours = not ray.is_initialized()
    if ours:
        ray.init(
            address=address,
            include_dashboard=False if address == "local" else None,
            log_to_driver=False,
            logging_level="ERROR",
        )
    try:
        task = ray.remote(train_one).options(
            num_cpus=_CORES,
            max_retries=_RETRIES,
            runtime_env={
                "env_vars": {**threads_per_process(_CORES), "KERAS_BACKEND": "tensorflow"}
            },
        )
        shared = ray.put(dataset)
        running: dict[Any, RunSpec] = {task.remote(shared, job): job for job in jobs}
        while running:
            (done, *_), _ = ray.wait(list(running), num_returns=1)
            job = running.pop(done)
            try:
                yield Event(job, ray.get(done))
            except ray.exceptions.RayError as error:
                last = str(error).strip().splitlines()[-1]
                raise RuntimeError(f"{job}: {last}") from None
    finally:
        if ours:
            ray.shutdown()
