"""The command ``mnistcnn train``: train, save and evaluate a model; resume an interrupted run."""

from __future__ import annotations

import argparse
import contextlib
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
from mnistcnn.cli import arguments, common, loading, recipe_options
from mnistcnn.cli.evaluate import print_evaluation
from mnistcnn.utils.text import escape, quote

if TYPE_CHECKING:
    from rich.console import Console

    from mnistcnn import Dataset
    from mnistcnn.recipes import Recipe
    from mnistcnn.training.distribute.cluster import ClusterSpec

DEFAULT_OUTPUT = "mnistcnn-run"
CHECKPOINT = "checkpoint"
_START_OPTIONS = ("--resume", "--restart", "--overwrite")
_RESULT_FILES = ("result.json", "history.png", "confusion_matrix.png")

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
        "(finetune: the best epoch; other recipes: the last step), result.json, history.png, "
        "confusion_matrix.png and the folder checkpoint, from which an interrupted run resumes.",
    )
    parser.add_argument(
        "--recipe",
        type=arguments.recipe_name,
        choices=arguments.RECIPES,
        default="baseline",
        help="training recipe (default: %(default)s)",
    )
    parser.add_argument(
        "--from",
        dest="start",
        metavar="MODEL",
        help="start from the weights of a model, as to fine-tune it: "
        f"{arguments.MODEL_HELP} (default: random weights; with --recipe finetune best)",
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
    if options.start is None and options.recipe == "finetune":
        options.start = "best"
    if options.start is not None:
        loading.check_model(options.start, argument="--from")
    recipe = recipe_options.resolve_recipe(options.recipe, changes)
    if options.output is None:
        _choose_output(options, console, is_alone=cluster.world_size == 1)
    saves_best = recipe.monitor is not None and not recipe.restore_best_weights
    path = options.output / ("bestmodel.keras" if saves_best else "model.keras")
    _check_output(options, path, cluster)
    dataset, data = loading.load_dataset(options, console)
    if "epochs" not in changes and options.start is None and data["source"] == "digits":
        recipe = _recipe_for_digits(recipe, console)
    model = _initial_model(options, dataset)
    with _locked_output(options) if cluster.is_chief else contextlib.nullcontext():
        existed = path.exists()
        history = _fit(model, dataset, recipe, path=path, strategy=strategy, options=options)
        if not cluster.is_chief:
            console.print(f"Worker {cluster.rank} finished; the chief writes the results.")
            return {"worker": cluster.rank, "workers": cluster.world_size, "history": history}
        _check_files(options, path, model_may_exist=existed or saves_best)
        if not saves_best:
            _save_model(model, path)
        settings = {
            "command": options.command,
            "versions": common.versions(),
            "data": data,
            "recipe": recipe.to_dict(),
            "seed": options.seed,
            "from": options.start,
        }
        return _evaluate_and_save(path, dataset, history, settings, console)


def _initial_model(options: argparse.Namespace, dataset: Dataset) -> Any:
    """Return a new model with random weights or those of the model that the user named."""
    model = mnistcnn.build_model(class_names=dataset.class_names, seed=options.seed)
    if options.start is not None:
        from mnistcnn.cli.stored_evaluation import common_class_names
        from mnistcnn.models.loading import as_model

        start = as_model(options.start)
        common_class_names(start, dataset.class_names, argument="--from")
        model.set_weights(start.get_weights())
    return model


def _recipe_for_digits(recipe: Recipe, console: Console) -> Recipe:
    """Return the recipe with enough epochs for the small dataset."""
    epochs = f"up to {DIGITS_EPOCHS} with early stopping" if recipe.monitor else DIGITS_EPOCHS
    console.print(f"Epochs: {epochs} instead of {recipe.epochs}, because the dataset is small.")
    return dataclasses.replace(recipe, epochs=DIGITS_EPOCHS)


def _choose_output(options: argparse.Namespace, console: Console, *, is_alone: bool) -> None:
    """Set the output to the default folder, or after a finished run to a numbered one.

    Of several machines, each must use the same folder, which only one of them may see.
    """
    first = options.output = Path(DEFAULT_OUTPUT)
    if options.overwrite or not is_alone:
        return
    folders = [first]
    while _holds_run(folders[-1]):
        folders.append(Path(f"{DEFAULT_OUTPUT}{len(folders) + 1}"))
    latest = folders[-2] if len(folders) > 1 else first
    if options.resume or not _is_finished(latest):
        options.output = latest
        return
    options.output = folders[-1]
    options.argv = [*options.argv, "--output", str(options.output)]  # of the hint how to resume
    console.print(f"{latest} holds a finished run; this one goes to {options.output}.")


def _is_finished(output: Path) -> bool:
    """Return whether a folder holds a run to whose model nothing will be added."""
    from mnistcnn.training.checkpoint.file_format import describe_position

    if not _holds_run(output):
        return False
    try:
        return describe_position(output / CHECKPOINT) is None
    except mnistcnn.CorruptFileError:  # reported by _check_unfinished
        return False


def _check_finished(options: argparse.Namespace) -> None:
    """Check that the folder holds no finished run, unless the user chose to replace it."""
    if not (options.resume or options.overwrite) and _is_finished(options.output):
        raise common.CommandError(
            f"{escape(options.output)} holds a finished training run; --overwrite replaces it, "
            "another --output keeps it"
        )


def _check_output(options: argparse.Namespace, path: Path, cluster: ClusterSpec) -> None:
    output = options.output
    if output.exists() and not output.is_dir():
        raise ValueError(f"--output must be a folder; received the file {quote(str(output))}")
    if not cluster.is_chief:
        return
    _check_checkpoint_folder(options)
    _check_unfinished(options)
    _check_finished(options)
    _check_files(options, path, model_may_exist=_holds_run(output))


def _holds_run(output: Path) -> bool:
    from mnistcnn.training.checkpoint.file_format import STATE_FILE
    from mnistcnn.utils.outputs import is_own_file

    return (output / CHECKPOINT / STATE_FILE).exists() or is_own_file(output / "result.json")


def _check_files(options: argparse.Namespace, path: Path, *, model_may_exist: bool) -> None:
    """Check that the model file `path` and the result files replace no file of the user."""
    from mnistcnn.training.checkpoint.file_format import STATE_FILE
    from mnistcnn.utils.outputs import check_own_file

    inputs = loading.data_files(options.data, options.test_data)
    if options.start is not None:
        inputs.append(Path(options.start))
    files = [options.output / name for name in _RESULT_FILES]
    common.check_outputs(files, inputs, named=False)
    common.check_outputs([path, options.output / CHECKPOINT / STATE_FILE], inputs, named=True)
    # The content of a model file does not show where it comes from.
    check_own_file(path, own=model_may_exist and not path.is_symlink())


@contextmanager
def _locked_output(options: argparse.Namespace) -> Iterator[None]:
    """Hold the lock of the folder; remove an earlier run's checkpoint unless it is resumed."""
    from mnistcnn.training.checkpoint.file_format import STATE_FILE
    from mnistcnn.training.checkpoint.manager import lock_run

    options.output.mkdir(parents=True, exist_ok=True)
    if not os.access(options.output, os.W_OK):
        raise PermissionError(
            f"--output must be a writable folder; received {quote(str(options.output))}"
        )
    _check_checkpoint_folder(options)
    with lock_run(options.output / CHECKPOINT):
        if not options.resume:
            _check_unfinished(options)  # another training may have been interrupted meanwhile,
            _check_finished(options)  # or have ended
            (options.output / CHECKPOINT / STATE_FILE).unlink(missing_ok=True)
        yield


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
    callbacks = None  # those of the recipe, which write no file
    if recipe.monitor and not recipe.restore_best_weights:
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
    json_path, history_path, matrix_path = (output / name for name in _RESULT_FILES)
    common.save_json(json_path, report)
    import_matplotlib()
    common.save_figure(history_path, mnistcnn.plot_history(history))
    common.save_figure(matrix_path, mnistcnn.plot_confusion_matrix(result))
    console.print(f"\n{_training_summary(report)}")
    console.print(f"{escape(path)}, reloaded, on the test images:")
    print_evaluation(result, console)
    console.print(f"\nIn {escape(output)}: {', '.join((path.name, *_RESULT_FILES))}")
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


def _check_checkpoint_folder(options: argparse.Namespace) -> None:
    """Check that the folder, which the user did not name, leads nowhere else."""
    folder = options.output / CHECKPOINT
    if folder.is_symlink():
        raise ValueError(
            f"{escape(folder)} must be a folder; received a link: move the folder there, "
            "or choose another --output"
        )


def _check_unfinished(options: argparse.Namespace) -> None:
    """Check that the folder holds no unfinished run, unless the user chose what to do with it."""
    from mnistcnn.training.checkpoint.file_format import describe_position

    output = options.output
    if options.resume or options.restart or options.overwrite:
        return
    try:
        position = describe_position(output / CHECKPOINT)
    except mnistcnn.CorruptFileError as error:
        raise common.CommandError(
            f"{escape(error, limit=1000)}; --restart starts from scratch"
        ) from None
    if position is not None:
        raise common.CommandError(
            f"{escape(output)} holds an unfinished training run, at {position}; "
            "--resume continues it, --restart starts from scratch"
        )


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
