"""Digits read from synthetic photos of forms that are filled in with MNIST's test images.

    python -m benchmarks.data.sheets

For each resolution: how many of the digits become an image that the pretrained network "best"
classifies as the label of the box, how many boxes are rejected, and with which reason. Each photo
has another form, pen, angle, shadow and camera; see `benchmarks.data.filled_forms`. The network's
accuracy on the same images as MNIST holds them is the upper limit.
"""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from PIL import Image

import mnistcnn
from benchmarks.data.filled_forms import Camera, FilledForm, fill_form, photograph
from benchmarks.harness import (
    argument_parser,
    mnist_file,
    package_versions,
    parse_args,
    summarize,
    write_results,
)
from mnistcnn.sheets.layout import layout_of
from mnistcnn.utils.environment import cpu_count

# Number of photos by resolution in megapixels.
PHOTOS = {1.0: 50, 2.0: 30, 5.0: 14, 12.0: 8}


def box_results(
    form: FilledForm, reading: mnistcnn.SheetReading, predicted: Sequence[int], columns: int
) -> list[str]:
    """Return what became of each box: "correct", "misclassified" or the reason of a rejection."""
    results = [""] * len(form.contents)
    for box, label in zip(reading.boxes, predicted, strict=True):
        correct = box.label == label
        place = (box.row - 1) * columns + box.column - 1
        results[place] = "correct" if correct else "misclassified"
    for box in reading.unreadable:
        results[(box.row - 1) * columns + box.column - 1] = str(box.reason)
    return results


class Photographer:
    """Takes photos of forms that are filled in with test images, and reads them.

    Parameters
    ----------
    split : Split
        The images of digits to write.
    """

    def __init__(self, split: mnistcnn.Split) -> None:
        cv2.setNumThreads(1)  # each photo has a process
        self.split = split
        self.recognizer = mnistcnn.Recognizer(num_threads=1)
        self.forms: dict[tuple[Any, int], Any] = {}

    def form(self, paper: Any, page: int) -> Any:
        """Return the form as printed, ``uint8 (h, w)``."""
        if (paper, page) not in self.forms:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder, "form.png")
                mnistcnn.write_sheet(path, paper=paper, first_page=page)
                with Image.open(path) as picture:
                    self.forms[paper, page] = np.asarray(picture.convert("L"))
        return self.forms[paper, page]

    def measure(self, megapixels: float, seed: int) -> PhotoResult:
        """Take a photo and read it."""
        generator = np.random.default_rng([round(megapixels), seed])
        paper, page = ("a4", "letter")[seed % 2], 1 + seed % 3
        layout = layout_of(paper)
        form = fill_form(self.form(paper, page), layout, page, self.split, generator)
        photo = photograph(form.picture, layout, generator, Camera(megapixels=megapixels))
        is_digit = np.array(form.contents) == "digit"
        correct = self.recognizer.predict(form.images[is_digit]) == form.labels[is_digit]
        started = time.process_time()
        try:
            reading = mnistcnn.read_sheet(photo)
        except ValueError as error:
            results, failure = ["not read"] * len(form.contents), str(error)
        else:
            failure = None
        seconds = time.process_time() - started
        if failure is None:
            labels = self.recognizer.predict(reading.images).tolist()
            results = box_results(form, reading, labels, layout.columns)
        return PhotoResult(
            Counter(zip(form.contents, results, strict=True)), int(correct.sum()), seconds, failure
        )


class PhotoResult(NamedTuple):
    """What became of the boxes of a photo, by their content."""

    results: Counter[tuple[str, str]]
    correct_originals: int
    seconds: float
    failure: str | None


_photographer: Photographer | None = None  # of a process


def _start_process(split: mnistcnn.Split) -> None:
    global _photographer  # noqa: PLW0603  # the images are sent once
    _photographer = Photographer(split)


def _measure_photo(task: tuple[float, int]) -> PhotoResult:
    assert _photographer is not None
    return _photographer.measure(*task)


def summarize_photos(photos: Sequence[PhotoResult]) -> dict[str, Any]:
    """Return the counts of the photos of one resolution."""
    results = sum((photo.results for photo in photos), Counter())
    return {
        "photos": len(photos),
        "failures": [photo.failure for photo in photos if photo.failure is not None],
        "digits": sum(count for (content, _), count in results.items() if content == "digit"),
        "correct_originals": sum(photo.correct_originals for photo in photos),
        "results": _nested(results),
        "seconds": summarize([photo.seconds for photo in photos]),
    }


def _nested(results: Counter[tuple[str, str]]) -> dict[str, dict[str, int]]:
    contents = sorted({content for content, _ in results})
    return {
        content: {
            outcome: count for (kind, outcome), count in sorted(results.items()) if kind == content
        }
        for content in contents
    }


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print and write the results."""
    parser = argument_parser(__doc__, "sheets.json")
    parser.add_argument(
        "--processes", type=int, default=cpu_count(), help="photos to read in parallel"
    )
    parser.add_argument(
        "--fraction",
        type=float,
        default=1.0,
        help="fraction of the photos to take, for a quick run",
    )
    options = parse_args(parser, argv)
    _, test = mnistcnn.load_data(mnist_file(smoke=options.smoke))
    counts = {each: max(1, round(options.fraction * count)) for each, count in PHOTOS.items()}
    if options.smoke:
        counts = {1.0: 1}
    tasks = [(each, seed) for each, count in counts.items() for seed in range(count)]
    photos: dict[float, list[PhotoResult]] = {megapixels: [] for megapixels in counts}
    with get_context("spawn").Pool(options.processes, _start_process, [test]) as pool:
        for task, photo in zip(tasks, pool.imap(_measure_photo, tasks), strict=True):
            photos[task[0]].append(photo)
            print(task, photo.failure or dict(photo.results), flush=True)
    report: dict[str, Any] = {
        "versions": package_versions("numpy", "opencv-python-headless"),
        "megapixels": {f"{each:g}": summarize_photos(photos[each]) for each in counts},
    }
    write_results(options.output, report)
    for megapixels, row in report["megapixels"].items():
        correct = row["results"]["digit"].get("correct", 0)
        print(f"{megapixels} MP: {correct} of {row['digits']} digits correct")


if __name__ == "__main__":
    main()
