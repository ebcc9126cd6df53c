"""The command ``mnistcnn train``: train, save and evaluate a model; resume an interrupted run."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import shlex
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mnistcnn
from mnistcnn.cli import arguments, common, loading, recipe_options, training_output
from mnistcnn.cli.evaluate import print_evaluation
from mnistcnn.cli.training_output import CHECKPOINT, DEFAULT_OUTPUT, RESULT_FILES
from mnistcnn.utils.text import escape

if TYPE_CHECKING:
    from rich.console import Console

    from mnistcnn import Dataset
    from mnistcnn.recipes import Recipe
    from mnistcnn.training.distribute.cluster import ClusterSpec

_START_OPTIONS = ("--resume", "--restart", "--overwrite")

# The 5 epochs of the baseline are 6,565 steps on MNIST but only 160 on the small dataset;
# early stopping usually ends the training before this many.
DIGITS_EPOCHS = 40
# A few seconds of training on two cores; writing the file takes milliseconds.
_CHECKPOINT_EVERY = 500


class StoppedError(KeyboardInterrupt):
    """An interrupt with a message and the exit code of its signal."""

    def __init__(self, text: str, number: int) -> None:
        super().__init__(text)
        self.code = 128 + number


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "train",
        parents=[arguments.data_arguments(auto=True), arguments.json_arguments()],
        help="train a model, save it and evaluate it on the test images",
        description="Train with a recipe, save the model, reload it and evaluate it on the test "
        "images. FOLDER receives bestmodel.keras (recipe baseline: the best epoch) or model.keras "
        "(other recipes: the last step), result.json, history.png, confusion_matrix.png and "
        "the folder checkpoint, from which an interrupted run resumes.",
    )
    parser.add_argument(
        "--recipe",
        type=arguments.recipe_name,
        choices=arguments.RECIPES,
        default="baseline",
        help="training recipe (default: %(default)s)",
    )
    arguments.add_recipe_overrides(parser)
    recipe_options.add_recipe_options(parser)
    parser.add_argument(
        "--seed",
        type=arguments.min_int(0),
        metavar="N",
        help="seed of the initial weights, dropout and the order of the images (default: random)",
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FOLDER",
        help=f"write the files here (default: {DEFAULT_OUTPUT}; if that holds a finished run, "
        f"{DEFAULT_OUTPUT}2 and so on)",
    )
    start = parser.add_mutually_exclusive_group()
    start.add_argument(
        "--resume",
        action="store_true",
        help="resume the run in FOLDER; start one if there is none",
    )
    start.add_argument(
        "--restart",
        action="store_true",
        help="start an unfinished run in FOLDER from scratch",
    )
    start.add_argument(
        "--overwrite",
        action="store_true",
        help="replace the run in FOLDER, finished or not",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Train, save the model, reload it and evaluate it."""
    with _sigterm_as_interrupt():
        return _run(options)


def _run(options: argparse.Namespace) -> dict[str, Any]:
    from mnistcnn.training.distribute.cluster import cluster_from_env

    console = common.new_console()
    cluster = cluster_from_env()
    strategy = _distribution_strategy(cluster, console)
    changes = recipe_options.overrides(options)
    recipe = recipe_options.resolve_recipe(options.recipe, changes)
    if options.output is None:
        training_output.choose_output(options, console, is_alone=cluster.world_size == 1)
    path = options.output / ("bestmodel.keras" if recipe.monitor else "model.keras")
    training_output.check_output(options, path, cluster)
    dataset, data = loading.load_dataset(options, console)
    if "epochs" not in changes and data["source"] == "digits":
        recipe = _recipe_for_digits(recipe, console)
    model = mnistcnn.build_model(class_names=dataset.class_names, seed=options.seed)
    with training_output.locked_output(options) if cluster.is_chief else contextlib.nullcontext():
        existed = path.exists()
        history = _fit(model, dataset, recipe, path=path, strategy=strategy, options=options)
        if not cluster.is_chief:
            console.print(f"Worker {cluster.rank} finished; the chief writes the results.")
            return {"worker": cluster.rank, "workers": cluster.world_size, "history": history}
        training_output.check_files(options, path, model_may_exist=existed or bool(recipe.monitor))
        if not recipe.monitor:
            _save_model(model, path)
        settings = {
            "command": options.command,
            "versions": common.versions(),
            "data": data,
            "recipe": recipe.to_dict(),
            "seed": options.seed,
        }
        return _evaluate_and_save(path, dataset, history, settings, console)


def _recipe_for_digits(recipe: Recipe, console: Console) -> Recipe:
    """Return the recipe with enough epochs for the small dataset."""
    epochs = f"up to {DIGITS_EPOCHS} with early stopping" if recipe.monitor else DIGITS_EPOCHS
    console.print(f"Epochs: {epochs} instead of {recipe.epochs}, because the dataset is small.")
    return dataclasses.replace(recipe, epochs=DIGITS_EPOCHS)


