"""The rejector, the network that recognizes non-digits: draw data, train, calibrate, measure.

    make weights
    python -m tools.pretrained.train_rejector [--output FOLDER]

Trains a small network on the first 50,000 training images of MNIST, on printed digits and on
synthetic non-digits (`rejector_data`), with seed 0; about three minutes on one core. It has an
output for each digit and for each group of other shapes, since no single hyperplane separates all
of them from ten digits. The probability of a digit is the sum of the first ten; the last output
is for two digits that touch.

The last 10,000 training images, two typefaces and one kind of scribble are held out: the
temperature is fitted on them. `benchmarks.ocr.accuracy` measures the effect on reading pages.
Weights and manifest go to the package. Needs MNIST.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import mnistcnn
from benchmarks.harness import mnist_file
from mnistcnn.ocr.classification import LOG_PRIOR_ODDS
from mnistcnn.types import NUM_CLASSES
from mnistcnn.utils.environment import software_versions
from mnistcnn.weights.arrays import REJECTOR_WEIGHT_SHAPES
from mnistcnn.weights.onnx_classifier import OnnxClassifier
from mnistcnn.weights.onnx_file import to_onnx
from mnistcnn.weights.pretrained import FOLDER, REJECTOR, write_pretrained
from tools.pretrained.provenance import COMMAND, source_revision
from tools.pretrained.rejector_data import (
    OUTPUTS,
    CropDataset,
    add_low_resolution,
    draw_dataset,
)
from tools.pretrained.synthetic_nondigits import LOOKALIKES, TYPEFACES, Crops

SEED = 0
HELD_OUT_IMAGES = 10_000
# Crops by kind, besides the images of MNIST.
TRAINING_COUNTS = {
    "letters": 11_000, "printed": 2_000, "symbols": 3_000, "scribbles": 5_000,
    "altered_digits": 5_500, "digit_pairs": 4_000, "distorted_printed_digits": 4_000,
    "distorted_mnist": 6_000, "pages": 4_000, "low_resolution": 14_000,
}  # fmt: skip
VALIDATION_COUNTS = {
    "letters": 1_200, "printed": 300, "symbols": 500, "scribbles": 400,
    "altered_digits": 500, "digit_pairs": 400, "distorted_printed_digits": 300,
    "distorted_mnist": 300, "pages": 600, "low_resolution": 1_400,
}  # fmt: skip
SMOKE_COUNTS = {**dict.fromkeys(TRAINING_COUNTS, 6), "pages": 12}
HYPERPARAMETERS: dict[str, Any] = {"epochs": 8, "batch_size": 256, "learning_rate": 4e-3}
THRESHOLDS = (0.5, 0.8, 0.9, 0.95, 0.99)
_TEMPERATURES = np.exp(np.linspace(np.log(0.5), np.log(3), 60))

Weights = list[NDArray[np.float32]]


def train_network(dataset: CropDataset, hyperparameters: Mapping[str, Any]) -> Weights:
    """Return the six arrays of a network trained on the data set."""
    from mnistcnn.backend import keras  # takes seconds, and drawing the data does without

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
    epochs, batch_size, learning_rate = (
        hyperparameters[name] for name in ("epochs", "batch_size", "learning_rate")
    )
    steps = epochs * -(-len(dataset.crops) // batch_size)
    schedule = keras.optimizers.schedules.CosineDecay(
        learning_rate / 10, steps, warmup_target=learning_rate, warmup_steps=steps // 10
    )
    model.compile(
        keras.optimizers.Adam(schedule, beta_2=0.99),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    x = dataset.crops[..., np.newaxis].astype(np.float32) / 255
    model.fit(x, dataset.outputs, epochs=epochs, batch_size=batch_size, verbose=2)
    weights: Weights = model.get_weights()
    return weights


def logits_of(weights: Weights, crops: Crops) -> NDArray[np.float32]:
    """Return the logits up to a constant, as the runtime of the package computes them."""
    # The logarithms of float32 probabilities are logits down to 1e-38.
    classifier = OnnxClassifier(to_onnx(weights, REJECTOR_WEIGHT_SHAPES), 1)
    return np.log(np.maximum(classifier.predict_proba(crops), np.float32(1e-37)))


def digit_probability(
    logits: NDArray[np.float32],
    temperature: float,
    *,
    log_prior_odds: float = 0.0,
) -> NDArray[np.float64]:
    """Return the probability that each crop is a digit.

    `log_prior_odds` is added to its log odds.
    """
    scaled = np.exp((logits - logits.max(axis=1, keepdims=True)).astype(np.float64) / temperature)
    scaled[:, :NUM_CLASSES] *= np.exp(log_prior_odds)
    probability: NDArray[np.float64] = scaled[:, :NUM_CLASSES].sum(axis=1) / scaled.sum(axis=1)
    return probability


def fit_temperature(logits: NDArray[np.float32], is_digit: NDArray[np.bool_]) -> float:
    """Return the temperature that minimizes the cross-entropy of "is it a digit?"."""
    losses = []
    for temperature in _TEMPERATURES:
        p = digit_probability(logits, temperature)
        losses.append(-np.log(np.maximum(np.where(is_digit, p, 1 - p), 1e-12)).mean())
    return round(float(_TEMPERATURES[int(np.argmin(losses))]), 4)


def acceptance_rates(dataset: CropDataset, probability: NDArray[np.float64]) -> dict[str, Any]:
    """Return by kind how many crops there are and what fraction each threshold accepts."""
    is_digit = dataset.outputs < NUM_CLASSES
    rows: dict[str, Any] = {}
    for name, selected in (("digits", is_digit), ("nondigits", ~is_digit)):
        rows[name] = {}
        for kind in dict.fromkeys(dataset.kinds[selected].tolist()):
            of_kind = probability[selected & (dataset.kinds == kind)]
            accepted = [round(float((of_kind >= t).mean()), 4) for t in THRESHOLDS]
            rows[name][kind] = {"crops": len(of_kind), "accepted": accepted}
    return {"thresholds": list(THRESHOLDS), **rows}


def calibrate_and_write(
    folder: Path, weights: Weights, training: CropDataset, validation: CropDataset
) -> dict[str, Any]:
    """Calibrate and measure on the validation data, write weights and manifest, return metrics."""
    logits = logits_of(weights, validation.crops)
    temperature = fit_temperature(logits, validation.outputs < NUM_CLASSES)
    probability = digit_probability(logits, temperature, log_prior_odds=LOG_PRIOR_ODDS)
    metrics = acceptance_rates(validation, probability)
    # Loading the weights divides the bias by the temperature.
    prior = np.where(np.arange(len(OUTPUTS)) < NUM_CLASSES, LOG_PRIOR_ODDS * temperature, 0)
    weights = [*weights[:5], weights[5] + prior.astype(np.float32)]
    digest = hashlib.sha256(training.crops.tobytes() + training.outputs.astype(np.uint8).tobytes())
    libraries = ("opencv-python-headless", "pillow", "matplotlib")
    write_pretrained(
        folder,
        weights,
        name=REJECTOR,
        temperature=temperature,
        recipe={
            "name": REJECTOR,
            **HYPERPARAMETERS,
            "log_prior_odds": LOG_PRIOR_ODDS,
            "outputs": list(OUTPUTS),
            "synthetic_crops": TRAINING_COUNTS,
            "drawing_libraries": {name: version(name) for name in libraries},
            "typefaces": TYPEFACES["train"],
            "excluded_characters": LOOKALIKES,
        },
        seed=SEED,
        command=COMMAND,
        commit=source_revision(),
        versions=software_versions(),
        data={
            "name": "mnist and synthetic crops",
            "images": len(training.crops),
            "sha256": digest.hexdigest(),
        },
        metrics=metrics,
        shapes=REJECTOR_WEIGHT_SHAPES,
    )
    for name in ("digits", "nondigits"):
        for kind, row in metrics[name].items():
            print(f"{name}, {kind}: {row['accepted']} of {row['crops']:,} at {THRESHOLDS}")
    print(f"The rejector is in {folder}, its temperature is {temperature}")
    return metrics


def main(argv: Sequence[str] | None = None) -> None:
    """Draw the data, train, calibrate, and write weights and manifest."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--output", type=Path, default=FOLDER, help="instead of the package")
    parser.add_argument("--smoke", action="store_true", help="a few crops; needs an --output")
    options = parser.parse_args(argv)
    if options.smoke and options.output == FOLDER:
        parser.error("--smoke must have an --output; received none")
    images, labels = mnistcnn.load_data(mnist_file(smoke=options.smoke)).train
    size = len(images) // 2 if options.smoke else HELD_OUT_IMAGES
    known = mnistcnn.Split(images[:-size], labels[:-size])
    held_out = mnistcnn.Split(images[-size:], labels[-size:])
    counts, validation_counts = TRAINING_COUNTS, VALIDATION_COUNTS
    if options.smoke:
        counts = validation_counts = SMOKE_COUNTS
    validation = draw_dataset(
        held_out, "validation", validation_counts, np.random.default_rng([SEED, 1])
    )
    validation = add_low_resolution(
        validation, validation_counts["low_resolution"], np.random.default_rng([SEED, 3])
    )
    training = draw_dataset(known, "train", counts, np.random.default_rng([SEED, 0]))
    training = add_low_resolution(
        training, counts["low_resolution"], np.random.default_rng([SEED, 2])
    )
    print(
        f"{len(training.crops):,} crops to train on, {len(validation.crops):,} to validate",
        flush=True,
    )
    hyperparameters = HYPERPARAMETERS | ({"epochs": 1} if options.smoke else {})
    weights = train_network(training, hyperparameters)
    calibrate_and_write(options.output, weights, training, validation)


if __name__ == "__main__":
    main()
