"""The command ``mnistcnn``: its parser, its errors and its exit codes.

Subcommand modules import NumPy, Keras and other large libraries inside functions only, so that
``mnistcnn --help`` starts quickly.
"""

from __future__ import annotations

import argparse
import contextlib
import shlex
import sys
from collections.abc import Callable, Sequence
from typing import Any

import mnistcnn
from mnistcnn.cli import compare, evaluate, export, info, plot, read, report, sweep, train
from mnistcnn.cli.common import CommandError, to_json

_COMMANDS = (train, sweep, evaluate, compare, plot, report, read, export, info)
_FAILURE, _INTERRUPTED = 1, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code.

    0: success; 1: failure; 130: Ctrl-C; 143: training stopped by SIGTERM.
    """
    argv = sys.argv[1:] if arguments is None else arguments
    options = _parser().parse_args(argv)
    options.argv = argv
    options.command = shlex.join(["mnistcnn", *argv])
    run: Callable[[argparse.Namespace], dict[str, Any]] = options.run
    try:
        # Keras prints its progress to standard output, which --json reserves for JSON.
        with contextlib.redirect_stdout(sys.stderr) if options.json else contextlib.nullcontext():
            result = run(options)
    except (OSError, ValueError, CommandError) as error:
        print(f"mnistcnn: {error}", file=sys.stderr)
        return _FAILURE
    except KeyboardInterrupt as interrupt:
        print(f"\nmnistcnn: {str(interrupt) or 'interrupted'}", file=sys.stderr)
        return int(getattr(interrupt, "code", _INTERRUPTED))
    if options.json:
        print(to_json(result))
    return _FAILURE if result.get("failed") else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mnistcnn",
        description="Train, evaluate, inspect and export a small MNIST CNN, and read handwritten "
        "digits from images.",
    )
    parser.add_argument("--version", action="version", version=mnistcnn.__version__)
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for command in _COMMANDS:
        command.add_parser(commands)
    return parser
