"""
Train on custom data
====================

Set ``DATA`` to a file or folder of your own images, in any format that ``load_data`` reads, such as
CSV, IDX and ``.npz`` files. If it does not exist, the program writes an example folder.
"""

import gzip
import struct
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import mnistcnn

DATA = Path("my-digits")
EPOCHS = 10

# %%
# Write a folder of IDX files
# ---------------------------
# Four files in the format of MNIST hold the images and labels of the training set and of the test
# set. An IDX file consists of two zero bytes, the type code 8 (``uint8``), the number of
# dimensions, the shape, and the values.

IDX_NAMES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)


def write_idx(path: Path, array: np.ndarray) -> None:
    """Write a uint8 array as a gzipped IDX file."""
    header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    path.write_bytes(gzip.compress(header + array.astype(np.uint8).tobytes()))


def write_dataset(folder: Path) -> None:
    """Write the four files of a data set."""
    folder.mkdir(exist_ok=True)
    arrays = [array for split in mnistcnn.load_data("digits") for array in split]
    for name, array in zip(IDX_NAMES, arrays, strict=True):
        write_idx(folder / name, array)
        print(f"wrote {folder / name}: {array.shape}")


if not DATA.exists():
    write_dataset(DATA)

# %%
# Inspect the data
# ----------------
# Show one training image per class, with the number of images. Rare classes have a lower accuracy.

(x_train, y_train), (x_test, y_test) = mnistcnn.load_data(DATA)
print(f"{len(x_train)} training images, {len(x_test)} test images")

counts = np.bincount(y_train, minlength=10)
samples = Figure(figsize=(6, 2.8), layout="constrained")
for digit, axes in enumerate(samples.subplots(2, 5).flat):
    axes.set_title(f"{digit}: {counts[digit]}", fontsize=9)
    axes.axis("off")
    if counts[digit]:
        axes.imshow(x_train[y_train == digit][0], cmap="gray_r")
samples.savefig("samples.png")

# %%
# Train and evaluate
# ------------------

x, y = mnistcnn.preprocess(x_train, y_train)
model = mnistcnn.build_model(seed=0)
mnistcnn.train(model, x, y, epochs=EPOCHS, seed=0, verbose=0)
print(mnistcnn.evaluate("bestmodel.keras", *mnistcnn.preprocess(x_test, y_test)))
