"""The options that the scripts of the docs' images share."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path


def parse_output(
    description: str | None, folder: Path, arguments: Sequence[str] | None
) -> tuple[Path, bool]:
    """Return the folder to write to, and whether ``--smoke`` is given."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, help="folder to write to; default: in docs/")
    parser.add_argument(
        "--smoke", action="store_true", help="a quick run; without --output, to a temporary folder"
    )
    options = parser.parse_args(arguments)
    if options.output is None:
        options.output = Path(tempfile.mkdtemp()) if options.smoke else folder
    options.output.mkdir(parents=True, exist_ok=True)
    return options.output, options.smoke
