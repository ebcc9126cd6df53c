"""Runs of a sweep in parallel processes on this machine.

The processes are not managed by joblib, because its workers outlive a parent process that is
killed, are shared with other users of joblib in the same program, and a crashed worker is reported
without the run and the reason.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import mnistcnn
from mnistcnn.sweeps.worker import RunSpec
from mnistcnn.types import Dataset
from mnistcnn.utils.environment import TF_COMMAND_DEFAULTS, cpu_count
from mnistcnn.utils.platform_support import own_process_group
from mnistcnn.utils.text import escape

_INTRA_OP, _INTER_OP = "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"


class Event(NamedTuple):
    """The start of a run (`record` is None) or its end."""

    spec: RunSpec
    record: dict[str, Any] | None


def threads_per_process(cores: int) -> dict[str, str]:
    """Return the environment variables that limit TensorFlow to a number of cores.

    As in a process that uses the whole machine, one operation gets half of the cores, because
    the two halves of a training step run in parallel.
    """
    return {_INTRA_OP: str(max(1, cores // 2)), _INTER_OP: str(max(1, cores))}


def run_in_processes(
    specs: Sequence[RunSpec], dataset: Dataset, *, processes: int
) -> Iterator[Event]:
    """Execute the runs, `processes` at a time, and yield the start and end of each."""
    pending: queue.SimpleQueue[RunSpec] = queue.SimpleQueue()
    for spec in specs:
        pending.put(spec)
    events: queue.SimpleQueue[Event | BaseException] = queue.SimpleQueue()
    processes = min(processes, len(specs))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        data_path = folder / "data.npz"
        (x_train, y_train), (x_test, y_test) = dataset
        np.savez(data_path, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
        environment = worker_env(max(1, cpu_count() // processes))
        for number in range(processes):
            worker = WorkerProcess(
                data_path, dataset.class_names, folder / f"{number}.log", environment
            )
            stack.callback(worker.kill)
            threading.Thread(
                target=_worker_thread, args=(worker, pending, events), daemon=True
            ).start()
        num_finished = 0
        while num_finished < len(specs):
            event = events.get()
            if isinstance(event, BaseException):
                raise event
            num_finished += event.record is not None
            yield event


def worker_env(cores: int) -> dict[str, str]:
    """Return the environment of a worker with a number of cores; variables of the user win."""
    inherited = dict(os.environ)
    # If TensorFlow is imported in this process, the variable holds our default, not the user's.
    if inherited.get(_INTRA_OP) == TF_COMMAND_DEFAULTS[_INTRA_OP]:
        del inherited[_INTRA_OP]
    # Workers import this copy of the package, and nothing from the current folder (-P).
    paths = [str(Path(mnistcnn.__file__).parents[1]), inherited.get("PYTHONPATH", "")]
    return {
        **threads_per_process(cores),
        **inherited,
        "KERAS_BACKEND": "tensorflow",
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
    }


class WorkerProcess:
    """A process that executes one run after another."""

    def __init__(
        self,
        data_path: Path,
        class_names: Sequence[str],
        log_path: Path,
        environment: dict[str, str],
    ) -> None:
        self._log_path = log_path
        arguments = [str(data_path), json.dumps(class_names)]
        with log_path.open("wb") as log:
            # Ctrl-C does not reach the worker; the parent process kills it.
            self._process = subprocess.Popen(  # noqa: S603  # no untrusted input
                [sys.executable, "-P", "-m", "mnistcnn.sweeps.worker", *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment,
                **own_process_group(),
            )

    def run(self, spec: RunSpec) -> dict[str, Any]:
        """Execute a run and return its record."""
        assert self._process.stdin
        assert self._process.stdout
        try:
            self._process.stdin.write(json.dumps(spec.to_dict()).encode() + b"\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except OSError:
            line = b""
        if not line:
            code = self._process.wait()
            log = self._log_path.read_text(encoding="utf-8", errors="replace").strip()
            reason = f": {escape(log.splitlines()[-1])}" if log else ""
            raise RuntimeError(f"{spec}: the worker process exited with code {code}{reason}")
        response: dict[str, Any] = json.loads(line)
        if "error" in response:
            raise RuntimeError(f"{spec}: {response['error']}")
        return response

    def kill(self) -> None:
        """Kill the process and wait until it has ended."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            assert stream
            with suppress(OSError):  # closing flushes a request that the process did not read
                stream.close()


def _worker_thread(
    worker: WorkerProcess,
    pending: queue.SimpleQueue[RunSpec],
    events: queue.SimpleQueue[Event | BaseException],
) -> None:
    try:
        while True:
            spec = pending.get_nowait()
            events.put(Event(spec, None))
            events.put(Event(spec, worker.run(spec)))
    except queue.Empty:
        pass
    except BaseException as error:  # noqa: BLE001  # run_in_processes raises it
        events.put(error)
