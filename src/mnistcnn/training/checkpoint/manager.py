"""The checkpoint of a run: one file in a locked folder, and the states of its trainings."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mnistcnn.backend import keras
from mnistcnn.recipes import Recipe
from mnistcnn.training.checkpoint import file_format
from mnistcnn.training.checkpoint.callback_state import check_serializable
from mnistcnn.training.checkpoint.file_format import (
    BASE_BYTES,
    STATE_FILE,
    Arrays,
    not_a_checkpoint,
)
from mnistcnn.training.checkpoint.fingerprint import (
    RunFingerprint,
    check_same_run,
    run_fingerprint,
)
from mnistcnn.training.checkpoint.state import INVALID_RECORD_ERRORS, TrainingState
from mnistcnn.training.data_adapters import Data
from mnistcnn.training.distribute.context import DistributionContext, SingleProcess
from mnistcnn.types import PathLike
from mnistcnn.utils.lock import file_lock
from mnistcnn.utils.text import quote
from mnistcnn.utils.validation import check_int, check_non_negative, check_path

_LOCK_NAME = "lock"
_FORMAT = 2
# An optimizer's variables, averaged weights and best weights are each as large as the model.
_MAX_SIZE_FACTOR = 16


class CheckpointConfig(NamedTuple):
    """The folder of a checkpoint, and the steps between saves besides those after each epoch."""

    folder: Path
    every: int | None


class CheckpointManager:
    """Reads and writes the checkpoint of a run.

    On several workers only the chief has the file, and the others receive its content.

    Parameters
    ----------
    path : Path
        The file.
    fingerprint : dict
        Fields of the `RunFingerprint`.
    seed : int
        Seed of the run.
    every : int, optional
        Number of steps between saves, besides those at the end of each epoch.
    context : DistributionContext, optional
        Workers that train together.
    """

    def __init__(
        self,
        path: Path,
        fingerprint: dict[str, Any],
        seed: int,
        every: int | None,
        context: DistributionContext | None = None,
    ) -> None:
        self._context = SingleProcess() if context is None else context
        self.seed = seed
        self.fingerprint = fingerprint
        self._path, self._every = path, every
        self._elapsed_seconds, self._started = 0.0, time.monotonic()
        self._states: dict[str, tuple[dict[str, Any], Arrays]] = {}

    def stage(self, name: str, *, weights_only: bool = False) -> TrainingState:
        """Return the state of one training of the run, that of the model or of a teacher."""

        def write(record: dict[str, Any], arrays: Arrays) -> None:
            self._states[name] = record, arrays
            if self._context.is_chief:
                file_format.write_checkpoint(self._path, *self._state_dict())

        return TrainingState(
            write,
            self._states.get(name),
            source=str(self._path),
            every=self._every,
            weights_only=weights_only,
            context=self._context,
        )

    def load_state_dict(
        self, records: Mapping[str, Any], arrays: Arrays, *, elapsed_seconds: float
    ) -> None:
        """Load the training states of a checkpoint."""
        self._elapsed_seconds = elapsed_seconds
        for name, record in records.items():
            prefix = f"{name}/"
            self._states[name] = (
                record,
                {
                    key.removeprefix(prefix): array
                    for key, array in arrays.items()
                    if key.startswith(prefix)
                },
            )

    def state_bytes(self) -> bytes:
        """Return the content of the file, to broadcast to other workers."""
        record, arrays = self._state_dict()
        return file_format.serialize(json.dumps(record), arrays)

    def _state_dict(self) -> tuple[dict[str, Any], Arrays]:
        record = {
            "format": _FORMAT,
            "fingerprint": self.fingerprint,
            "seed": self.seed,
            "elapsed_seconds": self._elapsed_seconds + time.monotonic() - self._started,
            "training_states": {name: state for name, (state, _) in self._states.items()},
        }
        arrays = {
            f"{name}/{key}": array
            for name, (_, state_arrays) in self._states.items()
            for key, array in state_arrays.items()
        }
        return record, arrays


def checkpoint_config(folder: PathLike | None, every: int | None) -> CheckpointConfig | None:
    """Return the checked arguments ``checkpoint_dir`` and ``checkpoint_every`` of `train`."""
    if every is not None:
        check_int("checkpoint_every", every, minimum=1)
        if folder is None:
            raise ValueError(f"checkpoint_every must come with checkpoint_dir; received {every}")
    if folder is None:
        return None
    path = check_path("checkpoint_dir", folder)
    if path.exists() and not path.is_dir():
        raise ValueError(f"checkpoint_dir must be a folder; {quote(str(path))} is a file")
    return CheckpointConfig(path, every)


@contextmanager
def checkpoint_for_run(
    model: keras.Model,
    recipe: Recipe,
    training: Data,
    validation: Data | None,
    callbacks: Sequence[keras.callbacks.Callback],
    *,
    seed: int | None,
    config: CheckpointConfig | None,
    context: DistributionContext,
) -> Iterator[CheckpointManager | None]:
    """Open the checkpoint of a run once all workers have the same configuration.

    Without `config`, only the workers are checked.

    Raises
    ------
    BlockingIOError
        If another training uses the folder.
    CorruptFileError
        If its file is damaged or not a checkpoint.
    ValueError
        If it belongs to another run, a callback cannot be saved, or workers differ.
    """
    if config is not None:
        check_serializable(callbacks)
    fingerprint = run_fingerprint(model, recipe, training, validation, callbacks)
    if context.world_size > 1:
        # The chief's optimizer is broadcast, so its learning rate need not be the same.
        settings = fingerprint.to_dict() | {"learning_rate": None}
        context.check_same_config(settings | {"seed": seed, "checkpoint_dir": config is not None})
        with_optimizer = recipe.learning_rate is None
        context.broadcast_variables(_variables(model, with_optimizer=with_optimizer))
    if config is None:
        yield None
    elif context.is_chief:
        limit = BASE_BYTES + _MAX_SIZE_FACTOR * 4 * model.count_params()
        with lock_run(config.folder):
            checkpoint = _open(config, fingerprint.to_dict(), seed, limit, context)
            context.broadcast(checkpoint.state_bytes())
            yield checkpoint
    else:
        path = config.folder / STATE_FILE
        record, arrays = file_format.deserialize(path, context.broadcast(b""))
        yield _from_record(path, record, arrays, config.every, context)


@contextmanager
def lock_run(folder: Path) -> Iterator[None]:
    """Hold the lock of a run's folder; the same thread may take it again meanwhile.

    Raises
    ------
    BlockingIOError
        If another training uses the folder.
    FileExistsError
        If the folder holds another file with the name of the lock.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        try:
            stack.enter_context(file_lock(folder.resolve() / _LOCK_NAME, timeout=0, reentrant=True))
        except TimeoutError:
            raise BlockingIOError(
                "checkpoint_dir must be used by one training at a time; received "
                f"{quote(str(folder))}, which another one uses"
            ) from None
        yield


