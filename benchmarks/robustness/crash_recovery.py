"""Kill real trainings at random moments and check that they resume without loss.

    python -m benchmarks.robustness.crash_recovery            # 120 kills in a quarter of an hour
    python -m benchmarks.robustness.crash_recovery --missing  # only rows that the file lacks

Each training runs once without interruption. Then the same call runs in one folder until it
finishes, while its processes are killed. A loss is a result that differs in any bit of weights,
optimizer, history or best file; or a file that a kill left unreadable. One kill in five happens
before the process has saved a checkpoint, while graphs are traced; the others at a random moment
after that. Results go to benchmarks/results/crash_recovery.json. TensorFlow is imported once: a
process that has only imported it can fork. Needs Linux or macOS.
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
from benchmarks.harness import argument_parser, parse_args, write_results
from mnistcnn.backend import keras  # imported, like the following, once before each fork
from mnistcnn.recipes import BASELINE, BEST, FAST, ROBUST
from mnistcnn.training.checkpoint import file_format
from mnistcnn.training.checkpoint.file_format import STATE_FILE
from mnistcnn.utils.environment import cpu_count, library_versions
from mnistcnn.weights.weights_file import read_weights_file

MAX_KILLS_PER_RUN = 6
MAX_CHECKPOINT_BYTES = 16 << 20
EARLY_KILLS = 0.2
FIRST_CHECKPOINT_TIMEOUT = 300  # seconds
RANDOM, IN_WRITE, CTRL_C = "SIGKILL at a random moment", "SIGKILL during a write", "Ctrl-C"
FAULTS = (RANDOM, IN_WRITE, CTRL_C)
LOSSES = ("different_results", "unreadable_files")
_DISTILLED = replace(
    BEST,
    name="distilled",
    epochs=6,
    teacher=replace(FAST, name="teacher", epochs=6, dropout=0.3),
)

Options = dict[str, Any]


def baseline() -> tuple[Any, Options]:
    """Return the baseline network and options of its training, with both callbacks."""
    model = mnistcnn.build_model(seed=0)
    callbacks = mnistcnn.default_callbacks("best.keras", min_delta=0.0, patience=8)
    return model, {"recipe": replace(BASELINE, epochs=8), "callbacks": callbacks}


def augmented() -> tuple[Any, Options]:
    """Return the network and a shorter recipe `robust`: augmentation and Muon."""
    return mnistcnn.build_model(seed=0), {"recipe": replace(ROBUST, epochs=12)}


def distilled() -> tuple[Any, Options]:
    """Return the network and a recipe that trains a teacher first."""
    return mnistcnn.build_model(seed=0), {"recipe": _DISTILLED}


class FitSequential(keras.Sequential):
    """A model that Keras' own fit trains, because it overrides a method that fit calls."""

    def compute_loss(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the loss as any model does."""
        return super().compute_loss(*args, **kwargs)


def custom_network() -> tuple[Any, Options]:
    """Return another network, which Keras' own fit trains, with averaged weights."""
    layers = keras.layers
    initializer = keras.initializers.GlorotUniform(seed=1)
    model = FitSequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(8, 3, strides=2, activation="relu", kernel_initializer=initializer),
            layers.BatchNormalization(),
            layers.Flatten(),
            layers.Dropout(0.3, seed=2),
            layers.Dense(10, activation="softmax", kernel_initializer=initializer),
        ]
    )
    model.compile(
        keras.optimizers.Adam(use_ema=True, ema_momentum=0.9),
        "categorical_crossentropy",
        metrics=["accuracy"],
    )
    monitor = {"monitor": "val_loss", "mode": "min"}
    callbacks = [
        keras.callbacks.SwapEMAWeights(swap_on_epoch=True),
        keras.callbacks.EarlyStopping(**monitor, patience=12, restore_best_weights=True),
        keras.callbacks.ReduceLROnPlateau(**monitor, patience=0, min_delta=0.3),
    ]
    return model, {"recipe": replace(BASELINE, epochs=12), "callbacks": callbacks}


# Each training by name, with the steps between its checkpoints.
TRAININGS: dict[str, tuple[Callable[[], tuple[Any, Options]], int | None]] = {
    "baseline": (baseline, 5),
    "augmentation and Muon": (augmented, 5),
    "distillation": (distilled, 5),
    "custom network with Keras fit": (custom_network, None),
}


