"""How well pictures are read: pages of MNIST's test digits, by what happened to the page.

    python -m benchmarks.ocr.accuracy [--pages N] [--part train|test] [CLASS ...]
    python -m benchmarks.ocr.accuracy --confidence --weights

Draws pages with a known text (see `pages`), lets `Recognizer.read` read them and counts
the signs to insert, remove or change. How the reader works was settled on pages of training digits
(``--part train``), which the network knows; what is kept is of test digits. Beside it: the same
pages and ones of scikit-learn's digits by each set of shipped weights, and letters, blots and
scribbles, and what share of them is left at each ``min_confidence``; the typefaces and scribbles
are those that the detector of what is no digit never saw. Figures go to
benchmarks/results/ocr_accuracy.json, a picture of a hard page with its boxes and one of the steps to
docs/images. ``--confidence`` and ``--weights`` measure those figures alone anew.
"""

import argparse
import io
import json
import time
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cv2
import matplotlib as mpl
import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from PIL import Image, ImageDraw, ImageFont

import mnistcnn
from benchmarks.harness import HERE, RESULTS
from benchmarks.ocr.synthetic_pages import PAGE_STYLES, draw_page, edit_distance
from mnistcnn.evaluation.intervals import wilson_interval
from mnistcnn.ocr.binarization import binarize
from mnistcnn.ocr.image_io import read_image
from mnistcnn.ocr.line_removal import remove_lines
from mnistcnn.utils.atomic_write import atomic_write, write_text
from mnistcnn.weights.pretrained import PRETRAINED
from tools.pretrained import synthetic_nondigits

PICTURES = HERE.parent / "docs" / "images"
PAGES = 120
LETTERS = "ABCDEFGHJKMNPQRTUVWXYabdefhkmnprtwxy&#@%?"
_PARTS = ListedColormap(["white", *mpl.colormaps["tab10"].colors[:9]])
LEAST = (0.0, 0.5, 0.8, 0.9, 0.95, 0.99)


def read_class(
    recognizer: mnistcnn.Recognizer, part: mnistcnn.Split, name: str, count: int
) -> dict[str, Any]:
    """Read pages of one class and count the errors."""
    wrong = signs = digits = exact = 0
    seconds = []
    for number in range(count):
        generator = np.random.default_rng([list(PAGE_STYLES).index(name), number])
        page = draw_page(part.images, part.labels, generator, PAGE_STYLES[name])
        started = time.perf_counter()
        said = recognizer.read(page.picture).text
        seconds.append(time.perf_counter() - started)
        missed = edit_distance(said, page.text)
        wrong, signs = wrong + missed, signs + len(page.text)
        digits += len(page.text.replace("\n", ""))
        exact += missed == 0
    rate = 1 - wrong / signs
    low, high = wilson_interval(max(signs - wrong, 0), max(signs, wrong))
    return {
        "pages": count,
        "digits": digits,
        "signs": signs,
        "errors": wrong,
        "right": round(rate, 5),
        "interval": [round(low, 5), round(high, 5)],
        "exact_pages": exact,
        "milliseconds": round(1e3 * float(np.median(seconds)), 1),
    }


def by_weights(images: np.ndarray, labels: np.ndarray, count: int = 20) -> dict[str, Any]:
    """Count the errors of each set of weights on pages of all kinds, in all and by kind."""
    recognizers = {name: mnistcnn.Recognizer(name) for name in PRETRAINED}
    classes = {name: dict.fromkeys(recognizers, 0) for name in PAGE_STYLES}
    signs = 0
    for number, (kind, style) in enumerate(PAGE_STYLES.items()):
        for page_number in range(count):
            page = draw_page(images, labels, np.random.default_rng([number, page_number]), style)
            signs += len(page.text)
            for name, recognizer in recognizers.items():
                classes[kind][name] += edit_distance(recognizer.read(page.picture).text, page.text)
    wrong = {name: sum(row[name] for row in classes.values()) for name in recognizers}
    return {"pages": count * len(PAGE_STYLES), "signs": signs, "errors": wrong, "classes": classes}


def each_by_weights(part: mnistcnn.Split) -> dict[str, Any]:
    """Return those errors on MNIST's digits, and on digits that no shipped weights saw the like of.

    Those are scikit-learn's, of all its parts.
    """
    others = (np.concatenate(each) for each in zip(*mnistcnn.load_data("digits"), strict=True))
    return {
        "MNIST's test digits": by_weights(part.images, part.labels, PAGES),
        "scikit-learn's digits": by_weights(*others),
    }


