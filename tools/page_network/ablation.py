"""Which synthetic pages matter: train the page network without some of them.

    python -m tools.page_network.ablation [--output JSON] [--steps N] [--folder FOLDER]

Trains one network on all pages and one without each group of `GROUPS`, from the same initial
weights and with the same number of steps, far fewer than those of the shipped network. Each is
validated on the same pages of all kinds and, where MNISTCNN_PICTURES names the folder of
strangers' pictures, reads those with the confidence of the shipped network, at the
``min_confidence`` that suits it best, since confidences were fitted to another network. Results go
to benchmarks/results/page_ablation.json; a run that was stopped continues from its folder. Takes
about 40 minutes on two idle cores.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import OUT, argument_parser, package_versions, parse_args, write_results
from benchmarks.ocr.alignment import edit_distance
from benchmarks.ocr.picture_set import load_pictures, picture_folder
from mnistcnn.images.image_io import read_image
from mnistcnn.ocr.classification import NonDigitRejector
from mnistcnn.ocr.page_network import PageNetwork
from mnistcnn.ocr.pipeline import Models, arrange, find_digits
from mnistcnn.ocr.recognizer import Recognizer
from mnistcnn.types import Float32Array
from mnistcnn.weights.arrays import PAGE_NETWORK_WEIGHT_SHAPES
from mnistcnn.weights.pretrained import load_confidence_weights
from tools.page_network.effects import HARD_EFFECTS
from tools.page_network.layout import KINDS, PAPERS
from tools.page_network.train import parse_arguments, train

_NAMES = list(KINDS)
# What is left out of the training pages, by the title of the group.
GROUPS: dict[str, Sequence[str]] = {
    "nothing": (),
    "ruled, squared and dotted paper": tuple(PAPERS),
    "tables, grids and forms": (
        "tables", "digit grid", "sudoku", "forms", "labelled blanks", "empty table",
    ),
    "print": ("print with digits", "printed page", "receipt", "printed numbers"),
    "letters and symbols": ("equations", "sums", "lists", "handwritten words", "drawing"),
    "pages without digits": tuple(_NAMES[_NAMES.index("printed page") :]),
    "effects of cameras and light": HARD_EFFECTS,
}  # fmt: skip
STEPS, SEED = 400, 0
_PACKAGES = ("mnistcnn", "tensorflow", "keras", "onnxruntime", "opencv-python-headless")
THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)


def load_weights(path: Path) -> list[Float32Array]:
    """Load the weights that a training run wrote."""
    from safetensors.numpy import load_file

    arrays = load_file(path)
    return [arrays[name].astype(np.float32) for name in PAGE_NETWORK_WEIGHT_SHAPES]


def count_errors(weights: Sequence[Float32Array], folder: Path) -> dict[str, Any]:
    """Read strangers' pictures; return the errors by kind at the best ``min_confidence``."""
    models = Models(
        PageNetwork(weights=weights),
        Recognizer().predict_proba,
        NonDigitRejector(0),
        load_confidence_weights(),
    )
    pictures = load_pictures(folder)
    images = [read_image(picture.path) for picture in pictures]
    found = [find_digits(image.brightness, models) for image in images]
    counts = []
    for threshold in THRESHOLDS:
        errors = Counter[str]()
        for picture, image, (digits, turns) in zip(pictures, images, found, strict=True):
            reading = arrange(digits, turns, image, min_confidence=threshold)
            errors[picture.kind] += edit_distance(reading.text.replace(" ", ""), picture.truth)
        counts.append({"min_confidence": threshold, "errors": {**errors, "all": errors.total()}})
    return min(counts, key=lambda count: count["errors"]["all"])


def main(argv: Sequence[str] | None = None) -> None:
    """Train, validate, and write the results."""
    parser = argument_parser(__doc__, "page_ablation.json")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--folder", type=Path, default=OUT / "page_ablation")
    options = parse_args(parser, argv)
    pictures = picture_folder()
    report: dict[str, Any] = {
        "versions": package_versions(*_PACKAGES), "steps": options.steps, "seed": SEED,
        "left_out": {},
    }  # fmt: skip
    for number, (title, names) in enumerate(GROUPS.items()):
        folder = options.folder / str(number)
        arguments = ["--output", str(folder), "--seed", str(SEED), "--easy-pages", "0"]
        arguments += ["--smoke"] if options.smoke else ["--steps", str(options.steps)]
        print(f"Without {title}")
        metrics = train(parse_arguments([*arguments, "--without", *names]))
        result: dict[str, Any] = {"names": list(names), "validation": metrics}
        if pictures is not None and not options.smoke:
            weights = load_weights(folder / "page_network.safetensors")
            result["pictures"] = count_errors(weights, pictures)
        report["left_out"][title] = result
        write_results(options.output, report)
        if options.smoke and number:
            break


if __name__ == "__main__":
    main()
