"""Whether runs survive: real trainings are killed at random moments, again and again.

    python -m benchmarks.robustness.crash_recovery            # 120 kills in a quarter of an hour
    python -m benchmarks.robustness.crash_recovery --missing  # only what the file lacks

Each way to train runs once undisturbed. Then the same call runs in one folder until it comes to
its end, and each process that does it is killed. Lost is what ends with other weights, another
optimizer, history or best file, to the bit, than the undisturbed run; what a kill leaves that can't
be read; and temporary files that are still there at the end. One kill in five comes at a random
moment before the process has kept anything, while graphs are made; the others at a random moment
after that, when it has taken up the run and keeps it again and again. Figures go to
benchmarks/results/crash_recovery.json. TensorFlow is imported once; a process that has only imported it
can be forked. Needs Linux or macOS.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import pathlib
import platform
import shlex
import signal
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import mnistcnn
from benchmarks.harness import RESULTS
from mnistcnn.backend import keras  # noqa: F401  # imported before each fork
from mnistcnn.evaluation import results  # noqa: F401  # imported before each fork
from mnistcnn.recipes import (
    BASELINE,  # noqa: F401  # imported before each fork
    BEST,  # noqa: F401  # imported before each fork
    FAST,  # noqa: F401  # imported before each fork
    ROBUST,  # noqa: F401  # imported before each fork
)
from mnistcnn.training import train  # noqa: F401  # imported before each fork
from mnistcnn.training.checkpoint import file_format  # noqa: F401  # imported before each fork
from mnistcnn.training.checkpoint.file_format import STATE_FILE  # noqa: F401  # imported before each fork
from mnistcnn.utils.atomic_write import write_text  # noqa: F401  # imported before each fork
from mnistcnn.utils.environment import cpu_count, library_versions
from mnistcnn.weights.keras_file import read_weights  # noqa: F401  # imported before each fork

# A run is killed so often, and may then come to its end.
MAX_KILLS_A_RUN = 6
LIMIT = 16 << 20
EARLY = 0.2
PATIENCE = 300  # seconds for a training to keep its first state
RANDOM, WITHIN, CTRL_C = "SIGKILL at a random moment", "SIGKILL within a write", "Ctrl-C"
FAULTS = (RANDOM, WITHIN, CTRL_C)
_TAUGHT = replace(
    BEST,
    name="taught",
    epochs=6,
    teacher=replace(FAST, name="teacher", epochs=6, dropout=0.3),
)


def documented() -> tuple[Any, dict[str, Any]]:
    """Return the documented network and its recipe, with both callbacks."""
    model = mnistcnn.build_model(seed=0)
    callbacks = mnistcnn.default_callbacks("best.keras", min_delta=0.0, patience=8)
    return model, {"recipe": replace(BASELINE, epochs=8), "callbacks": callbacks}


def distorted() -> tuple[Any, dict[str, Any]]:
    """Return the network with the recipe robust, of fewer epochs: distorted images and Muon."""
    return mnistcnn.build_model(seed=0), {"recipe": replace(ROBUST, epochs=12)}


def taught() -> tuple[Any, dict[str, Any]]:
    """Return the network with a recipe that trains a teacher first."""
    return mnistcnn.build_model(seed=0), {"recipe": _TAUGHT}


def by_fit() -> tuple[Any, dict[str, Any]]:
    """Return another network, which Keras' own fit trains, with averaged weights."""
    layers = keras.layers
    start = keras.initializers.GlorotUniform(seed=1)
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(8, 3, strides=2, activation="relu", kernel_initializer=start),
            layers.BatchNormalization(),
            layers.Flatten(),
            layers.Dropout(0.3, seed=2),
            layers.Dense(10, activation="softmax", kernel_initializer=start),
        ]
    )
    model.compile(
        keras.optimizers.Adam(use_ema=True, ema_momentum=0.9),
        "categorical_crossentropy",
        metrics=["accuracy"],
    )
    watch = {"monitor": "val_loss", "mode": "min"}
    callbacks = [
        keras.callbacks.SwapEMAWeights(swap_on_epoch=True),
        keras.callbacks.EarlyStopping(**watch, patience=12, restore_best_weights=True),
        keras.callbacks.ReduceLROnPlateau(**watch, patience=0, min_delta=0.3),
    ]
    return model, {"recipe": replace(BASELINE, epochs=12), "callbacks": callbacks}


