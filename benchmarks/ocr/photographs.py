"""Accuracy of `Recognizer.read` on photos, scans and drawings by strangers, beside other packages.

    python -m benchmarks.ocr.photographs --peers rapidocr easyocr tesseract
    python -m benchmarks.ocr.photographs --only pictures --kinds plain --debug FOLDER

The pictures are not part of the project: MNISTCNN_PICTURES names their folder, which
`picture_set` describes. Measured are, by kind of picture, the characters to insert, delete or
substitute (newlines count) and the pictures without an error; single digits; the errors at other
values of ``min_confidence``; the accuracy of the digits by their confidence; and time and memory.

The handwritten digits alone are the truth. Where a picture also shows printed digits, a package
that reads both is right by its own purpose, so ``errors_with_print`` counts, for each picture,
the smaller number of errors with and without the printed digits.

The peers need ``pip install --group ocr-peers`` and the program tesseract. Results go to
benchmarks/results/photographs.json if peers are named and nothing is left out; otherwise they are
only printed, unless --output names a file. The calibration curve goes to docs/images.
"""

from __future__ import annotations

import argparse
import inspect
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

import mnistcnn
from benchmarks.harness import RESULTS, ROOT, argument_parser, measure_parts, parse_args
from benchmarks.ocr import confidence_accuracy, reading_cost
from benchmarks.ocr.debug_pictures import write_debug_pictures
from benchmarks.ocr.figures import draw_confidence, save_figure
from benchmarks.ocr.peers import PEERS, ReadText
from benchmarks.ocr.picture_set import (
    KINDS,
    VARIABLE,
    LabeledDigit,
    draw_picture_set,
    load_digits,
    load_pictures,
    picture_folder,
)
from benchmarks.ocr.text_accuracy import (
    TextReading,
    count_by_kind,
    errors_table,
    read_picture,
)

IMAGES = ROOT / "docs" / "images"
OURS = "mnistcnn"
PACKAGES = ("mnistcnn", "onnxruntime", "opencv-python-headless")
WITH_PEERS = ("pictures", "singles")
PARTS = (*WITH_PEERS, "thresholds", "confidence", "cost")
THRESHOLDS = (0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95)
DEFAULT = inspect.signature(mnistcnn.Recognizer.read).parameters["min_confidence"].default


class Benchmark:
    """The parts of the benchmark.

    Parameters
    ----------
    folder : Path
        The picture set.
    kinds, peers : sequence of str
        The kinds of pictures to read, and the packages to compare with.
    weights, min_confidence, smoke
        As on the command line.
    """

    def __init__(
        self, folder: Path, *, kinds: Sequence[str] = tuple(KINDS), peers: Sequence[str] = (),
        weights: str = "best", min_confidence: float = DEFAULT, smoke: bool = False,
    ) -> None:  # fmt: skip
        self.pictures = [each for each in load_pictures(folder) if each.kind in kinds]
        self.digits = load_digits(folder)
        self.weights, self.min_confidence, self.smoke = weights, min_confidence, smoke
        self.recognizer = mnistcnn.Recognizer(weights)
        self.readers: dict[str, ReadText] = {OURS: self.reader(min_confidence)}
        self.readers |= {name: PEERS[name].load() for name in peers}
        self.peer_versions = {name: PEERS[name].version() for name in peers}

    def reader(self, min_confidence: float) -> ReadText:
        """Return `Recognizer.read` as a function from a path to a text without blanks."""

        def read(path: Path) -> str:
            reading = self.recognizer.read(path, min_confidence=min_confidence)
            return reading.text.replace(" ", "")

        return read

    def read_pictures(self) -> dict[str, list[TextReading]]:
        """Read each picture with all readers before the next picture."""
        readings: dict[str, list[TextReading]] = {name: [] for name in self.readers}
        for number, picture in enumerate(self.pictures, 1):
            for name, read in self.readers.items():
                readings[name].append(read_picture(picture, read))
            print(f"{number}/{len(self.pictures)}", picture.kind, picture.path.name, end=": ")
            latest = {name: rows[-1] for name, rows in readings.items()}
            errors = (f"{name} {row.errors} ({row.seconds:.1f} s)" for name, row in latest.items())
            print(*errors, sep=", ", flush=True)
        return readings

    def count_pictures(self, readings: Mapping[str, Sequence[TextReading]]) -> dict[str, Any]:
        """Return the errors of each reader by kind of picture."""
        readers = {name: count_by_kind(rows) for name, rows in readings.items()}
        Console().print(errors_table(readers))
        return self._result(readers)

    def measure_singles(self) -> dict[str, Any]:
        """Count the pictures of one digit that each reader reads as exactly this digit."""
        return self._result(
            {name: _count_singles(name, self.digits, read) for name, read in self.readers.items()}
        )

    def _result(self, readers: dict[str, Any]) -> dict[str, Any]:
        return {
            "weights": self.weights,
            "min_confidence": self.min_confidence,
            "peer_versions": self.peer_versions,
            "readers": readers,
        }

    def measure_thresholds(self) -> dict[str, Any]:
        """Count the errors by kind at each ``min_confidence``."""
        counts = {}
        for threshold in THRESHOLDS[:2] if self.smoke else THRESHOLDS:
            read = self.reader(threshold)
            rows = [read_picture(picture, read) for picture in self.pictures]
            counts[f"{threshold:g}"] = count_by_kind(rows)
        return {"weights": self.weights, "min_confidence": counts}

    def measure_confidence(self) -> dict[str, Any]:
        """Count the right digits by their confidence."""
        report = confidence_accuracy.measure(self.recognizer, self.pictures)
        return {"weights": self.weights, **report}

    def measure_cost(self) -> dict[str, Any]:
        """Measure time and memory."""
        paths = [picture.path for picture in self.pictures]
        return reading_cost.measure(paths, self.weights, rounds=1 if self.smoke else 5)


