"""The detector of what is no digit, which comes with the package: draw, train, calibrate, measure.

    make weights
    python -m tools.pretrained.train_rejector [--output FOLDER]

Trains a small network on MNIST's first 50,000 training images, on typed digits, and on drawings of
what is no digit (`scrap_drawings`), with seed 0; about three minutes of one processor core. It has
an output for each digit and for each group of other shapes: what is no digit takes many forms, and
one plane can't part them all from ten digits. How probable a digit is, is the sum of the first ten;
the last output is for two digits that touch.

The last 10,000 training images, two typefaces and one family of scribbles took no part in the
training: its temperature is fitted on those. What `read` makes of it is measured on pages by
`benchmarks/ocr/accuracy.py`. Weights and manifest go to the package. Needs MNIST.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

import mnistcnn
from benchmarks.harness import mnist_file
from benchmarks.ocr.synthetic_pages import PAGE_STYLES, draw_page
from mnistcnn.ocr.binarization import binarize
from mnistcnn.ocr.classification import LOG_PRIOR_ODDS
from mnistcnn.ocr.components import extract_components, median_digit_height
from mnistcnn.ocr.image_io import read_image
from mnistcnn.ocr.line_removal import remove_lines
from mnistcnn.types import NUM_CLASSES
from mnistcnn.utils.environment import software_versions
from mnistcnn.weights.arrays import REJECTOR_WEIGHT_SHAPES
from mnistcnn.weights.onnx_classifier import OnnxClassifier
from mnistcnn.weights.onnx_file import to_onnx
from mnistcnn.weights.pretrained import FOLDER, REJECTOR, write_pretrained
from tools.pretrained import synthetic_nondigits
from tools.pretrained.synthetic_nondigits import (
    ALIKE,
    DIGITS,
    FACES,
    GROUPS,
    LETTERS,
    SCRIBBLES,
    SIGNS,
    Draw,
    Glyphs,
)
from tools.pretrained.train_weights import commit

SEED = 0
HELD_OUT = 10_000
COMMAND = "make weights"
OUTPUTS = (*DIGITS, *GROUPS, "blots", "scribbles", "arrows", "spoilt digits", "two digits")
# How many drawings to train on. MNIST's images come as they are, besides.
COUNTS = {
    "letters": 11_000, "typed": 2_000, "signs": 3_000, "scribbles": 5_000, "spoilt": 5_500,
    "two": 4_000, "digits": 4_000, "bent": 6_000, "pages": 4_000, "coarse": 14_000,
}  # fmt: skip
CHOOSE = {
    "letters": 1_200, "typed": 300, "signs": 500, "scribbles": 400, "spoilt": 500,
    "two": 400, "digits": 300, "bent": 300, "pages": 600, "coarse": 1_400,
}  # fmt: skip
TRAINING: dict[str, Any] = {"epochs": 8, "batch_size": 256, "learning_rate": 4e-3}
TWO = OUTPUTS.index("two digits")
LEAST = (0.5, 0.8, 0.9, 0.95, 0.99)
_TEMPERATURES = np.exp(np.linspace(np.log(0.5), np.log(3), 60))
# Two boxes are of one digit if they share so much of what both cover.
_SAME = 0.6


class Pool(NamedTuple):
    """Glyphs, ``uint8 (n, 28, 28)``; the output that each is for; and of which kind it is."""

    glyphs: Glyphs
    outputs: NDArray[np.int64]
    kinds: NDArray[np.str_]


def drawn(split: mnistcnn.Split, part: str, counts: dict[str, int], generator: Draw) -> Pool:
    """Return digits and what is none, of a part's images, typefaces and scribbles."""
    images, labels = split
    pools: dict[str, tuple[Glyphs, list[int]]] = {"mnist": (images, labels.tolist())}
    for kind, signs, bent in (
        ("letters", LETTERS, True),
        ("typed", LETTERS + DIGITS, False),
        ("signs", SIGNS, True),
        ("digits", DIGITS, True),
    ):
        pools[kind] = _signs(signs, part, counts[kind], generator, bent=bent)
    names = list(SCRIBBLES[part])
    chosen = generator.choice(names, counts["scribbles"]).tolist()
    inks = [synthetic_nondigits.bent(SCRIBBLES[part][one](generator), generator) for one in chosen]
    outputs = [OUTPUTS.index(f"{one}s" if f"{one}s" in OUTPUTS else "scribbles") for one in chosen]
    pools["scribbles"] = synthetic_nondigits.glyphs(inks), outputs
    each: dict[str, Callable[[], NDArray[np.float32]]] = {
        "spoilt": lambda: synthetic_nondigits.spoilt(images, labels, generator),
        "two": lambda: synthetic_nondigits.two(images, generator),
    }
    for kind, how in each.items():
        found = synthetic_nondigits.glyphs([how() for _ in range(counts[kind])])
        pools[kind] = found, [OUTPUTS.index(f"{kind} digits")] * len(found)
    some = generator.integers(0, len(images), counts["bent"])
    inks = [
        synthetic_nondigits.bent(synthetic_nondigits.large(images[i]), generator, much=0.5)
        for i in some
    ]
    pools["bent"] = synthetic_nondigits.glyphs(inks), labels[some].tolist()
    pools["pages"] = _from_pages(_joined(pools), counts["pages"], generator)
    return _joined(pools)


