"""
Train a network, from start to end
==================================

The documented pipeline: load, preprocess, build, train, evaluate the saved file, look at the
curves. ``python baseline_pipeline.py --help`` lists what can be changed.
"""

# sphinx_gallery_thumbnail_number = 2

import argparse
from pathlib import Path

import mnistcnn

parser = argparse.ArgumentParser(description="The documented pipeline from start to end.")
parser.add_argument("--data", default="auto", help="auto, mnist, digits or a path")
parser.add_argument("--epochs", type=int, help="in place of the recipe's 5")
parser.add_argument("--output", type=Path, default=Path("pipeline"), help="a folder")
parser.add_argument("--quiet", action="store_true", help="show no progress")
options = parser.parse_args()

# %%
# Load
# ----
# ``auto`` uses MNIST if it is available, and otherwise the small data set that works offline.
# The first line says which. What you see here was made with
# ``--data digits --epochs 12 --quiet``.


def load(source: str) -> mnistcnn.Dataset:
    """Load the data set and say which one it is."""
    if source != "auto":
        print(f"Data: {source}")
        return mnistcnn.load_data(source)
    try:
        dataset = mnistcnn.load_data("mnist")
    except mnistcnn.DataUnavailableError as error:
        print(f"Data: digits: {str(error).splitlines()[0]}")
        return mnistcnn.load_data("digits")
    print("Data: mnist")
    return dataset


(x_train, y_train), (x_test, y_test) = load(options.data)
x, y = mnistcnn.preprocess(x_train, y_train)
print(f"{len(x)} images to train on, {len(x_test)} to test on")

# %%
# Train
# -----
# After each epoch that is better than all before, the network is saved.

model = mnistcnn.build_model(seed=0)
best = options.output / "bestmodel.keras"
history = mnistcnn.train(
    model,
    x,
    y,
    epochs=options.epochs,
    callbacks=mnistcnn.default_callbacks(best),
    seed=0,
    verbose=0 if options.quiet else "auto",
)

curves = mnistcnn.plot_history(history)
curves.savefig(options.output / "history.png")

# %%
# Evaluate
# --------
# The file of the best epoch, not the network as the last epoch left it.

result = mnistcnn.evaluate(best, *mnistcnn.preprocess(x_test, y_test))
print(result)

matrix = mnistcnn.plot_confusion_matrix(result)
matrix.savefig(options.output / "confusion_matrix.png")
print(f"The network and two pictures are in {options.output}")
