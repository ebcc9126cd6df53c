"""Who takes part in a training: one process alone, several devices, or several machines.

Each machine runs the same program. What they must agree on, they agree on here: where a call
into the graph ends, whether somebody was told to stop, what the chief found in its folder. All
of it goes by one operation, a sum over the workers, and each has its own row of what is summed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from mnistcnn.backend import keras, tf
from mnistcnn.training.distribute.train_step import DistributedTrainStep
from mnistcnn.training.epoch_iterator import TargetFn
from mnistcnn.training.train_step import TrainStep, supports_fast_step


class SingleProcess:
    """One process on one device: nobody to agree with."""

    chief = True
    number, count = 0, 1

    def refuse(self, model: keras.Model, callbacks: Sequence[keras.callbacks.Callback]) -> None:
        """Refuse what this team can't train."""

    def own(self, callbacks: list[keras.callbacks.Callback]) -> list[keras.callbacks.Callback]:
        """Return the callbacks that work here: the chief alone writes."""
        return callbacks

    def step(self, step: TrainStep, teach: TargetFn | None) -> tuple[TrainStep, TargetFn | None]:
        """Return the step for a whole batch, and who is still to be asked for its targets."""
        return step, teach

    def agree(self, identity: Mapping[str, Any]) -> None:
        """Refuse to train on something else than the chief does."""

    def begin_alike(self, variables: Sequence[keras.Variable]) -> None:
        """Give every worker the chief's values."""

    def seed(self, seed: int | None) -> int | None:
        """Return the chief's seed."""
        return seed

    def from_chief(self, content: bytes) -> bytes:
        """Return the chief's content."""
        return content

    def least(self, number: int) -> int:
        """Return the least number that a worker has."""
        return number

    def any(self, flag: bool) -> bool:
        """Tell whether any worker says so."""
        return flag

    def check_equal(self, model: keras.Model, epoch: int) -> None:
        """See that the network is the same on all workers."""

    @contextmanager
    def together(self) -> Iterator[None]:
        """Say it clearly when another worker is lost."""
        yield


class MultiDevice(SingleProcess):
    """Several devices of one machine, in one process."""

    def __init__(self, strategy: tf.distribute.Strategy) -> None:
        self._strategy = strategy

    def refuse(self, model: keras.Model, callbacks: Sequence[keras.callbacks.Callback]) -> None:
        del callbacks
        if not supports_fast_step(model) and model.distribute_strategy is not self._strategy:
            raise ValueError(
                "model must be the documented network, or be built and compiled within "
                f"strategy.scope(); received a keras.{type(model).__name__} from outside"
            )

    def step(self, step: TrainStep, teach: TargetFn | None) -> tuple[TrainStep, TargetFn | None]:
        return DistributedTrainStep(step, self._strategy, teach), None


def context_for(strategy: Any) -> SingleProcess:
    """Return those who train under a strategy; ``None``: this process alone.

    Raises
    ------
    TypeError
        If it is no strategy under which every replica does the same step.
    ValueError
        If this process is none of its workers.
    """
    if strategy is None:
        return SingleProcess()
    kinds = (
        tf.distribute.MirroredStrategy,
        tf.distribute.MultiWorkerMirroredStrategy,
        tf.distribute.OneDeviceStrategy,
    )
    if not isinstance(strategy, kinds):
        raise TypeError(
            "strategy must be a tf.distribute.MirroredStrategy, MultiWorkerMirroredStrategy or "
            f"OneDeviceStrategy; received {strategy!r}"
        )
    resolver = strategy.cluster_resolver
    jobs = {} if resolver is None else resolver.cluster_spec().as_dict()
    addresses = {
        (job, number): address
        for job in ("chief", "worker")
        for number, address in enumerate(jobs.get(job, []))
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
