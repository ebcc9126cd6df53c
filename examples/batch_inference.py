"""
Read very many images
=====================

More images than memory holds, read as a stream: in this process, or by actors of Ray on as many
cores and machines as a cluster has. The answers go to Parquet files.
``--actors 0`` does without Ray.
"""

import argparse
from collections.abc import Iterator

import numpy as np
from matplotlib.figure import Figure

import mnistcnn

parser = argparse.ArgumentParser(description="Read very many images.")
parser.add_argument("--images", type=int, default=100_000)
parser.add_argument("--actors", type=int, default=2, help="0: in this process, without Ray")
parser.add_argument("--address", default="local", help="of a Ray cluster (default: one begun here)")
options = parser.parse_args()

BATCH = 2_000

# %%
# Where the images come from
# --------------------------
# Here each is made from its number: a digit of a small set, paler or darker. In your own program
# this is where files are read, as by ``ray.data.read_images(folder, size=(28, 28), mode="L")``.

(digits, _), _ = mnistcnn.load_data("digits")


def images_of(numbers: np.ndarray) -> np.ndarray:
    """Make the images of these numbers."""
    ink = 0.4 + numbers * 7 % 61 / 100
    return (digits[numbers % len(digits)] * ink[:, np.newaxis, np.newaxis]).astype(np.uint8)


def answer(recognizer: mnistcnn.Recognizer, numbers: np.ndarray) -> dict[str, np.ndarray]:
    """Read a batch; keep the numbers too, since batches may overtake each other."""
    probabilities = recognizer.predict_proba(images_of(numbers))
    return {
        "id": numbers,
        "digit": probabilities.argmax(axis=1),
        "probability": probabilities.max(axis=1),
    }


# %%
# In one process
# --------------
# A generator, so that one batch is in memory at a time.


def in_this_process() -> Iterator[dict[str, np.ndarray]]:
    """Read all images, batch after batch."""
    recognizer = mnistcnn.Recognizer()
    for first in range(0, options.images, BATCH):
        yield answer(recognizer, np.arange(first, min(first + BATCH, options.images)))


# %%
# By Ray's actors
# ---------------
# Each actor makes a recognizer once, for one core, and is given batch after batch. Ray begins an
# actor anew that dies, and gives its batch again. It asks for half a core, since whatever else the
# pipeline does needs some too: were all cores promised to actors, nothing would ever begin.


class Reader:
    """What an actor keeps, and does with a batch."""

    def __init__(self) -> None:
        self.recognizer = mnistcnn.Recognizer(num_threads=1)

    def __call__(self, batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Read the images of these numbers."""
        return answer(self.recognizer, batch["id"])


def on_ray() -> Iterator[dict[str, np.ndarray]]:
    """Read all images on a cluster, keep the answers in files, and go through these."""
    import logging
    import os

    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray tells nobody of this program
    import ray
    import ray.data

    ray.init(options.address, log_to_driver=False, logging_level="ERROR")
    logging.getLogger("ray.data").setLevel("ERROR")
    ray.data.DataContext.get_current().enable_progress_bars = False
    numbers = ray.data.range(options.images)
    answers = numbers.map_batches(
        Reader,
        batch_size=BATCH,
        compute=ray.data.ActorPoolStrategy(size=options.actors),
        num_cpus=0.5,
    )
    answers.write_parquet("answers")
    yield from ray.data.read_parquet("answers").iter_batches(batch_format="numpy")
    ray.shutdown()


# %%
# What came of it
# ---------------
# How many of each digit, and how many of them are worth a second look.

counts, doubtful = np.zeros(10, int), np.zeros(10, int)
for batch in on_ray() if options.actors else in_this_process():
    counts += np.bincount(batch["digit"], minlength=10)
    doubtful += np.bincount(batch["digit"][batch["probability"] < 0.9], minlength=10)
print(f"{counts.sum():,} images, {doubtful.sum():,} of them doubtful")

figure = Figure(figsize=(6, 3), layout="constrained")
axes = figure.subplots()
axes.bar(range(10), counts, color="#0072B2", label="read")
axes.bar(range(10), doubtful, color="#E69F00", label="probability below 0.9")
axes.set_xticks(range(10))
axes.set_xlabel("Digit")
axes.set_ylabel("Images")
axes.legend(loc="lower right")
figure.savefig("batch_inference.png")