WAYS = {
    "the documented recipe": (documented, 5),
    "distorted images, Muon": (distorted, 5),
    "a teacher first": (taught, 5),
    "another network, by Keras' fit": (by_fit, None),
}


def train_to_the_end(way: str, data: Any, end: Path) -> None:
    """Make the call, in the folder of the run, and write what came of it."""
    make, every = WAYS[way]
    model, options = make()
    history = mnistcnn.train(
        model, *data, **options, seed=1, verbose=0, checkpoint_dir="state", checkpoint_every=every
    )
    digest = hashlib.sha256(json.dumps(history.history, sort_keys=True).encode())
    for variable in [*model.variables, *model.optimizer.variables]:
        digest.update(np.asarray(variable).tobytes())
    if Path("best.keras").exists():
        for array in read_weights("best.keras"):
            digest.update(array.tobytes())
    end.write_text(digest.hexdigest())


def die_in_a_write(chance: np.random.Generator) -> None:
    """Have this process killed before, in or after a step of writing a file."""
    left = int(chance.integers(0, 40))

    def perhaps_deadly(work: Callable[..., Any]) -> Callable[..., Any]:
        def step(*arguments: Any, **options: Any) -> Any:
            nonlocal left
            left -= 1
            if left == 0 and work is write_bytes:
                path, content = arguments
                write_bytes(path, content[: int(chance.integers(0, len(content)))])
            if left == 0 and chance.random() < 0.5:
                os.kill(os.getpid(), signal.SIGKILL)
            result = work(*arguments, **options)
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        return step

    write_bytes = pathlib.Path.write_bytes
    pathlib.Path.write_bytes = perhaps_deadly(write_bytes)  # type: ignore[method-assign]
    pathlib.Path.replace = perhaps_deadly(pathlib.Path.replace)  # type: ignore[method-assign]
    os.fsync = perhaps_deadly(os.fsync)


def start(way: str, folder: Path, data: Any, end: Path, *, seed: int | None = None) -> int:
    """Fork a process that makes the call in `folder`; return its number."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python's, of forks beside threads
        child = os.fork()
    if child:
        return child
    code = 1
    try:
        os.chdir(folder)
        signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in the background
        if seed is not None:
            die_in_a_write(np.random.default_rng(seed))
        train_to_the_end(way, data, end)
        code = 0
    except KeyboardInterrupt:
        code = 130
    finally:
        os._exit(code)


class Alone(NamedTuple):
    """An undisturbed training: how it ends, and seconds before and after it first kept a state."""

    end: str
    before: float
    keeping: float


def undisturbed(way: str, data: Any) -> Alone:
    """Train twice; both must end alike."""
    found = []
    for _ in range(2):
        with tempfile.TemporaryDirectory() as place:
            folder, end = Path(place, "run"), Path(place, "end")
            folder.mkdir()
            started = time.monotonic()
            child = start(way, folder, data, end)
            while (
                inode(folder / "state" / STATE_FILE) is None
                and time.monotonic() < started + PATIENCE
            ):
                time.sleep(0.001)
            kept = time.monotonic()
            if wait(child) != 0:
                raise RuntimeError(f"{way}: the undisturbed training failed")
            found.append(Alone(end.read_text(), kept - started, time.monotonic() - kept))
    if found[0].end != found[1].end:
        raise RuntimeError(f"{way}: two undisturbed trainings differ")
    return min(found, key=lambda one: one.keeping)


def wait(child: int) -> int:
    """Return how a process ended by itself."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def strike(child: int, number: int, *, after: float, state: Path | None, old: int | None) -> int:
    """Send the signal so long `after` the process began or, with `state`, first kept one.

    Return how it ended, which may have been before.
    """
    deadline = time.monotonic() + after if state is None else None
    while deadline is None or time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        if deadline is None and state is not None and inode(state) not in (None, old):
            deadline = time.monotonic() + after
        time.sleep(0.001)
    os.kill(child, number)
    return wait(child)


def inode(path: Path) -> int | None:
    """Return which file it is, which changes when another takes its place."""
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return None


