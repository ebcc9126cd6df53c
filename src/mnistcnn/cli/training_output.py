"""The output folder of ``mnistcnn train``: which one, what may be replaced in it, and its lock."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import mnistcnn
from mnistcnn.cli import common, loading
from mnistcnn.utils.text import escape, quote

if TYPE_CHECKING:
    from rich.console import Console

    from mnistcnn.training.distribute.cluster import ClusterSpec

DEFAULT_OUTPUT = "mnistcnn-run"
CHECKPOINT = "checkpoint"
RESULT_FILES = ("result.json", "history.png", "confusion_matrix.png")


def choose_output(options: argparse.Namespace, console: Console, *, is_alone: bool) -> None:
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


def check_output(options: argparse.Namespace, path: Path, cluster: ClusterSpec) -> None:
    """Check that a run may be started or resumed in the folder, with the model file `path`."""
    output = options.output
    if output.exists() and not output.is_dir():
        raise ValueError(f"--output must be a folder; received the file {quote(str(output))}")
    if not cluster.is_chief:
        return
    _check_checkpoint_folder(options)
    _check_unfinished(options)
    _check_finished(options)
    check_files(options, path, model_may_exist=_holds_run(output))


def _holds_run(output: Path) -> bool:
    from mnistcnn.training.checkpoint.file_format import STATE_FILE
    from mnistcnn.utils.outputs import is_own_file

    return (output / CHECKPOINT / STATE_FILE).exists() or is_own_file(output / "result.json")


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


def _check_checkpoint_folder(options: argparse.Namespace) -> None:
    """Check that the folder, which the user did not name, leads nowhere else."""
    folder = options.output / CHECKPOINT
    if folder.is_symlink():
        raise ValueError(
            f"{escape(folder)} must be a folder; received a link: move the folder there, "
            "or choose another --output"
        )


def check_files(options: argparse.Namespace, path: Path, *, model_may_exist: bool) -> None:
    """Check that the model file `path` and the result files replace no file of the user."""
    from mnistcnn.training.checkpoint.file_format import STATE_FILE
    from mnistcnn.utils.outputs import check_own_file

    inputs = loading.data_files(options.data, options.test_data)
    files = [options.output / name for name in RESULT_FILES]
    common.check_outputs(files, inputs, named=False)
    common.check_outputs([path, options.output / CHECKPOINT / STATE_FILE], inputs, named=True)
    # The content of a model file does not show where it comes from.
    check_own_file(path, own=model_may_exist and not path.is_symlink())


@contextmanager
def locked_output(options: argparse.Namespace) -> Iterator[None]:
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
