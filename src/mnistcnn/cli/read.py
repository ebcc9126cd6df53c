"""What ``mnistcnn read`` does: pictures in, text out."""

from __future__ import annotations

import argparse
import glob
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mnistcnn

if TYPE_CHECKING:
    from mnistcnn import Reading

# Of a folder, the files that are called as pictures are.
SUFFIXES = frozenset(
    ".avif .bmp .gif .jp2 .jpeg .jpg .pgm .png .ppm .tif .tiff .webp".split()  # noqa: SIM905  # one line to read
)
_GLOB_CHARACTERS = frozenset("*?[")
_DPI = 150


def read(options: argparse.Namespace) -> dict[str, Any]:
    """Read each picture, print its text, and go on when one can't be read."""
    from mnistcnn.utils.validation import check_fraction

    least = check_fraction("--min-confidence", options.min_confidence)
    places = _find_images(options.pictures)
    boxes = _box_paths(options.boxes, places)
    recognizer = mnistcnn.Recognizer(options.weights)
    results: list[dict[str, Any]] = []
    for number, place in enumerate(_track_images(places, quiet=options.json), 1):
        try:
            reading = recognizer.read(place, min_confidence=least)
            if place in boxes:
                _save_boxes(place, reading, boxes[place])
        except (OSError, ValueError) as error:
            print(f"mnistcnn: {error}", file=sys.stderr)
            results.append({"picture": str(place), "error": str(error)})
            continue
        results.append({"picture": str(place), **reading.to_dict()})
        if not options.json:
            _show(str(place), reading, first=number == 1, alone=len(places) == 1)
    failed = sum("error" in result for result in results)
    if failed and len(places) > 1:
        print(f"mnistcnn: {failed} of {len(places)} pictures could not be read", file=sys.stderr)
    return {"pictures": results, "failed": failed}


def _find_images(words: Sequence[str]) -> list[Path]:
    """Return files; a folder stands for the pictures in it, a pattern for what it matches."""
    places: list[Path] = []
    for word in words:
        path = Path(word)
        if path.is_dir():
            inside = sorted(one for one in path.iterdir() if one.suffix.lower() in SUFFIXES)
            if not inside:
                raise FileNotFoundError(f"{word} must hold a picture; it holds none")
            places += inside
        elif _GLOB_CHARACTERS.intersection(word) and not path.exists():
            matched = sorted(glob.glob(word, recursive=True))  # noqa: PTH207  # of any folder
            if not matched:
                raise FileNotFoundError(f"{word} must match a picture; it matches none")
            places += map(Path, matched)
        else:
            places.append(path)
    return list(dict.fromkeys(places))


def _box_paths(target: Path | None, places: Sequence[Path]) -> dict[Path, Path]:
    """Return where the picture with boxes of each picture goes."""
    if target is None:
        return {}
    if any(target.is_file() and place.is_file() and target.samefile(place) for place in places):
        raise ValueError(f"--boxes must not be a picture that is read; received {target}")
    if len(places) == 1 and not target.is_dir():
        return {places[0]: target}
    if target.is_file() or (target.suffix and not target.is_dir()):
        raise ValueError(f"--boxes must be a folder for several pictures; received {target}")
    named = {place: target / f"{place.stem}-boxes.png" for place in places}
    if len(set(named.values())) < len(places):
        raise ValueError("--boxes needs pictures of different names, since it calls its own so")
    return named


def _track_images(places: Sequence[Path], *, quiet: bool) -> Iterator[Path]:
    """Show how far the work is, unless the texts in the terminal show it themselves."""
    shown = not quiet and sys.stdout.isatty()
    if len(places) == 1 or not sys.stderr.isatty() or shown:
        yield from places
        return
    from rich.console import Console
    from rich.progress import Progress

    # The texts are on their way to a file, past the bar.
    with Progress(console=Console(stderr=True), transient=True, redirect_stdout=False) as progress:
        yield from progress.track(places, description="Reading")


def _show(name: str, reading: Reading, *, first: bool, alone: bool) -> None:
    """Print the text; in a terminal with how sure each line is."""
    if not alone:
        print("" if first else "\n", f"==> {name} <==", sep="")
    if sys.stdout.isatty():
        _show_table(reading)
    elif reading.text:
        print(reading.text)


def _show_table(reading: Reading) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    if not reading.digits:
        console.print("No digits.")
        return
    table = Table("line", "text", "least confident digit", "confidence", box=None, pad_edge=False)
    for number, line in enumerate(reading.lines, 1):
        place, least = min(enumerate(line, 1), key=lambda each: each[1].confidence)
        text = "".join(str(digit.label) for digit in line)
        which = f"{least.label} ({place} of {len(line)})"
        table.add_row(str(number), text, which, f"{least.confidence:.1%}")
    console.print(table)


def _save_boxes(place: Path, reading: Reading, target: Path) -> None:
    from mnistcnn.utils.atomic_write import atomic_write

    figure = mnistcnn.plot_reading(place, reading)
    with atomic_write(target) as temporary:
        figure.savefig(temporary, dpi=_DPI)
