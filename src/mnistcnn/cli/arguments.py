"""Arguments and argument types shared by several subcommands.

Recipes and export formats are listed by name: importing them would load NumPy and Keras, which
``mnistcnn --help`` does not need.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from mnistcnn.utils.text import did_you_mean, escape, quote

RECIPES = ("baseline", "fast", "best", "robust", "finetune")
MODEL_HELP = "a model file, or the name of pretrained weights: best, robust"
SOURCE_HELP = (
    f"{MODEL_HELP}; or a saved evaluation: result.json, evaluation.json or the folder holding one"
)
_RECIPE_ALIASES = {"documented": "baseline"}
_MAX_ERROR_CHARS = 2000


class Parser(argparse.ArgumentParser):
    """A parser that suggests the right word for a misspelled one, and prints help without any."""

    def parse_known_args(  # type: ignore[override]  # of overloads
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parse the arguments; of a command with subcommands, print help if there are none."""
        if not args and self._subparsers is not None:
            self.print_help()
            self.exit()
        options, unknown = super().parse_known_args(args, namespace)
        assert options is not None
        for argument in unknown:
            name = argument.partition("=")[0]
            hint = did_you_mean(name, self._option_string_actions) if name[:2] == "--" else ""
            if hint:
                self.error(f"unrecognized arguments: {quote(argument)[1:-1]}{hint}")
        return options, unknown

    def error(self, message: str) -> NoReturn:
        """Print an error with the arguments escaped: a pattern such as * is any names of files."""
        super().error(escape(message, limit=_MAX_ERROR_CHARS))

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        try:
            super()._check_value(action, value)
        except argparse.ArgumentError as error:
            error.message += did_you_mean(value, action.choices or ())
            raise


def data_arguments(*, auto: bool = False) -> argparse.ArgumentParser:
    """Return a parent parser with the argument ``--data``.

    `auto` is whether the command may train on scikit-learn's digits if MNIST is unavailable.
    Results on two data sets are not comparable, so commands that evaluate a model never do this.
    """
    parser = argparse.ArgumentParser(add_help=False)
    choice = "; auto uses mnist if it is available, otherwise digits" if auto else ""
    parser.add_argument(
        "--data",
        type=str if auto else _explicit_source,
        default="auto" if auto else "mnist",
        metavar=f"{'auto|' if auto else ''}mnist|digits|NAME|PATH",
        help="a dataset by name, or the path of an .npz, IDX or CSV file, a zip archive of these "
        f"or a folder{choice} (default: %(default)s)",
    )
    parser.add_argument(
        "--test-data", metavar="PATH", help="the test set, if --data is the path of a training set"
    )
    parser.add_argument(
        "--test-size",
        type=float,
        metavar="FRACTION",
        help="fraction of the images for testing, if --data is one set of images",
    )
    add_transpose(parser)
    return parser


def add_transpose(parser: argparse.ArgumentParser) -> None:
    """Add the argument ``--transpose``."""
    parser.add_argument(
        "--transpose",
        action=argparse.BooleanOptionalAction,
        help="exchange rows and columns of the images in a file (default: only for files with "
        "the names of EMNIST)",
    )


def json_arguments() -> argparse.ArgumentParser:
    """Return a parent parser with the arguments of every command, which control its output."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    detail = parser.add_mutually_exclusive_group()
    detail.add_argument(
        "-q",
        "--quiet",
        action="store_true",
        help="print errors only, and with --json the result",
    )
    detail.add_argument(
        "-v",
        "--verbose",
        action="store_true",
        help="show TensorFlow's log, and the traceback of an error",
    )
    return parser


def add_recipe_overrides(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that override fields of a recipe."""
    for name, field in (("--epochs", "number of epochs"), ("--batch-size", "batch size")):
        parser.add_argument(
            name, type=min_int(1), metavar="N", help=f"override the recipe's {field}"
        )


def min_int(minimum: int) -> Callable[[str], int]:
    """Return an argument type: integers of at least `minimum`."""

    def convert(text: str) -> int:
        value = int(text)
        if value < minimum:
            raise argparse.ArgumentTypeError(f"must be at least {minimum}; received {value}")
        return value

    convert.__name__ = "integer"  # argparse prints: invalid integer value
    return convert


def _explicit_source(text: str) -> str:
    """Return the source of a data set, which must not depend on what is available."""
    if text == "auto":
        raise argparse.ArgumentTypeError(
            "must be mnist, digits, another name or a path, since results on different data sets "
            "are not comparable; received 'auto'"
        )
    return text


def recipe_name(text: str) -> str:
    """Return the name of a recipe, with aliases resolved; ``choices`` checks it."""
    return _RECIPE_ALIASES.get(text, text)
