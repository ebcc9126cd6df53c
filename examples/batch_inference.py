"""
Batch inference on many images
==============================

Classify more images than fit into memory: as a stream in this process, or with Ray actors on all
cores and machines of a cluster. With Ray, the predictions are written to Parquet files. Ray is the
extra ``mnistcnn[ray]``.
"""

from collections.abc import Iterator

import numpy as np
from matplotlib.figure import Figure

import mnistcnn

NUM_IMAGES = 20_000
ACTORS = 0  # in this process, without Ray; 2: two actors
ADDRESS = "local"  # or that of a Ray cluster
BATCH_SIZE = 2_000
MIN_CONFIDENCE = 0.9

# %%
# Load a batch of images
# ----------------------
# In this example, an image is a digit of a small data set with varying contrast, computed from its
# id. Replace this function by one that reads your files, or use
# ``ray.data.read_images(folder, size=(28, 28), mode="L")``.

(digits, _), _ = mnistcnn.load_data("digits")


def load_images(ids: np.ndarray) -> np.ndarray:
    """Return the images with these ids."""
    contrast = 0.4 + ids * 7 % 61 / 100
    return (digits[ids % len(digits)] * contrast[:, np.newaxis, np.newaxis]).astype(np.uint8)


def predict(recognizer: mnistcnn.Recognizer, ids: np.ndarray) -> dict[str, np.ndarray]:
    """Classify a batch. The result contains the ids, since Ray does not keep the order."""
    probabilities = recognizer.predict_proba(load_images(ids))
    return {
        "id": ids,
        "digit": probabilities.argmax(axis=1),
        "confidence": probabilities.max(axis=1),
    }


# %%
# In one process
# --------------
# A generator needs memory for one batch at a time.


def predict_in_process() -> Iterator[dict[str, np.ndarray]]:
    """Classify all images, batch by batch."""
    recognizer = mnistcnn.Recognizer()
    for start in range(0, NUM_IMAGES, BATCH_SIZE):
        yield predict(recognizer, np.arange(start, min(start + BATCH_SIZE, NUM_IMAGES)))


# %%
# With Ray actors
# ---------------
# Each actor creates one recognizer, with one thread, and classifies one batch after another. Ray
# restarts an actor that dies and repeats its batch. An actor requests half a core: if actors
# reserved all cores, the other steps of the pipeline would wait forever.


class Predictor:
    """An actor that classifies batches."""

    def __init__(self) -> None:
        self.recognizer = mnistcnn.Recognizer(num_threads=1)

    def __call__(self, batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Classify the images with the ids of the batch."""
        return predict(self.recognizer, batch["id"])


def predict_on_ray() -> Iterator[dict[str, np.ndarray]]:
    """Classify all images on a cluster, write the predictions to files, and iterate over these."""
    import logging
    import os

    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # turn Ray's telemetry off
    import ray
    import ray.data

    ray.init(ADDRESS, log_to_driver=False, logging_level="ERROR")
    logging.getLogger("ray.data").setLevel("ERROR")
    ray.data.DataContext.get_current().enable_progress_bars = False
    predictions = ray.data.range(NUM_IMAGES).map_batches(
        Predictor,
        batch_size=BATCH_SIZE,
        compute=ray.data.ActorPoolStrategy(size=ACTORS),
        num_cpus=0.5,
    )
    predictions.write_parquet("predictions")
    yield from ray.data.read_parquet("predictions").iter_batches(batch_format="numpy")
    ray.shutdown()


# %%
# Summarize the predictions
# -------------------------
# Count the images per digit, and those with a low confidence, which a person should review.

counts, low_confidence_counts = np.zeros(10, int), np.zeros(10, int)
for batch in predict_on_ray() if ACTORS else predict_in_process():
    is_low = batch["confidence"] < MIN_CONFIDENCE
    counts += np.bincount(batch["digit"], minlength=10)
    low_confidence_counts += np.bincount(batch["digit"][is_low], minlength=10)
print(f"{counts.sum():,} images, {low_confidence_counts.sum():,} with low confidence")

figure = Figure(figsize=(6, 3), layout="constrained")
axes = figure.subplots()
axes.bar(range(10), counts, color="#0072B2", label="all")
axes.bar(range(10), low_confidence_counts, color="#E69F00", label="confidence below 0.9")
axes.set_xticks(range(10))
axes.set_xlabel("Predicted digit")
axes.set_ylabel("Images")
axes.legend(loc="lower right")
figure.savefig("batch_inference.png")