def with_coarse(pool: Pool, count: int, generator: Draw) -> Pool:
    """Return a pool and some of it once more, as if scanned with 7 to 11 pixels to a digit."""
    some = generator.choice(len(pool.glyphs), count, replace=False)
    coarse = []
    for index in some:
        size = (int(generator.integers(10, 16)),) * 2
        small = cv2.resize(pool.glyphs[index], size, interpolation=cv2.INTER_AREA)
        large = cv2.resize(small, (28, 28), interpolation=cv2.INTER_CUBIC)
        coarse.append(np.asarray(cv2.normalize(large, None, 0, 255, cv2.NORM_MINMAX), np.uint8))
    return Pool(
        np.concatenate([pool.glyphs, np.stack(coarse)]),
        np.concatenate([pool.outputs, pool.outputs[some]]),
        np.concatenate([pool.kinds, np.repeat("coarse", count)]),
    )


def _joined(pools: dict[str, tuple[Glyphs, list[int]]]) -> Pool:
    return Pool(
        np.concatenate([glyphs for glyphs, _ in pools.values()]),
        np.concatenate([outputs for _, outputs in pools.values()]),
        np.concatenate([[kind] * len(glyphs) for kind, (glyphs, _) in pools.items()]),
    )


def _signs(
    signs: str, part: str, count: int, generator: Draw, *, bent: bool
) -> tuple[Glyphs, list[int]]:
    chosen = generator.choice(list(signs), count).tolist()
    faces = generator.choice(FACES[part], count).tolist()
    how = synthetic_nondigits.sign if bent else synthetic_nondigits.typed
    inks = [how(one, face, generator) for one, face in zip(chosen, faces, strict=True)]
    places = {one: OUTPUTS.index(group) for group in OUTPUTS[: 10 + len(GROUPS)] for one in group}
    return synthetic_nondigits.glyphs(inks), [places[one] for one in chosen]


def _from_pages(pool: Pool, count: int, generator: Draw) -> tuple[Glyphs, list[int]]:
    """Return glyphs as `read` takes them out of pages: half digits, half what is none."""
    digits = np.flatnonzero(pool.kinds == "mnist")
    others = np.flatnonzero(pool.outputs >= NUM_CLASSES)
    some = np.concatenate([generator.choice(one, 5_000) for one in (digits, others)])
    # A page's text has one sign for each image: one that stands for the output.
    text = np.array([chr(256 + output) for output in pool.outputs[some]])
    looks = [
        replace(look, height=(look.height[0], min(look.height[1], 60)))
        for look in PAGE_STYLES.values()
        if look.gap[0] >= 0 and look.height[0] < 60
    ]
    glyphs: list[Glyphs] = []
    outputs: list[int] = []
    while len(glyphs) < count:
        look = looks[generator.integers(len(looks))]
        page = draw_page(pool.glyphs[some], text, generator, look)
        ink = remove_lines(binarize(read_image(page.picture).brightness))
        typical = median_digit_height(ink.stats)
        parts = extract_components(ink, typical)
        boxes = np.array([part.box for part in parts], np.float64).reshape(-1, 4)
        for name, box in zip(page.text.replace("\n", ""), page.boxes, strict=True):
            shared = _share(boxes, np.array(box))
            if shared.size and shared.max() > _SAME:
                glyphs.append(parts[int(shared.argmax())].digit_crop())
                outputs.append(ord(name) - 256)
    return np.stack(glyphs[:count]), outputs[:count]