def train_to_the_end(training: str, data: Any, result_file: Path) -> None:
    """Train in the current folder, and write a digest of the result."""
    build, checkpoint_every = TRAININGS[training]
    model, options = build()
    history = mnistcnn.train(
        model, *data, **options, seed=1, verbose=0,
        checkpoint_dir="state", checkpoint_every=checkpoint_every,
    )  # fmt: skip
    digest = hashlib.sha256(json.dumps(history.history, sort_keys=True).encode())
    for variable in [*model.variables, *model.optimizer.variables]:
        digest.update(np.asarray(variable).tobytes())
    if Path("best.keras").exists():
        for array in read_weights_file("best.keras"):
            digest.update(array.tobytes())
    result_file.write_text(digest.hexdigest())


def kill_during_a_write(rng: np.random.Generator) -> None:
    """Let this process be killed before, during or after a step of writing a file."""
    remaining = int(rng.integers(0, 40))

    def with_kill(function: Callable[..., Any]) -> Callable[..., Any]:
        def step(*args: Any, **options: Any) -> Any:
            nonlocal remaining
            remaining -= 1
            if remaining == 0 and function is write_bytes:
                path, content = args
                write_bytes(path, content[: int(rng.integers(0, len(content)))])
            if remaining == 0 and rng.random() < 0.5:
                os.kill(os.getpid(), signal.SIGKILL)
            result = function(*args, **options)
            if remaining == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        return step

    write_bytes = pathlib.Path.write_bytes
    pathlib.Path.write_bytes = with_kill(write_bytes)  # type: ignore[method-assign]
    pathlib.Path.replace = with_kill(pathlib.Path.replace)  # type: ignore[method-assign]
    os.fsync = with_kill(os.fsync)


def start_process(
    training: str, folder: Path, data: Any, result_file: Path, *, kill_seed: int | None = None
) -> int:
    """Fork a process that trains in `folder`, and return its process ID.

    With `kill_seed` it is killed during a write, which that seed chooses.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python's, of forks beside threads
        child = os.fork()
    if child:
        return child
    code = 1
    try:
        os.chdir(folder)
        signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in the background
        if kill_seed is not None:
            kill_during_a_write(np.random.default_rng(kill_seed))
        train_to_the_end(training, data, result_file)
        code = 0
    except KeyboardInterrupt:
        code = 130
    finally:
        os._exit(code)


class Reference(NamedTuple):
    """A training without interruption.

    Its result, and the seconds before its first checkpoint and after it.
    """

    result: str
    before_checkpoint: float
    after_checkpoint: float


def run_reference(training: str, data: Any) -> Reference:
    """Train twice without interruption; the results must be equal."""
    references = []
    for _ in range(2):
        with tempfile.TemporaryDirectory() as temporary:
            folder, result_file = Path(temporary, "run"), Path(temporary, "result")
            folder.mkdir()
            started = time.monotonic()
            child = start_process(training, folder, data, result_file)
            while (
                inode(folder / "state" / STATE_FILE) is None
                and time.monotonic() < started + FIRST_CHECKPOINT_TIMEOUT
            ):
                time.sleep(0.001)
            saved = time.monotonic()
            if wait_for_exit(child) != 0:
                raise RuntimeError(f"{training}: the training failed without interruption")
            result = result_file.read_text()
            references.append(Reference(result, saved - started, time.monotonic() - saved))
    if references[0].result != references[1].result:
        raise RuntimeError(f"{training}: two trainings without interruption differ")
    return min(references, key=lambda reference: reference.after_checkpoint)


def wait_for_exit(child: int) -> int:
    """Return the exit code of a process."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def kill_after(
    child: int, number: int, *, seconds: float, checkpoint: Path | None, old: int | None
) -> int:
    """Send a signal `seconds` after now or, with `checkpoint`, after that file has changed.

    `old` is its inode before. Return the exit code; the process may have finished before.
    """
    deadline = time.monotonic() + seconds if checkpoint is None else None
    while deadline is None or time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        if deadline is None and checkpoint is not None and inode(checkpoint) not in (None, old):
            deadline = time.monotonic() + seconds
        time.sleep(0.001)
    os.kill(child, number)
    return wait_for_exit(child)


def inode(path: Path) -> int | None:
    """Return the inode of a file, which changes when the file is replaced."""
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return None


def count_unreadable_files(folder: Path) -> int:
    """Count the files that a kill left unreadable."""
    count = 0
    for path, read in (
        (
            folder / "state" / STATE_FILE,
            lambda path: file_format.read_checkpoint(path, limit=MAX_CHECKPOINT_BYTES),
        ),
        (folder / "best.keras", read_weights_file),
    ):
        try:
            read(path)
        except FileNotFoundError:
            pass
        except ValueError:
            count += 1
    return count


