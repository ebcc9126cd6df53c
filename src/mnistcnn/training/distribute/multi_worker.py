"""training.distribute.multi_worker"""

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

_DIGEST_BYTES = 7  # bytes of a digest, which int64 holds whatever its sign
_CONNECTION_ERRORS = (
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.FailedPreconditionError,
    tf.errors.InternalError,
    tf.errors.UnavailableError,
    tf.errors.UnknownError,
)
_PEER = re.compile(r"/job:(\w+)/replica:\d+/task:(\d+)")
_WRITING_CALLBACKS = (
    keras.callbacks.CSVLogger,
    keras.callbacks.ModelCheckpoint,
    keras.callbacks.RemoteMonitor,
    keras.callbacks.TensorBoard,
)


class MultiWorker(MultiDevice):
    """Several machines, each with a process of its own.

    Parameters
    ----------
    strategy : tf.distribute.MultiWorkerMirroredStrategy
        What connects them.
    addresses : dict of (str, int) to str
        Of all of them by their tasks, the chief's first.
    task : (str, int)
        Which one this is.
    """

    def __init__(
        self,
        strategy: tf.distribute.Strategy,
        addresses: Mapping[tuple[str, int], str],
        task: tuple[str, int],
    ) -> None:
        super().__init__(strategy)
        self._addresses, self._tasks = addresses, list(addresses)
        self.number, self.count = self._tasks.index(task), len(addresses)
        self.chief = self.number == 0
        self._graph: Any = None

    def refuse(self, model: keras.Model, callbacks: Sequence[keras.callbacks.Callback]) -> None:
        if not supports_fast_step(model):
            raise ValueError(
                "model must be the documented network, built outside strategy.scope(), to be "
                f"trained on several machines; received another keras.{type(model).__name__}"
            )
        for callback in callbacks:
            if isinstance(callback, keras.callbacks.BackupAndRestore):
                raise ValueError(  # noqa: TRY004  # the kind is right, the company wrong
                    "callbacks must leave it to checkpoint_dir to go on with a training on "
                    "several machines; received BackupAndRestore"
                )

    def own(self, callbacks: list[keras.callbacks.Callback]) -> list[keras.callbacks.Callback]:
        if self.chief:
            return callbacks
        return [
            _NoOpCallback()
            if isinstance(one, _WRITING_CALLBACKS) or getattr(one, "chief_only", False)
            else one
            for one in callbacks
        ]

    def agree(self, identity: Mapping[str, Any]) -> None:
        texts = [json.dumps(value, sort_keys=True, default=str) for value in identity.values()]
        table = self._table([_digest(text.encode()) for text in texts])
        for name, column in zip(identity, table.T, strict=True):
            others = np.flatnonzero(column != column[0])
            if len(others):
                raise ValueError(
                    f"every worker must have the same {name.replace('_', ' ')}; that of worker "
                    f"{others[0]} is another than the chief's"
                )

    def begin_alike(self, variables: Sequence[keras.Variable]) -> None:
        arrays = [np.array(keras.ops.convert_to_numpy(one)) for one in variables]
        content = self.from_chief(b"".join(array.tobytes() for array in arrays))
        place = 0
        for variable, array in zip(variables, arrays, strict=True):
            chosen = np.frombuffer(content, array.dtype, array.size, place)
            variable.assign(chosen.reshape(array.shape))
            place += array.nbytes

    def seed(self, seed: int | None) -> int | None:
        drawn = int(np.random.SeedSequence().generate_state(1)[0])
        return int.from_bytes(self.from_chief((drawn if seed is None else seed).to_bytes(64)))

    def from_chief(self, content: bytes) -> bytes:
        length = int(self._table([len(content)])[0, 0])
        if not length:
            return b""
        whole = np.zeros(-(-length // 8) * 8, np.uint8)
        if self.chief:
            whole[:length] = np.frombuffer(content, np.uint8)
        return self._sum(whole.view(np.int64)).tobytes()[:length]

    def least(self, number: int) -> int:
        return int(self._table([number]).min())

    def any(self, flag: bool) -> bool:
        return bool(self._table([int(flag)]).any())

    def check_equal(self, model: keras.Model, epoch: int) -> None:
        content = b"".join(weight.tobytes() for weight in model.get_weights())
        found = self._table([_digest(content)])[:, 0]
        others = np.flatnonzero(found != found[0])
        if len(others):
            raise RuntimeError(
                f"every worker must end epoch {epoch + 1} with the same weights; those of worker "
                f"{others[0]} are others than the chief's. Are all machines alike?"
            )

    @contextmanager
    def together(self) -> Iterator[None]:
        try:
            yield
        except _CONNECTION_ERRORS as error:
            raise WorkerLostError(self._loss(str(error))) from error

    def _loss(self, text: str) -> str:
        peer = _PEER.search(text)
        known = "another worker"
        task = (peer[1], int(peer[2])) if peer is not None else ("", 0)
        if task in self._addresses and task != self._tasks[self.number]:
            known = f"worker {self._tasks.index(task)} at {self._addresses[task]}"
        return (
            f"every worker must stay until the training ends; worker {self.number} of "
            f"{self.count} lost {known}. Start the same command on every machine again: with "
            "checkpoint_dir it goes on from what the chief has kept"
        )

    def _table(self, row: Sequence[int]) -> NDArray[np.int64]:
        """Return ``int64 (workers, n)``: the row of each."""
        table = np.zeros((self.count, len(row)), np.int64)
        table[self.number] = row
        return self._sum(table.ravel()).reshape(table.shape)

    def _sum(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the sum over the workers; each gives as many."""
        if self._graph is None:
            self._graph = self._trace()
        summed: NDArray[np.int64] = self._graph(tf.constant(numbers)).numpy()
        return summed

    def _trace(self) -> Any:
        strategy, replicas = self._strategy, self._strategy.num_replicas_in_sync // self.count

        @tf.function(input_signature=[tf.TensorSpec((None,), tf.int64)])
        def summed(numbers: tf.Tensor) -> tf.Tensor:
            def own() -> tf.Tensor:
                number = tf.distribute.get_replica_context().replica_id_in_sync_group
                return numbers * tf.cast(number % replicas == 0, tf.int64)  # once a worker

            return strategy.reduce(tf.distribute.ReduceOp.SUM, strategy.run(own), axis=None)

        return summed


class _NoOpCallback(keras.callbacks.Callback):
    """Stands where the chief has a callback that writes."""

    by_call = True

    def get_state(self) -> None:
        """Nothing is to be kept."""

    def set_state(self, state: Any) -> None:
        """Take what is the chief's, and leave it."""


def _digest(content: bytes) -> int:
    return int.from_bytes(hashlib.sha256(content).digest()[:_DIGEST_BYTES])
