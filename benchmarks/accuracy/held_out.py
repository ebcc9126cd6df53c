"""Training on a part of the training images and evaluation on the held-out rest."""

from __future__ import annotations

import statistics
import time
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar

import mnistcnn
from benchmarks.accuracy.corruptions import CORRUPTIONS, STRENGTHS, corrupt
from mnistcnn.recipes import Recipe
from tools.pretrained import teacher_cache

HELD_OUT_IMAGES = 10_000
CORRUPTED_IMAGES = 2_000


def train_model(recipe: Recipe, x: Any, y: Any, *, seed: int) -> tuple[Any, float]:
    """Return a model after its last step, and the seconds of its training with its teachers."""
    model = mnistcnn.build_model(seed=seed)
    started = time.perf_counter()
    with teacher_cache.enabled() as cache:
        mnistcnn.train(model, x, y, recipe=recipe, callbacks=[], seed=seed, verbose="auto")
    return model, round(time.perf_counter() - started + cache.seconds_saved, 1)


def logits_of(model: Any, x: Any) -> np.ndarray:
    """Return the logarithms of the probabilities: the logits up to a constant."""
    probabilities = model.predict(x, batch_size=500, verbose=0)
    return np.log(np.maximum(probabilities, np.finfo(np.float32).tiny))


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Return the temperature that minimizes the loss, and that loss.

    Temperature scaling, after Guo et al., "On calibration of modern neural networks" (2017).
    """

    def loss(log_temperature: float) -> float:
        scaled = logits.astype(np.float64) / np.exp(log_temperature)
        true_logits = scaled[np.arange(len(labels)), labels]
        return float((np.log(np.exp(scaled).sum(1)) - true_logits).mean())

    best = minimize_scalar(loss, bounds=(-2.5, 2.5), method="bounded", options={"xatol": 1e-4})
    return {
        "temperature": round(float(np.exp(best.x)), 4),
        "calibrated_loss": round(float(best.fun), 6),
    }


class HeldOutEvaluator:
    """Evaluates a model on held-out images, clean and corrupted, and on scikit-learn's digits."""

    def __init__(self, images: np.ndarray, labels: np.ndarray) -> None:
        self.x, self.y = mnistcnn.preprocess(images, labels)
        self.labels = labels.astype(int)
        digits = mnistcnn.load_data("digits")
        self.sklearn_digits = mnistcnn.preprocess(
            *(np.concatenate(arrays) for arrays in zip(*digits, strict=True))
        )
        clean = self.x[:CORRUPTED_IMAGES, ..., 0]
        self.corrupted = {
            name: [np.uint8(255 * corrupt(name, clean, s) + 0.5) for s in STRENGTHS]
            for name in CORRUPTIONS
        }

    def __call__(self, model: Any) -> dict[str, Any]:
        """Return the metrics of a model."""
        corruptions = {}
        for name, stacks in self.corrupted.items():
            predicted = [logits_of(model, mnistcnn.preprocess(stack)).argmax(1) for stack in stacks]
            accuracies = [float((each == self.labels[: len(each)]).mean()) for each in predicted]
            corruptions[name] = round(statistics.mean(accuracies), 5)
        result = mnistcnn.evaluate(model, self.x, self.y)
        return {
            "accuracy": result.accuracy,
            "loss": result.loss,
            **fit_temperature(logits_of(model, self.x), self.labels),
            "sklearn_digits": mnistcnn.evaluate(model, *self.sklearn_digits).accuracy,
            "corrupted": round(statistics.mean(corruptions.values()), 5),
            "corruptions": corruptions,
        }


def split_held_out(data: mnistcnn.Dataset) -> tuple[Any, Any, HeldOutEvaluator]:
    """Return preprocessed training images and labels, and the evaluator on the held-out rest."""
    images, labels = data.train
    size = min(HELD_OUT_IMAGES, len(images) // 2)
    x, y = mnistcnn.preprocess(images[:-size], labels[:-size])
    return x, y, HeldOutEvaluator(images[-size:], labels[-size:])
