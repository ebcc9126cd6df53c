"""What each format of `export_model` costs and keeps, on the test images of MNIST.

    python -m benchmarks.inference.exports

Writes the shipped weights in every format, runs each in its own runtime on the 10,000 test
images and puts size, largest difference of a probability from Keras, and right answers into
benchmarks/results/exports.json. Beside them, what the bounds of the check in `_agreement` rest
on: the differences on the images of that check, also for a fresh network and for weights made
three times as large. Needs the extras: pip install '.[litert,openvino]'.
"""

from __future__ import annotations

import json
import platform
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

import mnistcnn
from benchmarks.harness import RESULTS, find_data
from mnistcnn.export.formats import FORMATS
from mnistcnn.export.parity import check_float32, float32_tolerance, reference_outputs
from mnistcnn.utils.atomic_write import write_text
from mnistcnn.weights.pretrained import PRETRAINED

FILE = RESULTS / "exports.json"
BATCH = 500
PACKAGES = (
    "keras", "tensorflow", "onnx", "onnxruntime", "safetensors", "ai-edge-litert", "openvino",
)  # fmt: skip


def in_batches(run: Any, images: np.ndarray) -> np.ndarray:
    """Return the probabilities of all images."""
    return np.concatenate(
        [run(images[first : first + BATCH]) for first in range(0, len(images), BATCH)]
    )


def size_of(path: Path) -> int:
    """Return the bytes of what was written; it lies alone in its folder."""
    return sum(one.stat().st_size for one in path.parent.rglob("*") if one.is_file())


def figures(name: str, images: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    """Return what Keras and each format make of one set of weights."""
    model = mnistcnn.load_pretrained(name)
    keras = in_batches(lambda batch: np.asarray(model(batch, training=False)), images)
    found: dict[str, Any] = {"keras": {"right": int((keras.argmax(axis=1) == labels).sum())}}
    for target_name, target in FORMATS.items():
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, f"{name}{target.suffix}")
            mnistcnn.export_model(model, path, format=target_name)
            given = in_batches(lambda batch: target.predict(path, batch), images)  # noqa: B023
            found[target_name] = {
                "bytes": size_of(path),
                "largest_difference": float(f"{np.abs(given - keras).max():.2g}"),
                "other_answers": int((given.argmax(axis=1) != keras.argmax(axis=1)).sum()),
                "right": int((given.argmax(axis=1) == labels).sum()),
            }
        print(name, target_name, found[target_name], flush=True)
    return found


def on_check_images() -> dict[str, dict[str, dict[str, float]]]:
    """Return the largest and the mean difference of each format on the images of its check."""
    networks = {name: mnistcnn.load_pretrained(name) for name in PRETRAINED}
    networks["fresh"] = mnistcnn.build_model(seed=0)
    networks["three times"] = mnistcnn.build_model()
    networks["three times"].set_weights([3 * one for one in networks[PRETRAINED[0]].get_weights()])
    found: dict[str, dict[str, dict[str, float]]] = {}
    for name, model in networks.items():
        for target_name, target in FORMATS.items():
            images = target.images()
            keras = reference_outputs(model, images)
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder, f"check{target.suffix}")
                target.write(model.get_weights(), path)
                differences = np.abs(target.predict(path, images) - keras.probabilities)
            row = {"largest": differences.max(), "mean": differences.mean()}
            if target.check is check_float32:
                row["tolerance"] = float32_tolerance(keras)
            found.setdefault(name, {})[target_name] = {k: float(f"{v:.2g}") for k, v in row.items()}
        print(name, found[name], flush=True)
    return found


def main() -> None:
    """Measure every set of weights and write the file."""
    _, (raw, labels) = mnistcnn.load_data(find_data())
    images = mnistcnn.preprocess(raw)
    report = {
        "command": "python -m benchmarks.inference.exports",
        "machine": platform.machine(),
        "versions": {one: version(one) for one in PACKAGES},
        "images": len(images),
        "check": on_check_images(),
        "weights": {name: figures(name, images, labels) for name in PRETRAINED},
    }
    write_text(FILE, json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
