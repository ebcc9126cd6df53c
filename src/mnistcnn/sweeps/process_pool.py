"""The runs of a sweep in processes side by side on this machine."""

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
from mnistcnn.utils.environment import TF_DEFAULTS, cpu_count

_INTRA, _INTER = "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"


class Event(NamedTuple):
    """A run began, or ended with what to keep of it."""

    job: RunSpec
    record: dict[str, Any] | None


def threads_per_process(cores: int) -> dict[str, str]:
    """Return what TensorFlow is told so that it keeps to so many cores.

    As for a process that has the machine to itself, one operation gets half of them, since
    the two halves of a step run side by side.
    """
    return {_INTRA: str(max(1, cores // 2)), _INTER: str(max(1, cores))}


def run_in_processes(
    jobs: Sequence[RunSpec], dataset: Dataset, *, processes: int
) -> Iterator[Event]:
    """Do the runs, `processes` at a time, and tell of each when it begins and ends."""
    waiting: queue.SimpleQueue[RunSpec] = queue.SimpleQueue()
    for job in jobs:
        waiting.put(job)
    events: queue.SimpleQueue[Event | BaseException] = queue.SimpleQueue()
    count = min(processes, len(jobs))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        data = folder / "data.npz"
        (x_train, y_train), (x_test, y_test) = dataset
        np.savez(data, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
        environment = _worker_env(max(1, cpu_count() // count))
        for number in range(count):
            process = _Process(data, folder / f"{number}.log", environment)
            stack.callback(process.end)
            threading.Thread(
                target=_worker_thread, args=(process, waiting, events), daemon=True
            ).start()
        ended = 0
        while ended < len(jobs):
            event = events.get()
            if isinstance(event, BaseException):
                raise event
            ended += event.record is not None
            yield event


def _worker_env(cores: int) -> dict[str, str]:
    """Return the environment of a process that has so many cores; what the user set stays."""
    own = dict(os.environ)
    # Where TensorFlow was imported before, the settings of this process stand there.
    if own.get(_INTRA) == TF_DEFAULTS[_INTRA]:
        del own[_INTRA]
    # The package that runs here is the one that runs there; nothing in this folder is.
    paths = [str(Path(mnistcnn.__file__).parents[1]), own.get("PYTHONPATH", "")]
    return {
        **threads_per_process(cores),
        **own,
        "KERAS_BACKEND": "tensorflow",
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
    }


class _Process:
    """A process that does one run after another."""

    def __init__(self, data: Path, log: Path, environment: dict[str, str]) -> None:
        self._log = log
        with log.open("wb") as errors:
            # In a session of its own: Ctrl-C is for the process that asks, which ends this one.
            self._process = subprocess.Popen(  # noqa: S603  # of this program alone
                [sys.executable, "-P", "-m", "mnistcnn.sweeps.worker", str(data)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=environment,
                start_new_session=True,
            )

    def run(self, job: RunSpec) -> dict[str, Any]:
        """Let it do a run, and return what to keep of that."""
        assert self._process.stdin
        assert self._process.stdout
        try:
            self._process.stdin.write(json.dumps(job.to_dict()).encode() + b"\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except OSError:
            line = b""
        if not line:
            code = self._process.wait()
            said = self._log.read_text(encoding="utf-8", errors="replace").strip()
            last = f": {said.splitlines()[-1]}" if said else ""
            raise RuntimeError(f"{job}: its process ended with {code}{last}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise RuntimeError(f"{job}: {answer['error']}")
        return answer

    def end(self) -> None:
        """End the process, in whatever it is doing."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            assert stream
            with suppress(OSError):  # it may hold what the process did not take
                stream.close()


def _worker_thread(
    process: _Process,
    waiting: queue.SimpleQueue[RunSpec],
    events: queue.SimpleQueue[Event | BaseException],
) -> None:
    try:
        while True:
            job = waiting.get_nowait()
            events.put(Event(job, None))
            events.put(Event(job, process.run(job)))
    except queue.Empty:
        pass
    except BaseException as error:  # noqa: BLE001  # the thread that waits raises it
        events.put(error)