def _fit(
    model: Any,
    dataset: Dataset,
    recipe: Recipe,
    *,
    path: Path,
    strategy: Any,
    options: argparse.Namespace,
) -> dict[str, list[float]]:
    """Train the model and return its history; the best epoch, if monitored, goes to `path`."""
    callbacks = []
    if recipe.monitor:
        callbacks = mnistcnn.default_callbacks(
            path, monitor=recipe.monitor, min_delta=recipe.min_delta, patience=recipe.patience
        )
    checkpoint_dir = options.output / CHECKPOINT
    with _resume_hint(checkpoint_dir, options):
        history = mnistcnn.train(
            model,
            *mnistcnn.preprocess(*dataset.train, num_classes=len(dataset.class_names)),
            recipe=recipe,
            callbacks=callbacks,
            seed=options.seed,
            checkpoint_dir=checkpoint_dir,
            checkpoint_every=_CHECKPOINT_EVERY,
            strategy=strategy,
        )
    return dict(history.history)


def _save_model(model: Any, path: Path) -> None:
    from mnistcnn.weights.keras_file import save_model

    save_model(model, path)


def _evaluate_and_save(
    path: Path,
    dataset: Dataset,
    history: dict[str, list[float]],
    settings: dict[str, Any],
    console: Console,
) -> dict[str, Any]:
    """Evaluate the saved model, write the result files and return the report."""
    from mnistcnn.training.checkpoint.file_format import elapsed_seconds
    from mnistcnn.utils.environment import import_matplotlib

    output = path.parent
    x, y = mnistcnn.preprocess(*dataset.test, num_classes=len(dataset.class_names))
    result = mnistcnn.evaluate(path, x, y)
    report = {
        **settings,
        "training_seconds": round(elapsed_seconds(output / CHECKPOINT), 2),
        "history": history,
        "model": path.name,
        "test": result.to_dict(),
    }
    json_path, history_path, matrix_path = (output / name for name in RESULT_FILES)
    common.save_json(json_path, report)
    import_matplotlib()
    common.save_figure(history_path, mnistcnn.plot_history(history))
    common.save_figure(matrix_path, mnistcnn.plot_confusion_matrix(result))
    console.print(f"\n{_training_summary(report)}")
    console.print(f"{escape(path)}, reloaded, on the test images:")
    print_evaluation(result, console)
    console.print(f"\nIn {escape(output)}: {', '.join((path.name, *RESULT_FILES))}")
    return report


def _training_summary(report: dict[str, Any]) -> str:
    """Return number of epochs and time of a training, and why it ended early if it did."""
    recipe, epochs = report["recipe"], len(report["history"]["loss"])
    text = f"Trained {_count(epochs, 'epoch')} in {report['training_seconds']:.1f} s"
    if recipe["monitor"] is None or epochs == recipe["epochs"]:
        return f"{text}."
    patience = _count(recipe["patience"], "epoch")
    return f"{text}; stopped early at epoch {epochs} (no improvement for {patience})."


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _distribution_strategy(cluster: ClusterSpec, console: Console) -> Any:
    """Return a strategy over the machines of the cluster; None for a single machine."""
    if cluster.world_size == 1:
        return None
    from mnistcnn.training.distribute.cluster import connect

    role = "the chief, which writes the results" if cluster.is_chief else "which writes no files"
    console.print(
        f"Worker {cluster.rank} of {cluster.world_size}, {role}. Waiting for the other workers."
    )
    loading.import_tensorflow()
    return connect(cluster)


@contextmanager
def _sigterm_as_interrupt() -> Iterator[None]:
    """Treat SIGTERM like Ctrl-C, with the exit code of SIGTERM."""
    in_main_thread = threading.current_thread() is threading.main_thread()
    if not in_main_thread or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield  # the surrounding program handles the signal
        return
    received = []

    def interrupt(number: int, frame: Any) -> None:
        received.append(number)
        handler = signal.getsignal(signal.SIGINT)
        if not callable(handler):  # a background job, in which the shell ignores SIGINT
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
def _resume_hint(checkpoint_dir: Path, options: argparse.Namespace) -> Iterator[None]:
    """Add the command that resumes the run to the message of an interrupt."""
    argv = [word for word in options.argv if word not in _START_OPTIONS]
    command = shlex.join(["mnistcnn", *argv, "--resume"])
    try:
        yield
    except KeyboardInterrupt:
        from mnistcnn.training.checkpoint.file_format import describe_position

        position = describe_position(checkpoint_dir)
        if position is None:
            raise
        text = f"interrupted at {position}; progress is saved. To resume:\n{command}"
        raise StoppedError(text, signal.SIGINT) from None
    except mnistcnn.WorkerLostError as error:
        rule = escape(str(error).partition(". ")[0])
        raise common.CommandError(f"{rule}. To resume, on every machine:\n{command}") from None