def _open(
    config: CheckpointConfig,
    fingerprint: dict[str, Any],
    seed: int | None,
    limit: int,
    context: DistributionContext,
) -> CheckpointManager:
    """Return the checkpoint in the folder if it is of the same run, or a new one."""
    path = config.folder / STATE_FILE
    try:
        record, arrays = file_format.read_checkpoint(path, limit=limit)
    except FileNotFoundError:
        if seed is None:
            seed = int(np.random.SeedSequence().generate_state(1)[0])
        return CheckpointManager(path, fingerprint, seed, config.every, context)
    checkpoint = _from_record(path, record, arrays, config.every, context)
    check_same_run(
        str(config.folder),
        checkpoint.fingerprint | {"seed": checkpoint.seed},
        fingerprint | {"seed": checkpoint.seed if seed is None else seed},
    )
    checkpoint.fingerprint = fingerprint
    return checkpoint


def _from_record(
    path: Path,
    record: dict[str, Any],
    arrays: Arrays,
    every: int | None,
    context: DistributionContext,
) -> CheckpointManager:
    try:
        if record["format"] != _FORMAT:
            raise ValueError(f"the format {quote(record['format'])}")
        fingerprint = {
            field.name: record["fingerprint"][field.name] for field in fields(RunFingerprint)
        }
        seed = check_int("seed", record["seed"], minimum=0)
        seconds = check_non_negative("elapsed_seconds", record["elapsed_seconds"])
        records = dict(record["training_states"])
    except INVALID_RECORD_ERRORS as error:
        raise not_a_checkpoint(path, error) from error
    checkpoint = CheckpointManager(path, fingerprint, seed, every, context)
    checkpoint.load_state_dict(records, arrays, elapsed_seconds=seconds)
    return checkpoint


def _variables(model: keras.Model, *, with_optimizer: bool) -> list[keras.Variable]:
    if not with_optimizer:
        return list(model.variables)
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    return [*model.variables, *model.optimizer.variables]