def _count_singles(name: str, digits: Sequence[LabeledDigit], read: ReadText) -> dict[str, int]:
    texts = [read(digit.path) for digit in digits]
    wrong = {
        digit.path.name: text
        for digit, text in zip(digits, texts, strict=True)
        if text != str(digit.label)
    }
    print(f"single digits misread by {name}: {wrong}", flush=True)
    return {
        "pictures": len(digits),
        "right": len(digits) - len(wrong),
        "empty": sum(not text for text in wrong.values()),
        "several": sum(len(text) > 1 for text in wrong.values()),
    }


def _parser() -> argparse.ArgumentParser:
    parser = argument_parser(__doc__, "photographs.json")
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=[], help="also measure these")
    parser.add_argument("--only", choices=PARTS, nargs="+", help="these parts")
    parser.add_argument(
        "--kinds", choices=KINDS, nargs="+", default=tuple(KINDS), help="these kinds of pictures"
    )
    parser.add_argument("--min-confidence", type=float, default=DEFAULT)
    parser.add_argument("--weights", default="best", help="pretrained weights or a weights file")
    parser.add_argument(
        "--debug", type=Path, metavar="FOLDER", help="write each picture with its boxes there"
    )
    return parser


def _measure(folder: Path, options: argparse.Namespace, *, save: bool) -> None:
    """Measure the parts, write the debug pictures, and print and save the results."""
    benchmark = Benchmark(
        folder, kinds=options.kinds, peers=options.peers, weights=options.weights,
        min_confidence=options.min_confidence, smoke=options.smoke,
    )  # fmt: skip

    def measure_confidence() -> dict[str, Any]:
        report = benchmark.measure_confidence()
        if save:
            folder = IMAGES if options.output.parent == RESULTS else options.output.parent
            save_figure(draw_confidence(report), folder / "photographs-calibration.png")
        return report

    def measure_pictures() -> dict[str, Any]:
        readings = benchmark.read_pictures()
        if options.debug:
            write_debug_pictures(
                options.debug, benchmark.recognizer, readings,
                min_confidence=options.min_confidence,
            )  # fmt: skip
        return benchmark.count_pictures(readings)

    parts: dict[str, Callable[[], dict[str, Any]]] = {
        "pictures": measure_pictures,
        "singles": benchmark.measure_singles,
        "thresholds": benchmark.measure_thresholds,
        "confidence": measure_confidence,
        "cost": benchmark.measure_cost,
    }
    measure_parts(options.output, parts, only=options.only, packages=PACKAGES, save=save)


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print and save."""
    parser = _parser()
    named = parser.parse_args(argv).output is not None
    options = parse_args(parser, argv)
    if options.smoke:
        with tempfile.TemporaryDirectory() as name:
            draw_picture_set(Path(name))
            _measure(Path(name), options, save=True)
        return
    folder = picture_folder()
    if folder is None:
        print(f"Nothing is measured: {VARIABLE}, the folder with the pictures, is not set.")
        return
    without_peers = not options.peers and set(options.only or PARTS) & set(WITH_PEERS)
    partly = without_peers or len(options.kinds) < len(KINDS)
    _measure(folder, options, save=named or not partly)


if __name__ == "__main__":
    main()
