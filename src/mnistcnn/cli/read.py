"""The command ``mnistcnn read``: recognize the digits in images."""

from __future__ import annotations

import argparse
import glob
import sys
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mnistcnn
from mnistcnn.cli import arguments, common
from mnistcnn.utils.text import escape

if TYPE_CHECKING:
    from mnistcnn import Reading

# The files of a folder that are read.
SUFFIXES = frozenset(
    ".bmp .gif .jpeg .jpg .mpo .pbm .pgm .png .ppm .tif .tiff .webp".split()  # noqa: SIM905  # one line to read
)
_GLOB_CHARACTERS = frozenset("*?[")


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "read",
        parents=[arguments.json_arguments()],
        help="read the digits in images",
        description="Read the handwritten digits in images: scans, photos or drawings with one or "
        "many digits. Prints their text; on a terminal, a table with the least confident digit of "
        "each line. If an image cannot be read, the remaining images are still processed and the "
        "exit code is 1.",
    )
    parser.add_argument(
        "images",
        nargs="+",
        metavar="IMAGE",
        help="a file, a folder of images, or a pattern such as 'scans/*.png'",
    )
    parser.add_argument(
        "--weights",
        metavar="best|robust|FILE",
        help="pretrained weights, or a .onnx, .safetensors, .keras or .h5 model file "
        "(default: best)",
    )
    parser.add_argument(
        "--min-confidence",
        type=float,
        default=0.0,
        metavar="P",
        help="drop digits with a lower confidence (default: %(default)s)",
    )
    parser.add_argument(
        "--boxes",
        type=Path,
        metavar="OUT.png",
        help="write the image with a box around each digit; a folder for several images",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Read each image, print its text, and continue after an image that cannot be read."""
    from mnistcnn.utils.environment import import_matplotlib
    from mnistcnn.utils.validation import check_fraction

    min_confidence = check_fraction("--min-confidence", options.min_confidence)
    paths = _find_images(options.images)
    box_paths = _box_paths(options.boxes, paths)
    inputs = [*paths, Path(options.weights)] if options.weights else paths
    check_boxes = partial(
        common.check_outputs, inputs=inputs, named=options.boxes in box_paths.values()
    )
    check_boxes(box_paths.values())
    if box_paths:
        import_matplotlib()
    recognizer = mnistcnn.Recognizer(options.weights)
    results: list[dict[str, Any]] = []
    for path in _track_images(paths, quiet=options.json):
        try:
            reading = recognizer.read(path, min_confidence=min_confidence)
            if path in box_paths:
                figure = mnistcnn.plot_reading(path, reading)
                check_boxes([box_paths[path]])
                common.save_figure(box_paths[path], figure)
        except (OSError, ValueError) as error:
            common.print_error(error)
            results.append({"image": str(path), "error": str(error)})
            continue
        results.append({"image": str(path), **reading.to_dict()})
        if not options.json:
            if len(paths) > 1:
                print("" if len(results) == 1 else "\n", f"==> {escape(path)} <==", sep="")
            _print_reading(reading)
    failed = sum("error" in result for result in results)
    if failed and len(paths) > 1:
        common.print_error(f"{failed} of {len(paths)} images could not be read")
    return {"images": results, "failed": failed}


def _find_images(sources: Sequence[str]) -> list[Path]:
    """Return the files that `sources` name; expand folders and patterns."""
    paths: list[Path] = []
    for source in sources:
        path = Path(source)
        if path.is_dir():
            images = sorted(file for file in path.iterdir() if file.suffix.lower() in SUFFIXES)
            if not images:
                raise FileNotFoundError(f"{source} must contain an image; it contains none")
            paths += images
        elif _GLOB_CHARACTERS.intersection(source) and not path.exists():
            matches = sorted(glob.glob(source, recursive=True))  # noqa: PTH207  # may be absolute
            if not matches:
                raise FileNotFoundError(f"{source} must match an image; it matches none")
            paths += map(Path, matches)
        else:
            paths.append(path)
    return list(dict.fromkeys(paths))


def _box_paths(target: Path | None, paths: Sequence[Path]) -> dict[Path, Path]:
    """Return the path of the annotated image for each image."""
    if target is None:
        return {}
    if len(paths) == 1 and not target.is_dir():
        return {paths[0]: target}
    if target.is_file() or (target.suffix and not target.is_dir()):
        raise ValueError(f"--boxes must be a folder for several images; received {escape(target)}")
    box_paths = {path: target / f"{path.stem}-boxes.png" for path in paths}
    if len(set(box_paths.values())) < len(paths):
        raise ValueError(
            "--boxes names its files after the images; received several images of one name"
        )
    return box_paths


def _track_images(paths: Sequence[Path], *, quiet: bool) -> Iterable[Path]:
    """Show a progress bar, unless the printed text already shows the progress on the terminal."""
    if len(paths) == 1 or (sys.stdout.isatty() and not quiet):
        return paths
    return common.track(paths, len(paths), "Reading")


def _print_reading(reading: Reading) -> None:
    """Print the text; on a terminal, with the confidence of each line."""
    if not sys.stdout.isatty():
        if reading.text:
            print(reading.text)
        return
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    if not reading.digits:
        console.print("No digits.")
        return
    table = Table("line", "text", "least confident digit", "confidence", box=None, pad_edge=False)
    for number, line in enumerate(reading.lines, 1):
        position, digit = min(enumerate(line, 1), key=lambda item: item[1].confidence)
        text = "".join(str(item.label) for item in line)
        least = f"{digit.label} ({position} of {len(line)})"
        table.add_row(str(number), text, least, f"{digit.confidence:.1%}")
    console.print(table)
