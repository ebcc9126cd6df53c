"""The command ``mnistcnn train``: train, keep the network, evaluate it, and go on after a stop."""

from __future__ import annotations

import argparse
import dataclasses
import os
import shlex
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mnistcnn
from mnistcnn.cli import common, loading
from mnistcnn.cli.evaluate import show
from mnistcnn.training.distribute.cluster import ClusterSpec, cluster_from_env, connect

if TYPE_CHECKING:
    from rich.console import Console

CHECKPOINT = "checkpoint"

# The document's 5 epochs are 6,565 steps on MNIST and 160 on the small set, too few;
# early stopping usually ends before this many.
DIGITS_EPOCHS = 40
# Some seconds of work on two cores; the file takes some milliseconds.
_EVERY = 500


class StoppedError(KeyboardInterrupt):
    """An interrupt with what to say of it, and the exit code of its signal."""

    def __init__(self, text: str, number: int) -> None:
        super().__init__(text)
        self.code = 128 + number


def train(options: argparse.Namespace) -> dict[str, Any]:
    """Train, keep the network, load it again and evaluate it."""
    with _sigterm_as_interrupt():
        return _train(options)


def _train(options: argparse.Namespace) -> dict[str, Any]:
    from mnistcnn.training.checkpoint import file_format

    console = common.new_console()
    machines = cluster_from_env()
    strategy = _distribution_strategy(machines, console)
    recipe = mnistcnn.recipes.get(options.recipe)
    settings = {"epochs": options.epochs, "batch_size": options.batch_size}
    recipe = dataclasses.replace(
        recipe, **{name: value for name, value in settings.items() if value is not None}
    )
    output = options.output
    if output.exists() and not output.is_dir():
        raise ValueError(f"--output must be a folder; {str(output)!r} is a file")
    kept = output / CHECKPOINT
    if machines.is_chief and not (options.resume or options.restart):
        _check_unfinished(kept, output)
    (x_train, y_train), (x_test, y_test), data = loading.load(options.data, console)
    if options.epochs is None and data["source"] == "digits":
        end = "; training stops when it no longer improves" if recipe.monitor else ""
        console.print(
            f"Epochs: {'up to ' if end else ''}{DIGITS_EPOCHS} in place of {recipe.epochs}, "
            f"since the set is small{end}."
        )
        recipe = dataclasses.replace(recipe, epochs=DIGITS_EPOCHS)
    if machines.is_chief:
        output.mkdir(parents=True, exist_ok=True)
        if not os.access(output, os.W_OK):
            raise PermissionError(f"--output must be a folder to write to; {str(output)!r} is not")
        if not options.resume:
            (kept / file_format.STATE_FILE).unlink(missing_ok=True)
    saved = output / ("bestmodel.keras" if recipe.monitor else "model.keras")
    model = mnistcnn.build_model(seed=options.seed)
    x, y = mnistcnn.preprocess(x_train, y_train)
    callbacks = []
    if recipe.monitor:
        callbacks = mnistcnn.default_callbacks(
            saved, monitor=recipe.monitor, min_delta=recipe.min_delta, patience=recipe.patience
        )
    with _resume_hint(kept, options):
        history = mnistcnn.train(
            model,
            x,
            y,
            recipe=recipe,
            callbacks=callbacks,
            seed=options.seed,
            checkpoint_dir=kept,
            checkpoint_every=_EVERY,
            strategy=strategy,
        ).history
    if not machines.is_chief:
        console.print(f"Worker {machines.rank} has done its part; the results are the chief's.")
        return {"worker": machines.rank, "workers": machines.world_size, "history": history}
    seconds = file_format.elapsed_seconds(kept)
    if not recipe.monitor:
        common.save_network(model, saved)
    result = mnistcnn.evaluate(saved, *mnistcnn.preprocess(x_test, y_test))
    report = {
        "command": options.command,
        "versions": common.versions(),
        "data": data,
        "recipe": recipe.to_dict(),
        "seed": options.seed,
        "training_seconds": round(seconds, 2),
        "history": history,
        "model": saved.name,
        "test": result.to_dict(),
    }
    common.save_json(output / "result.json", report)
    common.save_figure(output / "history.png", mnistcnn.plot_history(history))
    common.save_figure(output / "confusion_matrix.png", mnistcnn.plot_confusion_matrix(result))
    epochs = len(history["loss"])
    console.print(f"\nTrained {epochs} epoch{'s' if epochs > 1 else ''} in {seconds:.1f} s.")
    console.print(f"{saved}, loaded again, on the test images:")
    show(result, console)
    console.print(f"\nIn {output}: {saved.name}, result.json, history.png, confusion_matrix.png")
    return report


def _distribution_strategy(machines: ClusterSpec, console: Console) -> Any:
    """Return a strategy over the machines that the environment names; None where it is this one."""
    if machines.world_size == 1:
        return None
    count = machines.world_size
    part = "the chief, which writes the results" if machines.is_chief else "which writes nothing"
    console.print(f"Worker {machines.rank} of {count}, {part}. Waiting for the others.")
    loading.import_tensorflow()
    return connect(machines)


def _check_unfinished(kept: Path, output: Path) -> None:
    """Refuse to begin over a training that could go on."""
    from mnistcnn.training.checkpoint.file_format import describe_position

    try:
        far = describe_position(kept)
    except mnistcnn.CorruptFileError as error:
        raise common.CommandError(f"{error}; --restart begins anew") from None
    if far is not None:
        raise common.CommandError(
            f"{output} holds a training that has not ended, at {far}; "
            "--resume goes on with it, --restart begins anew"
        )


@contextmanager
def _sigterm_as_interrupt() -> Iterator[None]:
    """Take SIGTERM for an interrupt with a code of its own."""
    alone = threading.current_thread() is threading.main_thread()
    if not alone or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield  # the program around this command decides
        return
    received = []

    def interrupt(number: int, frame: Any) -> None:
        received.append(number)
        handler = signal.getsignal(signal.SIGINT)
        if not callable(handler):  # a job in the background, to which Ctrl-C means nothing
            raise KeyboardInterrupt
        handler(signal.SIGINT, frame)

    signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    except KeyboardInterrupt as error:
        if received:
            text = str(error) or "terminated"
            raise StoppedError(text, received[0]) from None
        raise
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


@contextmanager
def _resume_hint(kept: Path, options: argparse.Namespace) -> Iterator[None]:
    words = [word for word in options.words if word not in ("--resume", "--restart")]
    again = shlex.join(["mnistcnn", *words, "--resume"])
    try:
        yield
    except KeyboardInterrupt:
        from mnistcnn.training.checkpoint.file_format import describe_position

        far = describe_position(kept)
        if far is None:
            raise
        text = f"interrupted at {far}, which is kept; go on with:\n{again}"
        raise StoppedError(text, signal.SIGINT) from None
    except mnistcnn.WorkerLostError as error:
        rule = str(error).partition(". ")[0]
        raise common.CommandError(f"{rule}. Go on with, on every machine:\n{again}") from None
