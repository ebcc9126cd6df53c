"""Training on several workers, each a process on its own machine."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistcnn.backend import keras, tf
from mnistcnn.errors import WorkerLostError
from mnistcnn.training.distribute.context import MultiDevice
from mnistcnn.training.train_step import supports_fast_step

_DIGEST_BYTES = 7  # as many as fit into a non-negative int64
_CONNECTION_ERRORS = (
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.FailedPreconditionError,
    tf.errors.InternalError,
    tf.errors.UnavailableError,
    tf.errors.UnknownError,
)
_TASK = re.compile(r"/job:(\w+)/replica:\d+/task:(\d+)")  # as TensorFlow's errors name a task
_WRITING_CALLBACKS = (
    keras.callbacks.CSVLogger,
    keras.callbacks.ModelCheckpoint,
    keras.callbacks.RemoteMonitor,
    keras.callbacks.TensorBoard,
)


class MultiWorker(MultiDevice):
    """Several workers, each with its own devices.

    All collective operations reduce to one, a sum over the workers: each worker fills its own
    row of a table of zeros.

    Parameters
    ----------
    strategy : tf.distribute.MultiWorkerMirroredStrategy
        Strategy that connects the workers.
    addresses : dict of (str, int) to str
        Address of each worker by its task, the chief's first.
    task : (str, int)
        Task of this process.
    """

    def __init__(
        self,
        strategy: tf.distribute.Strategy,
        addresses: Mapping[tuple[str, int], str],
        task: tuple[str, int],
    ) -> None:
        super().__init__(strategy)
        self._addresses, self._tasks = addresses, list(addresses)
        self.rank, self.world_size = self._tasks.index(task), len(addresses)
        self.is_chief = self.rank == 0
        self._sum_fn: Any = None

    def check_supported(
        self, model: keras.Model, callbacks: Sequence[keras.callbacks.Callback]
    ) -> None:
        """Require the baseline network; reject BackupAndRestore."""
        if not supports_fast_step(model):
            raise ValueError(
                "model must be the baseline network, built outside strategy.scope(), to train on "
                f"several machines; received another keras.{type(model).__name__}"
            )
        for callback in callbacks:
            if isinstance(callback, keras.callbacks.BackupAndRestore):
                raise ValueError(  # noqa: TRY004  # a valid callback, unsupported here
                    "callbacks must not include BackupAndRestore when training on several "
                    "machines; use checkpoint_dir to resume"
                )

    def local_callbacks(
        self, callbacks: list[keras.callbacks.Callback]
    ) -> list[keras.callbacks.Callback]:
        """Return the callbacks; outside the chief, no-ops in place of those that write files."""
        if self.is_chief:
            return callbacks
        return [
            _NoOpCallback()
            if isinstance(callback, _WRITING_CALLBACKS) or getattr(callback, "chief_only", False)
            else callback
            for callback in callbacks
        ]

    def check_same_config(self, config: Mapping[str, Any]) -> None:
        """Compare digests of the values, each as JSON."""
        texts = [json.dumps(value, sort_keys=True, default=str) for value in config.values()]
        digests = self.all_gather([_digest(text.encode()) for text in texts])
        for name, column in zip(config, digests.T, strict=True):
            differing = np.flatnonzero(column != column[0])
            if len(differing):
                raise ValueError(
                    f"every worker must have the same {name.replace('_', ' ')}; worker "
                    f"{differing[0]}'s differs from the chief's"
                )

    def broadcast_variables(self, variables: Sequence[keras.Variable]) -> None:
        """Assign the chief's values to the variables of every worker."""
        arrays = [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]
        content = self.broadcast(b"".join(array.tobytes() for array in arrays))
        offset = 0
        for variable, array in zip(variables, arrays, strict=True):
            values = np.frombuffer(content, array.dtype, array.size, offset)
            variable.assign(values.reshape(array.shape))
            offset += array.nbytes

    def broadcast_seed(self, seed: int | None) -> int | None:
        """Return the chief's seed, or one that the chief draws if it has none."""
        if seed is None:
            seed = int(np.random.SeedSequence().generate_state(1)[0])
        return int.from_bytes(self.broadcast(seed.to_bytes(64)))

    def broadcast(self, content: bytes) -> bytes:
        """Return the chief's `content`; that of the other workers may have any length."""
        length = int(self.all_gather([len(content)])[0, 0])
        if not length:
            return b""
        padded = np.zeros(-(-length // 8) * 8, np.uint8)
        if self.is_chief:
            padded[:length] = np.frombuffer(content, np.uint8)
        return self.all_reduce_sum(padded.view(np.int64)).tobytes()[:length]

    def all_reduce_min(self, number: int) -> int:
        """Return the minimum over the workers."""
        return int(self.all_gather([number]).min())

    def all_reduce_any(self, flag: bool) -> bool:
        """Return whether the flag is set on any worker."""
        return bool(self.all_gather([int(flag)]).any())

    def all_gather(self, row: Sequence[int]) -> NDArray[np.int64]:
        """Return ``int64 (world_size, n)``: the row of each worker."""
        table = np.zeros((self.world_size, len(row)), np.int64)
        table[self.rank] = row
        return self.all_reduce_sum(table.ravel()).reshape(table.shape)

    def all_reduce_sum(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the sum over the workers, which all pass arrays of one length."""
        if self._sum_fn is None:
            self._sum_fn = self._make_sum_fn()
        total: NDArray[np.int64] = self._sum_fn(tf.constant(numbers)).numpy()
        return total

    def check_in_sync(self, model: keras.Model, epoch: int) -> None:
        """Compare digests of the weights."""
        content = b"".join(weight.tobytes() for weight in model.get_weights())
        digests = self.all_gather([_digest(content)])[:, 0]
        differing = np.flatnonzero(digests != digests[0])
        if len(differing):
            raise RuntimeError(
                f"every worker must end epoch {epoch + 1} with the same weights; worker "
                f"{differing[0]}'s differ from the chief's. Check that all machines have the "
                "same hardware and library versions"
            )

    @contextmanager
    def worker_errors(self) -> Iterator[None]:
        """Raise `WorkerLostError` in place of TensorFlow's connection errors."""
        try:
            yield
        except _CONNECTION_ERRORS as error:
            raise WorkerLostError(self._lost_worker_message(str(error))) from error

    def _lost_worker_message(self, error_text: str) -> str:
        match = _TASK.search(error_text)
        lost = "another worker"
        task = (match[1], int(match[2])) if match is not None else ("", 0)
        if task in self._addresses and task != self._tasks[self.rank]:
            lost = f"worker {self._tasks.index(task)} at {self._addresses[task]}"
        return (
            f"every worker must run until training ends; worker {self.rank} of "
            f"{self.world_size} lost {lost}. Start training again on every machine: with "
            "checkpoint_dir it resumes from the chief's checkpoint"
        )

    def _make_sum_fn(self) -> Any:
        strategy = self._strategy
        replicas_per_worker = strategy.num_replicas_in_sync // self.world_size

        @tf.function(input_signature=[tf.TensorSpec((None,), tf.int64)])
        def all_reduce_sum(numbers: tf.Tensor) -> tf.Tensor:
            def replica_numbers() -> tf.Tensor:
                replica = tf.distribute.get_replica_context().replica_id_in_sync_group
                is_first = replica % replicas_per_worker == 0  # counts each worker once
                return numbers * tf.cast(is_first, tf.int64)

            return strategy.reduce(
                tf.distribute.ReduceOp.SUM, strategy.run(replica_numbers), axis=None
            )

        return all_reduce_sum


class _NoOpCallback(keras.callbacks.Callback):
    """Takes the position of a callback that only the chief runs."""

    per_execution = True

    def get_state(self) -> None:
        """Return no state."""

    def set_state(self, state: Any) -> None:
        """Ignore the state of the chief's callback."""


def _digest(content: bytes) -> int:
    return int.from_bytes(hashlib.sha256(content).digest()[:_DIGEST_BYTES])
