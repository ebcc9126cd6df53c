"""The folder in which a run is kept: one file, one lock, and the run that it belongs to."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import filelock
import numpy as np

from mnistcnn import _checks, _run_file
from mnistcnn._backend import keras
from mnistcnn._run_file import FREE_BYTES, STATE, Arrays, foreign
from mnistcnn._stage import Stage
from mnistcnn._team import Alone
from mnistcnn._types import Float32Array, PathLike

_LOCK = "lock"
_FORMAT = 1
# An optimizer's variables, averages and best weights are each as large as the network.
_TIMES_THE_NETWORK = 16
# Of what a file says of its run, in a message.
_MOST_SHOWN = 1000


class Checkpoints(NamedTuple):
    """Where a run is kept, and after how many steps besides at each epoch's end."""

    folder: Path
    every: int | None


@dataclass(frozen=True, kw_only=True)
class Identity:
    """What makes two runs the same run, each as text or settings; `None`: not to be known."""

    versions: Mapping[str, str]
    recipe: Mapping[str, Any]
    data: str
    validation_data: str
    network: str
    learning_rate: float | None
    callbacks: str

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON gives it back."""
        return dict(json.loads(json.dumps(vars(self))))


class Keeper:
    """A folder that is this run's own while `kept_in` lasts.

    On several machines it is the chief's, and the others hear of it what was in it.
    """

    def __init__(
        self,
        path: Path,
        identity: dict[str, Any],
        seed: int,
        every: int | None,
        team: Alone | None = None,
    ) -> None:
        self._team = Alone() if team is None else team
        self.seed = seed
        self.identity = identity
        self._path, self._every = path, every
        self._seconds, self._started = 0.0, time.monotonic()
        self._stages: dict[str, tuple[dict[str, Any], Arrays]] = {}

    def stage(self, name: str, *, forgets: bool = False) -> Stage:
        """Return the training of that name, as far as it has come."""

        def save(record: dict[str, Any], arrays: Arrays) -> None:
            self._stages[name] = record, arrays
            self._write()

        kept = self._stages.get(name)
        return Stage(
            save,
            kept,
            source=str(self._path),
            every=self._every,
            forgets=forgets,
            team=self._team,
        )

    def take(self, stages: Mapping[str, Any], arrays: Arrays, *, seconds: float) -> None:
        """Begin with what was found in the file."""
        self._seconds = seconds
        for name, record in stages.items():
            start = f"{name}/"
            own = {key[len(start) :]: one for key, one in arrays.items() if key.startswith(start)}
            self._stages[name] = record, own

    def content(self) -> bytes:
        """Return all of it, as a worker on another machine needs it."""
        record, arrays = self._whole()
        return _run_file.sealed(json.dumps(record), arrays)

    def _write(self) -> None:
        if self._team.chief:
            _run_file.write(self._path, *self._whole())

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
def kept_in(
    at: Checkpoints,
    identity: Identity,
    *,
    seed: int | None,
    network_bytes: int,
    team: Alone,
) -> Iterator[Keeper]:
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
    if not team.chief:
        content = team.from_chief(b"")
        yield _filled(at, folder / STATE, *_run_file.opened(folder / STATE, content), team=team)
        return
    folder.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(folder / _LOCK)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise BlockingIOError(
            f"checkpoint_dir must be one training's own; received {str(folder)!r}, "
            "in which another one is at work"
        ) from None
    try:
        limit = FREE_BYTES + _TIMES_THE_NETWORK * network_bytes
        keeper = _keeper(at, identity.to_dict(), seed, limit, team)
        team.from_chief(keeper.content())
        yield keeper
    finally:
        lock.release()


def data_text(x: Float32Array, y: Float32Array) -> str:
    """Return how many images and labels these are, and a digest of them."""
    digest = hashlib.sha256()
    for array in (x, y):
        digest.update(np.ascontiguousarray(array).data)
    return f"{len(x):,} images (sha256 {digest.hexdigest()[:16]})"


def network_text(model: keras.Model, *, with_optimizer: bool) -> str:
    """Return what a network is and how it is compiled, and a digest of both.

    Where it begins is not part of it, since a run that goes on has weights of its own.
    """
    plain = (bool, int, float, str, type(None))
    parts: list[Any] = [getattr(model.loss, "__name__", None) or str(type(model.loss))]
    if isinstance(model.loss, str):
        parts = [model.loss]
    layers = model._flatten_layers(include_self=False)  # noqa: SLF001  # those within others, too
    for layer in layers:
        settings = _config(layer)
        own = {k: v for k, v in settings.items() if isinstance(v, plain)}
        parts.append([type(layer).__name__, sorted((own | {"name": "", "seed": None}).items())])
    parts.append([[list(one.shape), str(one.dtype)] for one in model.variables])
    text = f"a {type(model).__name__} of {model.count_params():,} parameters"
    if with_optimizer:
        optimizer = model.optimizer
        settings = {k: v for k, v in _config(optimizer).items() if isinstance(v, plain)}
        for name in ("name", "learning_rate"):
            settings.pop(name, None)
        parts.append(sorted(settings.items()))
        text += f" with {type(optimizer).__name__}"
    digest = hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()
    return f"{text} (sha256 {digest[:16]})"


def first_learning_rate(model: keras.Model) -> float | None:
    """Return at which rate a run begins, where it is one number that nothing has changed yet."""
    rate = _config(model.optimizer).get("learning_rate")
    # Else callbacks may have been at work.
    fresh = not keras.ops.convert_to_numpy(model.optimizer.iterations)
    return float(rate) if fresh and isinstance(rate, int | float) else None


def versions() -> dict[str, str]:
    """Return the versions that the bits of a result depend on."""
    return {name: version(name) for name in ("mnistcnn", "keras", "tensorflow", "numpy")}


def checked_folder(value: PathLike) -> Path:
    """Return the folder, which need not be there yet."""
    folder = _checks.path("checkpoint_dir", value)
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"checkpoint_dir must be a folder; {str(folder)!r} is a file")
    return folder


def _config(thing: Any) -> dict[str, Any]:
    try:
        return dict(thing.get_config())
    except Exception:  # noqa: BLE001  # a layer of one's own may have none
        return {}


def _filled(
    at: Checkpoints, path: Path, record: dict[str, Any], arrays: Arrays, *, team: Alone
) -> Keeper:
    """Return a keeper of what another one told, or wrote."""
    try:
        if record["format"] != _FORMAT:
            raise ValueError(f"the format {record['format']!r}")
        identity = {field.name: record["identity"][field.name] for field in fields(Identity)}
        seed = _checks.whole_number("seed", record["seed"], at_least=0)
        seconds = _checks.not_negative("seconds", record["seconds"])
        stages = dict(record["stages"])
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
        raise foreign(path, error) from error
    keeper = Keeper(path, identity, seed, at.every, team)
    keeper.take(stages, arrays, seconds=seconds)
    return keeper


def _keeper(
    at: Checkpoints, identity: dict[str, Any], seed: int | None, limit: int, team: Alone
) -> Keeper:
    path = at.folder / STATE
    try:
        record, arrays = _run_file.read(path, limit=limit)
    except FileNotFoundError:
        drawn = int(np.random.SeedSequence().generate_state(1)[0])
        return Keeper(path, identity, drawn if seed is None else seed, at.every, team)
    keeper = _filled(at, path, record, arrays, team=team)
    given = keeper.seed if seed is None else seed
    held = keeper.identity | {"seed": keeper.seed}
    _refuse_another(at.folder, held, identity | {"seed": given})
    keeper.identity = identity
    return keeper


def _refuse_another(folder: Path, held: dict[str, Any], received: dict[str, Any]) -> None:
    for name, own in received.items():
        other = held[name]
        if other == own or other is None or own is None:
            continue
        texts = [str(other)[:_MOST_SHOWN], str(own)]
        if isinstance(own, dict) and isinstance(other, dict):
            keys = [key for key in own if key != "name" and other.get(key) != own[key]]
            texts = [_settings(one, keys)[:_MOST_SHOWN] for one in (other, own)]
        raise ValueError(
            f"checkpoint_dir must hold a run of the same {name.replace('_', ' ')}; "
            f"{str(folder)!r} holds one of {texts[0]}, received {texts[1]}"
        )


def _settings(settings: dict[str, Any], keys: list[str]) -> str:
    """Return the name, if there is one, and those settings."""
    text = ", ".join(f"{key} {settings.get(key)}" for key in keys)
    named = repr(settings["name"]) if "name" in settings else ""
    return " with ".join(part for part in (named, text) if part)