def interrupt_and_resume(
    training: str, fault: str, data: Any, *, reference: Reference, kills: int, seed: int
) -> dict[str, Any]:
    """Kill runs until there were `kills`, and count the losses."""
    rng = np.random.default_rng(seed)
    row = dict.fromkeys(("runs", "kills", "resumed", *LOSSES), 0)
    while row["kills"] < kills:
        with tempfile.TemporaryDirectory() as temporary:
            folder, result_file = Path(temporary, "run"), Path(temporary, "result")
            folder.mkdir()
            row["runs"] += 1
            for attempt in range(MAX_KILLS_PER_RUN + 1):
                to_the_end = attempt == MAX_KILLS_PER_RUN or row["kills"] == kills
                code = _run_once(
                    training, fault, data, folder, result_file,
                    reference=reference, rng=rng, to_the_end=to_the_end,
                )  # fmt: skip
                row["unreadable_files"] += count_unreadable_files(folder)
                if code == 0:
                    break
                if code not in (-signal.SIGKILL, -signal.SIGINT, 130):
                    raise RuntimeError(f"{training}: the training failed with exit code {code}")
                row["kills"] += 1
                row["resumed"] += (folder / "state" / STATE_FILE).exists()
            row["different_results"] += result_file.read_text() != reference.result
    return {"training": training, "fault": fault, **row}


def _run_once(
    training: str,
    fault: str,
    data: Any,
    folder: Path,
    result_file: Path,
    *,
    reference: Reference,
    rng: np.random.Generator,
    to_the_end: bool,
) -> int:
    """Start a process, kill it unless it may run to the end, and return its exit code."""
    checkpoint = folder / "state" / STATE_FILE
    kill_in_write = fault == IN_WRITE and not to_the_end
    old = inode(checkpoint)
    kill_seed = int(rng.integers(1 << 32))
    child = start_process(
        training, folder, data, result_file, kill_seed=kill_seed if kill_in_write else None
    )
    if to_the_end or kill_in_write:
        return wait_for_exit(child)
    early = rng.random() < EARLY_KILLS
    limit = reference.before_checkpoint if early else reference.after_checkpoint
    return kill_after(
        child,
        signal.SIGINT if fault == CTRL_C else signal.SIGKILL,
        seconds=float(rng.uniform(0, limit)),
        checkpoint=None if early else checkpoint,
        old=old,
    )


def command_of(saved: str | None, arguments: Sequence[str]) -> str:
    """Return the commands that made the file: those before, too, if this one adds to them."""
    command = shlex.join(["python", "-m", "benchmarks.robustness.crash_recovery", *arguments])
    return command if saved is None else f"{saved}; {command}"


def parse_options(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argument_parser(__doc__, "crash_recovery.json")
    parser.add_argument("--kills", type=int, default=10, help="for each training and fault")
    parser.add_argument("--training", choices=TRAININGS, action="append", help="default: all")
    parser.add_argument("--fault", choices=FAULTS, action="append", help="default: all")
    parser.add_argument("--missing", action="store_true", help="only rows that the file lacks")
    parser.add_argument("--seed", type=int, default=0)
    options = parse_args(parser, argv)
    if options.smoke:
        options.kills, options.training, options.fault = 1, ["baseline"], [RANDOM]
    return options


def main(argv: Sequence[str] | None = None) -> None:
    """Kill, count and save the results."""
    options = parse_options(argv)
    pairs = [
        (fault, training)
        for fault in options.fault or FAULTS
        for training in options.training or TRAININGS
    ]
    partial = options.missing or options.fault or options.training
    exists = partial and options.output.exists()
    saved = json.loads(options.output.read_text()) if exists else {}
    rows = {(row["fault"], row["training"]): row for row in saved.get("rows", [])}
    if options.missing:
        pairs = [pair for pair in pairs if pair not in rows]
    x, y = mnistcnn.preprocess(*mnistcnn.load_data("digits").train)
    data = (x[:256], y[:256]) if options.smoke else (x, y)
    trainings = dict.fromkeys(training for _, training in pairs)
    references = {training: run_reference(training, data) for training in trainings}
    print(references, flush=True)
    report: dict[str, Any] = {
        "command": command_of(saved.get("command"), sys.argv[1:] if argv is None else argv),
        "machine": platform.machine(),
        "cores": cpu_count(),
        "versions": library_versions(),
        "rows": [],
    }
    for fault, training in pairs:
        row = interrupt_and_resume(
            training, fault, data,
            reference=references[training], kills=options.kills, seed=options.seed,
        )  # fmt: skip
        rows[fault, training] = row
        print(json.dumps(row), flush=True)
        order = [(fault, training) for fault in FAULTS for training in TRAININGS]
        report["rows"] = [rows[pair] for pair in order if pair in rows]
        write_results(options.output, report)


if __name__ == "__main__":
    main()
