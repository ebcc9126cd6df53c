"""The command ``mnistcnn``: its parser, its errors and its exit codes.

Subcommand modules import NumPy, Keras and other large libraries inside functions only, so that
``mnistcnn --help`` starts quickly.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import mnistcnn
from mnistcnn.cli import (
    arguments,
    calibrate,
    compare,
    data,
    evaluate,
    export,
    info,
    plot,
    read,
    report,
    serve,
    sheet,
    sweep,
    train,
)
from mnistcnn.cli.common import (
    CommandError,
    discard_unwritable,
    prepare_streams,
    print_error,
    to_json,
)
from mnistcnn.cli.completion import SHELLS, PrintCompletion
from mnistcnn.utils.platform_support import is_closed_pipe, join_command
from mnistcnn.utils.requirements import explain
from mnistcnn.utils.stderr import hidden_progress
from mnistcnn.utils.text import escape

_COMMANDS = (
    train, sweep, evaluate, calibrate, compare, plot, report, read, serve, export,
    data, sheet, info,
)  # fmt: skip
# As a shell reports Ctrl-C and a program that ends because the reader of its output has.
_FAILURE, _INTERRUPTED, _CLOSED_OUTPUT = 1, 130, 141


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code.

    0: success; 1: failure; 130: Ctrl-C; 141: standard output is a closed pipe; 143: training
    stopped by SIGTERM.
    """
    prepare_streams()
    try:
        try:
            return _run(sys.argv[1:] if argv is None else argv)
        finally:
            sys.stdout.flush()  # at exit, Python would print a traceback
    except OSError as error:
        if is_closed_pipe(error):
            return _CLOSED_OUTPUT
        # Such as a full disk.
        print_error(f"standard output must be writable; received {escape(error)}")
        return _FAILURE
    finally:
        discard_unwritable()


def _run(argv: Sequence[str]) -> int:
    """Run the command; raise ``OSError`` if standard output is not writable."""
    options = _parser().parse_args(argv)
    options.argv = argv
    if options.verbose:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "0")
    options.command = join_command(["mnistcnn", *argv])
    run: Callable[[argparse.Namespace], dict[str, Any]] = options.run
    try:
        with _redirected_output(options):
            result = run(options)
    except ModuleNotFoundError as error:
        missing = explain(options.command_name, error)
        if missing is None:
            raise
        print_error(missing)
        return _FAILURE
    except BrokenPipeError:
        raise
    except (OSError, ValueError, CommandError) as error:
        sys.stdout.flush()  # raises again if that was the error
        if options.verbose:
            traceback.print_exc()
        print_error(error)
        return _FAILURE
    except KeyboardInterrupt as interrupt:
        print_error(interrupt if str(interrupt) else "interrupted", prefix="\nmnistcnn: ")
        return int(getattr(interrupt, "code", _INTERRUPTED))
    if options.json:
        print(to_json(result))
    return _FAILURE if result.get("failed") else 0


@contextlib.contextmanager
def _redirected_output(options: argparse.Namespace) -> Iterator[None]:
    """Keep from standard output what is not the result; hide it with ``--quiet``."""
    if options.quiet:
        shown = options.output_is_result and not options.json
        with (
            hidden_progress(),
            open(os.devnull, "w", encoding="utf-8") as null,  # noqa: PTH123
            contextlib.redirect_stdout(sys.stdout if shown else null),
        ):
            yield
    elif options.json:  # Keras prints its progress to standard output
        with contextlib.redirect_stdout(sys.stderr):
            yield
    else:
        yield


def _parser() -> argparse.ArgumentParser:
    parser = arguments.Parser(
        prog="mnistcnn",
        description="Train, evaluate, inspect and export a small MNIST CNN, and read handwritten "
        "digits from images.",
    )
    parser.add_argument("--version", action="version", version=mnistcnn.__version__)
    parser.add_argument(
        "--print-completion",
        action=PrintCompletion,
        choices=SHELLS,
        help="print a script with which the shell completes this command (extra completion)",
    )
    parser.set_defaults(output_is_result=False)
    commands = parser.add_subparsers(
        title="commands", required=True, metavar="COMMAND", dest="command_name"
    )
    for command in _COMMANDS:
        command.add_parser(commands)
    return parser
