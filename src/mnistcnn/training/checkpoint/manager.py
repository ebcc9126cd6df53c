"""The folder in which a run is kept: one file, one lock, and the run that it belongs to."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple

import filelock
import numpy as np

from mnistcnn.training.checkpoint import file_format
from mnistcnn.training.checkpoint.file_format import (
    BASE_BYTES,
    STATE_FILE,
    Arrays,
    not_a_checkpoint,
)
from mnistcnn.training.checkpoint.fingerprint import (
    MAX_SETTING_CHARS,
    RunFingerprint,
    differing_settings,
)
from mnistcnn.training.checkpoint.state import TrainingState
from mnistcnn.training.distribute.context import DistributionContext, SingleProcess
from mnistcnn.types import PathLike
from mnistcnn.utils.validation import check_int, check_non_negative, check_path

_LOCK_NAME = "lock"
_FORMAT = 1
# An optimizer's variables, averages and best weights are each as large as the network.
_MAX_SIZE_FACTOR = 16


class CheckpointConfig(NamedTuple):
    """Where a run is kept, and after how many steps besides at each epoch's end."""

    folder: Path
    every: int | None


class CheckpointManager:
    """A folder that is this run's own while `kept_in` lasts.

    On several machines it is the chief's, and the others hear of it what was in it.
    """

    def __init__(
        self,
        path: Path,
        identity: dict[str, Any],
        seed: int,
        every: int | None,
        context: DistributionContext | None = None,
    ) -> None:
        self._context = SingleProcess() if context is None else context
        self.seed = seed
        self.identity = identity
        self._path, self._every = path, every
        self._seconds, self._started = 0.0, time.monotonic()
        self._stages: dict[str, tuple[dict[str, Any], Arrays]] = {}

    def stage(self, name: str, *, weights_only: bool = False) -> TrainingState:
        """Return the training of that name, as far as it has come."""

        def save(record: dict[str, Any], arrays: Arrays) -> None:
            self._stages[name] = record, arrays
            self._write()

        kept = self._stages.get(name)
        return TrainingState(
            save,
            kept,
            source=str(self._path),
            every=self._every,
            weights_only=weights_only,
            context=self._context,
        )

    def load_state_dict(self, stages: Mapping[str, Any], arrays: Arrays, *, seconds: float) -> None:
        """Begin with what was found in the file."""
        self._seconds = seconds
        for name, record in stages.items():
            start = f"{name}/"
            own = {key[len(start) :]: one for key, one in arrays.items() if key.startswith(start)}
            self._stages[name] = record, own

    def state_bytes(self) -> bytes:
        """Return all of it, as a worker on another machine needs it."""
        record, arrays = self._whole()
        return file_format.serialize(json.dumps(record), arrays)

    def _write(self) -> None:
        if self._context.is_chief:
            file_format.write_checkpoint(self._path, *self._whole())

    def _whole(self) -> tuple[dict[str, Any], Arrays]:
        record = {
            "format": _FORMAT,
            "identity": self.identity,
            "seed": self.seed,
            "seconds": self._seconds + time.monotonic() - self._started,
            "stages": {name: stage for name, (stage, _) in self._stages.items()},
        }
        arrays = {
            f"{name}/{key}": array
            for name, (_, own) in self._stages.items()
            for key, array in own.items()
        }
        return record, arrays


@contextmanager
def open_checkpoint(
    at: CheckpointConfig,
    identity: RunFingerprint,
    *,
    seed: int | None,
    network_bytes: int,
    context: DistributionContext,
) -> Iterator[CheckpointManager]:
    """Give what keeps a run in its folder.

    Raises
    ------
    BlockingIOError
        If another training is at work in the folder.
    CorruptFileError
        If the file there is damaged or something else.
    ValueError
        If it belongs to another run.
    """
    folder = at.folder
    if not context.is_chief:
        content = context.broadcast(b"")
        yield _create(
            at,
            folder / STATE_FILE,
            *file_format.deserialize(folder / STATE_FILE, content),
            context=context,
        )
        return
    folder.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(folder / _LOCK_NAME)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise BlockingIOError(
            f"checkpoint_dir must be one training's own; received {str(folder)!r}, "
            "in which another one is at work"
        ) from None
    try:
        limit = BASE_BYTES + _MAX_SIZE_FACTOR * network_bytes
        checkpoint = _resume(at, identity.to_dict(), seed, limit, context)
        context.broadcast(checkpoint.state_bytes())
        yield checkpoint
    finally:
        lock.release()


def check_checkpoint_dir(value: PathLike) -> Path:
    """Return the folder, which need not be there yet."""
    folder = check_path("checkpoint_dir", value)
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"checkpoint_dir must be a folder; {str(folder)!r} is a file")
    return folder


def _create(
    at: CheckpointConfig,
    path: Path,
    record: dict[str, Any],
    arrays: Arrays,
    *,
    context: DistributionContext,
) -> CheckpointManager:
    """Return a checkpoint of what another one told, or wrote."""
    try:
        if record["format"] != _FORMAT:
            raise ValueError(f"the format {record['format']!r}")
        identity = {field.name: record["identity"][field.name] for field in fields(RunFingerprint)}
        seed = check_int("seed", record["seed"], minimum=0)
        seconds = check_non_negative("seconds", record["seconds"])
        stages = dict(record["stages"])
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
        raise not_a_checkpoint(path, error) from error
    checkpoint = CheckpointManager(path, identity, seed, at.every, context)
    checkpoint.load_state_dict(stages, arrays, seconds=seconds)
    return checkpoint


def _resume(
    at: CheckpointConfig,
    identity: dict[str, Any],
    seed: int | None,
    limit: int,
    context: DistributionContext,
) -> CheckpointManager:
    path = at.folder / STATE_FILE
    try:
        record, arrays = file_format.read_checkpoint(path, limit=limit)
    except FileNotFoundError:
        drawn = int(np.random.SeedSequence().generate_state(1)[0])
        return CheckpointManager(path, identity, drawn if seed is None else seed, at.every, context)
    checkpoint = _create(at, path, record, arrays, context=context)
    given = checkpoint.seed if seed is None else seed
    held = checkpoint.identity | {"seed": checkpoint.seed}
    _check_same_run(at.folder, held, identity | {"seed": given})
    checkpoint.identity = identity
    return checkpoint


def _check_same_run(folder: Path, held: dict[str, Any], received: dict[str, Any]) -> None:
    for name, own in received.items():
        other = held[name]
        if other == own or other is None or own is None:
            continue
        texts = [str(other)[:MAX_SETTING_CHARS], str(own)]
        if isinstance(own, dict) and isinstance(other, dict):
            keys = [key for key in own if key != "name" and other.get(key) != own[key]]
            texts = [differing_settings(one, keys)[:MAX_SETTING_CHARS] for one in (other, own)]
        raise ValueError(
            f"checkpoint_dir must hold a run of the same {name.replace('_', ' ')}; "
            f"{str(folder)!r} holds one of {texts[0]}, received {texts[1]}"
        )