def _share(boxes: NDArray[np.float64], box: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return which share of what both cover each of some boxes has in common with one."""
    low, high = np.maximum(boxes[:, :2], box[:2]), np.minimum(boxes[:, 2:], box[2:])
    both = np.prod(np.maximum(high - low, 0), axis=1)
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) + np.prod(box[2:] - box[:2])
    shares: NDArray[np.float64] = both / (areas - both)
    return shares


def trained(pool: Pool) -> list[NDArray[np.float32]]:
    """Return the six arrays of a network that was trained on a pool."""
    from mnistcnn.backend import keras  # seconds, which drawing does without

    keras.utils.set_random_seed(SEED)
    layers = keras.layers
    filters = [REJECTOR_WEIGHT_SHAPES[f"conv{i}.bias"][0] for i in (1, 2)]
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(filters[0], 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(filters[1], 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dropout(0.15, seed=SEED),
            layers.Dense(len(OUTPUTS)),
        ]
    )
    steps = TRAINING["epochs"] * -(-len(pool.glyphs) // TRAINING["batch_size"])
    rate = keras.optimizers.schedules.CosineDecay(
        TRAINING["learning_rate"] / 10,
        steps,
        warmup_target=TRAINING["learning_rate"],
        warmup_steps=steps // 10,
    )
    model.compile(
        keras.optimizers.Adam(rate, beta_2=0.99),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    x = pool.glyphs[..., np.newaxis].astype(np.float32) / 255
    options = {name: TRAINING[name] for name in ("epochs", "batch_size")}
    model.fit(x, pool.outputs, **options, verbose=2)
    weights: list[NDArray[np.float32]] = model.get_weights()
    return weights


def logits_of(weights: list[NDArray[np.float32]], glyphs: Glyphs) -> NDArray[np.float32]:
    """Return the answers before the softmax, as the package's own runtime computes them."""
    # A softmax of logits divided by a large temperature is nearly linear in them: so one is
    # taken out of the probabilities instead, which float32 gives down to e-38.
    classifier = OnnxClassifier(to_onnx(weights, REJECTOR_WEIGHT_SHAPES), 1)
    return np.log(np.maximum(classifier.predict_proba(glyphs), np.float32(1e-37)))


def digit_share(
    logits: NDArray[np.float32], temperature: float, *, prior: float = 0.0, cut: bool = False
) -> NDArray[np.float64]:
    """Return how probable it is that each glyph is a digit; `prior` is added to its log odds.

    Of a part that was `cut`, that it is one or two that touch, and to the log odds of both.
    """
    digits = [*range(NUM_CLASSES), TWO] if cut else list(range(NUM_CLASSES))
    scaled = np.exp((logits - logits.max(axis=1, keepdims=True)).astype(np.float64) / temperature)
    scaled[:, digits] *= np.exp(prior)
    share: NDArray[np.float64] = scaled[:, digits].sum(axis=1) / scaled.sum(axis=1)
    return share


def fitted_temperature(logits: NDArray[np.float32], is_digit: NDArray[np.bool_]) -> float:
    """Return the temperature of the least cross-entropy of "is it a digit?"."""
    losses = []
    for temperature in _TEMPERATURES:
        share = digit_share(logits, temperature)
        losses.append(-np.log(np.maximum(np.where(is_digit, share, 1 - share), 1e-12)).mean())
    return round(float(_TEMPERATURES[int(np.argmin(losses))]), 4)


def figures_of(
    pool: Pool, share: NDArray[np.float64], cut_share: NDArray[np.float64]
) -> dict[str, Any]:
    """Return by kind how many glyphs there are and what share is taken for digits.

    And, of what is none, what share would be if it had been cut.
    """
    is_digit = pool.outputs < NUM_CLASSES
    rows: dict[str, Any] = {}
    for name, chosen, each in (
        ("digits", is_digit, share),
        ("no_digits", ~is_digit, share),
        ("no_digits_cut", ~is_digit, cut_share),
    ):
        rows[name] = {}
        for kind in dict.fromkeys(pool.kinds[chosen].tolist()):
            some = each[chosen & (pool.kinds == kind)]
            left = [round(float((some >= least).mean()), 4) for least in LEAST]
            rows[name][kind] = {"glyphs": len(some), "left": left}
    return {"least": list(LEAST), **rows}


def main() -> None:
    """Draw, train, calibrate, and write weights and manifest."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--output", type=Path, default=FOLDER, help="in place of the package")
    folder = parser.parse_args().output
    images, labels = mnistcnn.load_data(mnist_file()).train
    known = mnistcnn.Split(images[:-HELD_OUT], labels[:-HELD_OUT])
    held_out = mnistcnn.Split(images[-HELD_OUT:], labels[-HELD_OUT:])
    chosen = drawn(held_out, "choose", CHOOSE, np.random.default_rng([SEED, 1]))
    chosen = with_coarse(chosen, CHOOSE["coarse"], np.random.default_rng([SEED, 3]))
    pool = drawn(known, "train", COUNTS, np.random.default_rng([SEED, 0]))
    pool = with_coarse(pool, COUNTS["coarse"], np.random.default_rng([SEED, 2]))
    print(f"{len(pool.glyphs):,} glyphs to train on, {len(chosen.glyphs):,} held out", flush=True)
    write(folder, trained(pool), pool, chosen)


def write(
    folder: Path, weights: list[NDArray[np.float32]], pool: Pool, chosen: Pool
) -> dict[str, Any]:
    """Calibrate and measure on the held-out glyphs, and write weights and manifest."""
    logits = logits_of(weights, chosen.glyphs)
    temperature = fitted_temperature(logits, chosen.outputs < NUM_CLASSES)
    share, cut_share = (
        digit_share(logits, temperature, prior=LOG_PRIOR_ODDS, cut=cut) for cut in (False, True)
    )
    figures = figures_of(chosen, share, cut_share)
    # The bias is divided by the temperature when the weights are read.
    towards_digits = np.where(
        np.arange(len(OUTPUTS)) < NUM_CLASSES, LOG_PRIOR_ODDS * temperature, 0
    )
    weights = [*weights[:5], weights[5] + towards_digits.astype(np.float32)]
    digest = hashlib.sha256(pool.glyphs.tobytes() + pool.outputs.astype(np.uint8).tobytes())
    drawn_with = {
        name: version(name) for name in ("opencv-python-headless", "pillow", "matplotlib")
    }
    write_pretrained(
        folder,
        weights,
        name=REJECTOR,
        temperature=temperature,
        recipe={
            "name": REJECTOR,
            **TRAINING,
            "prior": LOG_PRIOR_ODDS,
            "outputs": list(OUTPUTS),
            "drawn": COUNTS,
            "drawn_with": drawn_with,
            "faces": FACES["train"],
            "left_out": ALIKE,
        },
        seed=SEED,
        command=COMMAND,
        commit=commit(),
        versions=software_versions(),
        data={
            "name": "mnist and drawings",
            "images": len(pool.glyphs),
            "sha256": digest.hexdigest(),
        },
        metrics=figures,
        shapes=REJECTOR_WEIGHT_SHAPES,
    )
    for name in ("digits", "no_digits", "no_digits_cut"):
        for kind, row in figures[name].items():
            print(f"{name}, {kind}: {row['left']} of {row['glyphs']:,} at {figures['least']}")
    print(f"The detector is in {folder}, its temperature {temperature}")
    return figures


if __name__ == "__main__":
    main()
