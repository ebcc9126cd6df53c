"""Train the page network on synthetic pages, and write its weights.

    make page-network
    python -m tools.page_network.train [--output FOLDER] [--install [FOLDER]] [--steps N]

Draws pages (`pages`) of 320 × 320 pixels from the first 50,000 training images of MNIST, each from
the seed and its number, so that they don't depend on the number of workers. Every page is used
twice: once when it is drawn and once from a buffer, with another brightness. The last 10,000
training images are for the validation pages, whose metrics are printed. `checkpoint.npz` in the
output folder is written every few minutes, and a run that was stopped continues from it. At the
end the folder has `page_network.safetensors`, float16 with the batch normalization folded.

``--install`` also writes weights and manifest to the package, or to another FOLDER. If all steps
are done, it only validates the network and writes them. Needs MNIST, scikit-image for its
photographs (``pip install --group page-network``), the typefaces
(``npm install --prefix tools/page_network``) and about 90 minutes on two cores.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from multiprocessing import get_context
from multiprocessing.pool import Pool
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any

import numpy as np

from benchmarks.harness import mnist_file
from mnistcnn.types import Split
from mnistcnn.weights.pretrained import FOLDER
from tools.page_network.asset import write_asset
from tools.page_network.effects import HARD_EFFECTS
from tools.page_network.glyphs import Glyphs
from tools.page_network.network import build_page_network, fold_batch_norm, unfold_batch_norm
from tools.page_network.pages import draw_page
from tools.page_network.targets import CELL, NO_CLASS, Targets, to_targets

HELD_OUT_IMAGES = 10_000
PAGE_SIZE, BATCH_SIZE = 320, 8
# How often a page is used, and the number of pages from which the repetitions are sampled.
REPETITIONS, BUFFER_SIZE = 2, 1200
LEARNING_RATE, WARMUP_STEPS, WEIGHT_DECAY, MAX_GRADIENT_NORM = 1e-3, 200, 1e-3, 5.0
# Of a run for the package.
STEPS, SEED = 7200, 0
VALIDATION_PAGES = 160
# Seed of the validation pages, apart from any seed of a training run.
VALIDATION_SEED = 10**6
FONTS = Path(__file__).parent / "node_modules"
_CHECKPOINT_SECONDS = 240
_MAX_WAITING = 48

# Pages with fewer effects: the first ones, since what digits look like is learned sooner from clean
# ones, and a share of the others, since most pictures are clean.
EASY_PAGES, EASY_SHARE = 4000, 0.3

_glyphs: dict[str, Glyphs] = {}


def load_parts(data: Path) -> dict[str, Split]:
    """Return the images of training and validation pages."""
    with np.load(data) as arrays:
        images, labels = arrays["x_train"], arrays["y_train"]
    held_out = min(HELD_OUT_IMAGES, len(images) // 2)
    return {
        "train": Split(images[:-held_out], labels[:-held_out]),
        "validation": Split(images[-held_out:], labels[-held_out:]),
    }


def load_glyphs(data: Path, fonts: Path) -> dict[str, Glyphs]:
    """Return the sources of training and validation pages."""
    return {name: Glyphs(*part, fonts) for name, part in load_parts(data).items()}


def _start_worker(data: Path, fonts: Path, niceness: int) -> None:
    import cv2

    cv2.setNumThreads(1)
    os.nice(niceness)
    _glyphs.update(load_glyphs(data, fonts))


def _draw(task: tuple[str, int, int, Sequence[str], int]) -> Targets:
    part, seed, index, without, easy_pages = task
    is_easy = index < easy_pages or np.random.default_rng([seed, index, 1]).random() < EASY_SHARE
    if part == "train" and is_easy:
        without = (*without, *HARD_EFFECTS)
    generator = np.random.default_rng([seed, index])
    size = PAGE_SIZE, PAGE_SIZE
    return to_targets(draw_page(generator, _glyphs[part], size, without=tuple(without)))


class PageStream:
    """Pages in order, drawn ahead of time by a pool of workers."""

    def __init__(
        self, pool: Pool, seed: int, first: int, without: Sequence[str], easy_pages: int
    ) -> None:
        self._pool, self._seed, self._next = pool, seed, first
        self._without, self._easy_pages = without, easy_pages
        self._waiting: deque[Any] = deque()

    def take(self, count: int) -> list[Targets]:
        """Return the next pages."""
        while len(self._waiting) < count + _MAX_WAITING:
            task = ("train", self._seed, self._next, self._without, self._easy_pages)
            self._waiting.append(self._pool.apply_async(_draw, (task,)))
            self._next += 1
        return [self._waiting.popleft().get() for _ in range(count)]


def iter_batches(stream: PageStream, seed: int, first: int, steps: int) -> Iterator[list[Targets]]:
    """Yield the pages of each step: new ones and ones from the buffer."""
    num_new = BATCH_SIZE // REPETITIONS
    buffer: deque[Targets] = deque(maxlen=BUFFER_SIZE)
    for step in range(first, steps):
        generator = np.random.default_rng([seed, step, 1])
        new = stream.take(num_new if len(buffer) >= BATCH_SIZE else BATCH_SIZE)
        repeated = generator.integers(0, max(len(buffer), 1), BATCH_SIZE - len(new))
        pages = new + [buffer[i] for i in repeated]
        buffer.extend(new)
        yield pages


def prefetch(batches: Iterator[list[Targets]]) -> Iterator[Targets]:
    """Yield stacked batches that a thread prepares."""
    queue: Queue[Any] = Queue(2)

    def fill() -> None:
        try:
            for pages in batches:
                queue.put(stack(pages))
            queue.put(None)
        except Exception as error:  # noqa: BLE001  # raised again in the main thread
            queue.put(error)

    Thread(target=fill, daemon=True).start()
    while (item := queue.get()) is not None:
        if isinstance(item, Exception):
            raise item
        yield item


def stack(pages: Sequence[Targets]) -> Targets:
    """Return pages as one batch."""
    return Targets(*(np.stack(field) for field in zip(*pages, strict=True)))


def compute_losses(ink: Any, digits: Any, targets: Targets) -> dict[str, Any]:
    """Return the terms of the loss for a batch.

    Cross-entropy for the ink, weighted towards ink; the focal loss of CenterNet for the centers;
    on the ink of digits, the absolute error of offset and size; and the cross-entropy of the class
    around the centers.
    """
    import tensorflow as tf

    coverage = tf.cast(targets.ink[..., :2], tf.float32) / 255
    used = tf.cast(targets.ink[..., 2:] == 0, tf.float32)
    ink = tf.nn.depth_to_space(ink, 2)
    weight = used * (1 + 4 * tf.reduce_max(coverage, -1, keepdims=True))
    cross_entropy = tf.nn.sigmoid_cross_entropy_with_logits(coverage, ink)
    probability, coverage = used * tf.sigmoid(ink), used * coverage
    overlap = tf.reduce_sum(coverage * probability, [0, 1, 2])
    total = tf.reduce_sum(coverage**2 + probability**2, [0, 1, 2])

    heat = tf.cast(targets.centers, tf.float32) / 255
    # A digit that can't be read is neither a center nor an error.
    ignored = tf.nn.max_pool2d(1 - used, CELL, CELL, "VALID")[..., 0]
    center = tf.sigmoid(digits[..., 0])
    is_peak = heat > 0.999
    log_center = tf.math.log_sigmoid(digits[..., 0])
    log_other = tf.math.log_sigmoid(-digits[..., 0])
    focal = tf.where(
        is_peak, (1 - center) ** 2 * log_center, (1 - heat) ** 4 * center**2 * log_other
    )
    focal *= 1 - ignored
    num_peaks = tf.reduce_sum(tf.cast(is_peak, tf.float32))

    geometry = tf.cast(targets.geometry, tf.float32)
    cell_weight = geometry[..., 3]
    sum_weight = tf.reduce_sum(cell_weight) + 1e-3
    error = tf.abs(digits[..., 1:4] - geometry[..., :3])
    class_weight = geometry[..., 4]
    is_digit = targets.classes != NO_CLASS
    labels = tf.where(is_digit, tf.cast(targets.classes, tf.int32), 0)
    classes = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, digits[..., 4:])
    return {
        "ink": 4 * tf.reduce_mean(weight * cross_entropy),
        "overlap": 0.5 * tf.reduce_mean(1 - (2 * overlap + 100) / (total + 100)),
        "centers": -0.5 * tf.reduce_sum(focal) / (num_peaks + 4),
        "offsets": 2 * tf.reduce_sum(cell_weight[..., tf.newaxis] * error[..., :2]) / sum_weight,
        "sizes": tf.reduce_sum(cell_weight * error[..., 2]) / sum_weight,
        "classes": 2 * tf.reduce_sum(class_weight * classes) / (tf.reduce_sum(class_weight) + 1),
    }


def augment(image: Any, generator: Any) -> Any:
    """Change brightness, contrast and gamma of a batch, ``float32`` in [0, 1]."""
    import tensorflow as tf

    shape = (tf.shape(image)[0], 1, 1, 1)
    gamma = tf.exp(generator.uniform(shape, -0.4, 0.4))
    gain = generator.uniform(shape, 0.75, 1.2)
    tint = generator.uniform((shape[0], 1, 1, 3), -0.04, 0.04)
    return tf.clip_by_value(gain * image**gamma + tint, 0, 1)


class Trainer:
    """Model, optimizer and compiled steps.

    Parameters
    ----------
    steps : int
        Number of steps of the whole run, for the learning rate.
    seed : int
        Seed of the initial weights and of the augmentation.
    learning_rate : float
        The highest learning rate.
    """

    def __init__(self, steps: int, seed: int, learning_rate: float = LEARNING_RATE) -> None:
        import tensorflow as tf

        from mnistcnn.backend import keras

        keras.utils.set_random_seed(seed)
        self.model = build_page_network()
        schedule = keras.optimizers.schedules.CosineDecay(
            0.0, max(steps - WARMUP_STEPS, 1), warmup_target=learning_rate,
            warmup_steps=WARMUP_STEPS,
        )  # fmt: skip
        self.optimizer = keras.optimizers.AdamW(
            schedule, weight_decay=WEIGHT_DECAY, global_clipnorm=MAX_GRADIENT_NORM
        )
        self.optimizer.build(self.model.trainable_variables)
        self._generator = tf.random.Generator.from_seed(seed)
        self.step = tf.function(self._step)
        self.predict = tf.function(lambda image: self.model(image, training=False))

    def _step(self, targets: Targets) -> dict[str, Any]:
        import tensorflow as tf

        variables = self.model.trainable_variables
        image = augment(tf.cast(targets.image, tf.float32) / 255, self._generator)
        with tf.GradientTape() as tape:
            losses = compute_losses(*self.model(image, training=True), targets)
            loss = tf.add_n(list(losses.values()))
        gradients = tape.gradient(loss, variables)
        self.optimizer.apply_gradients(zip(gradients, variables, strict=True))
        return losses

    def state(self) -> list[np.ndarray]:
        """Return every variable."""
        variables = [*self.model.variables, *self.optimizer.variables, self._generator.state]
        return [np.asarray(variable) for variable in variables]

    def load_state(self, arrays: Sequence[np.ndarray]) -> None:
        """Restore the variables from `state`."""
        variables = [*self.model.variables, *self.optimizer.variables, self._generator.state]
        for variable, array in zip(variables, arrays, strict=True):
            variable.assign(array)


def validate(trainer: Trainer, pages: Sequence[Targets]) -> dict[str, float]:
    """Return metrics on validation pages."""
    counts = dict.fromkeys(("hit", "found", "true", "false_pages", "empty_pages"), 0.0)
    right = cells = 0.0
    for page in pages:
        image = page.image[np.newaxis].astype(np.float32) / 255
        ink, digits = (np.asarray(output)[0] for output in trainer.predict(image))
        height, width = page.ink.shape[:2]
        ink = ink.reshape(height // 2, width // 2, 2, 2, 2).transpose(0, 2, 1, 3, 4)
        found = ink.reshape(height, width, 2)[..., 0] > 0
        truth = page.ink[..., 0] >= 128
        found &= page.ink[..., 2] == 0
        truth &= page.ink[..., 2] == 0
        counts["hit"] += (found & truth).sum()
        counts["found"] += found.sum()
        counts["true"] += truth.sum()
        if not truth.any():
            counts["empty_pages"] += 1
            counts["false_pages"] += found.sum() > 20
        is_digit = page.classes != NO_CLASS
        right += (digits[..., 4:].argmax(-1) == page.classes)[is_digit].sum()
        cells += is_digit.sum()
    return {
        "precision": counts["hit"] / max(counts["found"], 1),
        "recall": counts["hit"] / max(counts["true"], 1),
        "false_pages": counts["false_pages"] / max(counts["empty_pages"], 1),
        "class_accuracy": right / max(cells, 1),
    }


def train(arguments: argparse.Namespace) -> dict[str, float]:
    """Train, writing checkpoints; write the network and return its metrics on validation pages."""
    folder, steps, seed = arguments.output, arguments.steps, arguments.seed
    without, easy_pages = arguments.without, arguments.easy_pages
    folder.mkdir(parents=True, exist_ok=True)
    # Forking a process with TensorFlow's threads could deadlock.
    with get_context("spawn").Pool(
        arguments.workers, _start_worker, (arguments.data, arguments.fonts, arguments.niceness)
    ) as pool:
        tasks = [
            ("validation", VALIDATION_SEED, i, (), 0) for i in range(arguments.validation_pages)
        ]
        waiting = pool.map_async(_draw, tasks, chunksize=4)
        trainer = Trainer(steps, seed, arguments.learning_rate)
        first = _restore(trainer, folder / "checkpoint.npz")
        images: list[np.ndarray] = []
        if arguments.initial is not None:
            pages = pool.map(_draw, [("train", seed, i, without, easy_pages) for i in range(64)])
            images = [page.image for page in pages]
            if first == 0:
                _load_arrays(trainer, _read_arrays(arguments.initial), images)
        stream = PageStream(pool, seed, first * BATCH_SIZE, without, easy_pages)
        validation = waiting.get()
        saved, started, means = time.monotonic(), time.monotonic(), Counter()
        batches = prefetch(iter_batches(stream, seed, first, steps))
        for step, batch in enumerate(batches, first + 1):
            losses = trainer.step(batch)
            for name, loss in losses.items():
                means[name] += (float(loss) - means[name]) / min(step - first, 50)
            if step % arguments.report_every == 0 or step == steps:
                record = {"step": step, "seconds": round(time.monotonic() - started)}
                record |= {name: round(mean, 4) for name, mean in means.items()}
                if step % (4 * arguments.report_every) == 0 or step == steps:
                    record |= {k: round(v, 4) for k, v in validate(trainer, validation).items()}
                print(json.dumps(record), flush=True)
            if time.monotonic() - saved > _CHECKPOINT_SECONDS or step == steps:
                _save(trainer, step, folder)
                saved = time.monotonic()
    if arguments.average:
        trained, before = fold_batch_norm(trainer.model), _read_arrays(arguments.initial)
        mean = {name: (trained[name] + before[name]) / 2 for name in trained}
        _load_arrays(trainer, mean, images)
    metrics = {name: round(float(v), 4) for name, v in validate(trainer, validation).items()}
    if arguments.install is not None:
        _install(trainer, metrics, arguments)
    return metrics


def _install(trainer: Trainer, metrics: dict[str, float], arguments: argparse.Namespace) -> None:
    """Write the network as an asset."""
    images, labels = load_parts(arguments.data)["train"]
    write_asset(
        arguments.install,
        fold_batch_norm(trainer.model),
        images=images,
        labels=labels,
        fonts=arguments.fonts,
        hyperparameters={
            "optimizer": "AdamW",
            "steps": arguments.steps,
            "batch_size": BATCH_SIZE,
            "learning_rate": arguments.learning_rate,
            "learning_rate_schedule": "cosine decay after a linear warmup",
            "warmup_steps": WARMUP_STEPS,
            "weight_decay": WEIGHT_DECAY,
            "max_gradient_norm": MAX_GRADIENT_NORM,
            "page_size": PAGE_SIZE,
            "page_repetitions": REPETITIONS,
            "easy_pages": arguments.easy_pages,
            "easy_share": EASY_SHARE,
            "omitted_effects": list(arguments.without),
            "averaged_with_initial_weights": arguments.average,
            "initial_weights_sha256": _sha256(arguments.initial),
            "validation_pages": arguments.validation_pages,
        },
        seed=arguments.seed,
        metrics=metrics,
    )
    print(f"The page network is in {arguments.install}: {json.dumps(metrics)}")


def _sha256(path: Path | None) -> str | None:
    return None if path is None else hashlib.sha256(path.read_bytes()).hexdigest()


def _save(trainer: Trainer, step: int, folder: Path) -> None:
    """Write the checkpoint and the network."""
    from safetensors.numpy import save_file

    state = {f"{i:04}": array for i, array in enumerate(trainer.state())}
    np.savez(folder / "new.npz", step=step, **state)
    (folder / "new.npz").replace(folder / "checkpoint.npz")
    arrays = {
        name: array.astype(np.float16) for name, array in fold_batch_norm(trainer.model).items()
    }
    save_file(arrays, folder / "new.safetensors")
    (folder / "new.safetensors").replace(folder / "page_network.safetensors")


def _read_arrays(weights: Path) -> dict[str, np.ndarray]:
    """Load the weights that an earlier run wrote."""
    from safetensors.numpy import load_file

    return {name: array.astype(np.float32) for name, array in load_file(weights).items()}


def _load_arrays(
    trainer: Trainer, arrays: dict[str, np.ndarray], images: Sequence[np.ndarray]
) -> None:
    """Give the model weights whose batch normalization is folded."""
    unfold_batch_norm(trainer.model, arrays, np.stack(images).astype(np.float32) / 255)


def _restore(trainer: Trainer, checkpoint: Path) -> int:
    """Load a checkpoint if there is one, and return its step."""
    if not checkpoint.exists():
        return 0
    with np.load(checkpoint) as arrays:
        trainer.load_state([arrays[name] for name in sorted(arrays.files) if name != "step"])
        return int(arrays["step"])


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the parsed command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--output", type=Path, default=Path("page_network"), metavar="FOLDER")
    parser.add_argument("--data", type=Path, default=None, metavar="NPZ")
    parser.add_argument("--fonts", type=Path, default=FONTS, metavar="FOLDER")
    parser.add_argument(
        "--install", type=Path, nargs="?", const=FOLDER, metavar="FOLDER",
        help="write weights and manifest to the package, or to this folder",
    )  # fmt: skip
    parser.add_argument(
        "--initial", type=Path, metavar="SAFETENSORS",
        help="weights of an earlier run to start from",
    )  # fmt: skip
    parser.add_argument(
        "--average", action="store_true",
        help="write the mean of the initial and the trained weights, which forgets less",
    )  # fmt: skip
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--learning-rate", type=float, default=LEARNING_RATE)
    parser.add_argument("--workers", type=int, default=1, help="processes that draw pages")
    parser.add_argument("--niceness", type=int, default=0, help="added for the workers")
    parser.add_argument("--validation-pages", type=int, default=VALIDATION_PAGES)
    parser.add_argument("--report-every", type=int, default=100, metavar="STEPS")
    parser.add_argument("--smoke", action="store_true", help="two steps, to try the script")
    parser.add_argument(
        "--easy-pages", type=int, default=EASY_PAGES, help="first pages, with fewer effects"
    )
    parser.add_argument("--without", nargs="*", default=(), help="page kinds and effects left out")
    arguments = parser.parse_args(argv)
    if arguments.smoke and arguments.install == FOLDER:
        parser.error("--install must name a FOLDER with --smoke; received none")
    if arguments.average and arguments.initial is None:
        parser.error("--average must have --initial; received none")
    if arguments.data is None:
        arguments.data = mnist_file(smoke=arguments.smoke)
    if arguments.smoke:
        arguments.steps = arguments.validation_pages = 2
    return arguments


if __name__ == "__main__":
    train(parse_arguments())
