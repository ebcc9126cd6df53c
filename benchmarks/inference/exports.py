"""Size and accuracy of each format of `export_model`, on the test images of MNIST.

    python -m benchmarks.inference.exports

Exports the pretrained weights to every format and runs each in its own runtime on the 10,000 test
images: size, largest difference of a probability from Keras, and correct predictions. Also
measures what the tolerances in `mnistcnn.export.parity` rest on: the differences on the images of
that check, also for an untrained network and for weights scaled by three. Needs MNIST and the
extras (pip install '.[litert,openvino]'). Results go to benchmarks/results/exports.json.
"""

from __future__ import annotations

import platform
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import mnistcnn
from benchmarks.harness import (
    argument_parser,
    mnist_file,
    package_versions,
    parse_args,
    write_results,
)
from mnistcnn.export.formats import FORMATS
from mnistcnn.export.parity import check_float32, float32_tolerance, reference_outputs
from mnistcnn.export.source import ExportSource
from mnistcnn.weights.pretrained import PRETRAINED

BATCH_SIZE = 500
PACKAGES = (
    "keras", "tensorflow", "onnx", "onnxruntime", "safetensors", "ai-edge-litert", "openvino",
)  # fmt: skip
SMOKE_FORMATS = ("onnx", "safetensors")


def predict_in_batches(
    predict: Callable[[np.ndarray], np.ndarray], images: np.ndarray
) -> np.ndarray:
    """Return the probabilities of all images."""
    starts = range(0, len(images), BATCH_SIZE)
    return np.concatenate([predict(images[start : start + BATCH_SIZE]) for start in starts])


def exported_bytes(path: Path) -> int:
    """Return the size of an export, which is alone in its folder."""
    return sum(file.stat().st_size for file in path.parent.rglob("*") if file.is_file())


def accuracy_by_format(
    name: str, images: np.ndarray, labels: np.ndarray, formats: Sequence[str]
) -> dict[str, Any]:
    """Return size, agreement and correct predictions of one set of weights in each format."""
    model = mnistcnn.load_pretrained(name)
    keras = predict_in_batches(lambda batch: np.asarray(model(batch, training=False)), images)
    results: dict[str, Any] = {"keras": {"correct": int((keras.argmax(axis=1) == labels).sum())}}
    for format_name in formats:
        export_format = FORMATS[format_name]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, f"{name}{export_format.suffix}")
            mnistcnn.export_model(model, path, format=format_name)
            exported = predict_in_batches(
                lambda batch: export_format.predict(path, batch),  # noqa: B023
                images,
            )
            results[format_name] = {
                "bytes": exported_bytes(path),
                "max_difference": float(f"{np.abs(exported - keras).max():.2g}"),
                "changed_predictions": int((exported.argmax(axis=1) != keras.argmax(axis=1)).sum()),
                "correct": int((exported.argmax(axis=1) == labels).sum()),
            }
        print(name, format_name, results[format_name], flush=True)
    return results


def parity_by_format(formats: Sequence[str]) -> dict[str, dict[str, dict[str, float]]]:
    """Return the differences of each format from Keras on the images of its parity check."""
    networks = {name: mnistcnn.load_pretrained(name) for name in PRETRAINED}
    networks["untrained"] = mnistcnn.build_model(seed=0)
    networks["weights × 3"] = mnistcnn.build_model()
    networks["weights × 3"].set_weights(
        [3 * array for array in networks[PRETRAINED[0]].get_weights()]
    )
    results: dict[str, dict[str, dict[str, float]]] = {}
    for name, model in networks.items():
        for format_name in formats:
            export_format = FORMATS[format_name]
            images = export_format.images()
            keras = reference_outputs(model, images)
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder, f"check{export_format.suffix}")
                export_format.write(ExportSource(model), path)
                differences = np.abs(export_format.predict(path, images) - keras.probabilities)
            row = {"max": differences.max(), "mean": differences.mean()}
            if export_format.check is check_float32:
                row["tolerance"] = float32_tolerance(keras)
            results.setdefault(name, {})[format_name] = {
                key: float(f"{value:.2g}") for key, value in row.items()
            }
        print(name, results[name], flush=True)
    return results


def main(argv: Sequence[str] | None = None) -> None:
    """Measure every set of weights and save the results."""
    options = parse_args(argument_parser(__doc__, "exports.json"), argv)
    _, (raw, labels) = mnistcnn.load_data(mnist_file(smoke=options.smoke))
    images = mnistcnn.preprocess(raw)
    formats = SMOKE_FORMATS if options.smoke else tuple(FORMATS)
    report = {
        "command": "python -m benchmarks.inference.exports",
        "machine": platform.machine(),
        "versions": package_versions(*PACKAGES),
        "images": len(images),
        "parity": parity_by_format(formats),
        "weights": {name: accuracy_by_format(name, images, labels, formats) for name in PRETRAINED},
    }
    write_results(options.output, report)


if __name__ == "__main__":
    main()
