"""training.checkpoint.setup"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from mnistcnn import recipes
from mnistcnn.backend import keras
from mnistcnn.training.checkpoint.callback_state import check_serializable, describe_callback
from mnistcnn.training.checkpoint.fingerprint import (
    RunFingerprint,
    data_fingerprint,
    initial_learning_rate,
    model_fingerprint,
)
from mnistcnn.training.checkpoint.manager import (
    CheckpointConfig,
    CheckpointManager,
    check_checkpoint_dir,
    open_checkpoint,
)
from mnistcnn.training.data_adapters import Data, DataSource
from mnistcnn.training.distribute.context import DistributionContext
from mnistcnn.types import PathLike
from mnistcnn.utils.environment import library_versions
from mnistcnn.utils.validation import check_int


def checkpoint_config(folder: PathLike | None, every: int | None) -> CheckpointConfig | None:
    if every is not None:
        check_int("checkpoint_every", every, minimum=1)
        if folder is None:
            raise ValueError(f"checkpoint_every must come with checkpoint_dir; received {every}")
    return None if folder is None else CheckpointConfig(check_checkpoint_dir(folder), every)


@contextmanager
def checkpoint_for_run(
    model: keras.Model,
    plan: recipes.Recipe,
    training: Data,
    validation: Data | None,
    callbacks: Sequence[keras.callbacks.Callback],
    *,
    seed: int | None,
    at: CheckpointConfig | None,
    context: DistributionContext,
) -> Iterator[CheckpointManager | None]:
    """Give what keeps this run in its folder, if it has one."""
    if at is None and context.world_size == 1:
        yield None
        return
    if at is not None:
        check_serializable(callbacks)
    identity = RunFingerprint(
        versions=library_versions(),
        recipe=plan.to_dict(),
        network=model_fingerprint(model, with_optimizer=plan.learning_rate is None),
        learning_rate=initial_learning_rate(model) if plan.learning_rate is None else None,
        callbacks=", ".join(map(describe_callback, callbacks)) or "none",
        data=_describe_data(training),
        validation_data="none" if validation is None else _describe_data(validation),
    )
    if context.world_size > 1:
        # Where the chief's optimizer is, the others' will be.
        alike = identity.to_dict() | {"learning_rate": None}
        context.check_same_config(alike | {"seed": seed, "checkpoint_dir": at is not None})
        context.broadcast_variables(_variables(model, with_optimizer=plan.learning_rate is None))
    if at is None:
        yield None
        return
    size = 4 * model.count_params()
    with open_checkpoint(
        at, identity, seed=seed, network_bytes=size, context=context
    ) as checkpoint:
        yield checkpoint


def _variables(model: keras.Model, *, with_optimizer: bool) -> list[keras.Variable]:
    if not with_optimizer:
        return list(model.variables)
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    return [*model.variables, *model.optimizer.variables]


def _describe_data(data: Data) -> str:
    return data.text if isinstance(data, DataSource) else data_fingerprint(*data)
