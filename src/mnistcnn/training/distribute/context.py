"""How a training run is distributed: over one process, several devices or several workers.

Each worker runs the same program. A `DistributionContext` holds the collective operations by
which workers agree on where a graph execution ends, whether to stop, and what the chief
restored from its checkpoint.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from mnistcnn.backend import keras, tf
from mnistcnn.training.distribute.train_step import DistributedTrainStep
from mnistcnn.training.epoch_iterator import TargetFn
from mnistcnn.training.train_step import TrainStep, supports_fast_step


class DistributionContext(ABC):
    """The processes and devices that train one model together.

    The collective operations default to those of a single process.

    Attributes
    ----------
    rank : int
        Index of this process.
    world_size : int
        Number of processes.
    is_chief : bool
        Whether this process writes files and prints progress.
    is_distributed : bool
        Whether each batch is split over devices.
    """

    is_chief = is_distributed = True
    rank, world_size = 0, 1

    @abstractmethod
    def check_supported(
        self, model: keras.Model, callbacks: Sequence[keras.callbacks.Callback]
    ) -> None:
        """Raise ``ValueError`` if this context cannot train the model or use the callbacks."""

    @abstractmethod
    def wrap_step(
        self, step: TrainStep, target_fn: TargetFn | None
    ) -> tuple[TrainStep, TargetFn | None]:
        """Return the step for a global batch, and the target function left to its caller."""

    def local_callbacks(
        self, callbacks: list[keras.callbacks.Callback]
    ) -> list[keras.callbacks.Callback]:
        """Return the callbacks to run in this process; only the chief's write files."""
        return callbacks

    def check_same_config(self, config: Mapping[str, Any]) -> None:  # noqa: B027  # no-op
        """Raise ``ValueError`` in every process if a value of `config` differs between them."""

    def broadcast_variables(self, variables: Sequence[keras.Variable]) -> None:  # noqa: B027  # no-op
        """Assign the chief's values to the variables of every process."""

    def broadcast_seed(self, seed: int | None) -> int | None:
        """Return the chief's seed."""
        return seed

    def broadcast(self, content: bytes) -> bytes:
        """Return the chief's `content`."""
        return content

    def all_reduce_min(self, number: int) -> int:
        """Return the minimum over the processes."""
        return number

    def all_reduce_any(self, flag: bool) -> bool:
        """Return whether the flag is set in any process."""
        return flag

    def check_in_sync(self, model: keras.Model, epoch: int) -> None:  # noqa: B027  # no-op
        """Raise ``RuntimeError`` if the weights differ between processes after an epoch."""

    @contextmanager
    def worker_errors(self) -> Iterator[None]:
        """Raise `WorkerLostError` in place of TensorFlow's errors when a worker is lost."""
        yield


class SingleProcess(DistributionContext):
    """One process on one device."""

    is_distributed = False

    def check_supported(
        self, model: keras.Model, callbacks: Sequence[keras.callbacks.Callback]
    ) -> None:
        """Accept every model and callback."""

    def wrap_step(
        self, step: TrainStep, target_fn: TargetFn | None
    ) -> tuple[TrainStep, TargetFn | None]:
        """Return both unchanged."""
        return step, target_fn


class MultiDevice(DistributionContext):
    """Several devices of one machine, in one process."""

    def __init__(self, strategy: tf.distribute.Strategy) -> None:
        self._strategy = strategy

    def check_supported(
        self, model: keras.Model, callbacks: Sequence[keras.callbacks.Callback]
    ) -> None:
        """Require the baseline network, or a model built within the strategy's scope."""
        del callbacks
        if not supports_fast_step(model) and model.distribute_strategy is not self._strategy:
            raise ValueError(
                "model must be the baseline network, or be built and compiled within "
                f"strategy.scope(); received a keras.{type(model).__name__} from outside"
            )

    def wrap_step(
        self, step: TrainStep, target_fn: TargetFn | None
    ) -> tuple[TrainStep, TargetFn | None]:
        """Return a step that splits each batch over the replicas and computes the targets too."""
        return DistributedTrainStep(step, self._strategy, target_fn), None


def context_for(strategy: Any) -> DistributionContext:
    """Return the context of a strategy; `None` means this process alone.

    Raises
    ------
    TypeError
        If it is not a strategy under which every replica runs the same step.
    ValueError
        If this process is not one of its workers.
    """
    if strategy is None:
        return SingleProcess()
    supported = (
        tf.distribute.MirroredStrategy,
        tf.distribute.MultiWorkerMirroredStrategy,
        tf.distribute.OneDeviceStrategy,
    )
    if not isinstance(strategy, supported):
        raise TypeError(
            "strategy must be a tf.distribute.MirroredStrategy, MultiWorkerMirroredStrategy or "
            f"OneDeviceStrategy; received {strategy!r}"
        )
    resolver = strategy.cluster_resolver
    jobs = {} if resolver is None else resolver.cluster_spec().as_dict()
    addresses = {
        (job, index): address
        for job in ("chief", "worker")
        for index, address in enumerate(jobs.get(job, []))
    }
    if len(addresses) <= 1:
        return MultiDevice(strategy)
    task = (resolver.task_type, resolver.task_id)
    if task not in addresses:
        raise ValueError(
            f"strategy must make this process a chief or worker; received the task {task[0]!r}"
        )
    from mnistcnn.training.distribute.multi_worker import MultiWorker

    return MultiWorker(strategy, addresses, task)
