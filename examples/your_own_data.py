"""Train on images of your own.

python examples/your_own_data.py FOLDER_OR_NPZ

Without an argument the program first writes a small data set in MNIST's own IDX format
into a folder, so that you can see what such a folder holds.
"""

import argparse
import gzip
import struct
from pathlib import Path

import numpy as np

import mnistcnn

IDX_NAMES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)


def write_idx(path: Path, array: np.ndarray) -> None:
    """Write uint8 values as IDX: two zeros, type 8, the dimensions, then the values."""
    header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    path.write_bytes(gzip.compress(header + array.astype(np.uint8).tobytes()))


def make_folder(folder: Path) -> None:
    """Write the four files: images and labels, to train on and to test on."""
    folder.mkdir(exist_ok=True)
    arrays = [array for split in mnistcnn.load_data("digits") for array in split]
    for name, array in zip(IDX_NAMES, arrays, strict=True):
        write_idx(folder / name, array)
        print(f"wrote {folder / name}: {array.shape}")


def main() -> None:
    """Load, look, train, evaluate."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", nargs="?", type=Path, help="an .npz file or a folder of IDX files")
    parser.add_argument("--epochs", type=int, default=10)
    options = parser.parse_args()
    if options.data is None:
        options.data = Path("my-digits")
        make_folder(options.data)

    (x_train, y_train), (x_test, y_test) = mnistcnn.load_data(options.data)
    print(f"{len(x_train)} images to train on, {len(x_test)} to test on")
    print("of each digit to train on:", np.bincount(y_train, minlength=10))

    model = mnistcnn.build_model()
    x, y = mnistcnn.preprocess(x_train, y_train)
    mnistcnn.train(model, x, y, epochs=options.epochs, verbose=2)
    print(mnistcnn.evaluate("bestmodel.keras", *mnistcnn.preprocess(x_test, y_test)))


if __name__ == "__main__":
    main()
