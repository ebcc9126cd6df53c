"""The command ``mnistcnn read``: recognize the digits in images."""

from __future__ import annotations

import argparse
import glob
import sys
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import mnistcnn
from mnistcnn.cli import arguments, class_images, common
from mnistcnn.cli.fields import Field, load_fields, merge_readings, read_fields
from mnistcnn.cli.pages import BoxPaths, iter_pages, parse_pages
from mnistcnn.cli.reading_output import OutputFormat, ReadingOutput
from mnistcnn.utils.requirements import require
from mnistcnn.utils.text import quote

# The files of a folder that are read.
SUFFIXES = frozenset(
    ".bmp .gif .heic .heif .jpeg .jpg .mpo .pbm .pdf .pgm .png .ppm .tif .tiff .webp".split()  # noqa: SIM905  # one line to read
)
_GLOB_CHARACTERS = frozenset("*?[")
_Item = TypeVar("_Item")


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "read",
        parents=[arguments.json_arguments()],
        help="read the digits in images",
        description="Read the handwritten digits in images: scans, photos or drawings with one or "
        "many digits, and each page of TIFF files and PDF documents. Prints their text; on a "
        "terminal, a table with the least confident digit of each line. With a network of other "
        "classes, each image is one symbol, and its class is printed. If a page cannot be read, "
        "the remaining ones are still processed and the exit code is 1.",
    )
    parser.add_argument(
        "images",
        nargs="+",
        metavar="IMAGE",
        help="a file, a folder of images, a pattern such as 'scans/*.png', or a data URL",
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
        metavar="P",
        help="drop digits with a lower confidence (default: 0.4)",
    )
    _add_number_options(parser)
    parser.add_argument(
        "--polarity",
        choices=("auto", "dark", "light"),
        default="auto",
        help="read any ink, or only ink that is darker or lighter than its background "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--pages",
        type=parse_pages,
        metavar="1,3-5",
        help="read these pages of each TIFF file or PDF document only",
    )
    parser.add_argument(
        "--boxes",
        type=Path,
        metavar="OUT.png",
        help="write the image with a box around each digit; a folder for several images or pages",
    )
    parser.set_defaults(run=run, output_is_result=True)


def _add_number_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what is expected where."""
    parser.add_argument(
        "--doubtful",
        metavar="MARK",
        help="mark digits with a lower confidence, as in 48?13, instead of dropping them "
        "(default: dropped; with --csv and --fields, the mark is ?)",
    )
    parser.add_argument(
        "--region",
        type=_to_region,
        metavar="L,T,R,B",
        help="read this part only: left, top, right and bottom in pixels, or as fractions such "
        "as 0.5,0.0,1.0,0.25",
    )
    parser.add_argument(
        "--pattern",
        metavar="REGEX",
        help=r"expect one number that matches, such as '\d{5}'; print the most probable one",
    )
    parser.add_argument(
        "--signs",
        metavar="SIGNS",
        help="read decimal points, commas and minus signs too, as many of '.,-' as are given, such "
        "as --signs=.- (default: digits only)",
    )
    parser.add_argument(
        "--fields",
        type=Path,
        metavar="FILE.json",
        help="read the fields of a form, a list of objects with name, region, pattern and signs; "
        "print CSV with one row per page",
    )
    parser.add_argument(
        "--csv", action="store_true", help="print CSV: one row per line, or per page with --fields"
    )


def _to_region(text: str) -> tuple[float, ...]:
    """Return four integers, or four floats if one has a decimal point."""
    try:
        values = tuple((float if "." in text else int)(edge) for edge in text.split(","))
    except ValueError:
        values = ()
    if len(values) != 4:
        raise argparse.ArgumentTypeError(
            f"must be four numbers with commas between them; received {quote(text)}"
        )
    return values


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Read each page, print its text, and continue after a page that cannot be read."""
    from mnistcnn.images.content import source_name
    from mnistcnn.types import DIGIT_NAMES
    from mnistcnn.utils.environment import import_matplotlib

    form = load_fields(options.fields) if options.fields else None
    output_format = _output_format(options)
    settings = _read_settings(options)
    pictures = _find_images(options.images)
    box_paths = BoxPaths(options.boxes, pictures)
    inputs = [picture for picture in pictures if isinstance(picture, Path)]
    inputs += [Path(name) for name in (options.weights, options.fields) if name]
    check_boxes = partial(common.check_outputs, inputs=inputs, named=box_paths.is_named)
    check_boxes(box_paths.known)
    if options.boxes:
        require("--boxes", "matplotlib")
        import_matplotlib()
    recognizer = mnistcnn.Recognizer(options.weights)
    if recognizer.class_names != DIGIT_NAMES:
        class_images.check_options(options, recognizer)
        images = _track_images(pictures, quiet=options.json)
        return class_images.read_classes(
            recognizer, images, num_images=len(pictures), quiet=options.json
        )
    output = ReadingOutput(output_format, form, len(pictures))
    fields = [Field("", options.region, options.pattern)] if form is None else form
    for picture in _track_images(pictures, quiet=options.json):
        name = str(picture) if isinstance(picture, Path) else source_name(picture)
        for page in iter_pages(picture, options.pages):
            try:
                image = page.load()
                readings = read_fields(recognizer, image, fields, **settings)
                if options.boxes:
                    path = box_paths.path(picture, page)
                    figure = mnistcnn.plot_reading(image, merge_readings(image, readings))
                    check_boxes([path])
                    common.save_figure(path, figure)
            except (ModuleNotFoundError, OSError, ValueError) as error:
                output.add_failure(name, page, error)
            else:
                output.add(name, page, readings)
    return output.report()


def _output_format(options: argparse.Namespace) -> OutputFormat:
    if options.csv and options.json:
        raise ValueError("--csv must not be combined with --json; received both")
    if options.json:
        return "json"
    return "csv" if options.csv or options.fields else "text"


def _read_settings(options: argparse.Namespace) -> dict[str, Any]:
    """Check the options, before any image is read; return those that apply to each field."""
    from mnistcnn.ocr.pattern_matching import compile_pattern
    from mnistcnn.ocr.regions import check_region
    from mnistcnn.ocr.results import DEFAULT_MARK, check_mark, check_signs
    from mnistcnn.utils.validation import check_fraction

    if options.fields and (options.region, options.pattern) != (None, None):
        raise ValueError("--fields must not be combined with --region or --pattern; received both")
    if options.region is not None:
        check_region(options.region)
    if options.pattern is not None:
        compile_pattern(options.pattern)
    mark = options.doubtful
    if mark is None and (options.csv or options.fields):
        mark = DEFAULT_MARK
    values: dict[str, Any] = {
        "polarity": options.polarity,
        "doubtful": mark if mark is None else check_mark(mark),
        "signs": None if options.signs is None else check_signs(options.signs),
    }
    if options.min_confidence is not None:
        values["min_confidence"] = check_fraction("--min-confidence", options.min_confidence)
    return values


def _find_images(sources: Sequence[str]) -> list[Path | str]:
    """Return the files that `sources` name, and data URLs; expand folders and patterns."""
    from mnistcnn.images.content import is_data_url

    paths: list[Path | str] = []
    for source in sources:
        if is_data_url(source):
            paths.append(source)
            continue
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


def _track_images(paths: Sequence[_Item], *, quiet: bool) -> Iterable[_Item]:
    """Show a progress bar, unless the printed text already shows the progress on the terminal."""
    if len(paths) == 1 or (sys.stdout.isatty() and not quiet):
        return paths
    return common.track(paths, len(paths), "Reading")