def letters(chosen: str = LETTERS) -> list[np.ndarray]:
    """Return pictures of letters and signs in several typefaces."""
    folder = Path(mpl.get_data_path()) / "fonts" / "ttf"
    pictures = []
    for font in synthetic_nondigits.FACES["report"]:
        face = ImageFont.truetype(folder / f"{font}.ttf", 72)
        for letter in chosen:
            picture = Image.new("L", (150, 150), 255)
            ImageDraw.Draw(picture).text((40, 30), letter, fill=0, font=face)
            pictures.append(np.asarray(picture))
    return pictures


def bent_letters(count: int = 300) -> list[np.ndarray]:
    """Return pictures of letters that style like no digit, bent and slanted as by a hand."""
    generator = np.random.default_rng(2)
    signs = generator.choice(list(synthetic_nondigits.LETTERS), count).tolist()
    faces = generator.choice(synthetic_nondigits.FACES["report"], count).tolist()
    inks = [
        synthetic_nondigits.sign(one, face, generator)
        for one, face in zip(signs, faces, strict=True)
    ]
    return [on_paper(ink) for ink in inks]


def scribbles(count: int = 200) -> list[np.ndarray]:
    """Return pictures of a scribble each."""
    generator = np.random.default_rng(3)
    (how,) = synthetic_nondigits.SCRIBBLES["report"].values()
    return [on_paper(how(generator)) for _ in range(count)]


def on_paper(ink: np.ndarray) -> np.ndarray:
    """Return black ink on white paper with a margin."""
    return np.pad(np.uint8(255 * (1 - ink)), 20, constant_values=255)


def blots(count: int = 200) -> list[np.ndarray]:
    """Return pictures of one round blot with an uneven edge each."""
    generator = np.random.default_rng(0)
    rows, columns = np.mgrid[:120, :120] - 60.0
    pictures = []
    for _ in range(count):
        noise = cv2.GaussianBlur(
            generator.standard_normal((120, 120)), (0, 0), generator.uniform(4, 9)
        )
        edge = 30 + 60 * noise / noise.std() / 6
        pictures.append(np.where(np.hypot(rows, columns) < edge, 0, 255).astype(np.uint8))
    return pictures


def confidences(
    recognizer: mnistcnn.Recognizer, part: mnistcnn.Split, count: int = 1_000
) -> dict[str, Any]:
    """Return the share of digits, letters and others that is left at each confidence.

    Beside it what would be left by the network's confidence alone, without the detector.
    """
    generator = np.random.default_rng(1)
    others = np.concatenate([one.images for one in mnistcnn.load_data("digits")])
    apart = "".join(one for one in LETTERS if one not in synthetic_nondigits.ALIKE)
    pictures = {
        "digits": digits_alone(part.images, count, generator),
        "digits of other hands": digits_alone(others, count, generator),
        "letters and signs": letters(apart),
        "those that resemble digits": letters("".join(sorted(set(LETTERS) - set(apart)))),
        "letters bent as by a hand": bent_letters(),
        "blots": blots(),
        "scribbles": scribbles(),
    }
    left: dict[str, list[float]] = {}
    alone: dict[str, list[float]] = {}
    for name, each in pictures.items():
        found = [recognizer.read(one).digits for one in each]
        sure = [max((digit.confidence for digit in one), default=0.0) for one in found]
        # What all ten digits have together is the detector's share.
        network = [
            max((digit.confidence / float(digit.probabilities.sum()) for digit in one), default=0.0)
            for one in found
        ]
        for shares, values in ((left, sure), (alone, network)):
            shares[name] = [round(float(np.mean(np.array(values) >= least)), 4) for least in LEAST]
        print(f"{name}: {left[name]}, by the network alone {alone[name]}", flush=True)
    counts = {name: len(each) for name, each in pictures.items()}
    return {"least": list(LEAST), "pictures": counts, "left": left, "network_alone": alone}


def digits_alone(
    images: np.ndarray, count: int, generator: np.random.Generator
) -> list[np.ndarray]:
    """Return pictures of one digit each, dark on light."""
    chosen = generator.choice(len(images), count, replace=False)
    return [np.pad(255 - images[i], 8, constant_values=255) for i in chosen]