def unreadable(folder: Path) -> int:
    """Count the files that a kill left and that can't be read."""
    count = 0
    for path, read in (
        (
            folder / "state" / STATE_FILE,
            lambda path: file_format.read_checkpoint(path, limit=LIMIT),
        ),
        (folder / "best.keras", read_weights),
    ):
        try:
            read(path)
        except FileNotFoundError:
            pass
        except ValueError:
            count += 1
    return count


def survive(
    way: str, fault: str, data: Any, *, alone: Alone, kills: int, seed: int
) -> dict[str, Any]:
    """Kill runs until there were `kills`; return what was lost."""
    chance = np.random.default_rng(seed)
    row = dict.fromkeys(("runs", "kills", "went_on", "other_ends", "unreadable", "litter"), 0)
    while row["kills"] < kills:
        with tempfile.TemporaryDirectory() as place:
            folder, end = Path(place, "run"), Path(place, "end")
            state = folder / "state" / STATE_FILE
            folder.mkdir()
            row["runs"] += 1
            for killed in range(MAX_KILLS_A_RUN + 1):
                spared = killed == MAX_KILLS_A_RUN or row["kills"] == kills
                deadly = fault == WITHIN and not spared
                old = inode(state)
                word = int(chance.integers(1 << 32))
                child = start(way, folder, data, end, seed=word if deadly else None)
                if spared or deadly:
                    code = wait(child)
                else:
                    early = chance.random() < EARLY
                    code = strike(
                        child,
                        signal.SIGINT if fault == CTRL_C else signal.SIGKILL,
                        after=float(chance.uniform(0, alone.before if early else alone.keeping)),
                        state=None if early else state,
                        old=old,
                    )
                row["unreadable"] += unreadable(folder)
                if code == 0:
                    break
                if code not in (-signal.SIGKILL, -signal.SIGINT, 130):
                    raise RuntimeError(f"{way}: the training failed with code {code}")
                row["kills"] += 1
                row["went_on"] += state.exists()
            row["other_ends"] += end.read_text() != alone.end
            row["litter"] += len(list(folder.rglob(".mnistcnn-*")))
    return {"way": way, "fault": fault, **row}


def command(before: str | None, arguments: Sequence[str]) -> str:
    """Return the calls that made the file: those before this one, if it only adds to them."""
    call = shlex.join(["python", "benchmarks/robustness/crash_recovery.py", *arguments])
    return call if before is None else f"{before}; {call}"


def main() -> None:
    """Kill, count and write the file."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--kills", type=int, default=10, help="for each way and fault")
    options.add_argument("--way", choices=WAYS, action="append", help="default: each")
    options.add_argument("--fault", choices=FAULTS, action="append", help="default: each")
    options.add_argument("--missing", action="store_true", help="only rows that the file lacks")
    options.add_argument("--output", type=Path, default=RESULTS / "crash_recovery.json")
    options.add_argument("--seed", type=int, default=0)
    given = options.parse_args()
    pairs = [(fault, way) for fault in given.fault or FAULTS for way in given.way or WAYS]
    asked = given.missing or given.fault or given.way
    before = json.loads(given.output.read_text()) if asked and given.output.exists() else {}
    rows = {(row["fault"], row["way"]): row for row in before.get("rows", [])}
    if given.missing:
        pairs = [pair for pair in pairs if pair not in rows]
    (x, y), _ = mnistcnn.load_data("digits")
    data = mnistcnn.preprocess(x, y)
    found = {way: undisturbed(way, data) for way in dict.fromkeys(way for _, way in pairs)}
    print(found, flush=True)
    report: dict[str, Any] = {
        "command": command(before.get("command"), sys.argv[1:]),
        "machine": platform.machine(),
        "cores": cpu_count(),
        "versions": library_versions(),
        "rows": [],
    }
    for fault, way in pairs:
        row = survive(way, fault, data, alone=found[way], kills=given.kills, seed=given.seed)
        rows[fault, way] = row
        print(json.dumps(row), flush=True)
        order = [(one, other) for one in FAULTS for other in WAYS]
        report["rows"] = [rows[pair] for pair in order if pair in rows]
        write_text(given.output, json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
