"""Few files lie on the way of an image; CONTRIBUTING.md lists them, in order.

A file is on the way if one of its functions has images, labels or predictions in an argument, a
local variable or its result. Other files take part without ever holding an image, such as those of
callbacks, of the saved weights and of recipes.
"""

import os
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import mnistcnn

ROOT = Path(__file__).parents[1]
PACKAGE = Path(mnistcnn.__file__).parent
TO_EVALUATION, TO_READING = "From `load_data` to `Evaluation`", "From a picture to a `Reading`"
# Numbers of images that no array of weights has as its length, and the batch size.
NUM_TRAIN, NUM_TEST, BATCH_SIZE = 61, 37, 13
NUM_VALIDATION = 19
MAX_DEPTH = 3


def documented_files(title):
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (section,) = re.findall(rf"^{re.escape(title)}:\n\n((?:\d+\. .*\n)+)", text, re.MULTILINE)
    return re.findall(r"^\d+\. `(.+?)`", section, re.MULTILINE)


def files_with_data(function, is_data):
    """Call a function; return the files, in order, of which a function held data meanwhile."""
    files = []

    def profile(frame, event, result):
        # The globals name the file also for functions that TensorFlow has rewritten.
        name = frame.f_globals.get("__file__") or ""
        if event == "return" and name.startswith(f"{PACKAGE}{os.sep}") and name not in files:
            values = [result, *frame.f_locals.values()]
            if any(holds(value, is_data, MAX_DEPTH) for value in values):
                files.append(name)

    sys.setprofile(profile)
    try:
        function()
    finally:
        sys.setprofile(None)
    return [Path(name).relative_to(PACKAGE).as_posix() for name in files]


def holds(value, is_data, depth):
    """Return whether a value is data, or holds some in its elements or attributes."""
    if is_data(value):
        return True
    if not depth:
        return False
    if isinstance(value, list | tuple):
        return any(holds(element, is_data, depth - 1) for element in value)
    if isinstance(value, dict):
        return any(holds(element, is_data, depth - 1) for element in value.values())
    if type(value).__module__.startswith("mnistcnn") and hasattr(value, "__dict__"):
        return any(holds(element, is_data, depth - 1) for element in vars(value).values())
    return False


def random_split(count):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (count, 28, 28), dtype=np.uint8)
    return mnistcnn.Split(images, (np.arange(count) % 10).astype(np.uint8))


@pytest.mark.parametrize(
    ("title", "limit"),
    [
        (TO_EVALUATION, 20),
        pytest.param(TO_READING, 13, marks=pytest.mark.xfail(reason="the list has 19")),
    ],
)
def test_the_ways_are_short(title, limit):
    files = documented_files(title)
    assert len(files) <= limit, files


def test_an_image_crosses_the_listed_files_to_its_evaluation(write_npz):
    from mnistcnn.backend import tf
    from mnistcnn.evaluation.misclassified import MisclassifiedImages

    path = write_npz(mnistcnn.Dataset(random_split(NUM_TRAIN), random_split(NUM_TEST)))
    # In a graph, the length of a batch is None.
    lengths = {NUM_TRAIN, NUM_TRAIN - NUM_VALIDATION, NUM_VALIDATION, NUM_TEST, BATCH_SIZE, None}

    def is_array(value):
        if isinstance(value, np.ndarray) or tf.is_tensor(value):
            return bool(value.shape) and value.shape[0] in lengths
        return isinstance(value, mnistcnn.Evaluation | MisclassifiedImages)

    def train_and_evaluate():
        (x_train, y_train), (x_test, y_test) = loaded[0]
        model = mnistcnn.build_model(seed=0)
        x, y = mnistcnn.preprocess(x_train, y_train)
        mnistcnn.train(model, x, y, epochs=1, batch_size=BATCH_SIZE, seed=0, verbose=0)
        mnistcnn.evaluate("bestmodel.keras", *mnistcnn.preprocess(x_test, y_test))

    loaded = []
    files = files_with_data(lambda: loaded.append(mnistcnn.load_data(path)), is_array)
    files += files_with_data(train_and_evaluate, is_array)
    assert sorted(set(files)) == sorted(documented_files(TO_EVALUATION))


def test_a_picture_crosses_the_listed_files_to_its_reading(recognizer, digits):
    row = np.concatenate(list(digits.test.images[:6]), axis=1)
    picture = Image.fromarray(255 - np.pad(row.repeat(2, axis=0).repeat(2, axis=1), 20))
    recognizer.read(picture)  # loads what it loads once

    def is_data(value):
        return isinstance(value, np.ndarray | Image.Image | mnistcnn.Reading)

    files = files_with_data(lambda: recognizer.read(picture), is_data)
    assert sorted(files) == sorted(documented_files(TO_READING))
