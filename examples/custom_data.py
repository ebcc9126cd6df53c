"""
Train on images of your own
===========================

``python custom_data.py DATA`` takes an ``.npz`` file or a folder of IDX files. Without one, the
program first writes such a folder, so that you can see what it holds.
"""

import argparse
import gzip
import struct
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import mnistcnn

parser = argparse.ArgumentParser(description="Train on images of your own.")
parser.add_argument("data", nargs="?", type=Path, help="an .npz file or a folder of IDX files")
parser.add_argument("--epochs", type=int, default=10)
options = parser.parse_args()

# %%
# What a folder holds
# -------------------
# Four files in MNIST's own format: images and labels, to train on and to test on. An IDX file is
# two zeros, the number 8, the dimensions, then the values.

IDX_NAMES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)


def write_idx(path: Path, array: np.ndarray) -> None:
    """Write uint8 values as IDX."""
    header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    path.write_bytes(gzip.compress(header + array.astype(np.uint8).tobytes()))


def make_folder(folder: Path) -> None:
    """Write the four files."""
    folder.mkdir(exist_ok=True)
    arrays = [array for split in mnistcnn.load_data("digits") for array in split]
    for name, array in zip(IDX_NAMES, arrays, strict=True):
        write_idx(folder / name, array)
        print(f"wrote {folder / name}: {array.shape}")


if options.data is None:
    options.data = Path("my-digits")
    make_folder(options.data)

# %%
# Look before you train
# ---------------------
# One image of each digit, and how many there are. A digit that is rare is learned badly.

(x_train, y_train), (x_test, y_test) = mnistcnn.load_data(options.data)
print(f"{len(x_train)} images to train on, {len(x_test)} to test on")

counts = np.bincount(y_train, minlength=10)
look = Figure(figsize=(6, 2.8), layout="constrained")
for digit, axes in enumerate(look.subplots(2, 5).flat):
    axes.set_title(f"{digit}: {counts[digit]}", fontsize=9)
    axes.axis("off")
    if counts[digit]:
        axes.imshow(x_train[y_train == digit][0], cmap="gray_r")
look.savefig("look.png")

# %%
# Train and evaluate
# ------------------

x, y = mnistcnn.preprocess(x_train, y_train)
model = mnistcnn.build_model(seed=0)
mnistcnn.train(model, x, y, epochs=options.epochs, seed=0, verbose=0)
print(mnistcnn.evaluate("bestmodel.keras", *mnistcnn.preprocess(x_test, y_test)))
