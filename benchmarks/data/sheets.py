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
from pathlib import Path
from typing import Any

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

# Number of photos by resolution in megapixels.
PHOTOS = {1.0: 60, 2.0: 30, 5.0: 8, 12.0: 4}


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


class Benchmark:
    """Photos of forms that are filled in with test images.

    Parameters
    ----------
    split : Split
        The images of digits to write.
    """

    def __init__(self, split: mnistcnn.Split) -> None:
        self.split = split
        self.recognizer = mnistcnn.Recognizer()
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

    def measure(self, megapixels: float, num_photos: int, seed: int) -> dict[str, Any]:
        """Take photos and read them; return the counts."""
        results: Counter[tuple[str, str]] = Counter()
        failures: list[str] = []
        seconds: list[float] = []
        originals = correct_originals = 0
        for number in range(num_photos):
            generator = np.random.default_rng([seed, number])
            paper, page = ("a4", "letter")[number % 2], 1 + number % 3
            layout = layout_of(paper)
            form = fill_form(self.form(paper, page), layout, page, self.split, generator)
            photo = photograph(form.picture, layout, generator, Camera(megapixels=megapixels))
            is_digit = np.array(form.contents) == "digit"
            predicted = self.recognizer.predict(form.images[is_digit])
            originals += int(is_digit.sum())
            correct_originals += int((predicted == form.labels[is_digit]).sum())
            started = time.process_time()
            try:
                reading = mnistcnn.read_sheet(photo)
            except ValueError as error:
                failures.append(str(error))
                results.update((kind, "not read") for kind in form.contents)
                continue
            seconds.append(time.process_time() - started)
            labels = self.recognizer.predict(reading.images).tolist() if len(reading.images) else []
            results.update(
                zip(
                    form.contents,
                    box_results(form, reading, labels, layout.columns),
                    strict=True,
                )
            )
            print(f"{megapixels:g} MP, photo {number + 1} of {num_photos}", flush=True)
        return {
            "photos": num_photos,
            "failures": failures,
            "digits": originals,
            "correct_originals": correct_originals,
            "results": _nested(results),
            "seconds": summarize(seconds),
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
    options = parse_args(argument_parser(__doc__, "sheets.json"), argv)
    _, test = mnistcnn.load_data(mnist_file(smoke=options.smoke))
    benchmark = Benchmark(test)
    photos = {2.0: 1} if options.smoke else PHOTOS
    report: dict[str, Any] = {
        "versions": package_versions("numpy", "opencv-python-headless"),
        "megapixels": {
            f"{megapixels:g}": benchmark.measure(megapixels, count, seed)
            for seed, (megapixels, count) in enumerate(photos.items())
        },
    }
    write_results(options.output, report)
    for megapixels, row in report["megapixels"].items():
        correct = row["results"]["digit"].get("correct", 0)
        print(f"{megapixels} MP: {correct} of {row['digits']} digits correct")


if __name__ == "__main__":
    main()
