"""
Train and evaluate the baseline
===============================

The complete pipeline: load, preprocess, build, train, evaluate the saved file, and plot the
learning curves. ``python baseline_pipeline.py --help`` lists the options.
"""

# sphinx_gallery_thumbnail_number = 2

import argparse
from pathlib import Path

import mnistcnn

parser = argparse.ArgumentParser(description="Train and evaluate the baseline.")
parser.add_argument("--data", default="auto", help="auto, mnist, digits or a path")
parser.add_argument("--epochs", type=int, help="default: 5, as in the baseline recipe")
parser.add_argument("--output", type=Path, default=Path("pipeline"), help="output folder")
parser.add_argument("--quiet", action="store_true", help="show no progress")
options = parser.parse_args()

# %%
# Load the data
# -------------
# ``auto`` loads MNIST if it is available, and otherwise a small data set that needs no download.
# The first line of the output names the data set. The output on this page was generated with
# ``--data digits --epochs 12 --quiet``.


def load(source: str) -> mnistcnn.Dataset:
    """Load a data set and print its name."""
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
print(f"{len(x)} training images, {len(x_test)} test images")

# %%
# Train
# -----
# A checkpoint is saved after each epoch that improves the validation accuracy.

model = mnistcnn.build_model(seed=0)
checkpoint = options.output / "bestmodel.keras"
history = mnistcnn.train(
    model,
    x,
    y,
    epochs=options.epochs,
    callbacks=mnistcnn.default_callbacks(checkpoint),
    seed=0,
    verbose=0 if options.quiet else "auto",
)

learning_curves = mnistcnn.plot_history(history)
learning_curves.savefig(options.output / "history.png")

# %%
# Evaluate
# --------
# The saved file holds the weights of the best epoch, the model in memory those of the last one.

result = mnistcnn.evaluate(checkpoint, *mnistcnn.preprocess(x_test, y_test))
print(result)

confusion_matrix = mnistcnn.plot_confusion_matrix(result)
confusion_matrix.savefig(options.output / "confusion_matrix.png")
print(f"The model and two plots are in {options.output}")