def draw_steps(recognizer: mnistcnn.Recognizer, part: mnistcnn.Split) -> Figure:
    """Return a picture of the way from a photo to the glyphs."""
    generator = np.random.default_rng(5)
    ruled = PAGE_STYLES["ruled lines, tilt"]
    style = replace(ruled, lines=(2, 2), digits_per_line=(4, 4), gradient=0.6, noise=0.03, colored=True)
    picture = draw_page(part.images, part.labels, generator, style).picture
    ink = binarize(read_image(picture).brightness)
    clear = remove_lines(ink)
    figure = Figure(figsize=(9, 6.2), layout="constrained")
    upper, lower = figure.subfigures(2, 1, height_ratios=[3.2, 1])
    panels = upper.subplots(2, 2).ravel()
    panels[0].imshow(picture)
    panels[1].imshow(ink.strength, cmap="gray_r", vmin=0, vmax=1)
    for axes, one in zip(panels[2:], (ink, clear), strict=True):
        axes.imshow(np.where(one.labels > 0, 1 + one.labels % 9, 0), cmap=_PARTS, vmin=0, vmax=9)
    titles = ("1. the picture", "2. its ink", "3. connected parts", "3. without ruled lines")
    for axes, title in zip(panels, titles, strict=True):
        axes.set_title(title, fontsize=10)
        axes.set_axis_off()
    digits = recognizer.read(picture).digits
    for axes, digit in zip(np.ravel(lower.subplots(1, len(digits))), digits, strict=True):
        axes.imshow(digit.image, cmap="gray", vmin=0, vmax=255)
        axes.set_title(f"{digit.label}: {100 * digit.confidence:.0f} %", fontsize=9)
        axes.set_axis_off()
    lower.suptitle("5. glyphs, as the network sees them, and its answers", fontsize=10)
    return figure


def draw_hard_page(recognizer: mnistcnn.Recognizer, part: mnistcnn.Split) -> Figure:
    """Return a picture of a hard page with what was read from it."""
    page = draw_page(part.images, part.labels, np.random.default_rng(7), PAGE_STYLES["hard"])
    return mnistcnn.plot_reading(page.picture, recognizer.read(page.picture))


def save(figure: Figure, path: Path) -> None:
    """Write a picture in 64 colours: the noise of a page takes a megabyte otherwise."""
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=100)
    small = Image.open(drawn).convert("RGB").quantize(64, dither=Image.Dither.NONE)
    with atomic_write(path) as temporary:
        small.save(temporary, optimize=True)


def main() -> None:
    """Read pages of each class, or of those that are named."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="CLASS", help="default: all, and kept")
    parser.add_argument("--pages", type=int, default=PAGES)
    parser.add_argument("--part", choices=("train", "test"), default="test")
    parser.add_argument("--confidence", action="store_true", help="those shares alone")
    parser.add_argument(
        "--weights", action="store_true", help="errors of each set of weights alone"
    )
    options = parser.parse_args()
    part = getattr(mnistcnn.load_data("mnist"), options.part)
    recognizer = mnistcnn.Recognizer()
    if options.confidence or options.weights:
        report = json.loads((RESULTS / "ocr_accuracy.json").read_text())
        if options.confidence:
            report["confidence"] = confidences(recognizer, part)
        if options.weights:
            report["by_weights"] = each_by_weights(part)
        write_text(RESULTS / "ocr_accuracy.json", json.dumps(report, indent=1) + "\n")
        return
    classes = {}
    for name in options.names or PAGE_STYLES:
        classes[name] = read_class(recognizer, part, name, options.pages)
        print(f"{name}: {classes[name]}", flush=True)
    if options.names or options.part != "test":
        return
    report = {
        "versions": {
            one: version(one) for one in ("mnistcnn", "onnxruntime", "opencv-python-headless")
        },
        "classes": classes,
        "by_weights": each_by_weights(part),
        "confidence": confidences(recognizer, part),
    }
    print(report["by_weights"])
    write_text(RESULTS / "ocr_accuracy.json", json.dumps(report, indent=1) + "\n")
    drawn = {"reading.png": draw_hard_page, "reading-steps.png": draw_steps}
    for name, how in drawn.items():
        save(how(recognizer, part), PICTURES / name)


if __name__ == "__main__":
    main()
